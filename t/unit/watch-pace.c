/*
 * How often people hear of something: so many times in any hour, and what had no
 * room together.
 */
#include "support.h"

#include "watch/pace.h"

#define T0 INT64_C(1700049600)
#define MINUTE 60
#define HOUR 3600

static unsigned
ask(struct pace *pace, unsigned per_hour, enum severity severity, unsigned times, int64_t now)
{
	unsigned allowed = 0;

	while (times-- > 0)
		allowed += pace_allows(pace, per_hour, severity, now);
	return allowed;
}

/* A quarter is kept for what is critical. */
static void
test_limits(void **state)
{
	static const struct { unsigned per_hour, warnings, all; } cases[] = {
		{ 20, 15, 20 }, { 4, 3, 4 }, { 3, 3, 3 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1000, 750, 1000 },
		{ 5000, PACE_MOST, PACE_MOST },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pace *pace = calloc(1, sizeof(*pace));

		check(ask(pace, cases[i].per_hour, SEVERITY_NOTICE, 10, T0) ==
		    (cases[i].warnings < 10 ? cases[i].warnings : 10), "%u", cases[i].per_hour);
		check(ask(pace, cases[i].per_hour, SEVERITY_WARNING, 6000, T0) + 10 >=
		    cases[i].warnings, "%u", cases[i].per_hour);
		check(ask(pace, cases[i].per_hour, SEVERITY_CRITICAL, 6000, T0) ==
		    cases[i].all - cases[i].warnings, "%u", cases[i].per_hour);
		free(pace);
	}
}

/* Critical ones take what is there for the others, too. */
static void
test_critical_first(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 50, T0), 20);
	assert_int_equal(ask(&pace, 20, SEVERITY_WARNING, 50, T0), 0);
}

/* Asked every ten seconds for a day: in no hour, wherever it begins, are there
   more, and none is wasted. */
static void
test_any_hour(void **state)
{
	struct pace pace = { 0 };
	int64_t times[1000];
	unsigned count = 0;

	(void)state;
	for (int64_t now = T0; now < T0 + 24 * HOUR; now += 10) {
		/* As it comes: bursts before and behind the full hour. */
		enum severity severity = now % (2 * HOUR) < HOUR ? SEVERITY_CRITICAL : SEVERITY_WARNING;

		if (now % HOUR > 50 * MINUTE || now % HOUR < 10 * MINUTE)
			for (unsigned i = 0; i < 5; i++)
				if (pace_allows(&pace, 20, severity, now))
					times[count++] = now;
	}
	for (unsigned i = 0; i + 20 < count; i++)
		check(times[i + 20] - times[i] >= HOUR, "the %uth", i);
	assert_true(count >= 15 * 24 && count <= 20 * 24 + 20);
}

/* The full hour that was used up is over to the second. */
static void
test_boundary(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 25, T0 + 30 * MINUTE), 20);
	assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 25, T0 + HOUR), 0);
	assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 25, T0 + 90 * MINUTE - 1), 0);
	assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 25, T0 + 90 * MINUTE), 20);
}

static void
withhold(struct pace *pace, unsigned first, unsigned count, int64_t now)
{
	struct incident incident;

	incident_init(&incident);
	incident.severity = SEVERITY_WARNING;
	incident.domain = "example.com";
	incident.since = now;
	incident.recipients = 6;
	for (unsigned i = 0; i < count; i++) {
		incident.id = first + i;
		pace_withhold(pace, &incident, now);
	}
}

static unsigned
lines_of(const char *text)
{
	unsigned lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

/* An hour after the first, once, with the number of them. */
static void
test_digest(void **state)
{
	struct pace pace = { 0 };
	const char *digest;

	assert_null(pace_digest(&pace, T0, *state));
	withhold(&pace, 7, 2, T0);
	withhold(&pace, 9, 1, T0 + 59 * MINUTE);
	assert_null(pace_digest(&pace, T0 + HOUR - 1, *state));
	digest = pace_digest(&pace, T0 + HOUR, *state);
	assert_non_null(digest);
	assert_int_equal(strncmp(digest, "3 notices were withheld", 23), 0);
	assert_int_equal(lines_of(digest), 4);
	assert_non_null(strstr(digest, "\nwarning 7: "));
	assert_non_null(strstr(digest, "\nwarning 9: "));
	assert_null(pace_digest(&pace, T0 + HOUR, *state));
	assert_null(pace_digest(&pace, T0 + 3 * HOUR, *state));
	/* The next hour begins with what is withheld next. */
	withhold(&pace, 10, 1, T0 + 3 * HOUR);
	assert_null(pace_digest(&pace, T0 + 4 * HOUR - 1, *state));
	digest = pace_digest(&pace, T0 + 4 * HOUR, *state);
	assert_int_equal(lines_of(digest), 2);
	assert_null(strstr(digest, "warning 9"));
	buf_free(&pace.digest);
}

/* It says how many, and not each of them. */
static void
test_large_digest(void **state)
{
	struct pace pace = { 0 };
	const char *digest;

	withhold(&pace, 1, 100000, T0);
	digest = pace_digest(&pace, T0 + HOUR, *state);
	assert_int_equal(strncmp(digest, "100000 notices were withheld", 28), 0);
	assert_true(strlen(digest) < 52 * (INCIDENT_SENTENCE_BYTES + 40));
	assert_int_equal(lines_of(digest), 52);
	assert_string_equal(digest + strlen(digest) - 5, "\n...\n");
	buf_free(&pace.digest);
}

/* The clock was set: the hour is as long as before. */
static void
test_shift(void **state)
{
	static const int64_t steps[] = { HOUR, -HOUR, 40 * 86400, -40 * 86400 };

	for (size_t i = 0; i < COUNT(steps); i++) {
		struct pace pace = { 0 };
		int64_t now = T0 + steps[i];

		assert_int_equal(ask(&pace, 20, SEVERITY_CRITICAL, 20, T0), 20);
		withhold(&pace, 1, 1, T0);
		pace_shift(&pace, steps[i]);
		check(ask(&pace, 20, SEVERITY_CRITICAL, 1, now + HOUR - 1) == 0, "%ld", (long)steps[i]);
		check(ask(&pace, 20, SEVERITY_CRITICAL, 1, now + HOUR) == 1, "%ld", (long)steps[i]);
		check(pace_digest(&pace, now + HOUR - 1, *state) == NULL, "%ld", (long)steps[i]);
		check(pace_digest(&pace, now + HOUR, *state) != NULL, "%ld", (long)steps[i]);
		buf_free(&pace.digest);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits), cmocka_unit_test(test_critical_first),
		cmocka_unit_test(test_any_hour), cmocka_unit_test(test_boundary),
		test_with_arena(test_digest), test_with_arena(test_large_digest),
		test_with_arena(test_shift),
	};

	return cmocka_run_group_tests_name("watch: pace", tests, NULL, NULL);
}
