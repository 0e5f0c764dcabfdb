#include "watch/series.h"

#include <math.h>
#include <string.h>

#define CONFIDENCE 1.96 /* standard deviations, 95 % */

/* Bring a ring up to a newer place. Returns its place in the ring, or -1 if
   it is too old for it. */
static int
move(int64_t *newest, uint32_t *counts, int64_t size, int64_t place)
{
	if (place <= *newest - size)
		return -1;
	if (place >= *newest + size)
		memset(counts, 0, (size_t)size * sizeof(counts[0]));
	else
		for (int64_t i = *newest + 1; i <= place; i++)
			counts[i % size] = 0;
	if (place > *newest)
		*newest = place;
	return (int)(place % size);
}

static unsigned
sum(int64_t newest, const uint32_t *counts, int64_t size, int64_t now, int64_t count)
{
	int64_t from = now - count + 1, to = now < newest ? now : newest;
	unsigned total = 0;

	if (from <= newest - size)
		from = newest - size + 1;
	for (int64_t i = from; i <= to; i++)
		total += counts[i % size];
	return total;
}

void
series_add(struct series *series, int64_t minute, unsigned count)
{
	int place = move(&series->newest, series->counts, SERIES_MINUTES, minute);

	if (place != -1)
		series->counts[place] += count;
}

void
hours_add(struct hours *hours, int64_t hour, unsigned count)
{
	int place = move(&hours->newest, hours->counts, SERIES_HOURS, hour);

	if (place != -1)
		hours->counts[place] += count;
}

unsigned
series_at(const struct series *series, int64_t minute)
{
	return sum(series->newest, series->counts, SERIES_MINUTES, minute, 1);
}

unsigned
series_sum(const struct series *series, int64_t now, unsigned minutes)
{
	return sum(series->newest, series->counts, SERIES_MINUTES, now, minutes);
}

unsigned
hours_sum(const struct hours *hours, int64_t now, unsigned count)
{
	return sum(hours->newest, hours->counts, SERIES_HOURS, now, count);
}

int64_t
series_first(const struct series *series, int64_t now, unsigned minutes)
{
	for (int64_t i = now - minutes + 1; i <= now; i++) {
		if (series_at(series, i) > 0)
			return i;
	}
	return 0;
}

double
series_share(double count, double all)
{
	double z = CONFIDENCE, share;

	if (all <= 0 || count <= 0)
		return 0;
	/* A failure may be known before its attempt is. */
	share = count > all ? 1 : count / all;
	return (share + z * z / (2 * all) -
	    z * sqrt(share * (1 - share) / all + z * z / (4 * all * all))) / (1 + z * z / all);
}
