#include "parse/header.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/decode.h"
#include "parse/limits.h"
#include "parse/line.h"

/* Continuations "name*0", "name*1" ... of one parameter that are read. */
#define CONTINUATIONS 16

void
header_split(struct str message, struct str *headers_r, struct str *body_r)
{
	struct str rest = message, line;

	if (str_istarts(rest, STR("From ")) || str_istarts(rest, STR(">From ")))
		line_next(&rest, &line);
	*headers_r = rest;
	while (rest.len > 0) {
		const char *start = rest.data;

		line_next(&rest, &line);
		if (line.len == 0) {
			headers_r->len = (size_t)(start - headers_r->data);
			break;
		}
	}
	*body_r = rest;
}

static bool
is_folded(struct str rest)
{
	return rest.len > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t');
}

bool
header_next(struct str *rest, struct header *header_r)
{
	struct str line, more;
	size_t colon;

	while (line_next(rest, &line)) {
		while (is_folded(*rest)) {
			line_next(rest, &more);
			line.len = (size_t)(more.data + more.len - line.data);
		}
		if (line.len == 0 || is_folded(line) || !str_find_byte(line, ':', 0, &colon) ||
		    colon == 0)
			continue;
		header_r->name = str_trim(str_sub(line, 0, colon));
		header_r->value = str_sub(line, colon + 1, line.len);
		return true;
	}
	return false;
}

int
header_find(struct str headers, struct str name, struct str *value_r)
{
	struct header header;

	while (header_next(&headers, &header)) {
		if (str_iequal(header.name, name)) {
			*value_r = header.value;
			return 1;
		}
	}
	*value_r = STR_EMPTY;
	return 0;
}

void
header_list_make(struct str headers, struct arena *arena, struct header_list *list_r)
{
	unsigned room = 32;

	list_r->count = 0;
	list_r->list = arena_alloc(arena, room * sizeof(list_r->list[0]));
	while (list_r->count < LIMITS_HEADER_FIELDS &&
	    header_next(&headers, &list_r->list[list_r->count])) {
		if (++list_r->count == room) {
			struct header *more = arena_alloc(arena, 2 * room * sizeof(*more));

			memcpy(more, list_r->list, room * sizeof(*more));
			list_r->list = more;
			room *= 2;
		}
	}
}

int
header_list_find(const struct header_list *fields, struct str name, struct str *value_r)
{
	for (unsigned i = 0; i < fields->count; i++) {
		if (str_iequal(fields->list[i].name, name)) {
			*value_r = fields->list[i].value;
			return 1;
		}
	}
	*value_r = STR_EMPTY;
	return 0;
}

struct str
header_unfold(struct str value, struct arena *arena)
{
	char *out, *to;

	value = str_sub(str_trim(value), 0, LIMITS_FIELD_BYTES);
	out = to = arena_alloc(arena, value.len + 1);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '\r' || value.data[i] == '\n') {
			/* The blanks that follow are part of the fold. */
			while (i + 1 < value.len && strchr(" \t\r\n", value.data[i + 1]) != NULL &&
			    value.data[i + 1] != '\0')
				i++;
			if (to > out && to[-1] != ' ')
				*to++ = ' ';
		} else {
			*to++ = value.data[i];
		}
	}
	return (struct str){ out, (size_t)(to - out) };
}

const char *
header_decode(struct str value, size_t limit, struct arena *arena)
{
	value = decode_words(header_unfold(value, arena), arena);
	return charset_clean_line(charset_to_utf8(value, STR_EMPTY, arena), limit, arena);
}

const char *
header_text(struct str headers, struct str name, size_t limit, struct arena *arena)
{
	struct str value;

	if (header_find(headers, name, &value) == 0)
		return "";
	return header_decode(value, limit, arena);
}

/* Take a quoted string, or a run up to ";", off the front. */
static struct str
take_value(struct str *rest, struct arena *arena)
{
	size_t end;
	char *out, *to;

	*rest = str_trim(*rest);
	if (rest->len == 0 || rest->data[0] != '"') {
		struct str value;

		if (!str_find_byte(*rest, ';', 0, &end))
			end = rest->len;
		value = str_trim(str_sub(*rest, 0, end));
		*rest = str_sub(*rest, end, rest->len);
		return value;
	}
	for (end = 1; end < rest->len && rest->data[end] != '"'; end++) {
		if (rest->data[end] == '\\' && end + 1 < rest->len)
			end++;
	}
	out = to = arena_alloc(arena, end);
	for (size_t i = 1; i < end; i++) {
		if (rest->data[i] == '\\' && i + 1 < end)
			i++;
		*to++ = rest->data[i];
	}
	*rest = str_sub(*rest, end + 1, rest->len);
	return (struct str){ out, (size_t)(to - out) };
}

/* Take the next "name=value" off the front. Returns false at the end. */
static bool
next_parameter(struct str *rest, struct arena *arena, struct str *name_r, struct str *value_r)
{
	size_t at;

	while (str_find_byte(*rest, ';', 0, &at)) {
		size_t equals, next;

		*rest = str_sub(*rest, at + 1, rest->len);
		if (!str_find_byte(*rest, '=', 0, &equals))
			return false;
		if (str_find_byte(*rest, ';', 0, &next) && next < equals)
			continue;
		*name_r = str_trim(str_sub(*rest, 0, equals));
		*rest = str_sub(*rest, equals + 1, rest->len);
		*value_r = take_value(rest, arena);
		return true;
	}
	return false;
}

/* "charset'language'text" with %XX (RFC 2231 section 4). The charset is of no
   interest for what we read: boundaries, types and charsets are ASCII. */
static struct str
decode_extended(struct str value, bool first, struct arena *arena)
{
	char *out = arena_alloc(arena, value.len + 1), *to = out;
	size_t quote;

	if (first && str_find_byte(value, '\'', 0, &quote) &&
	    str_find_byte(value, '\'', quote + 1, &quote))
		value = str_sub(value, quote + 1, value.len);
	for (size_t i = 0; i < value.len; i++) {
		int byte = -1;

		if (value.data[i] == '%' && i + 2 < value.len)
			byte = decode_hex(value.data[i + 1], value.data[i + 2]);
		if (byte >= 0)
			i += 2;
		*to++ = byte >= 0 ? (char)byte : value.data[i];
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* The part "name*N" or "name*N*". Returns 1, or 0 if there is none. */
static int
find_section(struct str value, struct str name, int section, struct arena *arena,
    struct str *value_r)
{
	char plain[80], extended[80];
	struct str key;

	if (section < 0)
		snprintf(extended, sizeof(extended), "%.*s*", STR_ARGS(name));
	else
		snprintf(extended, sizeof(extended), "%.*s*%d*", STR_ARGS(name), section);
	snprintf(plain, sizeof(plain), "%.*s", (int)strlen(extended) - 1, extended);
	while (next_parameter(&value, arena, &key, value_r)) {
		if (str_iequal(key, str_of(plain)))
			return 1;
		if (str_iequal(key, str_of(extended))) {
			*value_r = decode_extended(*value_r, section <= 0, arena);
			return 1;
		}
	}
	return 0;
}

const char *
header_message_id(struct str value, struct arena *arena)
{
	struct str id = str_trim(header_unfold(value, arena));
	size_t open, close;

	if (str_find_byte(id, '<', 0, &open) && str_find_byte(id, '>', open, &close))
		id = str_sub(id, open, close + 1);
	/* "<>" names nothing. */
	return id.len <= 2 ? "" :
	    charset_clean_line(charset_to_utf8(id, STR_EMPTY, arena), LIMITS_ID_BYTES, arena);
}

const char *
header_address(struct str value, struct arena *arena)
{
	const char *address = "";
	size_t open, close;

	value = str_trim(header_unfold(value, arena));
	if (str_find_byte(value, '<', 0, &open) && str_find_byte(value, '>', open, &close))
		value = str_sub(value, open, close + 1);
	address_parse(value, arena, &address);
	return address;
}

int
header_parameter(struct str value, struct str name, struct arena *arena, struct str *value_r)
{
	struct str piece;
	struct buf all = { 0 };

	if (find_section(value, name, -1, arena, value_r) == 1)
		return 1;
	for (int i = 0; i < CONTINUATIONS; i++) {
		if (find_section(value, name, i, arena, &piece) == 0)
			break;
		buf_add(&all, piece);
	}
	*value_r = (struct str){ arena_strdup(arena, buf_str(&all)), all.len };
	buf_free(&all);
	return value_r->len > 0;
}
