/*
 * How many different names there were: exact to DISTINCT_EXACT, an estimate
 * above, in bounded memory.
 */
#include "support.h"

#include "watch/distinct.h"

#define NOW INT64_C(28334160) /* minutes since 1970 */
#define SKETCHES (2 * 2048) /* bytes of two */
#define MEMORY_MOST (2 * DISTINCT_EXACT * sizeof(uint64_t) + SKETCHES) /* places half full */

static uint64_t
name_of(unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "r%u@example.net", number);
	return distinct_hash(name);
}

static void
add_some(struct distinct *distinct, unsigned first, unsigned count, int64_t minute,
    unsigned forever)
{
	for (unsigned i = 0; i < count; i++)
		distinct_add(distinct, name_of(first + i), minute, forever);
}

/* Within 5 %. */
static bool
is_about(uint64_t got, double want)
{
	return (double)got > 0.95 * want && (double)got < 1.05 * want;
}

static void
test_exact(void **state)
{
	static const unsigned counts[] = { 0, 1, 4, 5, 100, 2048, 4095, DISTINCT_EXACT };

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		for (unsigned forever = 0; forever <= DISTINCT_EXACT; forever += DISTINCT_EXACT) {
			struct distinct distinct = { 0 };

			/* Twice: the same name is one. */
			add_some(&distinct, 0, counts[i], NOW, forever);
			add_some(&distinct, 0, counts[i], NOW + 1, forever);
			check(distinct_count(&distinct, NOW + 1, 0) == counts[i], "all of %u", counts[i]);
			check(distinct_count(&distinct, NOW + 1, 15) == counts[i], "window of %u",
			    counts[i]);
			distinct_free(&distinct);
			assert_int_equal(distinct_bytes(&distinct), 0);
			assert_int_equal(distinct_count(&distinct, NOW, 0), 0);
		}
	}
}

/* The first and the last minute of a window. */
static void
test_windows(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	for (unsigned i = 0; i < DISTINCT_KEEP; i++)
		add_some(&distinct, 10 * i, 10, NOW + i, 0);
	for (unsigned minutes = 1; minutes <= DISTINCT_KEEP; minutes++)
		check(distinct_count(&distinct, NOW + DISTINCT_KEEP - 1, minutes) == 10 * minutes,
		    "%u minutes", minutes);
	/* Who is seen again is as new as that. */
	add_some(&distinct, 0, 10, NOW + DISTINCT_KEEP - 1, 0);
	assert_int_equal(distinct_count(&distinct, NOW + DISTINCT_KEEP - 1, 1), 20);
	assert_int_equal(distinct_count(&distinct, NOW + DISTINCT_KEEP - 1, DISTINCT_KEEP), 600);
	assert_int_equal(distinct_count(&distinct, NOW + 3 * DISTINCT_KEEP, DISTINCT_KEEP), 0);
	distinct_free(&distinct);
}

/* Forty-five days have as many minutes as a place can tell apart. */
static void
test_minutes_wrap(void **state)
{
	struct distinct distinct = { 0 };
	int64_t edge = (NOW | 0xffff) - 2;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		add_some(&distinct, i, 1, edge + i, 0);
	assert_int_equal(distinct_count(&distinct, edge + 5, 15), 6);
	assert_int_equal(distinct_count(&distinct, edge + 5, 4), 4);
	distinct_free(&distinct);
}

static void
test_estimate(void **state)
{
	static const unsigned counts[] = { 5000, 10000, 20000, 50000, 100000 };

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		for (unsigned forever = 0; forever <= DISTINCT_EXACT; forever += DISTINCT_EXACT) {
			struct distinct distinct = { 0 };
			uint64_t got;

			/* In the window, and across the end of a period of the sketch. */
			for (unsigned j = 0; j < 10; j++)
				add_some(&distinct, j * (counts[i] / 10), counts[i] / 10, NOW + 55 + j,
				    forever);
			got = distinct_count(&distinct, NOW + 64, forever > 0 ? 0 : DISTINCT_KEEP);
			check(is_about(got, counts[i]), "%u: %llu", counts[i], (unsigned long long)got);
			check(distinct_bytes(&distinct) <= MEMORY_MOST, "%zu bytes",
			    distinct_bytes(&distinct));
			distinct_free(&distinct);
		}
	}
}

/* What is only in the window makes room; what is forever does not. */
static void
test_forever(void **state)
{
	struct distinct windowed = { 0 }, forever = { 0 };

	(void)state;
	for (unsigned i = 0; i < 48; i++) {
		add_some(&windowed, 100 * i, 100, NOW + 60 * i, 0);
		add_some(&forever, 100 * i, 100, NOW + 60 * i, DISTINCT_EXACT);
	}
	assert_int_equal(distinct_count(&windowed, NOW + 60 * 47, DISTINCT_KEEP), 100);
	assert_true(distinct_bytes(&windowed) <= 512 * sizeof(uint64_t));
	assert_true(is_about(distinct_count(&forever, 0, 0), 4800));
	distinct_free(&windowed);
	distinct_free(&forever);
}

/* Who wants to know no more than that there are many keeps fewer names, and none
   beside the sketch. */
static void
test_fewer_names(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	add_some(&distinct, 0, 512, NOW, 512);
	assert_int_equal(distinct_count(&distinct, 0, 0), 512);
	assert_true(distinct_bytes(&distinct) <= 2 * 512 * sizeof(uint64_t));
	add_some(&distinct, 0, 10000, NOW + 100000, 512);
	assert_true(is_about(distinct_count(&distinct, 0, 0), 10000));
	assert_true(distinct_bytes(&distinct) <= SKETCHES);
	distinct_free(&distinct);
}

/* A flood that is over leaves nothing in the next day's windows. */
static void
test_flood_ends(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	add_some(&distinct, 0, 50000, NOW, 0);
	assert_true(is_about(distinct_count(&distinct, NOW, DISTINCT_KEEP), 50000));
	add_some(&distinct, 90000, 7, NOW + 180, 0);
	assert_int_equal(distinct_count(&distinct, NOW + 180, DISTINCT_KEEP), 7);
	assert_int_equal(distinct_count(&distinct, NOW + 180, 15), 7);
	distinct_free(&distinct);
}

static void
test_merge(void **state)
{
	struct distinct into = { 0 }, one = { 0 }, other = { 0 };

	(void)state;
	add_some(&one, 0, 30, NOW, 0);
	add_some(&one, 30, 30, NOW + 20, 0);
	add_some(&other, 50, 30, NOW + 20, 0);
	/* Only those of the window, and who is in both once. */
	distinct_merge(&into, DISTINCT_EXACT, &one, NOW + 20, 15);
	assert_int_equal(distinct_count(&into, 0, 0), 30);
	distinct_merge(&into, DISTINCT_EXACT, &one, NOW + 20, DISTINCT_KEEP);
	assert_int_equal(distinct_count(&into, 0, 0), 60);
	distinct_merge(&into, DISTINCT_EXACT, &other, NOW + 20, DISTINCT_KEEP);
	assert_int_equal(distinct_count(&into, 0, 0), 80);
	assert_int_equal(distinct_count(&one, NOW + 20, 0), 60);
	/* And goes on with the same names. */
	add_some(&into, 0, 81, NOW + 5000, DISTINCT_EXACT);
	assert_int_equal(distinct_count(&into, 0, 0), 81);
	distinct_free(&into);
	distinct_free(&one);
	distinct_free(&other);
}

/* A sketch into what is exact, and what is exact into a sketch: either way round
   all are there, once. */
static void
test_merge_sketches(void **state)
{
	struct distinct small = { 0 }, large = { 0 }, first = { 0 }, second = { 0 };

	(void)state;
	add_some(&small, 0, 3000, NOW, 0);
	add_some(&large, 2000, 20000, NOW, 0);
	distinct_merge(&first, DISTINCT_EXACT, &small, NOW, DISTINCT_KEEP);
	distinct_merge(&first, DISTINCT_EXACT, &large, NOW, DISTINCT_KEEP);
	distinct_merge(&second, DISTINCT_EXACT, &large, NOW, DISTINCT_KEEP);
	distinct_merge(&second, DISTINCT_EXACT, &small, NOW, DISTINCT_KEEP);
	assert_true(is_about(distinct_count(&first, 0, 0), 22000));
	assert_true(is_about(distinct_count(&second, 0, 0), 22000));
	assert_true(distinct_bytes(&first) <= MEMORY_MOST);
	/* What is merged and added afterwards is known as the same. */
	add_some(&second, 0, 22000, NOW + 1, DISTINCT_EXACT);
	assert_true(is_about(distinct_count(&second, 0, 0), 22000));
	distinct_free(&small);
	distinct_free(&large);
	distinct_free(&first);
	distinct_free(&second);
}

static void
test_shift(void **state)
{
	static const int64_t shifts[] = { 1, -1, 60, -60, 12345, -12345, 70000, -70000 };

	(void)state;
	for (size_t i = 0; i < COUNT(shifts); i++) {
		struct distinct distinct = { 0 };
		int64_t now = NOW + 10 + shifts[i];

		add_some(&distinct, 0, 20, NOW, 0);
		add_some(&distinct, 20, 20, NOW + 10, 0);
		distinct_shift(&distinct, shifts[i]);
		check(distinct_count(&distinct, now, 5) == 20, "%ld", (long)shifts[i]);
		check(distinct_count(&distinct, now, 15) == 40, "%ld", (long)shifts[i]);
		add_some(&distinct, 0, 45, now, 0);
		check(distinct_count(&distinct, now, 15) == 45, "%ld", (long)shifts[i]);
		distinct_free(&distinct);
	}
}

/* A sketch is moved, too: it is neither forgotten at once nor kept. */
static void
test_shift_sketch(void **state)
{
	static const int64_t days[] = { 40, -40 };

	(void)state;
	for (size_t i = 0; i < COUNT(days); i++) {
		struct distinct distinct = { 0 };
		int64_t by = days[i] * 24 * 60;

		add_some(&distinct, 0, 20000, NOW, 0);
		distinct_shift(&distinct, by);
		add_some(&distinct, 20000, 1000, NOW + by + 1, 0);
		check(is_about(distinct_count(&distinct, NOW + by + 1, DISTINCT_KEEP), 21000), "%ld days",
		    (long)days[i]);
		distinct_free(&distinct);
	}
}

/* A late event is a part of its window, and pushes out nobody that is newer. */
static void
test_late(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	add_some(&distinct, 0, 4, NOW + 10, 0);
	add_some(&distinct, 4, 1, NOW, 0);
	assert_int_equal(distinct_count(&distinct, NOW + 10, 15), 5);
	add_some(&distinct, 0, 4, NOW - 8, 0);
	assert_int_equal(distinct_count(&distinct, NOW + 12, 15), 5);
	distinct_free(&distinct);
}

/* A flood that goes on: there are many in each window, all the time. */
static void
test_long_flood(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	for (unsigned minute = 0; minute < 180; minute++) {
		add_some(&distinct, 1000 * minute, 1000, NOW + minute, 0);
		check(minute < 4 || distinct_count(&distinct, NOW + minute, 15) >= DISTINCT_EXACT / 2,
		    "minute %u", minute);
	}
	distinct_free(&distinct);
}

/* What was there 45 days ago is not new again. */
static void
test_old_minutes(void **state)
{
	struct distinct distinct = { 0 };

	(void)state;
	add_some(&distinct, 0, 40, NOW, 0);
	for (unsigned minute = 30; minute <= 0x10000 + 5; minute += 30)
		add_some(&distinct, 99, 1, NOW + minute, 0);
	add_some(&distinct, 99, 1, NOW + 0x10000 + 5, 0);
	assert_int_equal(distinct_count(&distinct, NOW + 0x10000 + 5, 15), 1);
	distinct_free(&distinct);
}

/* A hash is 64 bits of anything, zero among them. */
static void
test_strange_hashes(void **state)
{
	static const uint64_t hashes[] = { 0, 1, 0xffff, 0x10000, UINT64_MAX, UINT64_MAX << 16,
		UINT64_C(1) << 63 };
	struct distinct distinct = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(hashes); i++)
		distinct_add(&distinct, hashes[i], NOW, DISTINCT_EXACT);
	/* The lower sixteen bits are not looked at: 0, 1, 0xffff and 0x10000 are one. */
	assert_int_equal(distinct_count(&distinct, NOW, 0), 3);
	distinct_free(&distinct);
	/* All in one place: slow, and no more than that. */
	for (unsigned i = 0; i < 6000; i++)
		distinct_add(&distinct, (uint64_t)i << 29, NOW, 0);
	assert_true(distinct_count(&distinct, NOW, 0) >= DISTINCT_EXACT);
	assert_true(distinct_bytes(&distinct) <= MEMORY_MOST);
	distinct_free(&distinct);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact), cmocka_unit_test(test_windows),
		cmocka_unit_test(test_minutes_wrap), cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_forever), cmocka_unit_test(test_fewer_names),
		cmocka_unit_test(test_flood_ends),
		cmocka_unit_test(test_merge), cmocka_unit_test(test_merge_sketches),
		cmocka_unit_test(test_shift), cmocka_unit_test(test_shift_sketch),
		cmocka_unit_test(test_strange_hashes), cmocka_unit_test(test_late),
		cmocka_unit_test(test_long_flood), cmocka_unit_test(test_old_minutes),
	};

	return cmocka_run_group_tests_name("watch: distinct names", tests, NULL, NULL);
}
