/*
 * entries: where a notice names the addresses that failed, and what it says
 * about each.
 */
#ifndef PARSE_ENTRIES_H
#define PARSE_ENTRIES_H

#include "base/arena.h"

struct entry {
	const char *address; /* normal form */
	struct str shown;    /* as it stands there */
	unsigned line;       /* of the notice, where it stands first */
	struct str words;    /* paragraphs about it, each one a line; "" if none */
	bool shared;         /* ... and maybe about others than it */
	bool guessed;        /* see struct bounce */
};

struct entries {
	struct entry *list; /* no address twice */
	unsigned count;
	unsigned limits;    /* LIMIT_RECIPIENTS, LIMIT_TEXT */
};

/*
 * Find the addresses in the notice. Lines that begin with an address count
 * most; where there are none, the recipients of a transcript, then sentences
 * that tell of a failure, then labels such as "To:". Addresses of `others`
 * (NULL at its end: those of the report's own headers) are nobody's whose mail
 * failed, unless a line begins with them. All is in the arena.
 */
void entries_find(struct str notice, const char *const *others, struct arena *arena,
    struct entries *entries_r);

/* The entry of this address, or NULL. Local parts are compared without case. */
const struct entry *entries_get(const struct entries *entries, const char *address);

/* All paragraphs of the notice, each one a line, without what only structures
   it. In the arena. */
struct str entries_paragraphs(struct str notice, struct arena *arena);

#endif
