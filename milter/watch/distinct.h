/*
 * distinct: how many different names were seen in a time. Exact to
 * DISTINCT_EXACT; above, an estimate with a standard error of about 2 %
 * (HyperLogLog, Flajolet et al., 2007).
 */
#ifndef WATCH_DISTINCT_H
#define WATCH_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTINCT_EXACT 4096
#define DISTINCT_KEEP 60 /* minutes; what is older makes room */

/* All zero is an empty one; the owner frees what is in it. */
struct distinct {
	uint64_t *places;      /* 48 bits of a name's hash and the minute it was last
	                          seen, modulo 2^16; open addressing, 0 is free */
	unsigned size, used;
	uint8_t *registers[2]; /* the sketch, and the one of the period before */
	int64_t period;        /* of the sketch, DISTINCT_KEEP minutes long */
	int64_t purged;        /* minute in which what is old last made room */
};

void distinct_free(struct distinct *distinct);

/* A name's hash; good enough for a sketch. */
uint64_t distinct_hash(const char *name);

/* `forever` 0: only the last DISTINCT_KEEP minutes are asked for. Else nothing is
   ever too old, and so many names at most are remembered before all of them are
   but a sketch. One struct is always used in one of these two ways. */
void distinct_add(struct distinct *distinct, uint64_t hash, int64_t minute, unsigned forever);

/* Those of the last `minutes` up to `now`; all for 0. */
uint64_t distinct_count(const struct distinct *distinct, int64_t now, unsigned minutes);

/* Add those of the last `minutes` to another one, which keeps them forever. */
void distinct_merge(struct distinct *into, unsigned forever, const struct distinct *from,
    int64_t now, unsigned minutes);

/* The clock was set: move what is remembered. */
void distinct_shift(struct distinct *distinct, int64_t minutes);

size_t distinct_bytes(const struct distinct *distinct);

#endif
