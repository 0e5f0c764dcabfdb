#include "parse/line.h"

bool
line_next(struct str *rest, struct str *line_r)
{
	if (!str_next_piece(rest, '\n', line_r))
		return false;
	if (line_r->len > 0 && line_r->data[line_r->len - 1] == '\r')
		line_r->len--;
	return true;
}

bool
line_is_blank(struct str line)
{
	return str_trim(line).len == 0;
}

struct str
line_with_feeds(struct str text, struct arena *arena)
{
	char *copy;
	size_t at;

	if (str_find_byte(text, '\n', 0, &at) || !str_find_byte(text, '\r', 0, &at))
		return text;
	copy = arena_strdup(arena, text);
	for (size_t i = 0; i < text.len; i++) {
		if (copy[i] == '\r')
			copy[i] = '\n';
	}
	return (struct str){ copy, text.len };
}
