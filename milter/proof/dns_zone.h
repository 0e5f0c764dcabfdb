/*
 * dns_zone: a zone file, as dns.h describes it, kept in memory. It does not
 * change once it is read.
 */
#ifndef PROOF_DNS_ZONE_H
#define PROOF_DNS_ZONE_H

#include "proof/dns.h"

struct dns_zone;

/* Returns 0, or -1 with "file:line: what is wrong". */
int dns_zone_read(const char *path, struct dns_zone **zone_r, const char **error_r);

/* NULL is allowed. */
void dns_zone_free(struct dns_zone *zone);

/* The answer of a folded name, and how long it is good.
   Returns 1, or 0 if nobody answers; then it is DNS_FAILED. */
int dns_zone_find(const struct dns_zone *zone, enum dns_type type, const char *name,
    struct arena *arena, struct dns_answer *answer_r, uint32_t *ttl_sec_r);

#endif
