/*
 * plain: what an MTA says in the part of its report that people read. Only
 * there Postfix writes which command was refused, and by which relay.
 */
#ifndef PARSE_PLAIN_H
#define PARSE_PLAIN_H

#include "base/arena.h"

/* Find the paragraph "<address>: words" (or "<address> (expanded from ...):
   words") about one recipient.
   Returns 1 and the words, 0 if there is no such paragraph. */
int plain_find_recipient(struct str text, struct str address, struct str *words_r);

#endif
