/* Charsets and encodings: the first line names the charset, the rest is the
   text. */
#include "support.h"

#include "parse/decode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = { (const char *)data, size }, charset = STR_EMPTY;

	str_next_piece(&text, '\n', &charset);
	promise(charset_is_utf8(charset_to_utf8(text, charset, arena)));
	promise_clean(charset_clean_line(text, 100, arena));
	promise(decode_base64(text, arena).len <= text.len);
	promise(decode_quoted_printable(text, arena).len <= text.len);
	promise(decode_xtext(text, arena).len <= text.len);
	promise(decode_utf8_address(text, arena).len <= text.len);
	decode_words(text, arena);
	arena_free(arena);
	return 0;
}
