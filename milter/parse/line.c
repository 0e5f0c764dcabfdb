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
