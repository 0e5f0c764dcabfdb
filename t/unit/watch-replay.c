/*
 * Thirty days of traffic in which nothing is wrong: no alarm that wakes anybody,
 * two that annoy. The same with twenty incidents in it: each is found, once.
 *
 * 100,000 events; ten million with BM_SOAK=1.
 */
#include "watch-traffic.h"

#include <time.h>

#define DAYS 30

static const uint64_t seeds[] = { 1, 20, 300, 4000, 50000 };

static double
events_per_second(void)
{
	return (getenv("BM_SOAK") != NULL ? 1e7 : 1e5) / (DAYS * (double)DAY);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Play the traffic, and the script with it, in the order of time. */
static void
play_month(struct world *world, uint64_t seed, struct script *script)
{
	double began = seconds();
	struct event_strings strings;
	struct traffic traffic;
	struct watch_event event;

	traffic_init(&traffic, seed, events_per_second(), T0);
	while (traffic_next(&traffic, T0 + DAYS * DAY, &event, &strings)) {
		world_play(world, script, event.time);
		world_note(world, &event);
	}
	world_play(world, script, INT64_MAX);
	world_wait(world, T0 + DAYS * DAY);
	began = seconds() - began;
	printf("# seed %u: %u events in %.1f s, %.0f a second; %u notices\n", (unsigned)seed,
	    traffic.number, began, traffic.number / began, world->count);
}

static unsigned
opened_at_least(const struct world *world, enum severity severity, const char *but_domain)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world->count; i++) {
		const struct incident *incident = &world->heard[i].incident;

		if ((world->heard[i].notice == NOTICE_OPENED || world->heard[i].notice == NOTICE_RISEN) &&
		    incident->severity >= severity &&
		    (but_domain == NULL || strncmp(incident->domain, but_domain, strlen(but_domain)) != 0)) {
			printf("# %s %s %s %s at %+.2f days: %u recipients, %u of %u\n",
			    words_name(&severity_words, incident->severity),
			    words_name(&watch_rule_words, incident->rule), incident->domain,
			    incident->provider, (double)(world->heard[i].time - T0) / DAY,
			    (unsigned)incident->recipients, (unsigned)incident->failures,
			    (unsigned)incident->attempts);
			count++;
		}
	}
	return count;
}

static void
check_quiet(bool with_log)
{
	unsigned runs = getenv("BM_SOAK") != NULL ? 1 : COUNT(seeds);

	for (unsigned i = 0; i < runs; i++) {
		struct world *world = world_open(with_log, T0);
		struct script none = { 0 };

		play_month(world, seeds[i], &none);
		check(opened_at_least(world, SEVERITY_WARNING, NULL) <= 2, "seed %u", (unsigned)seeds[i]);
		check(opened_at_least(world, SEVERITY_CRITICAL, NULL) == 0, "seed %u", (unsigned)seeds[i]);
		world_close(world);
	}
}

static void
test_quiet(void **state)
{
	(void)state;
	check_quiet(true);
}

static void
test_quiet_without_log(void **state)
{
	(void)state;
	check_quiet(false);
}

enum { NOTICE, WARNING, CRITICAL };

/* On the day of its number, from 14:00 on. Domains are bad0 to bad19. */
struct injected {
	enum watch_rule_id rule;
	enum severity severity;
	struct burst bursts[4];
	const char *domain, *provider; /* that the incident names */
	double minutes;                /* within which it must be reported */
};

#define I(rule_, severity_, domain_, provider_, minutes_, ...) \
	{ .rule = (rule_), .severity = (enum severity)(severity_), .domain = (domain_), \
		.provider = (provider_), .minutes = (minutes_), .bursts = { __VA_ARGS__ } }

static const struct injected injected[] = {
	I(WATCH_AUTH, WARNING, "bad0.example", "", 30,
	    B("bad0.example", "G", CATEGORY_AUTH_FAILURE, 8, 100, 0, 10, .subcause = "dkim")),
	I(WATCH_AUTH, CRITICAL, "bad1.example", "", 30,
	    B("bad1.example", "GY", CATEGORY_AUTH_FAILURE, 40, 300, 0, 15, .subcause = "dkim")),
	I(WATCH_AUTH, WARNING, "bad2.example", "", 120,
	    B("bad2.example", "XWO", CATEGORY_RDNS_FAILURE, 12, 500, 0, 50)),
	I(WATCH_AUTH_FIRST, NOTICE, "bad3.example", "", 120,
	    B("bad3.example", "GMYX", 0, 0, 200, -60, 60),
	    B("bad3.example", "M", CATEGORY_AUTH_FAILURE, 1, 10, 5, 5, .subcause = "dmarc")),
	I(WATCH_BLOCKLIST, WARNING, "bad4.example", "", 60,
	    B("bad4.example", "W", CATEGORY_DOMAIN_BLOCKLISTED, 30, 6, 0, 30, .subcause = "dbl")),
	I(WATCH_BLOCKLIST, WARNING, "", "", 60,
	    B("bad#.example", "U", CATEGORY_IP_BLOCKLISTED, 150, 5, 0, 30, .domains = 20,
	        .subcause = "spamhaus", .flags = CONNECTING)),
	I(WATCH_BLOCKLIST, CRITICAL, "bad6.example", "", 60,
	    B("bad6.example", "MY", CATEGORY_REPUTATION, 60, 12, 0, 30)),
	I(WATCH_THROTTLE, WARNING, "bad7.example", "yahoodns.net", 30,
	    B("bad7.example", "Y", CATEGORY_THROTTLED, 60, 100, 0, 15)),
	I(WATCH_THROTTLE, CRITICAL, "bad8.example", "outlook.com", 60,
	    B("bad8.example", "M", CATEGORY_THROTTLED, 250, 30, 0, 60)),
	I(WATCH_CAMPAIGN, WARNING, "bad9.example", "", 120,
	    B("bad9.example", "GXWO", CATEGORY_CONTENT_REJECTED, 40, 360, 0, 30, .campaign = "spring"),
	    B("bad9.example", "GXWO", CATEGORY_CONTENT_REJECTED, 1, 300, 0, 30, .campaign = "bills")),
	I(WATCH_CAMPAIGN, CRITICAL, "bad10.example", "", 120,
	    B("bad10.example", "GMYX", CATEGORY_POLICY_REJECTED, 100, 150, 0, 30, .campaign = "spring"),
	    B("bad10.example", "GMYX", 0, 0, 300, 0, 30)),
	I(WATCH_HYGIENE, NOTICE, "bad11.example", "", 600,
	    B("bad11.example", "GMYX", CATEGORY_USER_UNKNOWN, 34, 966, 0, 300)),
	I(WATCH_HYGIENE, WARNING, "bad12.example", "", 600,
	    B("bad12.example", "GMYX", CATEGORY_USER_UNKNOWN, 80, 920, 0, 300)),
	I(WATCH_HYGIENE, CRITICAL, "bad13.example", "", 600,
	    B("bad13.example", "GMYX", CATEGORY_USER_UNKNOWN, 150, 850, 0, 300)),
	I(WATCH_COMPLAINT, WARNING, "bad14.example", NULL, 600,
	    B("bad14.example", "Y", CATEGORY_COMPLAINT, 20, 9000, 0, 120)),
	I(WATCH_COMPLAINT, CRITICAL, "bad15.example", NULL, 600,
	    B("bad15.example", "Y", CATEGORY_COMPLAINT, 60, 9000, 0, 120)),
	I(WATCH_ONE_RECEIVER, WARNING, "bad16.example", NULL, 120,
	    B("bad16.example", "A", CATEGORY_POLICY_REJECTED, 40, 700, 0, 50),
	    B("bad16.example", "GMYX", 0, 0, 700, 0, 50)),
	I(WATCH_RAMP, WARNING, "bad17.example", "", 120,
	    B("bad17.example", "GMYXWO", CATEGORY_THROTTLED, 3, 200, 0, 15),
	    B("bad17.example", "GMYXWO", CATEGORY_THROTTLED, 18, 400, 15, 30),
	    B("bad17.example", "GMYXWO", CATEGORY_THROTTLED, 60, 200, 45, 15)),
	I(WATCH_BREAKER, CRITICAL, "", "telenet.be", 20,
	    B("bad#.example", "J", CATEGORY_USER_UNKNOWN, 120, 40, 0, 8, .domains = 20,
	        .flags = SUPPRESSED)),
	I(WATCH_FORGED, WARNING, NULL, NULL, 20,
	    B("bad19.example", "X", CATEGORY_UNKNOWN, 60, 0, 0, 9, .kind = WATCH_UNPROVEN)),
};
_Static_assert(COUNT(injected) == 20, "twenty incidents");

static int64_t
injected_start(unsigned i)
{
	return T0 + (int64_t)(i + 2) * DAY + 2 * HOUR;
}

static bool
is_of(const struct heard *heard, unsigned i)
{
	const struct injected *want = &injected[i];
	const struct incident *incident = &heard->incident;

	return incident->rule == want->rule && heard->time >= injected_start(i) &&
	    heard->time <= injected_start(i) + (int64_t)(want->minutes * MINUTE) &&
	    (want->domain == NULL || strcmp(incident->domain, want->domain) == 0) &&
	    (want->provider == NULL || strcmp(incident->provider, want->provider) == 0);
}

/* Reported once, as bad as it is. */
static void
check_found(const struct world *world, unsigned i)
{
	enum severity worst = SEVERITY_NOTICE;
	unsigned opened = 0;

	for (unsigned j = 0; j < world->count; j++) {
		const struct heard *heard = &world->heard[j];

		opened += heard->notice == NOTICE_OPENED && is_of(heard, i);
		if (is_of(heard, i) && heard->incident.severity > worst)
			worst = heard->incident.severity;
	}
	if (opened != 1 || worst != injected[i].severity) {
		for (unsigned j = 0; j < world->count; j++) {
			const struct heard *heard = &world->heard[j];

			if (heard->time >= injected_start(i) && heard->time < injected_start(i) + 12 * HOUR)
				print_error("heard %d %s %s %s/%s at %+.1f min\n", heard->notice,
				    words_name(&watch_rule_words, heard->incident.rule),
				    words_name(&severity_words, heard->incident.severity), heard->incident.domain,
				    heard->incident.provider, (double)(heard->time - injected_start(i)) / MINUTE);
		}
	}
	check(opened == 1 && worst == injected[i].severity, "incident %u, %s: %u times, %s", i,
	    words_name(&watch_rule_words, injected[i].rule), opened, words_name(&severity_words, worst));
}

/* Critical is only what was meant to be. */
static void
check_nothing_else(const struct world *world)
{
	for (unsigned j = 0; j < world->count; j++) {
		const struct heard *heard = &world->heard[j];
		bool meant = heard->notice == NOTICE_CLOSED || heard->notice == NOTICE_LASTING ||
		    heard->notice == NOTICE_GROWN || heard->incident.severity < SEVERITY_CRITICAL;

		for (unsigned i = 0; i < COUNT(injected); i++)
			meant = meant || (injected[i].severity == SEVERITY_CRITICAL && is_of(heard, i));
		check(meant, "critical %s %s at %+.2f days",
		    words_name(&watch_rule_words, heard->incident.rule), heard->incident.domain,
		    (double)(heard->time - T0) / DAY);
	}
}

static void
test_injected(void **state)
{
	unsigned runs = getenv("BM_SOAK") != NULL ? 1 : COUNT(seeds);

	(void)state;
	for (unsigned run = 0; run < runs; run++) {
		struct world *world = world_open(true, T0);
		struct script script = { 0 };

		for (unsigned i = 0; i < COUNT(injected); i++) {
			for (unsigned j = 0; j < COUNT(injected[i].bursts); j++) {
				if (injected[i].bursts[j].domain != NULL)
					script_add(&script, &injected[i].bursts[j], injected_start(i));
			}
		}
		script_sort(&script);
		play_month(world, seeds[run], &script);
		for (unsigned i = 0; i < COUNT(injected); i++)
			check_found(world, i);
		check_nothing_else(world);
		check(opened_at_least(world, SEVERITY_WARNING, "bad") <= 2 + 3, "seed %u",
		    (unsigned)seeds[run]);
		free(script.steps);
		world_close(world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet), cmocka_unit_test(test_quiet_without_log),
		cmocka_unit_test(test_injected),
	};

	return cmocka_run_group_tests_name("watch: a month", tests, NULL, NULL);
}
