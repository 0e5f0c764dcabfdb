/*
 * series: how often something happened, minute by minute for an hour and hour
 * by hour for a day; and what a share of a few says about many.
 */
#ifndef WATCH_SERIES_H
#define WATCH_SERIES_H

#include <stdint.h>

#define SERIES_MINUTES 64
#define SERIES_HOURS 25

/* A ring; all zero is an empty one. */
struct series {
	int64_t newest; /* minutes since 1970 */
	uint32_t counts[SERIES_MINUTES];
};

struct hours {
	int64_t newest; /* hours since 1970 */
	uint32_t counts[SERIES_HOURS];
};

/* What is older than the ring is dropped. */
void series_add(struct series *series, int64_t minute, unsigned count);
void hours_add(struct hours *hours, int64_t hour, unsigned count);

/* Of one minute, and of the `minutes` up to and with `now`. */
unsigned series_at(const struct series *series, int64_t minute);
unsigned series_sum(const struct series *series, int64_t now, unsigned minutes);
unsigned hours_sum(const struct hours *hours, int64_t now, unsigned count);

/* The first minute of these with a count, 0 if there is none. */
int64_t series_first(const struct series *series, int64_t now, unsigned minutes);

/* The least share that `count` of `all` shows with 95 % confidence: the lower
   bound of Wilson's interval (E. B. Wilson, 1927). 0 for none of none. */
double series_share(double count, double all);

#endif
