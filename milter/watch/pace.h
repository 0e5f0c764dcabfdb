/*
 * pace: how often people hear of something: at most so many times in any hour,
 * a quarter of them kept for what is critical. What had no room is told
 * together, an hour after the first of it.
 */
#ifndef WATCH_PACE_H
#define WATCH_PACE_H

#include "watch/incident.h"

#define PACE_MOST 1000

struct pace {
	int64_t times[PACE_MOST]; /* a ring */
	unsigned next;
	uint64_t withheld;
	int64_t withheld_since;
	struct buf digest;
	unsigned lines;
};

/* Is there room for one more now? If so, it is counted. */
bool pace_allows(struct pace *pace, unsigned per_hour, enum severity severity, int64_t now);

/* There was none. */
void pace_withhold(struct pace *pace, const struct incident *incident, int64_t now);

/* The clock was set. */
void pace_shift(struct pace *pace, int64_t seconds);

/* What was withheld, if its hour is over, in the arena; else NULL. */
const char *pace_digest(struct pace *pace, int64_t now, struct arena *arena);

#endif
