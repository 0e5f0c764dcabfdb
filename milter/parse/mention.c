#include "parse/mention.h"

#include <string.h>

#include "parse/address.h"
#include "parse/limits.h"

/* Bytes of an address that nobody has quoted. What RFC 5322 allows besides
   these mostly belongs to the sentence around it. */
static bool
is_address_byte(char byte)
{
	return str_is_alnum(byte) || (byte & 0x80) != 0 ||
	    (byte != '\0' && strchr("!#$%&*+-./=?^_`{|}~", byte) != NULL);
}

/* East Asian text has no blanks: an address in ASCII ends where its characters do,
   which have three bytes or more. */
static size_t
behind_script(struct str line, size_t start, size_t at)
{
	size_t ascii = at;

	while (ascii > start && (line.data[ascii - 1] & 0x80) == 0)
		ascii--;
	if (ascii == start || ascii == at)
		return start;
	for (size_t lead = ascii; lead > start; lead--) {
		unsigned char byte = (unsigned char)line.data[lead - 1];

		if (byte >= 0xe0)
			return ascii;
		if (byte >= 0xc0 || byte < 0x80)
			break;
	}
	return start;
}

/* Widen from the "@" to both sides, but to nothing before `from`. */
static void
widen(struct str line, size_t at, size_t from, struct mention *mention)
{
	size_t start = at, end = at + 1, least = at - from > LIMITS_ADDRESS_BYTES / 4 ?
	    at - LIMITS_ADDRESS_BYTES / 4 : from;

	if (at > least && line.data[at - 1] == '"') {
		/* "user name"@example.com */
		start = at - 1;
		while (start > least && line.data[start - 1] != '"')
			start--;
		start -= start > least;
	} else {
		while (start > least && is_address_byte(line.data[start - 1]))
			start--;
		start = behind_script(line, start, at);
	}
	while (end < line.len && end - at < LIMITS_ADDRESS_BYTES / 4 &&
	    (str_is_alnum(line.data[end]) || (line.data[end] & 0x80) != 0 ||
	    line.data[end] == '-' || line.data[end] == '.'))
		end++;
	/* Punctuation of the sentence: "... to user@example.com." */
	while (end > at + 1 && (line.data[end - 1] == '.' || line.data[end - 1] == '-'))
		end--;
	while (start < at && strchr("=*-.`", line.data[start]) != NULL)
		start++;
	mention->text = str_sub(line, start, end);
	mention->start = start;
	mention->end = end;
}

/* The brackets or quotes around it belong to it. */
static void
take_brackets(struct str line, size_t from, struct mention *mention)
{
	static const char open[] = "<\"'([", close[] = ">\"')]";
	const char *kind;

	if (mention->start <= from || mention->end >= line.len)
		return;
	kind = strchr(open, line.data[mention->start - 1]);
	if (kind != NULL && *kind != '\0' && close[kind - open] == line.data[mention->end]) {
		mention->start--;
		mention->end++;
	}
}

int
mention_find(struct str line, size_t from, struct arena *arena, struct mention *mention_r)
{
	size_t at;

	for (; str_find_byte(line, '@', from, &at) == 1; from = at + 1) {
		widen(line, at, from, mention_r);
		if (address_parse(mention_r->text, arena, &mention_r->address) == 0)
			continue;
		take_brackets(line, from, mention_r);
		return 1;
	}
	return 0;
}
