/*
 * plain: what an MTA says in the part of its report that people read. Only
 * there Postfix writes which command was refused, and by which relay.
 */
#ifndef PARSE_PLAIN_H
#define PARSE_PLAIN_H

#include "base/arena.h"

/* Bring every paragraph to one line, with single blanks: the MTA folds long
   ones, wherever it comes to a margin. In the arena. */
struct str plain_unfold(struct str text, struct arena *arena);

/* In unfolded text, find the paragraph "<address>: words" (or "<address> (expanded from ...):
   words") about one recipient.
   Returns 1 and the words, 0 if there is no such paragraph. */
int plain_find_recipient(struct str text, struct str address, struct str *words_r);

#endif
