#include "parse/decode.h"

#include <string.h>
#include <unistr.h>

#include "base/buf.h"
#include "parse/charset.h"

static int
base64_value(char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	if (byte == '+')
		return 62;
	return byte == '/' ? 63 : -1;
}

struct str
decode_base64(struct str text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len / 4 * 3 + 4), *to = out;
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < text.len; i++) {
		int value = base64_value(text.data[i]);

		if (text.data[i] == '=')
			count = bits = 0;
		if (value < 0)
			continue;
		bits = bits << 6 | (unsigned)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			*to++ = (char)(bits >> count & 0xff);
		}
	}
	return (struct str){ out, (size_t)(to - out) };
}

int
decode_hex(char high, char low)
{
	const char *digits = "0123456789abcdef";
	const char *h = high == '\0' ? NULL : strchr(digits, str_lower(high));
	const char *l = low == '\0' ? NULL : strchr(digits, str_lower(low));

	return h == NULL || l == NULL ? -1 : (int)((h - digits) * 16 + (l - digits));
}

/* "=" and two digits, or a soft line break: how many bytes it takes, and the
   byte it stands for (-1: none). 0: a "=" that means itself. */
static size_t
quoted_pair(struct str text, int *byte_r)
{
	size_t end = 1;

	*byte_r = -1;
	while (end < text.len && (text.data[end] == ' ' || text.data[end] == '\t'))
		end++;
	if (end < text.len && text.data[end] == '\r')
		end++;
	if (end < text.len && text.data[end] == '\n')
		return end + 1;
	if (end == text.len)
		return end;
	if (text.len >= 3 && (*byte_r = decode_hex(text.data[1], text.data[2])) >= 0)
		return 3;
	return 0;
}

struct str
decode_quoted_printable(struct str text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1), *to = out;

	while (text.len > 0) {
		size_t used = 0;
		int byte = -1;

		if (text.data[0] == '=')
			used = quoted_pair(text, &byte);
		if (used == 0) {
			byte = (unsigned char)text.data[0];
			used = 1;
		}
		if (byte >= 0)
			*to++ = (char)byte;
		text = str_sub(text, used, text.len);
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* The "Q" encoding: "_" is a blank, the rest as quoted-printable. */
static struct str
decode_q(struct str text, struct arena *arena)
{
	char *copy = arena_strdup(arena, text);

	for (size_t i = 0; i < text.len; i++) {
		copy[i] = text.data[i] == '_' ? ' ' : text.data[i];
	}
	return decode_quoted_printable((struct str){ copy, text.len }, arena);
}

/* An encoded word at the front: how many bytes it takes, or 0. */
static size_t
encoded_word(struct str text, struct arena *arena, struct str *decoded_r)
{
	size_t charset_end, body_end, language;
	struct str charset, body;
	char encoding;

	if (!str_istarts(text, STR("=?")) || !str_find_byte(text, '?', 2, &charset_end) ||
	    charset_end + 3 >= text.len || text.data[charset_end + 2] != '?' ||
	    !str_find(text, STR("?="), charset_end + 3, &body_end))
		return 0;
	charset = str_sub(text, 2, charset_end);
	if (str_find_byte(charset, '*', 0, &language))
		charset.len = language; /* RFC 2231 section 5 */
	encoding = str_lower(text.data[charset_end + 1]);
	body = str_sub(text, charset_end + 3, body_end);
	if (encoding == 'b')
		body = decode_base64(body, arena);
	else if (encoding == 'q')
		body = decode_q(body, arena);
	else
		return 0;
	*decoded_r = charset_to_utf8(body, charset, arena);
	return body_end + 2;
}

struct str
decode_words(struct str text, struct arena *arena)
{
	struct buf out = { 0 };
	size_t blanks = 0;       /* written since the last encoded word */
	bool after_word = false; /* only blanks were written since */
	struct str result;

	while (text.len > 0) {
		struct str decoded;
		size_t used = encoded_word(text, arena, &decoded);

		if (used > 0) {
			/* Blanks between two encoded words are not text. */
			if (after_word)
				out.len -= blanks;
			buf_add(&out, decoded);
			after_word = true;
			blanks = 0;
		} else {
			used = 1;
			buf_add_byte(&out, text.data[0]);
			if (strchr(" \t\r\n", text.data[0]) != NULL && text.data[0] != '\0')
				blanks++;
			else
				after_word = false;
		}
		text = str_sub(text, used, text.len);
	}
	result = (struct str){ arena_strdup(arena, buf_str(&out)), out.len };
	buf_free(&out);
	return result;
}

/* The byte of "+XX", or -1 where it cannot be one: many MTAs write the address
   as it is, and then "+ab" is the beginning of its extension. Digits are upper
   case, and no byte is encoded that need not be. */
static int
xtext_byte(char high, char low)
{
	int byte = high >= 'a' || low >= 'a' ? -1 : decode_hex(high, low);

	return byte == '+' || byte == '=' || (byte >= 0 && byte <= ' ') ? byte : -1;
}

struct str
decode_xtext(struct str text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1), *to = out;

	for (size_t i = 0; i < text.len; i++) {
		int byte = -1;

		if (text.data[i] == '+' && i + 2 < text.len)
			byte = xtext_byte(text.data[i + 1], text.data[i + 2]);
		if (byte >= 0)
			i += 2;
		else
			byte = (unsigned char)text.data[i];
		*to++ = (char)byte;
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* "\x{e4}" at the front: how many bytes it takes, or 0. */
static size_t
unicode_escape(struct str text, ucs4_t *character_r)
{
	ucs4_t character = 0;
	size_t i;

	if (!str_istarts(text, STR("\\x{")))
		return 0;
	for (i = 3; i < text.len && i < 9 && text.data[i] != '}'; i++) {
		int digit = decode_hex('0', text.data[i]);

		if (digit < 0)
			return 0;
		character = character * 16 + (ucs4_t)digit;
	}
	if (i == 3 || i >= text.len || text.data[i] != '}')
		return 0;
	*character_r = character;
	return i + 1;
}

struct str
decode_utf8_address(struct str text, struct arena *arena)
{
	/* "\x{e4}" is never shorter than the UTF-8 it stands for. */
	char *out = arena_alloc(arena, text.len + 8), *to = out;

	while (text.len > 0) {
		ucs4_t character;
		size_t used = unicode_escape(text, &character);
		int len = used == 0 ? -1 : u8_uctomb((uint8_t *)to, character, 6);

		if (len > 0) {
			to += len;
		} else {
			used = 1;
			*to++ = text.data[0];
		}
		text = str_sub(text, used, text.len);
	}
	return (struct str){ out, (size_t)(to - out) };
}
