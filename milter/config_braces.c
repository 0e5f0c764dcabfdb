#include "config_braces.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/msg.h"

#define FILE_BYTES (1024 * 1024)

/* Behind a comment that begins at `at`, or `at` itself if none does. */
static size_t
skip_comment(struct str text, size_t at)
{
	struct str rest = str_sub(text, at, text.len);
	bool line = str_istarts(rest, STR("#")) || str_istarts(rest, STR("//"));
	size_t end;

	if (!line && !str_istarts(rest, STR("/*")))
		return at;
	if (line)
		return str_find_byte(text, '\n', at, &end) ? end : text.len;
	return str_find(text, STR("*/"), at + 2, &end) ? end + 2 : text.len;
}

/* The line of a byte, from 1. */
static unsigned
line_of(struct str text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.data[i] == '\n';
	return line;
}

/*
 * libconfuse accepts a file that ends inside a section. Count braces outside
 * of comments and quoted texts, so that the user hears of it.
 */
static int
check_braces(struct str text, const char *path, const char **error_r)
{
	size_t brace = 0, quote = 0;
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (quoted) {
			i += byte == '\\';
			quoted = byte != text.data[quote];
			continue;
		}
		i = skip_comment(text, i);
		if (i == text.len)
			break;
		byte = text.data[i];
		quoted = byte == '"' || byte == '\'';
		if (quoted)
			quote = i;
		if (byte == '{' && depth++ == 0)
			brace = i;
		depth -= byte == '}';
	}
	if (quoted)
		return msg_failure(error_r, "%s:%u: a quoted text is not closed", path,
		    line_of(text, quote));
	if (depth > 0)
		return msg_failure(error_r, "%s:%u: the { has no closing }", path,
		    line_of(text, brace));
	return 0;
}

int
config_check_file(const char *path, const char **error_r)
{
	struct buf text = { 0 };
	int ret = file_read(path, FILE_BYTES, &text, error_r);

	if (ret == 0)
		ret = msg_failure(error_r, "%s: %s", path, strerror(ENOENT));
	if (ret == 1)
		ret = check_braces(buf_str(&text), path, error_r);
	buf_free(&text);
	return ret == -1 ? -1 : 0;
}
