/*
 * mention: mail addresses where they stand in running text: "<user@example.com>",
 * "\"user@example.com\":", or bare.
 */
#ifndef PARSE_MENTION_H
#define PARSE_MENTION_H

#include "base/arena.h"

struct mention {
	struct str text;     /* as it stands there, without what is around it */
	size_t start, end;   /* with the brackets or quotes around it */
	const char *address; /* normal form, in the arena */
};

/* Find the first address in the line at or behind `from`.
   Returns 1, or 0 if there is none. */
int mention_find(struct str line, size_t from, struct arena *arena, struct mention *mention_r);

#endif
