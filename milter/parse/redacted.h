/*
 * redacted: addresses that a reporter has made unreadable (RFC 6590), because
 * it must not tell who has complained. What is left names nobody, and must not
 * be taken for an address.
 */
#ifndef PARSE_REDACTED_H
#define PARSE_REDACTED_H

#include <stdbool.h>

/* Is this address, in normal form, one that stands for another? */
bool redacted_is(const char *address);

#endif
