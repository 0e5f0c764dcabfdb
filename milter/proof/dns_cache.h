/*
 * dns_cache: answers that are still good. The oldest are forgotten when there
 * are too many, in number or in bytes. Any thread may use it.
 *
 * Names are folded; time is the monotonic clock's.
 */
#ifndef PROOF_DNS_CACHE_H
#define PROOF_DNS_CACHE_H

#include "proof/dns.h"

#define DNS_CACHE_ENTRIES 10000
#define DNS_CACHE_BYTES ((size_t)16 * 1024 * 1024)

/* How long an answer is kept: its time to live, within bounds. */
#define DNS_CACHE_FOUND_LEAST_SEC 5
#define DNS_CACHE_FOUND_MOST_SEC 3600
#define DNS_CACHE_NOTHING_SEC 60 /* DNS_NO_NAME, DNS_NO_DATA */
#define DNS_CACHE_FAILED_SEC 5   /* or every report would wait for a silent server */

struct dns_cache;

struct dns_cache *dns_cache_new(void);
void dns_cache_free(struct dns_cache *cache);

/* Returns true and a copy in the arena if there is an answer. */
bool dns_cache_find(struct dns_cache *cache, enum dns_type type, const char *name,
    int64_t now_msec, struct arena *arena, struct dns_answer *answer_r);

/* Keep a copy, in the place of what was there; only DNS_FAILED does not replace
   what is known. */
void dns_cache_put(struct dns_cache *cache, enum dns_type type, const char *name,
    const struct dns_answer *answer, uint32_t ttl_sec, int64_t now_msec);

/* A copy of an answer. */
void dns_cache_copy(const struct dns_answer *answer, struct arena *arena,
    struct dns_answer *answer_r);

/* What it holds now. */
void dns_cache_size(struct dns_cache *cache, unsigned *entries_r, size_t *bytes_r);

#endif
