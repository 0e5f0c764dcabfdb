/* The record of incidents: what is put is there, in the order of the numbers. */
#include "store-support.h"
#include "store/incidents.h"

static void
put(struct store *store, uint64_t first, uint64_t last, const char *text)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	for (uint64_t id = first; id <= last; id++)
		assert_done(incidents_put(txn, id, str_of(text), &error));
	assert_done(store_commit(txn, &error));
}

static uint64_t
newest(struct store *store)
{
	struct store_txn *txn;
	const char *error;
	uint64_t id = 99;

	assert_done(store_begin_read(store, &txn, &error));
	assert_done(incidents_newest(txn, &id, &error));
	store_abort(txn);
	return id;
}

static void
test_put_and_get(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	struct str text;
	const char *error;

	assert_int_equal(newest(store), 0);
	put(store, 1, 300, "rule auth\n");
	put(store, 7, 7, "rule blocklist\nseverity critical\n");
	store_close(store);

	store = open_store(*state);
	assert_int_equal(newest(store), 300);
	assert_done(store_begin_read(store, &txn, &error));
	assert_int_equal(incidents_get(txn, 7, &text, &error), 1);
	assert_true(str_equal(text, STR("rule blocklist\nseverity critical\n")));
	assert_int_equal(incidents_get(txn, 300, &text, &error), 1);
	assert_true(str_equal(text, STR("rule auth\n")));
	assert_int_equal(incidents_get(txn, 301, &text, &error), 0);
	assert_int_equal(incidents_get(txn, 0, &text, &error), 0);
	store_abort(txn);
	store_close(store);
}

/* The first one of the table. */
static uint64_t
oldest(struct store *store)
{
	struct pages *pages = pages_new(store, STORE_INCIDENTS, STR_EMPTY);
	const struct pages_row *rows;
	const char *error;
	unsigned count;
	uint64_t id;

	assert_int_equal(pages_next(pages, &rows, &count, &error), 1);
	id = incidents_id(&rows[0]);
	pages_free(pages);
	return id;
}

static void
test_the_oldest_go(void **state)
{
	struct store *store = open_store(*state);

	put(store, 1, INCIDENTS_KEEP, "rule auth\n");
	assert_int_equal(oldest(store), 1);
	/* One that was there already takes no place. */
	put(store, INCIDENTS_KEEP, INCIDENTS_KEEP, "rule ramp\n");
	assert_int_equal(oldest(store), 1);
	put(store, INCIDENTS_KEEP + 1, INCIDENTS_KEEP + 5, "rule auth\n");
	assert_int_equal(oldest(store), 6);
	assert_int_equal(newest(store), INCIDENTS_KEEP + 5);
	store_close(store);
}

/* While somebody reads page by page, the daemon writes on. */
static void
test_read_while_it_is_written(void **state)
{
	struct store *store = open_store(*state);
	struct pages *pages;
	const struct pages_row *rows;
	const char *error;
	unsigned count;
	uint64_t last = 0;

	put(store, 1, 2 * PAGES_ROWS + 1, "rule auth\n");
	pages = pages_new(store, STORE_INCIDENTS, STR_EMPTY);
	for (unsigned page = 1; pages_next(pages, &rows, &count, &error) == 1; page++) {
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(incidents_id(&rows[i]), ++last);
			/* What is written behind the walk is in it, as it is then. */
			assert_true(str_equal(rows[i].value, last > 2 * PAGES_ROWS ?
			    STR("rule ramp\n") : STR("rule auth\n")));
		}
		if (page == 1) {
			put(store, 1, 10, "rule ramp\n");
			put(store, 2 * PAGES_ROWS + 1, 2 * PAGES_ROWS + 5, "rule ramp\n");
		}
	}
	assert_int_equal(last, 2 * PAGES_ROWS + 5);
	pages_free(pages);
	store_close(store);
}

static void
test_usual(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	struct str text;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(incidents_get_usual(txn, &text, &error), 0);
	assert_done(incidents_put_usual(txn, STR("a 1\n"), &error));
	assert_done(incidents_put_usual(txn, STR("a 2\n"), &error));
	assert_done(store_commit(txn, &error));
	store_close(store);

	store = open_store(*state);
	assert_done(store_begin_read(store, &txn, &error));
	assert_int_equal(incidents_get_usual(txn, &text, &error), 1);
	assert_true(str_equal(text, STR("a 2\n")));
	store_abort(txn);
	assert_int_equal(newest(store), 0);
	store_close(store);
}

#define test_with_store(function) \
	cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_store(test_put_and_get),
		test_with_store(test_the_oldest_go),
		test_with_store(test_read_while_it_is_written),
		test_with_store(test_usual),
	};

	return cmocka_run_group_tests_name("store-incidents", tests, NULL, NULL);
}
