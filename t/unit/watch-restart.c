/*
 * What does not come in order: events of long ago, a clock that was set, a
 * restart in the middle of an incident; and the brake, which a restart must not
 * loosen.
 */
#include "watch-support.h"

#define OWN "example.com"

/* One failure of auth at X, noted when it is no longer new. */
static void
note_late(struct world *world, unsigned number, int64_t age)
{
	struct event_strings strings;
	struct watch_event event;

	event_make(&event, &strings, place_of('X'), WATCH_FAILED, CATEGORY_AUTH_FAILURE, number,
	    world->now - age);
	event.domain = OWN;
	watch_note(world->watch, &event, world->now);
	world->dirty = true;
}

static void
test_late_events(void **state)
{
	/* How old, and whether that is worth a word: the longest window of auth is
	   an hour, for two providers; its window for one is a quarter. */
	static const struct { int64_t age; bool opens; } cases[] = {
		{ 0, true }, { 5 * MINUTE, true }, { 30 * MINUTE, false }, { 2 * HOUR, false },
		{ 2 * DAY, false }, { 31 * DAY, false }, { 3000 * INT64_C(86400), false },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct world *world = world_open(false, T0);

		for (unsigned j = 0; j < 400; j++) {
			note_late(world, j, cases[i].age);
			if (j % 10 == 0)
				world_wait(world, world->now + 1);
		}
		world_wait(world, world->now + HOUR);
		check(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == cases[i].opens, "age %ld",
		    (long)cases[i].age);
		hold(cases[i].opens || world->count == 0);
		world_close(world);
	}
}

/* A log of last month does not push out what is happening now. */
static void
test_late_events_hide_nothing(void **state)
{
	struct world *world = world_open(false, T0);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		note_late(world, i, 0);
		for (unsigned j = 0; j < 100; j++)
			note_late(world, 100 + j, 30 * DAY);
		world_wait(world, world->now + 10);
	}
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
	hold(latest(world, world->newest_id)->recipients == 6);
	hold(latest(world, world->newest_id)->since == T0);
	world_close(world);
}

static void
test_clock_steps(void **state)
{
	static const int64_t steps[] = { HOUR, -HOUR, 40 * DAY, -40 * DAY, 7, -7 };

	(void)state;
	for (unsigned i = 0; i < COUNT(steps); i++) {
		struct world *world = world_open(false, T0);

		for (unsigned j = 0; j < 4; j++)
			note_late(world, j, 0);
		world_wait(world, T0 + 10);
		watch_shift(world->watch, steps[i]);
		world->now += steps[i];
		world_tick(world);
		hold(world->count == 0);
		note_late(world, 4, 0);
		world_wait(world, world->now + 1);
		hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);

		/* An open one stays open, and ends in its time. */
		watch_shift(world->watch, steps[i]);
		world->now += steps[i];
		for (unsigned j = 0; j < 10; j++)
			world_wait(world, world->now + MINUTE);
		hold(world->count == 1);
		world_wait(world, world->now + 4 * HOUR);
		hold(world->count == 2 && said(world, NOTICE_CLOSED, WATCH_AUTH, 0) == 1);
		world_close(world);
	}
}

/* An incident as the store has it. */
static struct incident
stored(enum watch_rule_id rule, const char *domain, const char *provider)
{
	struct incident incident;

	incident_init(&incident);
	incident.id = 7;
	incident.rule = rule;
	incident.severity = rule == WATCH_BREAKER ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	incident.opened_as = incident.severity;
	incident.since = T0 - 20 * MINUTE;
	incident.opened = T0 - 18 * MINUTE;
	incident.newest = T0 - 5;
	incident.domain = domain;
	incident.provider = provider;
	incident.recipients = incident.messages = incident.failures = 12;
	incident.category = rule == WATCH_BREAKER ? CATEGORY_USER_UNKNOWN : CATEGORY_AUTH_FAILURE;
	incident.providers[0].name = "GMX";
	incident.providers[0].count = 12;
	incident.texts[0] = "550 5.7.26 unauthenticated";
	incident.notified = 1;
	incident.notified_time = incident.opened;
	incident.notified_recipients = 12;
	return incident;
}

static void
test_recall(void **state)
{
	struct incident incident = stored(WATCH_AUTH, OWN, "");

	(void)state;
	/* It goes on, or is over. */
	for (int goes_on = 0; goes_on < 2; goes_on++) {
		struct world *world = world_open(true, T0);

		world->rules.rules[WATCH_AUTH_FIRST].on = 0;
		watch_recall(world->watch, &incident);
		watch_recall_id(world->watch, 9);
		world_tick(world);
		hold(world->count == 0);
		if (goes_on)
			play(world, 30, B(OWN, "X", CATEGORY_AUTH_FAILURE, 20, 400, 0, 30));
		hold(world->count == 0);
		world_wait(world, T0 + 6 * HOUR - 30 * MINUTE);
		hold(said(world, NOTICE_CLOSED, WATCH_AUTH, 7) == 1 && world->count == 1);
		hold(world->heard[0].incident.recipients >= 12);
		hold(world->heard[0].incident.since == incident.since);
		hold(world->heard[0].incident.providers[0].count >= 12);
		/* The next one has a number that was never given. */
		play(world, 400, B(OWN, "X", CATEGORY_AUTH_FAILURE, 6, 100, 380, 5));
		hold(said(world, NOTICE_OPENED, WATCH_AUTH, 10) == 1);
		world_close(world);
	}
}

/* What is fed again after a restart is no news either. */
static void
test_recall_and_feed_again(void **state)
{
	struct incident incident = stored(WATCH_AUTH, OWN, "");
	struct world *world = world_open(false, T0);

	(void)state;
	watch_recall(world->watch, &incident);
	for (unsigned i = 0; i < 12; i++)
		note_late(world, i, 10 * MINUTE - i);
	world_wait(world, T0 + 5 * MINUTE);
	hold(world->count == 0);
	world_close(world);
}

static void
test_recall_traffic(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct world *world = world_open(true, T0);

		/* Ten thousand a day at four places are in the store. */
		for (unsigned i = 0; known && i < 20 * 4; i++)
			watch_recall_traffic(world->watch, OWN, place_of("GMXY"[i % 4])->domain,
			    T0 - (int64_t)(1 + i / 4) * HOUR, 125, 120, T0);
		play(world, 60, B(OWN, "GMXY", CATEGORY_USER_UNKNOWN, 40, 260, 0, 30),
		    B(OWN, "G", CATEGORY_AUTH_FAILURE, 1, 0, 5, 1));
		hold(said(world, NOTICE_OPENED, WATCH_HYGIENE, 0) == (known ? 0 : 1));
		hold(said(world, NOTICE_OPENED, WATCH_AUTH_FIRST, 0) == 1);
		world_close(world);
	}
}

#define FLOOD B("own#.example", "X", CATEGORY_USER_UNKNOWN, 80, 2000, 0, 8, .flags = SUPPRESSED)

/* Normal traffic: 1 % unknown, which would be suppressed, and is held. */
#define NORMAL(start, minutes) \
	B("own#.example", "X", CATEGORY_USER_UNKNOWN, (minutes) / 5, (minutes) * 20, (start), (minutes), \
	    .flags = SUPPRESSED | FROZEN)

static void
test_frozen(void **state)
{
	struct world *world = world_open(true, T0);

	(void)state;
	hold(!watch_is_frozen(world->watch, "gmx.net"));
	play(world, 9, FLOOD);
	hold(said(world, NOTICE_OPENED, WATCH_BREAKER, 0) == 1);
	hold(watch_is_frozen(world->watch, "gmx.net"));
	hold(!watch_is_frozen(world->watch, "web.de") && !watch_is_frozen(world->watch, ""));
	/* Two hours of normal traffic, and it is free; not before. */
	play(world, 120, NORMAL(9, 111));
	hold(watch_is_frozen(world->watch, "gmx.net"));
	play(world, 180, NORMAL(120, 60));
	hold(!watch_is_frozen(world->watch, "gmx.net"));
	hold(said(world, NOTICE_CLOSED, WATCH_BREAKER, 0) == 1);
	hold(said(world, NOTICE_OPENED, WATCH_BREAKER, 0) == 1);
	world_close(world);
}

/* Silence is no normal traffic, and neither is what came before the flood. */
static void
test_frozen_while_silent(void **state)
{
	struct world *world = world_open(true, T0);

	(void)state;
	play(world, 9, FLOOD);
	for (unsigned hour = 1; hour <= 6; hour++) {
		world_wait(world, T0 + hour * HOUR);
		check(watch_is_frozen(world->watch, "gmx.net"), "after %u hours", hour);
	}
	play(world, 9 * 60, NORMAL(6 * 60, 3 * 60));
	hold(!watch_is_frozen(world->watch, "gmx.net"));
	world_close(world);
}

static void
test_frozen_after_restart(void **state)
{
	struct incident incident = stored(WATCH_BREAKER, "", "gmx.net");
	struct world *world = world_open(true, T0);

	(void)state;
	watch_recall(world->watch, &incident);
	hold(watch_is_frozen(world->watch, "gmx.net"));
	play(world, 90, NORMAL(0, 90));
	hold(watch_is_frozen(world->watch, "gmx.net"));
	play(world, 180, NORMAL(90, 90));
	hold(!watch_is_frozen(world->watch, "gmx.net") && world->count == 1);
	world_close(world);
}

/* What is usual is learned, handed out, and taken back. */
static void
test_usual(void **state)
{
	struct world *world = world_open(true, T0), *other = world_open(true, T0 + 26 * HOUR);
	struct arena *arena = arena_new();
	struct watch_usual *usuals;
	unsigned count, found = 0;

	(void)state;
	play(world, 26 * 60, B(OWN, "Y", CATEGORY_THROTTLED, 1560, 14040, 0, 26 * 60, .pool = 50),
	    B("own#.example", "Y", CATEGORY_USER_UNKNOWN, 520, 9000, 0, 26 * 60, .flags = SUPPRESSED));
	count = watch_usuals(world->watch, arena, &usuals);
	for (unsigned i = 0; i < count; i++) {
		const struct watch_usual *usual = &usuals[i];

		hold(usual->hour <= (T0 + 26 * HOUR) / HOUR && usual->hour >= T0 / HOUR);
		if (usual->rule == WATCH_THROTTLE && strcmp(usual->domain, OWN) == 0) {
			check(usual->value > 0.005 && usual->value <= 0.11, "%f", usual->value);
			hold(strcmp(usual->provider, "yahoodns.net") == 0);
			found++;
		} else if (usual->rule == WATCH_BREAKER) {
			check(usual->value > 0 && usual->value <= 22, "%f", usual->value);
			hold(usual->domain[0] == '\0' && strcmp(usual->provider, "yahoodns.net") == 0);
			found++;
		}
		watch_recall_usual(other->watch, usual);
	}
	hold(found == 2);
	hold(watch_usuals(other->watch, arena, &usuals) == count);
	world_close(world);
	world_close(other);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_events), cmocka_unit_test(test_late_events_hide_nothing),
		cmocka_unit_test(test_clock_steps), cmocka_unit_test(test_recall),
		cmocka_unit_test(test_recall_and_feed_again), cmocka_unit_test(test_recall_traffic),
		cmocka_unit_test(test_frozen), cmocka_unit_test(test_frozen_while_silent),
		cmocka_unit_test(test_frozen_after_restart),
		cmocka_unit_test(test_usual),
	};

	return cmocka_run_group_tests_name("watch: clock and restart", tests, NULL, NULL);
}
