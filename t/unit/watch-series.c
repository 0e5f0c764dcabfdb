/*
 * Rings of minutes and hours, and what a share of a few says about many.
 */
#include "support.h"

#include <math.h>

#include "watch/series.h"

#define NOW INT64_C(28334160) /* minutes since 1970 */
#define HOUR_NOW INT64_C(472236)

static void
test_sums(void **state)
{
	struct series series = { 0 };

	(void)state;
	assert_int_equal(series_sum(&series, NOW, 60), 0);
	assert_int_equal(series_first(&series, NOW, 60), 0);
	for (unsigned i = 0; i < 60; i++)
		series_add(&series, NOW + i, i + 1);
	for (unsigned minutes = 0; minutes <= 60; minutes++) {
		unsigned want = 60 * 61 / 2 - (60 - minutes) * (61 - minutes) / 2;

		check(series_sum(&series, NOW + 59, minutes) == want, "%u minutes", minutes);
	}
	assert_int_equal(series_at(&series, NOW), 1);
	assert_int_equal(series_at(&series, NOW + 59), 60);
	assert_int_equal(series_at(&series, NOW + 60), 0);
	assert_int_equal(series_at(&series, NOW - 1), 0);
	assert_int_equal(series_first(&series, NOW + 59, 60), NOW);
	assert_int_equal(series_first(&series, NOW + 59, 10), NOW + 50);
}

/* The window slides on where nothing happens. */
static void
test_time_passes(void **state)
{
	struct series series = { 0 };

	(void)state;
	series_add(&series, NOW, 5);
	assert_int_equal(series_sum(&series, NOW + 14, 15), 5);
	assert_int_equal(series_sum(&series, NOW + 15, 15), 0);
	assert_int_equal(series_sum(&series, NOW + 59, 60), 5);
	assert_int_equal(series_sum(&series, NOW + 60, 60), 0);
	assert_int_equal(series_sum(&series, NOW + 1000000, 60), 0);
	/* Asked about a time before it: what came later is no part of that. */
	assert_int_equal(series_sum(&series, NOW - 1, 60), 0);
}

/* In a gap old counts must not stand in the places of new minutes. */
static void
test_gaps(void **state)
{
	static const int64_t gaps[] = { 1, 2, 30, SERIES_MINUTES - 1, SERIES_MINUTES,
		SERIES_MINUTES + 1, 2 * SERIES_MINUTES, 1000, 1000000 };

	(void)state;
	for (size_t i = 0; i < COUNT(gaps); i++) {
		struct series series = { 0 };
		unsigned want = 1;

		for (int64_t minute = NOW - 80; minute <= NOW; minute++)
			series_add(&series, minute, 1);
		series_add(&series, NOW + gaps[i], 1);
		if (gaps[i] < 60)
			want += 60 - (unsigned)gaps[i];
		check(series_sum(&series, NOW + gaps[i], 60) == want, "gap %ld", (long)gaps[i]);
		check(series_at(&series, NOW + gaps[i]) == 1, "gap %ld", (long)gaps[i]);
	}
}

static void
test_late(void **state)
{
	struct series series = { 0 };

	(void)state;
	series_add(&series, NOW, 1);
	series_add(&series, NOW - 59, 2);
	series_add(&series, NOW - SERIES_MINUTES + 1, 4);
	/* What is older than the ring takes nobody's place. */
	series_add(&series, NOW - SERIES_MINUTES, 100);
	series_add(&series, NOW - 1000000, 100);
	series_add(&series, 0, 100);
	assert_int_equal(series_sum(&series, NOW, 60), 3);
	assert_int_equal(series_sum(&series, NOW, SERIES_MINUTES), 7);
	assert_int_equal(series_sum(&series, NOW, 1000), 7);
	assert_int_equal(series_at(&series, NOW), 1);
	assert_int_equal(series_first(&series, NOW, 60), NOW - 59);
}

/* Two of the future make room for the past, as if their time had come. */
static void
test_future(void **state)
{
	struct series series = { 0 };

	(void)state;
	series_add(&series, NOW, 1);
	series_add(&series, NOW + 10, 2);
	series_add(&series, NOW + 1, 4);
	assert_int_equal(series_sum(&series, NOW + 1, 60), 5);
	assert_int_equal(series_sum(&series, NOW + 10, 60), 7);
	series_add(&series, NOW + SERIES_MINUTES + 20, 8);
	assert_int_equal(series_sum(&series, NOW + 10, 60), 0);
	assert_int_equal(series_sum(&series, NOW + SERIES_MINUTES + 20, 60), 8);
}

static void
test_hours(void **state)
{
	struct hours hours = { 0 };

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		hours_add(&hours, HOUR_NOW + i, 10);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29, 24), 240);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29, SERIES_HOURS), 250);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29, 100), 250);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29, 1), 10);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 35, 24), 180);
	/* An hour that is not the newest, alone. */
	hours_add(&hours, HOUR_NOW + 20, 7);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 20, 1), 17);
	hours_add(&hours, HOUR_NOW + 29 - SERIES_HOURS, 1000);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29, SERIES_HOURS), 257);
	hours_add(&hours, HOUR_NOW + 29 + SERIES_HOURS, 3);
	assert_int_equal(hours_sum(&hours, HOUR_NOW + 29 + SERIES_HOURS, SERIES_HOURS), 3);
}

/* Against Wilson's formula for z = 1.96, worked out elsewhere. */
static void
test_share(void **state)
{
	static const struct { double count, all, want; } cases[] = {
		{ 5, 100, 0.02154 }, { 1, 10, 0.01788 }, { 5, 10, 0.23659 }, { 1, 5, 0.03622 },
		{ 50, 1000, 0.03813 }, { 200, 1000, 0.17638 }, { 10, 10, 0.72246 }, { 1, 1, 0.20654 },
		{ 100, 100, 0.96301 }, { 0, 10, 0 }, { 0, 1, 0 }, { 0, 0, 0 }, { 3, 0, 0 },
		/* A failure may be known before its attempt is. */
		{ 12, 10, 0.72246 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double got = series_share(cases[i].count, cases[i].all);

		check(fabs(got - cases[i].want) < 0.00001, "%g of %g: %f", cases[i].count, cases[i].all,
		    got);
	}
	/* More of the same says more, and never more than there is. */
	for (double all = 10; all < 1e7; all *= 10) {
		assert_true(series_share(all / 10, all) < series_share(all, all * 10));
		assert_true(series_share(all / 10, all) < 0.1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums), cmocka_unit_test(test_time_passes),
		cmocka_unit_test(test_gaps), cmocka_unit_test(test_late), cmocka_unit_test(test_future),
		cmocka_unit_test(test_hours), cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests_name("watch: series", tests, NULL, NULL);
}
