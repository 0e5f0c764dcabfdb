#include "store-support.h"

#include "store/breaker.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define NOON INT64_C(1700049600) /* 2023-11-15T12:00:00Z */

static const struct breaker_limits limits = { .count = 50, .factor = 5, .window_sec = 600 };

static int
ask(struct store_txn *txn, const char *provider, int64_t now)
{
	const char *error = "";
	int ret = breaker_ask(txn, provider, &limits, now, &error);

	assert_int_not_equal(ret, -1);
	return ret;
}

/* So many suppressions at once, as far as the breaker lets them. Returns how many. */
static unsigned
suppress(struct store_txn *txn, const char *provider, unsigned count, int64_t now)
{
	const char *error = "";

	for (unsigned i = 0; i < count; i++) {
		if (ask(txn, provider, now) == 0)
			return i;
		assert_done(breaker_add(txn, provider, &limits, now, &error));
	}
	return count;
}

static int
is_frozen(struct store_txn *txn, const char *provider, int64_t *since_r)
{
	const char *error = "";
	int ret = breaker_since(txn, provider, since_r, &error);

	assert_int_not_equal(ret, -1);
	return ret;
}

static struct store_txn *
begin(struct store *store)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	return txn;
}

static void
commit(struct store_txn *txn)
{
	const char *error;

	assert_done(store_commit(txn, &error));
}

/* 50 in ten minutes, and not one more; then it is frozen, whatever the time, and
   nobody else is. */
static void
test_allowance(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);
	const char *error;
	int64_t since;

	assert_int_equal(is_frozen(txn, "a.test", &since), 0);
	assert_int_equal(since, 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(suppress(txn, "a.test", 1, NOON + i), 1);
	assert_int_equal(is_frozen(txn, "a.test", &since), 0);
	assert_int_equal(ask(txn, "a.test", NOON + 50), 0);
	assert_int_equal(is_frozen(txn, "a.test", &since), 1);
	assert_int_equal(since, NOON + 50);
	assert_int_equal(ask(txn, "a.test", NOON + DAY), 0);
	assert_int_equal(ask(txn, "a.test", NOON - DAY), 0);
	assert_int_equal(suppress(txn, "b.test", 60, NOON), 50);
	assert_int_equal(ask(txn, "c.test", NOON), 1);
	/* Since when does not change; freed, it begins anew. */
	assert_int_equal(breaker_freeze(txn, "a.test", NOON + DAY, &error), 0);
	is_frozen(txn, "a.test", &since);
	assert_int_equal(since, NOON + 50);
	assert_int_equal(breaker_free(txn, "a.test", &error), 1);
	assert_int_equal(breaker_free(txn, "a.test", &error), 0);
	assert_int_equal(is_frozen(txn, "a.test", &since), 0);
	assert_int_equal(suppress(txn, "a.test", 60, NOON + 60), 50);
	/* Nobody is never frozen. */
	assert_int_equal(suppress(txn, "", 200, NOON), 200);
	assert_int_equal(breaker_freeze(txn, "", NOON, &error), 0);
	store_abort(txn);
	store_close(store);
}

/* The window slides by its tenths. */
static void
test_window(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);

	assert_int_equal(suppress(txn, "a.test", 30, NOON), 30);
	assert_int_equal(suppress(txn, "a.test", 20, NOON + 300), 20);
	assert_int_equal(suppress(txn, "a.test", 30, NOON + 600), 30);
	assert_int_equal(ask(txn, "a.test", NOON + 600), 0);
	assert_int_equal(suppress(txn, "b.test", 50, NOON), 50);
	assert_int_equal(ask(txn, "b.test", NOON + 599), 0);
	assert_int_equal(suppress(txn, "c.test", 50, NOON), 50);
	assert_int_equal(ask(txn, "c.test", NOON + 600), 1);
	store_abort(txn);
	store_close(store);
}

/* How many in one window are let through after a week of so many an hour. */
static unsigned
after_week(struct store *store, unsigned hourly)
{
	struct store_txn *txn = begin(store);
	unsigned passed;

	for (int64_t hour = 0; hour < 3 * 168; hour++) {
		for (unsigned i = 0; i < hourly; i++)
			assert_int_equal(suppress(txn, "a.test", 1, NOON + hour * HOUR +
			    (int64_t)(i * HOUR / hourly)), 1);
	}
	passed = suppress(txn, "a.test", 1000, NOON + 3 * 168 * HOUR + 1800);
	store_abort(txn);
	return passed;
}

/* Five times what is usual in an hour, if that is more. */
static void
test_usual(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	unsigned passed;

	assert_int_equal(after_week(store, 0), 50);
	assert_int_equal(after_week(store, 5), 50);
	passed = after_week(store, 40); /* three weeks: 95 % of 200 */
	assert_in_range(passed, 180, 200);
	/* Hours without any count as zero: a week of silence takes two thirds of it. */
	txn = begin(store);
	for (int64_t hour = 0; hour < 168; hour++) {
		for (unsigned i = 0; i < 240; i += 40)
			suppress(txn, "a.test", 40, NOON + hour * HOUR + i / 40 * 600);
	}
	assert_int_equal(is_frozen(txn, "a.test", &(int64_t){ 0 }), 0);
	passed = suppress(txn, "a.test", 2000, NOON + 2 * 168 * HOUR);
	assert_in_range(passed, 230, 300); /* 5 * 240 * 0.63 * 0.37 = 280 */
	assert_int_equal(suppress(txn, "a.test", 2000, NOON + 3 * 168 * HOUR), 0);
	store_abort(txn);
	store_close(store);
}

/* A mistake does not make itself the rule: as many as are let through in the
   worst hour raise what is usual by little. */
static void
test_mistake_is_not_learned(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);

	for (int i = 0; i < 12; i++)
		assert_int_equal(suppress(txn, "a.test", 50, NOON + i * 600), 50);
	assert_int_equal(suppress(txn, "a.test", 100, NOON + 2 * HOUR), 50);
	store_abort(txn);
	store_close(store);
}

/* What is not committed was not; what is, survives. */
static void
test_abort_and_restart(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);
	int64_t since;

	assert_int_equal(suppress(txn, "a.test", 49, NOON), 49);
	commit(txn);
	txn = begin(store);
	assert_int_equal(suppress(txn, "a.test", 60, NOON), 1);
	assert_int_equal(is_frozen(txn, "a.test", &since), 1);
	store_abort(txn);
	txn = begin(store);
	assert_int_equal(is_frozen(txn, "a.test", &since), 0);
	store_abort(txn);
	store_close(store);
	store = open_store(*state);
	txn = begin(store);
	assert_int_equal(suppress(txn, "a.test", 60, NOON + 1), 1);
	commit(txn);
	store_close(store);
	store = open_store(*state);
	txn = begin(store);
	assert_int_equal(is_frozen(txn, "a.test", &since), 1);
	assert_int_equal(since, NOON + 1);
	store_abort(txn);
	store_close(store);
}

/* A clock that was set, and a window that was changed, leave numbers of no
   meaning: they are passed over, and nobody is frozen for them. */
static void
test_clock_and_window(void **state)
{
	static const struct breaker_limits other = { .count = 50, .factor = 5,
		.window_sec = 3600 };
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);
	const char *error;

	assert_int_equal(suppress(txn, "a.test", 49, NOON), 49);
	assert_int_equal(suppress(txn, "a.test", 60, NOON - DAY), 50);
	assert_int_equal(suppress(txn, "b.test", 49, NOON), 49);
	assert_int_equal(suppress(txn, "b.test", 60, NOON + 400 * DAY), 50);
	assert_int_equal(suppress(txn, "c.test", 50, NOON), 50);
	assert_int_equal(breaker_ask(txn, "c.test", &other, NOON, &error), 1);
	assert_done(breaker_add(txn, "c.test", &other, NOON, &error));
	assert_int_equal(ask(txn, "c.test", NOON), 1);
	/* Back and forth between two hours: no hour counts twice. */
	for (int i = 0; i < 2000; i++)
		assert_done(breaker_add(txn, "d.test", &limits, NOON + i % 2 * HOUR, &error));
	assert_int_equal(suppress(txn, "d.test", 200, NOON + 7 * DAY), 50);
	store_abort(txn);
	store_close(store);
}

static unsigned
rows(struct store_txn *txn)
{
	const char *error;
	uint64_t count;

	assert_done(store_count(txn, STORE_BREAKER, &count, &error));
	return (unsigned)count;
}

static void
test_prune(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);
	struct arena *arena = arena_new();
	struct breaker_frozen *frozen;
	char provider[32];
	const char *error;

	for (int i = 0; i < 20; i++) {
		snprintf(provider, sizeof(provider), "old%02d.test", i);
		suppress(txn, provider, 1, NOON);
	}
	assert_int_equal(breaker_freeze(txn, "old07.test", NOON, &error), 1);
	suppress(txn, "new.test", 1, NOON + DAY);
	suppress(txn, "future.test", 1, NOON + 400 * DAY);
	assert_done(store_put(txn, STORE_BREAKER, STR("damaged.test"), STR("hour x\n"), &error));
	/* To be asked is no reason to be remembered. */
	assert_int_equal(ask(txn, "asked.test", NOON), 1);
	assert_int_equal(rows(txn), 23);
	assert_int_equal(breaker_prune(txn, NOON + DAY, 100, &error), 2);
	assert_int_equal(breaker_prune(txn, NOON + 8 * DAY - HOUR, 100, &error), 0);
	assert_int_equal(breaker_prune(txn, NOON + 8 * DAY, 15, &error), 15);
	assert_int_equal(breaker_prune(txn, NOON + 8 * DAY, 15, &error), 4);
	assert_int_equal(rows(txn), 2);
	assert_int_equal(breaker_prune(txn, NOON + 9 * DAY, 15, &error), 1);
	commit(txn);
	assert_done(breaker_list(store, arena, &frozen, &error));
	assert_non_null(frozen);
	assert_string_equal(frozen->provider, "old07.test");
	assert_int_equal(frozen->since, NOON);
	assert_null(frozen->next);
	arena_free(arena);
	store_close(store);
}

/* A row that cannot be read is one that is not there. */
static void
test_damaged(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn = begin(store);
	const char *error;
	int64_t since;

	assert_done(store_put(txn, STORE_BREAKER, STR("a.test"), STR("frozen yes\n"), &error));
	assert_int_equal(is_frozen(txn, "a.test", &since), 0);
	assert_int_equal(suppress(txn, "a.test", 60, NOON), 50);
	assert_int_equal(is_frozen(txn, "a.test", &since), 1);
	store_abort(txn);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_allowance), T(test_window), T(test_usual), T(test_mistake_is_not_learned),
		T(test_abort_and_restart), T(test_clock_and_window), T(test_prune), T(test_damaged),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
