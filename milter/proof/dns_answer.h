/*
 * dns_answer: an answer as it is put together, and read out of the packet of a
 * server; the only user of <arpa/nameser.h>. Packets come from strangers.
 */
#ifndef PROOF_DNS_ANSWER_H
#define PROOF_DNS_ANSWER_H

#include "proof/dns.h"

#define DNS_CHAIN_MOST 8 /* CNAMEs one after the other */

/* Put a record where it belongs, or set `cut` if it does not fit. NUL bytes
   become blanks. A zeroed struct is an answer without records. */
void dns_answer_add(struct dns_answer *answer, enum dns_type type, unsigned preference,
    struct str text, struct arena *arena);

/* The records of this type at the end of the CNAMEs that begin at `name`, which
   is folded. A packet that is broken, or not an answer to this, is DNS_FAILED.
   *ttl_sec_r is the smallest time to live of what was used, where some was. */
void dns_answer_parse(struct str packet, enum dns_type type, const char *name,
    struct arena *arena, struct dns_answer *answer_r, uint32_t *ttl_sec_r);

/* The number of a type (RFC 1035 section 3.2.2). */
int dns_answer_type_number(enum dns_type type);

#endif
