/*
 * Patience is used up by waiting, whoever waits, and grows again slowly.
 */
#include "support.h"

#include "base/patience.h"

static void
test_taking(void **state)
{
	struct patience patience;

	(void)state;
	patience_init(&patience);
	/* The whole of it, in pieces; then none. */
	assert_int_equal(patience_take(&patience, 600, 50000), 600);
	assert_int_equal(patience_take(&patience, PATIENCE_MOST_MSEC, 50000), PATIENCE_MOST_MSEC - 600);
	assert_int_equal(patience_take(&patience, 1, 50000), 0);
	/* What was not used is there for the next. */
	patience_give_back(&patience, 300);
	assert_int_equal(patience_take(&patience, 200, 50000), 200);
	assert_int_equal(patience_take(&patience, 200, 50000), 100);
	patience_destroy(&patience);
}

static void
test_growing(void **state)
{
	struct patience patience;
	int64_t sum = 0;

	(void)state;
	patience_init(&patience);
	patience_take(&patience, PATIENCE_MOST_MSEC, 0);
	assert_int_equal(patience_take(&patience, 1000, 2000), 2000 * PATIENCE_PERCENT / 100);
	/* However often it is asked for, it does not grow faster, nor slower. */
	for (int64_t now = 2001; now <= 12000; now++)
		sum += patience_take(&patience, 1000, now);
	assert_in_range(sum, 10000 * PATIENCE_PERCENT / 100 - 1, 10000 * PATIENCE_PERCENT / 100);
	/* It has a bound. */
	assert_int_equal(patience_take(&patience, 1 << 30, 1 << 30), PATIENCE_MOST_MSEC);
	patience_give_back(&patience, 2 * PATIENCE_MOST_MSEC);
	assert_int_equal(patience_take(&patience, 1 << 30, 1 << 30), PATIENCE_MOST_MSEC);
	patience_destroy(&patience);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taking), cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
