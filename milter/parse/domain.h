/*
 * domain: domain names as organisations own them.
 */
#ifndef PARSE_DOMAIN_H
#define PARSE_DOMAIN_H

#include "base/arena.h"

/* The organisational domain by the public suffix list (RFC 7489 section 3.2), in
   lower case, in the arena; the name itself where it has none, such as an
   address. */
const char *domain_organisational(const char *name, struct arena *arena);

/* Do both names belong to one organisation? Not if one of them is "". */
bool domain_is_same_organisation(const char *a, const char *b, struct arena *arena);

#endif
