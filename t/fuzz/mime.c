/* The parts of a message: slices of it that stand in their order. */
#include "support.h"

#include "bounce.h"
#include "parse/limits.h"
#include "parse/mime.h"

/* Headers and body of a part that is not decoded out of another one. */
static void
check_slice(struct str slice, struct str message)
{
	if (slice.len > 0 && slice.data >= message.data && slice.data < message.data + message.len)
		promise(slice.len <= (size_t)(message.data + message.len - slice.data));
}

static void
check_part(const struct mime *mime, unsigned i, struct str message)
{
	const struct mime_part *part = &mime->parts[i], *before = part - (i > 0);

	check_slice(part->headers, message);
	check_slice(part->body, message);
	promise(part->headers.len <= LIMITS_HEADER_BLOCK_BYTES);
	promise(part->type != NULL);
	for (const char *p = part->type; *p != '\0'; p++)
		promise(*p == str_lower(*p));
	promise(part->depth <= LIMITS_MIME_DEPTH);
	/* A part follows its container, or the last part inside a sibling. */
	promise((i == 0) == (part->depth == 0) && part->depth <= before->depth + 1);
	promise(!before->enclosed || part->enclosed || part->depth < before->depth);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str message = { (const char *)data, size };
	struct mime mime;

	mime_parse(message, arena, &mime);
	promise(mime.count >= 1 && mime.count <= LIMITS_MIME_PARTS);
	for (unsigned i = 0; i < mime.count; i++) {
		unsigned limits = 0;

		check_part(&mime, i, message);
		promise(mime_content(&mime.parts[i], 1000, arena, &limits).len <= 1000);
		promise((limits & ~(unsigned)LIMIT_SIZE) == 0);
		promise(charset_is_utf8(mime_text(&mime.parts[i], 1000, arena, &limits)));
		promise(mime_find(&mime, mime.parts[i].type) != NULL || mime.parts[i].enclosed);
	}
	promise(arena_used(arena) < 64 * (size + 4096));
	arena_free(arena);
	return 0;
}
