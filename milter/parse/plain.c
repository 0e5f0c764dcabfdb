#include "parse/plain.h"

#include <string.h>

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

struct str
plain_unfold(struct str text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1), *to = out;
	struct str line, word;

	while (line_next(&text, &line)) {
		if (line_is_blank(line) && to > out && to[-1] != '\n')
			to[-1] = '\n';
		/* Every word is followed by a blank, the last one of a paragraph
		   by its end; neither takes more room than what stood there. */
		while (str_next_word(&line, &word)) {
			memcpy(to, word.data, word.len);
			to += word.len;
			*to++ = ' ';
		}
	}
	return str_trim((struct str){ out, (size_t)(to - out) });
}

int
plain_find_recipient(struct str text, struct str address, struct str *words_r)
{
	struct str paragraph;

	while (line_next(&text, &paragraph)) {
		if (words_behind(paragraph, address, words_r) == 1)
			return 1;
	}
	return 0;
}
