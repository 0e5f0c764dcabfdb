/*
 * dns_pool: questions to servers, asked by a few threads of their own, so that
 * who wants an answer can stop waiting.
 *
 * States of a question: waiting -> being asked -> done. Who asks what is under
 * way already shares the question. A question is freed by whoever sees it last;
 * one that nobody waits for any more is taken out of the queue, and one that is
 * being asked goes on: its answer goes into the cache.
 *
 * Guarantees:
 *   - At most DNS_WORKERS threads, started when they are needed, of which
 *     DNS_WORKERS_TCP may be at TCP, where one can be stuck. The others go on.
 *   - At most DNS_WAITING questions wait; one more has failed.
 *   - Nobody waits twice for a name that is silent: DNS_FAILED goes into the
 *     cache when a question was asked for DNS_SILENCE_MSEC and a deadline came.
 */
#ifndef PROOF_DNS_POOL_H
#define PROOF_DNS_POOL_H

#include "proof/dns_cache.h"
#include "proof/dns_system.h"

#define DNS_WORKERS 8
#define DNS_WORKERS_TCP 4
#define DNS_WAITING 256
#define DNS_SILENCE_MSEC 1000
#define DNS_END_MSEC 2000

struct dns_pool;

/* `cache` must live until dns_pool_free(). */
struct dns_pool *dns_pool_new(const struct dns_servers *servers, struct dns_cache *cache);

/* End the threads. One that is stuck in glibc for longer than DNS_END_MSEC is
   left alone: it touches nothing but the pool, and frees that in the end. */
void dns_pool_free(struct dns_pool *pool);

/* As dns_lookup(), of a folded name, past the cache. */
void dns_pool_ask(struct dns_pool *pool, enum dns_type type, const char *name,
    int64_t deadline_msec, struct arena *arena, struct dns_answer *answer_r);

#endif
