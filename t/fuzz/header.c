/* Header blocks: the first line is a field value with parameters. */
#include "support.h"

#include "base/clock.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/mime.h"
#include "parse/plain.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = { (const char *)data, size }, headers, body, value = STR_EMPTY, rest;
	struct header header;
	int64_t time;

	header_split(text, &headers, &body);
	promise(headers.len + body.len <= size);
	for (rest = headers; header_next(&rest, &header);) {
		promise(header.name.len + header.value.len < size);
		promise(header_unfold(header.value, arena).len <= LIMITS_FIELD_BYTES);
		clock_scan_header(header.value, &time);
	}
	promise_clean(header_text(headers, STR("Subject"), 1000, arena));
	plain_find_recipient(plain_unfold(text, arena), STR("a@b.example"), &value);
	str_next_piece(&text, '\n', &value);
	header_parameter(value, STR("boundary"), arena, &rest);
	header_parameter(value, STR("charset"), arena, &rest);
	promise(arena_used(arena) < 64 * (size + 1024));
	arena_free(arena);
	return 0;
}
