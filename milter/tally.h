/*
 * tally: what a batch of log lines adds to counters and rates, summed up in
 * memory, so that a thousand deliveries to one provider are one write.
 */
#ifndef TALLY_H
#define TALLY_H

#include "bounce.h"
#include "store/store.h"

struct tally;

/* Names that occur again and again: what they are at the public suffix list is
   looked up once. Shared by the tallies of one thread. */
struct tally_names;

struct tally_names *tally_names_new(void);
void tally_names_free(struct tally_names *names);

/* An empty tally; it lives in the arena, and is gone with it. */
struct tally *tally_new(struct tally_names *names, struct arena *arena);

/* Count an attempt by its outcome. One that did not leave our site is counted,
   but in no rate. */
void tally_attempt(struct tally *tally, const struct bounce *bounce, bool outbound);

/* Add to a counter (store/counters.h). The strings must live as long. */
void tally_counter(struct tally *tally, const char *name, const char *label, const char *value,
    uint64_t add);

/* Add all of it to the store. It may be called again, if the transaction has to
   be repeated. Returns 0 or -1. */
int tally_write(struct tally *tally, struct store_txn *txn, const char **error_r);

#endif
