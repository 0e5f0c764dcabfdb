#include "watch/distinct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define PLACES_FIRST 8 /* a power of two, as all sizes */
#define SHORTEST 15 /* minutes of the shortest window */
#define REGISTER_BITS 11
#define REGISTERS (1u << REGISTER_BITS)
#define MINUTE_BITS 16
#define MINUTE_MASK 0xffffu

static void *
zeroed(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		msg_out_of_memory();
	return memory;
}

void
distinct_free(struct distinct *distinct)
{
	free(distinct->places);
	free(distinct->registers[0]);
	free(distinct->registers[1]);
	memset(distinct, 0, sizeof(*distinct));
}

/* Eight bytes at a time, and the end of it (after MurmurHash3, A. Appleby). */
uint64_t
distinct_hash(const char *name)
{
	size_t len = strlen(name);
	uint64_t hash = len * 0x9ddfea08eb382d69u;

	for (; len > 0; name += 8) {
		size_t count = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, name, count);
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
		len -= count;
	}
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 33;
}

/* How many minutes ago a place was last seen; negative for what is newer than a
   late event. Right for 22 days: what is too old goes every hour. */
static int
age_of(uint64_t place, int64_t now)
{
	return (int16_t)(uint16_t)((uint64_t)now - place);
}

static bool
is_within(uint64_t place, int64_t now, unsigned minutes)
{
	int age = age_of(place, now);

	return age >= 0 && (unsigned)age < minutes;
}

static uint64_t *
find(uint64_t *places, unsigned size, uint64_t name)
{
	unsigned i = (unsigned)(name >> MINUTE_BITS) & (size - 1);

	while (places[i] != 0 && places[i] >> MINUTE_BITS != name >> MINUTE_BITS)
		i = (i + 1) & (size - 1);
	return &places[i];
}

/* Another size, without what was not seen for `keep` minutes; with all for 0. */
static void
resize(struct distinct *distinct, unsigned size, int64_t now, int keep)
{
	uint64_t *places = zeroed(size, sizeof(*places));

	distinct->used = 0;
	for (unsigned i = 0; i < distinct->size; i++) {
		uint64_t place = distinct->places[i];

		if (place == 0 || (keep > 0 && age_of(place, now) >= keep))
			continue;
		*find(places, size, place) = place;
		distinct->used++;
	}
	free(distinct->places);
	distinct->places = places;
	distinct->size = size;
}

static void
sketch_add(uint8_t *registers, uint64_t hash)
{
	unsigned i = (unsigned)(hash >> (64 - REGISTER_BITS));
	uint64_t rest = hash << REGISTER_BITS | UINT64_C(1) << (REGISTER_BITS - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

	if (rank > registers[i])
		registers[i] = rank;
}

/* The sketch of this period; the one before it is kept for as long. The first
   one begins with what is remembered by name. */
static uint8_t *
sketch_at(struct distinct *distinct, int64_t minute, unsigned forever)
{
	int64_t period = forever > 0 ? 0 : minute / DISTINCT_KEEP;

	if (distinct->registers[0] == NULL) {
		distinct->registers[0] = zeroed(REGISTERS, 1);
		distinct->period = period;
		for (unsigned i = 0; i < distinct->size; i++) {
			if (distinct->places[i] != 0)
				sketch_add(distinct->registers[0],
				    distinct->places[i] & ~(uint64_t)MINUTE_MASK);
		}
	}
	if (period > distinct->period) {
		free(distinct->registers[1]);
		distinct->registers[1] = period == distinct->period + 1 ? distinct->registers[0] : NULL;
		if (period != distinct->period + 1)
			free(distinct->registers[0]);
		distinct->registers[0] = zeroed(REGISTERS, 1);
		distinct->period = period;
	}
	return distinct->registers[0];
}

/* From now on there is but the sketch. */
static void
forget_names(struct distinct *distinct)
{
	free(distinct->places);
	distinct->places = NULL;
	distinct->size = distinct->used = 0;
}

/* What is too old goes, once an hour, and once a minute where there is no room.
   A table full of new names keeps those of the shortest window alone, so that there
   are always some; the sketch has the others. */
static void
purge(struct distinct *distinct, int64_t minute)
{
	bool full = (distinct->used + 1) * 2 > distinct->size;

	if (minute - distinct->purged < (full ? 1 : DISTINCT_KEEP))
		return;
	distinct->purged = minute;
	resize(distinct, distinct->size, minute, DISTINCT_KEEP);
	if (distinct->used >= DISTINCT_EXACT)
		resize(distinct, distinct->size, minute, SHORTEST);
}

/* Room for one more name: the table grows. Returns false if there is none. */
static bool
make_room(struct distinct *distinct, int64_t minute, unsigned forever)
{
	unsigned most = forever > 0 ? forever : DISTINCT_EXACT;

	if (distinct->size == 0)
		resize(distinct, PLACES_FIRST, minute, 0);
	if ((distinct->used + 1) * 2 > distinct->size && distinct->used < most)
		resize(distinct, distinct->size * 2, minute, 0);
	return (distinct->used + 1) * 2 <= distinct->size;
}

void
distinct_add(struct distinct *distinct, uint64_t hash, int64_t minute, unsigned forever)
{
	uint64_t name = hash & ~(uint64_t)MINUTE_MASK, *place;

	if (name == 0)
		name = UINT64_C(1) << MINUTE_BITS;
	/* The sketch sees the same bits when it is made of the places. */
	if (distinct->registers[0] != NULL)
		sketch_add(sketch_at(distinct, minute, forever), name);
	if (forever > 0 && distinct->registers[0] != NULL)
		return;
	if (forever == 0 && distinct->size > 0)
		purge(distinct, minute);
	place = distinct->size == 0 ? NULL : find(distinct->places, distinct->size, name);
	if (place == NULL || *place == 0) {
		if (!make_room(distinct, minute, forever)) {
			sketch_add(sketch_at(distinct, minute, forever), name);
			if (forever > 0)
				forget_names(distinct);
			return;
		}
		place = find(distinct->places, distinct->size, name);
		distinct->used++;
	} else if (age_of(*place, minute) < 0) {
		return; /* it was seen since */
	}
	*place = name | ((uint64_t)minute & MINUTE_MASK);
}

static uint64_t
estimate(const struct distinct *distinct)
{
	double sum = 0, count = REGISTERS, raw;
	unsigned empty = 0;

	for (unsigned i = 0; i < REGISTERS; i++) {
		uint8_t rank = distinct->registers[0][i];

		if (distinct->registers[1] != NULL && distinct->registers[1][i] > rank)
			rank = distinct->registers[1][i];
		sum += ldexp(1, -(int)rank);
		empty += rank == 0;
	}
	raw = 0.7213 / (1 + 1.079 / count) * count * count / sum;
	if (raw <= 2.5 * count && empty > 0)
		raw = count * log(count / empty);
	return (uint64_t)(raw + 0.5);
}

uint64_t
distinct_count(const struct distinct *distinct, int64_t now, unsigned minutes)
{
	uint64_t count = 0, all;

	for (unsigned i = 0; i < distinct->size; i++) {
		if (distinct->places[i] != 0 &&
		    (minutes == 0 || is_within(distinct->places[i], now, minutes)))
			count++;
	}
	/* The sketch knows no minutes: it is asked only where all of the places
	   are taken by what is new enough, or where there are none. */
	if (distinct->registers[0] == NULL || (distinct->size > 0 && count < DISTINCT_EXACT))
		return count;
	all = estimate(distinct);
	return all > count ? all : count;
}

void
distinct_merge(struct distinct *into, unsigned forever, const struct distinct *from, int64_t now,
    unsigned minutes)
{
	for (unsigned i = 0; i < from->size; i++) {
		if (from->places[i] != 0 && is_within(from->places[i], now, minutes))
			distinct_add(into, from->places[i], now, forever);
	}
	for (unsigned s = 0; s < 2 && from->registers[0] != NULL; s++) {
		uint8_t *registers = sketch_at(into, now, forever);

		for (unsigned i = 0; from->registers[s] != NULL && i < REGISTERS; i++) {
			if (from->registers[s][i] > registers[i])
				registers[i] = from->registers[s][i];
		}
		forget_names(into);
	}
}

void
distinct_shift(struct distinct *distinct, int64_t minutes)
{
	for (unsigned i = 0; i < distinct->size; i++) {
		uint64_t place = distinct->places[i];

		if (place != 0)
			distinct->places[i] = (place & ~(uint64_t)MINUTE_MASK) |
			    ((place + (uint64_t)minutes) & MINUTE_MASK);
	}
	distinct->period += minutes / DISTINCT_KEEP;
	distinct->purged += minutes;
}

size_t
distinct_bytes(const struct distinct *distinct)
{
	return distinct->size * sizeof(distinct->places[0]) +
	    ((distinct->registers[0] != NULL) + (distinct->registers[1] != NULL)) * (size_t)REGISTERS;
}
