/*
 * literal: the letters that must occur in whatever a regular expression
 * matches, so that most expressions need not be tried at all.
 */
#ifndef JUDGE_LITERAL_H
#define JUDGE_LITERAL_H

#include "base/arena.h"

#define LITERAL_MOST 64 /* of one set */
#define LITERAL_SETS 2

/* One of these occurs wherever the expression matches. */
struct literals {
	struct str texts[LITERAL_MOST];
	unsigned count; /* 0: nothing is known */
};

/* Find two sets, the better one first; the strings are in the arena. When in
   doubt a set is empty. */
void literal_required(const char *regex, struct arena *arena,
    struct literals sets_r[LITERAL_SETS]);

#endif
