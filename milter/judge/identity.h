/*
 * identity: whom the words of a refusal name: the address that stands on a
 * list, the domain that is limited. What is written is a stranger's text; it
 * is only believed to look like an address or a domain.
 */
#ifndef JUDGE_IDENTITY_H
#define JUDGE_IDENTITY_H

#include "base/arena.h"
#include "verdict.h"

/* The first IP address that is written as one: not a part of a name, nor of a
   longer number. With the prefix of a network, if it has one. Returns "" if
   there is none; the string is in the arena, in lower case. */
const char *identity_address(struct str words, struct arena *arena);

/* The first domain in square brackets, else the first at all, but for the names
   of lists and for `other`, which is the recipient's. Of an e-mail address the
   domain. Returns "" if there is none; the string is in the arena, in lower case. */
const char *identity_domain(struct str words, struct str other, struct arena *arena);

/* What a verdict of this category and sub-cause is about, or "". */
const char *identity_of(const struct verdict *verdict, struct str words, struct str recipient,
    struct arena *arena);

#endif
