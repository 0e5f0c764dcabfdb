/*
 * The life of incidents: what people are told and how often, when an incident
 * ends, what it says, and what is left of it after a restart.
 */
#include "watch-support.h"

#define OWN "example.com"

/* From five recipients to thirty at one provider. */
static void
test_rises_once(void **state)
{
	struct world *world = world_open(true, T0);
	const struct heard *opened, *risen;

	(void)state;
	play(world, 20, B(OWN, "X", CATEGORY_AUTH_FAILURE, 30, 600, 0, 10));
	opened = first_said(world, NOTICE_OPENED, WATCH_AUTH);
	risen = first_said(world, NOTICE_RISEN, WATCH_AUTH);
	hold(opened != NULL && opened->incident.severity == SEVERITY_WARNING);
	hold(risen != NULL && risen->incident.severity == SEVERITY_CRITICAL);
	hold(opened->incident.id == risen->incident.id && opened->time < risen->time);
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
	hold(said(world, NOTICE_RISEN, WATCH_AUTH, 0) == 1);
	world_close(world);
}

/* Told of at 20 recipients and at 80, and not again below 320. */
static void
test_grows_fourfold(void **state)
{
	struct world *world = world_open(true, T0);
	const struct heard *grown;

	(void)state;
	play(world, 45, B(OWN, "Y", CATEGORY_THROTTLED, 200, 371, 0, 40));
	grown = first_said(world, NOTICE_GROWN, WATCH_THROTTLE);
	hold(grown != NULL && grown->incident.recipients >= 80 && grown->incident.recipients < 100);
	hold(said(world, NOTICE_GROWN, WATCH_THROTTLE, 0) == 1);
	hold(said(world, NOTICE_OPENED, WATCH_THROTTLE, 0) == 1);
	world_close(world);
}

/* Seven hours of it, always the same forty people. */
static void
test_lasts(void **state)
{
	struct world *world = world_open(true, T0);
	const struct heard *opened, *lasting;
	uint64_t id;

	(void)state;
	play(world, 420, B(OWN, "Y", CATEGORY_THROTTLED, 1260, 2340, 0, 420, .pool = 40));
	opened = first_said(world, NOTICE_OPENED, WATCH_THROTTLE);
	lasting = first_said(world, NOTICE_LASTING, WATCH_THROTTLE);
	hold(opened != NULL && lasting != NULL);
	id = opened->incident.id;
	hold(lasting->incident.id == id && lasting->time >= opened->time + 6 * HOUR);
	hold(lasting->time <= opened->time + 6 * HOUR + 2 * MINUTE);
	hold(latest(world, id)->recipients == 40 && latest(world, id)->closed == 0);
	hold(latest(world, id)->failures >= 1200);
	/* Numbers are in changes that nobody is told of, once a minute at most. */
	hold(world->known[id].changes > 10 && world->known[id].changes <= 7 * 60 + 2);
	hold(world->count == 2);
	world_close(world);
}

/* The failures stop after 20 minutes, the mail goes on. */
static void
test_closes(void **state)
{
	struct world *world = world_open(true, T0);
	const struct heard *closed;
	int64_t window = world->rules.rules[WATCH_THROTTLE].window_sec, end = T0 + 20 * MINUTE;

	(void)state;
	play(world, 180, B(OWN, "Y", CATEGORY_THROTTLED, 60, 120, 0, 20),
	    B(OWN, "Y", 0, 0, 640, 20, 160),
	    /* One in five minutes is no reason to begin anew. */
	    B(OWN, "Y", CATEGORY_THROTTLED, 30, 0, 25, 150));
	closed = first_said(world, NOTICE_CLOSED, WATCH_THROTTLE);
	hold(closed != NULL && closed->incident.closed == closed->time);
	hold(closed->time >= end + 2 * window - MINUTE);
	hold(closed->time <= end + 3 * window + 5 * MINUTE);
	hold(said(world, NOTICE_OPENED, WATCH_RULES, 0) == 1);
	hold(said(world, NOTICE_CLOSED, WATCH_RULES, 0) == 1);
	world_close(world);
}

/* More than half of the threshold is too much to close. */
static void
test_does_not_close_above_half(void **state)
{
	struct world *world = world_open(true, T0);

	(void)state;
	play(world, 180, B(OWN, "Y", CATEGORY_THROTTLED, 60, 120, 0, 20),
	    B(OWN, "Y", CATEGORY_THROTTLED, 160, 480, 20, 160, .pool = 60));
	hold(said(world, NOTICE_OPENED, WATCH_RULES, 0) == 1);
	hold(said(world, NOTICE_CLOSED, WATCH_RULES, 0) == 0);
	world_close(world);
}

/* What is over after a minute is open for a quarter of an hour. */
static void
test_holds_fifteen_minutes(void **state)
{
	static const struct { enum watch_condition condition; enum severity severity; } cases[] = {
		{ CONDITION_STORE, SEVERITY_CRITICAL }, { CONDITION_LOG_SILENT, SEVERITY_WARNING },
		{ CONDITION_RULES, SEVERITY_WARNING }, { CONDITION_CLOCK, SEVERITY_WARNING },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases) * 2; i++) {
		struct world *world = world_open(i % 2 == 0, T0);
		enum watch_condition condition = cases[i / 2].condition;
		const struct heard *opened, *closed;

		watch_condition(world->watch, condition, true, "it does not work");
		world_tick(world);
		watch_condition(world->watch, condition, true, "it does not work");
		world_wait(world, T0 + MINUTE);
		opened = first_said(world, NOTICE_OPENED, WATCH_SELF);
		hold(opened != NULL && opened->incident.severity == cases[i / 2].severity);
		hold(strcmp(opened->incident.condition,
		    words_name(&watch_condition_words, condition)) == 0);
		hold(strcmp(opened->incident.cause, "it does not work") == 0);
		watch_condition(world->watch, condition, false, "");
		world_wait(world, T0 + 6 * HOUR);
		closed = first_said(world, NOTICE_CLOSED, WATCH_SELF);
		hold(closed != NULL && closed->time >= T0 + 15 * MINUTE);
		hold(world->count == 2 && closed->incident.id == opened->incident.id);
		world_close(world);
	}
}

/* Two conditions are two incidents. */
static void
test_conditions_are_apart(void **state)
{
	struct world *world = world_open(true, T0);

	(void)state;
	for (unsigned i = 0; i < CONDITION_COUNT; i++)
		watch_condition(world->watch, (enum watch_condition)i, true, "so it is");
	world_tick(world);
	hold(said(world, NOTICE_OPENED, WATCH_SELF, 0) == CONDITION_COUNT);
	world_close(world);
}

static void
test_a_second_one_is_new(void **state)
{
	struct world *world = world_open(true, T0);

	(void)state;
	play(world, 180, B(OWN, "X", CATEGORY_AUTH_FAILURE, 8, 80, 0, 5));
	play(world, 400, B(OWN, "X", CATEGORY_AUTH_FAILURE, 8, 80, 200, 5));
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 2);
	hold(said(world, NOTICE_CLOSED, WATCH_AUTH, 0) == 2);
	for (unsigned i = 0, last = 0; i < world->count; i++) {
		if (world->heard[i].notice == NOTICE_OPENED) {
			hold(world->heard[i].incident.id > last);
			last = (unsigned)world->heard[i].incident.id;
		}
	}
	world_close(world);
}

/* Sixty domains at once: fifteen are told of, a quarter of the hour's twenty being
   kept for what is critical; a digest tells of the others. */
static void
test_digest(void **state)
{
	struct world *world = world_open(true, T0);
	unsigned critical = 0;

	(void)state;
	world->rules.rules[WATCH_AUTH_FIRST].on = world->rules.rules[WATCH_ONE_RECEIVER].on = 0;
	play(world, 58, B("own#.example", "X", CATEGORY_AUTH_FAILURE, 60 * 58, 60 * 580, 0, 58,
	    .domains = 60, .pool = 60 * 6),
	    B("worse#.example", "W", CATEGORY_AUTH_FAILURE, 9 * 30, 9 * 30, 20, 10, .domains = 9));
	hold(world->newest_id == 60 + 9);
	for (unsigned i = 0; i < world->count; i++)
		critical += world->heard[i].incident.severity == SEVERITY_CRITICAL;
	hold(world->count == 20 && critical == 5);
	hold(world->digests == 0);
	world_wait(world, T0 + 75 * MINUTE);
	hold(world->digests == 1);
	/* 45 and four; those that rose before they were told of count once or twice. */
	check(strpbrk(world->digest, "0123456789") != NULL && atoi(strpbrk(world->digest,
	    "0123456789")) >= 49, "%s", world->digest);
	world_close(world);
}

/* What an incident says, newest and most frequent first. */
static void
test_what_it_says(void **state)
{
	static const char headers[] = "DKIM-Signature: v=1; s=s1\n";
	struct world *world = world_open(true, T0);
	const struct watch_returned returned = {
		.domain = OWN, .selector = "s1", .from_domain = "news.example.com",
		.headers = { headers, sizeof(headers) - 1 },
	};
	const struct incident *incident;

	(void)state;
	play(world, 0.05, B(OWN, "G", CATEGORY_AUTH_FAILURE, 1, 0, 0, 0.05, .subcause = "dkim",
	    .person = 50));
	watch_returned(world->watch, &returned);
	play(world, 8, B(OWN, "Y", CATEGORY_AUTH_FAILURE, 8, 80, 0, 5, .subcause = "dkim"),
	    B(OWN, "G", CATEGORY_AUTH_FAILURE, 11, 80, 0, 5, .subcause = "dkim"),
	    B(OWN, "X", CATEGORY_AUTH_FAILURE, 3, 80, 0, 5, .subcause = "spf"),
	    B(OWN, "X", CATEGORY_RDNS_FAILURE, 1, 0, 0, 5, .subcause = "unspecified"));
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
	hold(strcmp(world->headers, headers) == 0);
	incident = latest(world, first_said(world, NOTICE_OPENED, WATCH_AUTH)->incident.id);
	/* The first at GMX is refused for two reasons. */
	hold(incident->recipients == 23 && incident->messages == 23 && incident->failures == 24);
	hold(incident->attempts > 200 && incident->attempts <= 24 + 3 * 80);
	hold(incident->category == CATEGORY_AUTH_FAILURE);
	hold(strcmp(incident->subcause, "dkim") == 0 && strcmp(incident->selector, "s1") == 0);
	hold(strcmp(incident->from_domain, "news.example.com") == 0);
	hold(incident->providers[0].count == 12 && strcmp(incident->providers[0].name, "Google") == 0);
	hold(incident->providers[1].count == 8 && strcmp(incident->providers[1].name, "Yahoo") == 0);
	hold(incident->providers[2].count == 4 && strcmp(incident->providers[2].name, "GMX") == 0);
	hold(incident->causes[0].count == 20 &&
	    strcmp(incident->causes[0].name, "auth-failure/dkim") == 0);
	hold(incident->codes[0].count == 23 && strcmp(incident->codes[0].name, "550 5.7.26") == 0);
	hold(strcmp(incident->codes[1].name, "554 5.7.1") == 0);
	/* The last of Google's eleven is at 286.4 seconds, Yahoo's at 281, GMX' at 250. */
	hold(incident->since == T0 + 1 && incident->newest == T0 + 286);
	hold(strstr(incident->texts[0], "r10@google.com") != NULL);
	hold(strstr(incident->texts[1], "r7@yahoodns.net") != NULL);
	hold(strstr(incident->texts[2], "r9@google.com") != NULL);
	watch_diagnosed(world->watch, incident->id, "the key is gone");
	world_wait(world, T0 + 11 * MINUTE);
	hold(strcmp(latest(world, world->newest_id)->diagnosis, "the key is gone") == 0);
	world_close(world);
}

/* A stranger's words are cut between two characters. */
static void
test_long_words(void **state)
{
	struct world *world = world_open(true, T0);
	struct event_strings strings;
	struct watch_event event;
	char text[4001] = "5";
	const char *kept;

	(void)state;
	for (unsigned i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[3999] = '\0';
	for (unsigned i = 0; i < 8; i++) {
		event_make(&event, &strings, place_of('X'), WATCH_FAILED, CATEGORY_AUTH_FAILURE, i,
		    T0 + i);
		event.domain = OWN;
		event.text = event.subcause = event.identity = event.address = event.campaign = text;
		event.status = event.recipient = event.message = text;
		event.recipient = text + 2 * i;
		world_note(world, &event);
	}
	world_wait(world, T0 + 3 * MINUTE);
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
	kept = latest(world, first_said(world, NOTICE_OPENED, WATCH_AUTH)->incident.id)->texts[0];
	hold(strlen(kept) <= INCIDENT_TEXT_BYTES && strlen(kept) > INCIDENT_TEXT_BYTES / 2);
	hold(strlen(kept) % 2 == 1 && strncmp(kept, text, strlen(kept)) == 0);
	world_close(world);
}

static void
test_distinct_recipients(void **state)
{
	/* Recipients, and how far the number may be off, in per cent. */
	static const unsigned cases[][2] = { { 40, 0 }, { 312, 0 }, { 4000, 0 }, { 10000, 5 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct world *world = world_open(true, T0);
		unsigned people = cases[i][0], slack = people * cases[i][1] / 100;
		const struct incident *incident;

		play(world, 15, B(OWN, "X", CATEGORY_AUTH_FAILURE, people * 3, people, 0, 12,
		    .pool = people));
		hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
		incident = latest(world, first_said(world, NOTICE_OPENED, WATCH_AUTH)->incident.id);
		check(incident->recipients + slack >= people && incident->recipients <= people + slack,
		    "%u of %u", (unsigned)incident->recipients, people);
		hold(incident->failures == 3 * (uint64_t)people);
		world_close(world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rises_once), cmocka_unit_test(test_grows_fourfold),
		cmocka_unit_test(test_lasts), cmocka_unit_test(test_closes),
		cmocka_unit_test(test_does_not_close_above_half),
		cmocka_unit_test(test_holds_fifteen_minutes),
		cmocka_unit_test(test_conditions_are_apart), cmocka_unit_test(test_a_second_one_is_new),
		cmocka_unit_test(test_digest), cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_long_words), cmocka_unit_test(test_distinct_recipients),
	};

	return cmocka_run_group_tests_name("watch: life of incidents", tests, NULL, NULL);
}
