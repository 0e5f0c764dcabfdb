#include "base/jsonline.h"

#include <inttypes.h>

/* What has a short escape (RFC 8259 section 7), and what it is. */
static const char escaped[] = "\"\\\b\f\n\r\t";
static const char escapes[] = "\"\\bfnrt";

static void
add_quoted(struct buf *out, const char *value)
{
	const char *from = value, *at;

	buf_add_byte(out, '"');
	for (at = value; *at != '\0'; at++) {
		const char *found;

		if ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
			continue;
		buf_add(out, (struct str){ from, (size_t)(at - from) });
		from = at + 1;
		found = strchr(escaped, *at);
		if (found != NULL)
			buf_add(out, (struct str){ (char[]){ '\\', escapes[found - escaped] }, 2 });
		else
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*at);
	}
	buf_add(out, (struct str){ from, (size_t)(at - from) });
	buf_add_byte(out, '"');
}

/* What precedes a value. */
static void
add_name(struct jsonline *json, const char *name)
{
	if (json->comma)
		buf_add_byte(json->out, ',');
	json->comma = true;
	if (name == NULL)
		return;
	add_quoted(json->out, name);
	buf_add_byte(json->out, ':');
}

void
jsonline_begin(struct jsonline *json, struct buf *out)
{
	*json = (struct jsonline){ .out = out };
	buf_add_byte(out, '{');
}

void
jsonline_end(struct jsonline *json)
{
	buf_add(json->out, STR("}\n"));
}

void
jsonline_open(struct jsonline *json, const char *name, char bracket)
{
	add_name(json, name);
	buf_add_byte(json->out, bracket);
	json->comma = false;
}

void
jsonline_close(struct jsonline *json, char bracket)
{
	buf_add_byte(json->out, bracket);
	json->comma = true;
}

void
jsonline_text(struct jsonline *json, const char *name, const char *value)
{
	add_name(json, name);
	add_quoted(json->out, value);
}

void
jsonline_number(struct jsonline *json, const char *name, uint64_t value)
{
	add_name(json, name);
	buf_printf(json->out, "%" PRIu64, value);
}

void
jsonline_null(struct jsonline *json, const char *name)
{
	add_name(json, name);
	buf_add(json->out, STR("null"));
}

void
jsonline_text_or_null(struct jsonline *json, const char *name, const char *value)
{
	if (*value == '\0')
		jsonline_null(json, name);
	else
		jsonline_text(json, name, value);
}

void
jsonline_code(struct jsonline *json, const char *name, unsigned code)
{
	if (code == 0) {
		jsonline_null(json, name);
		return;
	}
	add_name(json, name);
	buf_printf(json->out, "\"%u\"", code);
}
