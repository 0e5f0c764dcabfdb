/*
 * address: mail addresses in normal form, the only form that is ever used as a
 * key.
 *
 * Normal form: the domain as lower-case A-label (RFC 5891); the local part
 * without needless quotes, quoted as Postfix quotes (RFC 5321 section 4.1.2),
 * case-folded as Postfix folds the keys of a table. A domain has at least two
 * labels; address literals, source routes and control characters are refused.
 * So a normal form can be looked up as an address and as nothing else: never
 * as a domain, and never as "user@" of all domains.
 */
#ifndef PARSE_ADDRESS_H
#define PARSE_ADDRESS_H

#include "base/arena.h"

/* Bring an address, with or without <>, to normal form, in the arena.
   Returns 1, or 0 if it is not a local@domain that mail can be sent to. */
int address_parse(struct str text, struct arena *arena, const char **address_r);

/* Bring a domain to normal form, in the arena.
   Returns 1, or 0 if it is not a domain name of two labels or more. */
int address_parse_domain(struct str text, struct arena *arena, const char **domain_r);

/* The domain of an address in normal form: what follows the last "@". */
const char *address_domain(const char *address);

/* The address with its domain as U-label, in the arena; NULL if that is the
   same or there is none. */
const char *address_to_unicode(const char *address, struct arena *arena);

/* Take the value of a typed address field, "rfc822; user@example.com" or
   "utf-8; ..." (RFC 3464 section 2.1.2, RFC 6533), and decode what its type
   says. The result is in the arena. */
struct str address_of_field(struct str value, struct arena *arena);

#endif
