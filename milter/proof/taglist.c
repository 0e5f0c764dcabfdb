#include "proof/taglist.h"

bool
taglist_next(struct str *rest, struct str *name_r, struct str *value_r)
{
	struct str piece;
	size_t at;

	while (str_next_piece(rest, ';', &piece)) {
		if (!str_find_byte(piece, '=', 0, &at))
			continue;
		*name_r = str_trim(str_sub(piece, 0, at));
		*value_r = str_trim(str_sub(piece, at + 1, piece.len));
		return true;
	}
	return false;
}

int
taglist_find(struct str list, struct str name, struct str *value_r, bool *again_r)
{
	struct str found, value;
	unsigned count = 0;

	*value_r = STR_EMPTY;
	while (taglist_next(&list, &found, &value)) {
		if (str_iequal(found, name) && count++ == 0)
			*value_r = value;
	}
	if (again_r != NULL)
		*again_r = count > 1;
	return count > 0;
}
