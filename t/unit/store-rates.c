#include "store-support.h"

#include "store/rates.h"

#define NOON INT64_C(1700049600) /* 2023-11-15T12:00:00Z */

/* All rows from a time on, one text each. */
static void
check_rows(struct store *store, int64_t from, const char *want)
{
	char bytes[STORE_NUMBER_BYTES], text[4096] = "";
	struct pages *pages = pages_new(store, STORE_RATES, rates_key(from, bytes));
	const struct pages_row *rows;
	const char *error;
	unsigned count;

	while (pages_next(pages, &rows, &count, &error) == 1) {
		for (unsigned i = 0; i < count; i++) {
			size_t len = strlen(text);
			struct rates_row row;

			assert_int_equal(rates_scan(&rows[i], &row), 0);
			snprintf(text + len, sizeof(text) - len, "%+d %s %s %s %llu\n",
			    (int)((row.hour - NOON) / 3600), row.domain, row.provider, row.kind,
			    (unsigned long long)row.count);
		}
	}
	pages_free(pages);
	assert_string_equal(text, want);
}

static void
test_add(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(rates_add(txn, NOON, "own.test", "x.test", RATES_ATTEMPTS, 3, &error));
	assert_done(rates_add(txn, NOON + 3599, "own.test", "x.test", RATES_ATTEMPTS, 4, &error));
	assert_done(rates_add(txn, NOON + 3600, "own.test", "x.test", RATES_ATTEMPTS, 5, &error));
	assert_done(rates_add(txn, NOON - 1, "own.test", "x.test", RATES_ATTEMPTS, 1, &error));
	assert_done(rates_add(txn, NOON, "own.test", "y.test", RATES_ATTEMPTS, 1, &error));
	assert_done(rates_add(txn, NOON, "", "x.test", RATES_DELIVERED, 2, &error));
	assert_done(rates_add(txn, NOON, "own.test", "x.test", "550 5.1.1", 1, &error));
	assert_done(store_commit(txn, &error));
	check_rows(store, 0, "-1 own.test x.test attempts 1\n+0  x.test delivered 2\n"
	    "+0 own.test x.test 550 5.1.1 1\n+0 own.test x.test attempts 7\n"
	    "+0 own.test y.test attempts 1\n+1 own.test x.test attempts 5\n");
	check_rows(store, NOON + 3600, "+1 own.test x.test attempts 5\n");
	check_rows(store, NOON + 7200, "");
	store_close(store);
}

/* What is not committed was not. */
static void
test_abort(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(rates_add(txn, NOON, "own.test", "x.test", RATES_ATTEMPTS, 3, &error));
	store_abort(txn);
	check_rows(store, 0, "");
	store_close(store);
}

/* Names are a stranger's: the host of a server, the domain of a sender. */
static void
test_long_names(void **state)
{
	struct store *store = open_store(*state);
	char name[1000], want[600];
	struct store_txn *txn;
	const char *error;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_done(store_begin(store, &txn, &error));
	assert_done(rates_add(txn, NOON, name, name, name, 3, &error));
	assert_done(store_commit(txn, &error));
	snprintf(want, sizeof(want), "+0 %.159s %.159s %.159s 3\n", name, name, name);
	check_rows(store, 0, want);
	store_close(store);
}

static void
test_damaged_rows(void **state)
{
	static const char good[] = "\0\0\0\0\0\0\0\1a\0b\0c\0", number[] = "\0\0\0\0\0\0\0\5";
	struct rates_row row;

	(void)state;
	for (size_t len = 0; len <= sizeof(good) - 1; len++) {
		char *copy = malloc(len + 1);
		struct pages_row pages = { { copy, len }, { number, STORE_NUMBER_BYTES } };

		memcpy(copy, good, len);
		copy[len] = '\0';
		assert_int_equal(rates_scan(&pages, &row), len == sizeof(good) - 1 ? 0 : -1);
		free(copy);
	}
	assert_int_equal(rates_scan(&(struct pages_row){ { good, sizeof(good) - 1 }, { number, 7 } }, &row),
	    -1);
}

static void
test_prune(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	for (int hour = 0; hour < 10; hour++)
		assert_done(rates_add(txn, NOON + hour * 3600, "a", "b", RATES_ATTEMPTS, 1, &error));
	assert_int_equal(rates_prune(txn, NOON, 100, &error), 0);
	assert_int_equal(rates_prune(txn, NOON + 4 * 3600 + 1800, 3, &error), 3);
	assert_int_equal(rates_prune(txn, NOON + 4 * 3600 + 1800, 3, &error), 1);
	assert_int_equal(rates_prune(txn, NOON + 4 * 3600 + 1800, 3, &error), 0);
	assert_done(store_commit(txn, &error));
	check_rows(store, 0, "+4 a b attempts 1\n+5 a b attempts 1\n+6 a b attempts 1\n"
	    "+7 a b attempts 1\n+8 a b attempts 1\n+9 a b attempts 1\n");
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(rates_prune(txn, INT64_MAX, 100, &error), 6);
	assert_int_equal(rates_prune(txn, INT64_MAX, 100, &error), 0);
	store_abort(txn);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_add), T(test_abort), T(test_long_names), cmocka_unit_test(test_damaged_rows),
		T(test_prune),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
