/*
 * A month of made-up mail in which nothing is wrong: a Poisson process with days
 * and weeks, two hundred senders, forty providers, and the failures that there
 * always are. Random numbers are our own, so that a run can be repeated.
 */
#ifndef T_UNIT_WATCH_TRAFFIC_H
#define T_UNIT_WATCH_TRAFFIC_H

#include "watch-support.h"

#define SENDERS 200

/* What there always is, in millionths of what is sent. */
static const struct {
	enum category category;
	unsigned share;
	const char *subcause;
} noise[] = {
	{ CATEGORY_USER_UNKNOWN, 12000, "" }, { CATEGORY_MAILBOX_FULL, 3000, "" },
	{ CATEGORY_THROTTLED, 5000, "" }, { CATEGORY_GREYLISTED, 4000, "" },
	{ CATEGORY_CONTENT_REJECTED, 1200, "" }, { CATEGORY_POLICY_REJECTED, 800, "" },
	{ CATEGORY_NETWORK_ERROR, 1000, "" }, { CATEGORY_AUTH_FAILURE, 150, "spf" },
	{ CATEGORY_TLS_REQUIRED, 50, "" }, { CATEGORY_REPUTATION, 200, "" },
	{ CATEGORY_UNKNOWN, 200, "" },
};
#define COMPLAINTS 200 /* millionths, after the delivery */
#define UNPROVEN 50

static const char *const campaigns[] = { "issue-a", "issue-b", "issue-c", "issue-d", "issue-e",
	"issue-f", "issue-g", "issue-h", "issue-i" };

struct traffic {
	uint64_t random;           /* xorshift64* */
	double per_second;         /* on the mean */
	double senders[SENDERS];   /* sums of shares, up to 1 */
	double providers[COUNT(places)];
	int64_t time;              /* of the second that is being played */
	unsigned left;             /* events of it */
	double none;               /* the chance that a second of this minute has none */
	unsigned number;
};

static inline double
chance(struct traffic *traffic)
{
	traffic->random ^= traffic->random >> 12;
	traffic->random ^= traffic->random << 25;
	traffic->random ^= traffic->random >> 27;
	return (double)((traffic->random * UINT64_C(2685821657736338717)) >> 11) * 0x1p-53;
}

static inline void
traffic_init(struct traffic *traffic, uint64_t seed, double per_second, int64_t start)
{
	double sum = 0;

	*traffic = (struct traffic){ .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
		.per_second = per_second, .time = start - 1 };
	/* The biggest sends a sixth of it all. */
	for (unsigned i = 0; i < SENDERS; i++)
		traffic->senders[i] = sum += 1.0 / (i + 1);
	for (unsigned i = 0; i < SENDERS; i++)
		traffic->senders[i] /= sum;
	sum = 0;
	for (unsigned i = 0; i < COUNT(places); i++)
		traffic->providers[i] = sum += places[i].share;
	for (unsigned i = 0; i < COUNT(places); i++)
		traffic->providers[i] /= sum;
}

/* More by day than by night, more on Tuesday than on Sunday; 1 on the mean. */
static inline double
rhythm(int64_t time)
{
	static const double days[7] = { 1.15, 1.1, 1.2, 1.25, 1.2, 0.6, 0.5 }; /* from Thursday */
	double hour = (double)(time % DAY) / HOUR;

	return days[time / DAY % 7] * (1 + 0.8 * sin((hour - 8) / 24 * 2 * 3.14159265358979));
}

static inline unsigned
pick(struct traffic *traffic, const double *sums, unsigned count)
{
	double at = chance(traffic);
	unsigned low = 0, high = count - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (sums[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static inline void
choose_outcome(struct traffic *traffic, struct watch_event *event, enum watch_kind *kind_r,
    enum category *category_r)
{
	double at = chance(traffic) * 1e6;

	*kind_r = WATCH_FAILED;
	for (unsigned i = 0; i < COUNT(noise); i++) {
		if ((at -= noise[i].share) < 0) {
			*category_r = noise[i].category;
			event->subcause = noise[i].subcause;
			return;
		}
	}
	*kind_r = (at -= COMPLAINTS) < 0 ? WATCH_COMPLAINED :
	    (at -= UNPROVEN) < 0 ? WATCH_UNPROVEN : WATCH_DELIVERED;
	*category_r = *kind_r == WATCH_COMPLAINED ? CATEGORY_COMPLAINT : CATEGORY_UNKNOWN;
}

/* The next second that has an event, before `end`; else false. */
static inline bool
traffic_next_second(struct traffic *traffic, int64_t end)
{
	while (++traffic->time < end) {
		double product = chance(traffic);

		if (traffic->time % MINUTE == 0 || traffic->none == 0)
			traffic->none = exp(-traffic->per_second * rhythm(traffic->time));
		for (traffic->left = 0; product > traffic->none; product *= chance(traffic))
			traffic->left++;
		if (traffic->left > 0)
			return true;
	}
	return false;
}

/* The next event before `end`. Returns false if there is none. */
static inline bool
traffic_next(struct traffic *traffic, int64_t end, struct watch_event *event,
    struct event_strings *strings)
{
	struct watch_event chosen = { .subcause = "" };
	const struct place *place;
	enum category category;
	enum watch_kind kind;
	unsigned sender;

	if (traffic->left == 0 && !traffic_next_second(traffic, end))
		return false;
	traffic->left--;
	sender = pick(traffic, traffic->senders, SENDERS);
	place = &places[pick(traffic, traffic->providers, COUNT(places))];
	choose_outcome(traffic, &chosen, &kind, &category);
	traffic->number++;
	event_make(event, strings, place, kind, category,
	    (unsigned)(chance(traffic) * 400000), traffic->time);
	snprintf(strings->domain, sizeof(strings->domain), "sender%u.example", sender);
	event->subcause = chosen.subcause;
	event->suppressed = category == CATEGORY_USER_UNKNOWN;
	/* Two in three are of a newsletter, one newsletter a day. */
	if (traffic->number % 3 > 0)
		event->campaign = campaigns[traffic->time / DAY % COUNT(campaigns)];
	return true;
}

#endif
