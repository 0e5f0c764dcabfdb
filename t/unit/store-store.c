#include "store-support.h"
#include "store/pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_what_is_committed_is_there(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	struct str value;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(store_put(txn, STORE_META, STR("a"), STR("1"), &error));
	assert_done(store_commit(txn, &error));
	assert_done(store_begin(store, &txn, &error));
	assert_done(store_put(txn, STORE_META, STR("b"), STR("2"), &error));
	store_abort(txn);
	store_close(store);

	store = open_store(*state);
	assert_done(store_begin_read(store, &txn, &error));
	assert_int_equal(store_get(txn, STORE_META, STR("a"), &value, &error), 1);
	assert_true(str_equal(value, STR("1")));
	assert_int_equal(store_get(txn, STORE_META, STR("b"), &value, &error), 0);
	assert_int_equal(store_get(txn, STORE_META, STR_EMPTY, &value, &error), 0);
	store_abort(txn);
	store_close(store);
}

static void
test_deleting_twice(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(store_put(txn, STORE_SEEN, STR("key"), STR("x"), &error));
	assert_int_equal(store_delete(txn, STORE_SEEN, STR("key"), &error), 1);
	assert_int_equal(store_delete(txn, STORE_SEEN, STR("key"), &error), 0);
	store_abort(txn);
	store_close(store);
}

/* Pages go on behind the last key, also when rows come and go in between. */
static void
test_pages(void **state)
{
	struct store *store = open_store(*state);
	struct pages *pages;
	const struct pages_row *rows;
	struct store_txn *txn;
	unsigned count, total = 0;
	const char *error;
	char bytes[STORE_NUMBER_BYTES];

	assert_done(store_begin(store, &txn, &error));
	for (uint64_t i = 1; i <= 2500; i++)
		assert_done(store_append(txn, STORE_JOURNAL, store_number(i, bytes), STR("v"),
		    &error));
	assert_done(store_commit(txn, &error));
	pages = pages_new(store, STORE_JOURNAL, STR_EMPTY);
	while (pages_next(pages, &rows, &count, &error) == 1) {
		for (unsigned i = 0; i < count; i++)
			assert_int_equal(store_scan_number(rows[i].key), ++total);
		assert_done(store_begin(store, &txn, &error));
		assert_int_equal(store_delete(txn, STORE_JOURNAL, store_number(total, bytes),
		    &error), 1);
		assert_done(store_commit(txn, &error));
	}
	assert_int_equal(total, 2500);
	pages_free(pages);
	store_close(store);
}

static void
test_a_newer_version_is_not_touched(void **state)
{
	struct store *store = open_store(*state);
	enum store_error kind;
	struct store_txn *txn;
	char bytes[STORE_NUMBER_BYTES];
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(store_put(txn, STORE_META, STR("schema"),
	    store_number(STORE_SCHEMA + 1, bytes), &error));
	assert_done(store_commit(txn, &error));
	store_close(store);
	assert_int_equal(store_open(*state, STORE_BYTES, false, &store, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_non_null(strstr(error, "state.lmdb is of version 2, this program knows version 1"));
	assert_non_null(strstr(error, "install the newer bouncemilter"));
}

static void
write_file(const char *directory, const char *content, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/state.lmdb", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
}

static void
test_something_else_is_not_overwritten(void **state)
{
	static const char text[] = "these are the notes of a postmaster, and no store at all\n";
	char path[256], content[sizeof(text)];
	enum store_error kind;
	struct store *store;
	const char *error;
	int fd;

	write_file(*state, text, sizeof(text));
	assert_int_equal(store_open(*state, STORE_BYTES, false, &store, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_non_null(strstr(error, "is not a store of this program: move it away"));
	snprintf(path, sizeof(path), "%s/state.lmdb", (char *)*state);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, content, sizeof(content)), sizeof(text));
	close(fd);
	assert_memory_equal(content, text, sizeof(text));
}

static void
test_a_link_is_not_followed(void **state)
{
	enum store_error kind;
	struct store *store;
	char path[256], target[256];
	const char *error;

	snprintf(path, sizeof(path), "%s/state.lmdb", (char *)*state);
	snprintf(target, sizeof(target), "%s/elsewhere", (char *)*state);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(store_open(*state, STORE_BYTES, false, &store, &kind, &error), -1);
	assert_non_null(strstr(error, "not a regular file"));
	assert_int_equal(access(target, F_OK), -1);
}

static void
test_a_cut_store_is_refused(void **state)
{
	struct store *store = open_store(*state);
	enum store_error kind;
	struct store_txn *txn;
	char path[256], bytes[STORE_NUMBER_BYTES], value[2000] = { 1 };
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	for (uint64_t i = 1; i <= 200; i++)
		assert_done(store_append(txn, STORE_JOURNAL, store_number(i, bytes),
		    (struct str){ value, sizeof(value) }, &error));
	assert_done(store_commit(txn, &error));
	store_close(store);
	snprintf(path, sizeof(path), "%s/state.lmdb", (char *)*state);
	assert_int_equal(truncate(path, 40960), 0);
	assert_int_equal(store_open(*state, STORE_BYTES, false, &store, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_non_null(strstr(error, "is cut short"));
}

/* A full map fails the transaction, keeps what was there, and heals. */
static void
test_a_full_map(void **state)
{
	enum store_error kind;
	struct store *store;
	struct store_txn *txn;
	char bytes[STORE_NUMBER_BYTES], value[4000] = { 1 };
	struct str big = { value, sizeof(value) }, found;
	const char *error;
	uint64_t i = 1;

	assert_done(store_open(*state, 1024 * 1024, false, &store, &kind, &error));
	assert_done(store_begin(store, &txn, &error));
	assert_done(store_put(txn, STORE_META, STR("kept"), STR("yes"), &error));
	assert_done(store_commit(txn, &error));
	assert_done(store_begin(store, &txn, &error));
	while (i < 2000 && store_append(txn, STORE_JOURNAL, store_number(i, bytes), big, &error) == 0)
		i++;
	assert_true(i < 2000);
	assert_non_null(strstr(error, "is full: raise store-size in bouncemilter.conf"));
	assert_true(store_is_failing(store));
	store_abort(txn);
	assert_done(store_recover(store, &error));
	assert_false(store_is_failing(store));
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(store_get(txn, STORE_META, STR("kept"), &found, &error), 1);
	assert_done(store_put(txn, STORE_META, STR("more"), STR("x"), &error));
	assert_done(store_commit(txn, &error));
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_what_is_committed_is_there), T(test_deleting_twice), T(test_pages),
		T(test_a_newer_version_is_not_touched), T(test_something_else_is_not_overwritten),
		T(test_a_link_is_not_followed), T(test_a_cut_store_is_refused), T(test_a_full_map),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
