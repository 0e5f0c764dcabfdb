#include "parse/charset.h"

#include <iconv.h>
#include <stdatomic.h>
#include <string.h>
#include <unistr.h>

static const struct {
	const char *name; /* as it stands in a message, lower case */
	const char *iconv_name;
} charsets[] = {
	{ "us-ascii", "UTF-8" },
	{ "ascii", "UTF-8" },
	{ "utf-8", "UTF-8" },
	{ "utf8", "UTF-8" },
	{ "iso-8859-1", "WINDOWS-1252" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "ISO-8859-9" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "windows-1250", "WINDOWS-1250" },
	{ "windows-1251", "WINDOWS-1251" },
	{ "windows-1252", "WINDOWS-1252" },
	{ "windows-1253", "WINDOWS-1253" },
	{ "windows-1254", "WINDOWS-1254" },
	{ "windows-1255", "WINDOWS-1255" },
	{ "windows-1256", "WINDOWS-1256" },
	{ "windows-1257", "WINDOWS-1257" },
	{ "windows-1258", "WINDOWS-1258" },
	{ "iso-2022-jp", "ISO-2022-JP" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "euc-jp", "EUC-JP" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "big5", "BIG5" },
	{ "euc-kr", "EUC-KR" },
	{ "ks_c_5601-1987", "EUC-KR" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
};

static const char *
find_charset(struct str name)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (str_iequal(str_of(charsets[i].name), name))
			return charsets[i].iconv_name;
	}
	return NULL;
}

bool
charset_is_utf8(struct str text)
{
	return u8_check((const uint8_t *)text.data, text.len) == NULL;
}

/* glibc loads the module of a charset with the first converter and unloads it with
   the last: one is kept, or every message would load it anew. */
static void
keep_module(const char *iconv_name)
{
	static _Atomic(iconv_t) kept[sizeof(charsets) / sizeof(charsets[0])];
	iconv_t none = NULL, cd;
	size_t i = 0;

	while (charsets[i].iconv_name != iconv_name)
		i++;
	if (atomic_load(&kept[i]) != NULL)
		return;
	cd = iconv_open("UTF-8", iconv_name);
	if (cd != (iconv_t)-1 && !atomic_compare_exchange_strong(&kept[i], &none, cd))
		iconv_close(cd);
}

/* Every byte that iconv(3) refuses becomes U+FFFD, and it goes on behind it. */
static struct str
convert(struct str text, const char *iconv_name, struct arena *arena)
{
	iconv_t cd = iconv_open("UTF-8", iconv_name);
	char *in = (char *)text.data;
	size_t in_left = text.len;
	size_t room = text.len * 4 + 16;
	char *out, *to;

	if (cd == (iconv_t)-1)
		return text;
	keep_module(iconv_name);
	out = to = arena_alloc(arena, room + 1);
	while (in_left > 0 && room > 8) {
		if (iconv(cd, &in, &in_left, &to, &room) != (size_t)-1)
			break;
		if (in_left == 0 || room < 8)
			break;
		memcpy(to, "\xef\xbf\xbd", 3);
		to += 3;
		room -= 3;
		in++;
		in_left--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	iconv_close(cd);
	return (struct str){ out, (size_t)(to - out) };
}

/* Seven bits with these escapes are nothing else, whatever was declared. */
static bool
is_iso_2022_jp(struct str text)
{
	size_t at = 0;

	for (; str_find_byte(text, '\x1b', at, &at) == 1; at++) {
		struct str escape = str_sub(text, at + 1, at + 3);

		if (str_equal(escape, STR("$B")) || str_equal(escape, STR("$@")))
			return true;
	}
	return false;
}

static bool
has_eight_bits(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((text.data[i] & 0x80) != 0)
			return true;
	}
	return false;
}

struct str
charset_to_utf8(struct str text, struct str charset, struct arena *arena)
{
	const char *iconv_name = find_charset(charset);
	if (iconv_name == NULL || strcmp(iconv_name, "UTF-8") == 0) {
		if (is_iso_2022_jp(text))
			return convert(text, find_charset(STR("iso-2022-jp")), arena);
	} else if (strcmp(iconv_name, "ISO-2022-JP") == 0 && has_eight_bits(text)) {
		/* It is another one of that country. */
		return charset_is_utf8(text) ? text : convert(text, find_charset(STR("euc-jp")), arena);
	}
	if (iconv_name == NULL || strcmp(iconv_name, "UTF-8") == 0) {
		if (charset_is_utf8(text))
			return text;
		iconv_name = find_charset(STR("windows-1252"));
	}
	return convert(text, iconv_name, arena);
}

/* The length of the character at the front, or 0 if it is no valid one. */
/* What turns the direction of a line shows other words than are there (Unicode
   Standard Annex 9). */
static bool
is_direction(ucs4_t character)
{
	return character == 0x061c || character == 0x200e || character == 0x200f ||
	    (character >= 0x202a && character <= 0x202e) ||
	    (character >= 0x2066 && character <= 0x2069);
}

static size_t
character_length(struct str text)
{
	ucs4_t character;
	int len = u8_mbtoucr(&character, (const uint8_t *)text.data, text.len);

	if (len <= 0)
		return 0;
	/* C1 controls, and the line and paragraph separators, end lines on
	   some terminals. */
	if ((character >= 0x7f && character < 0xa0) || character == 0x2028 || character == 0x2029 ||
	    is_direction(character))
		return 0;
	return (size_t)len;
}

/* Copy what is plain, nearly all of most texts. Returns how many bytes that was. */
static size_t
copy_plain(const char *text, size_t len, char *to)
{
	size_t i = 0;

	while (i < len && text[i] > ' ' && text[i] < 0x7f) {
		to[i] = text[i];
		i++;
	}
	return i;
}

const char *
charset_clean_line(struct str text, size_t limit, struct arena *arena)
{
	char *line, *to, *end;

	text = str_trim(text);
	if (limit > text.len)
		limit = text.len;
	line = to = arena_alloc(arena, limit + 1);
	end = line + limit;
	while (text.len > 0 && to < end) {
		size_t room = (size_t)(end - to), len = copy_plain(text.data,
		    room < text.len ? room : text.len, to);

		to += len;
		text = str_sub(text, len, text.len);
		if (text.len == 0 || to == end)
			break;
		len = 1;
		if ((unsigned char)text.data[0] <= ' ') {
			if (to > line && to[-1] != ' ')
				*to++ = ' ';
		} else if ((len = character_length(text)) == 0) {
			*to++ = '?';
			len = 1;
		} else if ((size_t)(end - to) < len) {
			break;
		} else {
			memcpy(to, text.data, len);
			to += len;
		}
		text = str_sub(text, len, text.len);
	}
	while (to > line && to[-1] == ' ')
		to--;
	*to = '\0';
	return line;
}
