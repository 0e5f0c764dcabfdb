#include "watch/pace.h"

#define HOUR_SEC 3600
#define LINES_MOST 50

bool
pace_allows(struct pace *pace, unsigned per_hour, enum severity severity, int64_t now)
{
	unsigned room = severity == SEVERITY_CRITICAL ? per_hour : per_hour - per_hour / 4;
	unsigned count = 0;

	for (unsigned i = 0; i < PACE_MOST; i++)
		count += pace->times[i] != 0 && pace->times[i] > now - HOUR_SEC;
	if (count >= room || count >= PACE_MOST)
		return false;
	pace->times[pace->next++ % PACE_MOST] = now;
	return true;
}

void
pace_withhold(struct pace *pace, const struct incident *incident, int64_t now)
{
	struct arena *arena = arena_new();

	if (pace->withheld++ == 0)
		pace->withheld_since = now;
	if (pace->lines++ < LINES_MOST)
		buf_printf(&pace->digest, "%s %llu: %s\n",
		    words_name(&severity_words, incident->severity), (unsigned long long)incident->id,
		    incident_sentence(incident, now, arena));
	arena_free(arena);
}

void
pace_shift(struct pace *pace, int64_t seconds)
{
	for (unsigned i = 0; i < PACE_MOST; i++)
		pace->times[i] += pace->times[i] == 0 ? 0 : seconds;
	pace->withheld_since += seconds;
}

const char *
pace_digest(struct pace *pace, int64_t now, struct arena *arena)
{
	const char *digest;

	if (pace->withheld == 0 || now - pace->withheld_since < HOUR_SEC)
		return NULL;
	digest = arena_printf(arena, "%llu notices were withheld in the last hour\n%s%s",
	    (unsigned long long)pace->withheld, buf_cstr(&pace->digest),
	    pace->lines > LINES_MOST ? "...\n" : "");
	pace->withheld = 0;
	pace->lines = 0;
	buf_clear(&pace->digest);
	return digest;
}
