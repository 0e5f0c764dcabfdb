#include "parse/plain.h"

#include "parse/line.h"

/* The words behind "<address>: ", if the paragraph begins so. */
static int
words_behind(struct str paragraph, struct str address, struct str *words_r)
{
	size_t colon, from = address.len + 2;

	if (paragraph.len < from || paragraph.data[0] != '<' ||
	    !str_equal(str_sub(paragraph, 1, 1 + address.len), address) ||
	    paragraph.data[1 + address.len] != '>')
		return 0;
	if (str_istarts(str_sub(paragraph, from, paragraph.len), STR(" (expanded from <"))) {
		if (!str_find(paragraph, STR(">)"), from, &from))
			return 0;
		from += 2;
	}
	if (!str_find_byte(paragraph, ':', from, &colon) || colon != from)
		return 0;
	*words_r = str_trim(str_sub(paragraph, colon + 1, paragraph.len));
	return 1;
}

int
plain_find_recipient(struct str text, struct str address, struct str *words_r)
{
	struct str line, paragraph = STR_EMPTY;

	while (line_next(&text, &line)) {
		if (line_is_blank(line)) {
			if (words_behind(paragraph, address, words_r) == 1)
				return 1;
			paragraph = STR_EMPTY;
		} else if (paragraph.len == 0) {
			paragraph = line;
		} else {
			paragraph.len = (size_t)(line.data + line.len - paragraph.data);
		}
	}
	return words_behind(paragraph, address, words_r);
}
