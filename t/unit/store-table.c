#include "store-support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal.h"
#include "store/publish.h"
#include "store/standing.h"
#include "store/table.h"
#include "store/table_lmdb.h"
#include "store/table_lock.h"

#define NOON INT64_C(1700000000)

/* Append an event and fold it, as record.c does. */
static void
record(struct store *store, const char *address, enum category category,
    enum decision decision, enum table_set table)
{
	struct standing before, after;
	struct verdict verdict;
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, address, NOON);
	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	verdict.table = table;
	assert_done(store_begin(store, &txn, &error));
	assert_done(journal_append(txn, STORE_JOURNAL, &bounce, &verdict, &sequence, &error));
	assert_done(standing_get(txn, address, &before, &error));
	after = before;
	standing_fold(&after, sequence, &bounce, &verdict);
	assert_done(standing_put(txn, address, &before, &after, &error));
	assert_done(store_commit(txn, &error));
}

static struct tables *
open_tables(const char *directory, struct store *store)
{
	struct tables *tables;
	enum store_error kind;
	const char *error;
	bool damaged;

	assert_done(table_inspect(directory, TABLE_LMDB, &damaged, &kind, &error));
	if (damaged)
		assert_done(publish_reset(store, &error));
	assert_done(table_open(directory, TABLE_LMDB, &tables, &kind, &error));
	assert_done(publish_catch_up(store, tables, &error));
	return tables;
}

static int
add_row(struct str key, struct str value, void *context)
{
	buf_printf(context, "%.*s=%.*s\n", STR_ARGS(key), STR_ARGS(value));
	return 0;
}

/* All rows of a file. */
static const char *
rows_of(const char *directory, const char *file, struct buf *out)
{
	struct table_file *table;
	char path[256];
	const char *error;

	buf_clear(out);
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	assert_done(table_lmdb.open(path, &table, &error));
	assert_done(table_lmdb.begin(table, NULL, &error));
	assert_done(table_lmdb.each(table, add_row, out, &error));
	table_lmdb.abort(table);
	table_lmdb.close(table);
	return buf_cstr(out);
}

static void
test_what_is_published(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct buf rows = { 0 };
	const char *error;

	record(store, "dead@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "full@example.com", CATEGORY_MAILBOX_FULL, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "hand@example.com", CATEGORY_MANUAL, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "spam@example.com", CATEGORY_COMPLAINT, DECISION_SUPPRESS, TABLE_COMPLAINT);
	record(store, "held@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, TABLE_MAIN);
	record(store, "live@example.com", CATEGORY_AUTH_FAILURE, DECISION_ALERT, TABLE_MAIN);
	record(store, "who@xn--mnchen-3ya.example", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS,
	    TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	assert_string_equal(rows_of(*state, "access.lmdb", &rows),
	    "dead@example.com=550 5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "full@example.com=550 5.2.2 suppressed by bouncemilter (mailbox-full)\n"
	    "hand@example.com=550 5.7.1 suppressed by bouncemilter (manual)\n"
	    "who@m\xc3\xbcnchen.example=550 5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "who@xn--mnchen-3ya.example=550 5.1.1 suppressed by bouncemilter (user-unknown)\n");
	assert_string_equal(rows_of(*state, "transport.lmdb", &rows),
	    "dead@example.com=error:5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "full@example.com=error:5.2.2 suppressed by bouncemilter (mailbox-full)\n"
	    "hand@example.com=error:5.7.1 suppressed by bouncemilter (manual)\n"
	    "who@m\xc3\xbcnchen.example=error:5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "who@xn--mnchen-3ya.example=error:5.1.1 suppressed by bouncemilter (user-unknown)\n");
	assert_string_equal(rows_of(*state, "complaint-access.lmdb", &rows),
	    "spam@example.com=550 5.7.1 suppressed by bouncemilter (complaint)\n");
	buf_free(&rows);
	store_close(store);
}

static void
test_lifting_takes_all_keys_away(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct buf rows = { 0 };
	const char *error;

	record(store, "who@xn--mnchen-3ya.example", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS,
	    TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	record(store, "who@xn--mnchen-3ya.example", CATEGORY_USER_UNKNOWN, DECISION_LIFT,
	    TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	assert_string_equal(rows_of(*state, "access.lmdb", &rows), "");
	assert_string_equal(rows_of(*state, "transport.lmdb", &rows), "");
	buf_free(&rows);
	store_close(store);
}

static int differences;

static void
count_difference(const char *file, const char *key)
{
	(void)file, (void)key;
	differences++;
}

static void
test_verify_finds_what_is_wrong(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct table_file *access;
	char path[256];
	const char *error;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	table_close(tables);
	/* One is missing, one is too much. */
	snprintf(path, sizeof(path), "%s/access.lmdb", (char *)*state);
	assert_done(table_lmdb.open(path, &access, &error));
	assert_done(table_lmdb.begin(access, NULL, &error));
	assert_done(table_lmdb.remove(access, STR("a@example.com"), &error));
	assert_done(table_lmdb.put(access, STR("c@example.com"),
	    STR("550 5.1.1 suppressed by bouncemilter (user-unknown)"), &error));
	assert_done(table_lmdb.commit(access, &error));
	table_lmdb.close(access);
	tables = open_tables(*state, store);
	differences = 0;
	assert_int_equal(table_verify(tables, store, count_difference, &error), 2);
	assert_int_equal(differences, 2);
	assert_done(table_publish_all(tables, TABLE_LMDB, store, &error));
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	table_close(tables);
	store_close(store);
}

static void
test_a_table_of_somebody_else_is_left_alone(void **state)
{
	struct store *store = open_store(*state);
	struct table_file *foreign;
	struct tables *tables;
	struct buf rows = { 0 };
	enum store_error kind;
	char path[256];
	const char *error;
	bool damaged;

	snprintf(path, sizeof(path), "%s/transport.lmdb", (char *)*state);
	assert_done(table_lmdb.create(path, &error));
	assert_done(table_lmdb.open(path, &foreign, &error));
	assert_done(table_lmdb.begin(foreign, NULL, &error));
	assert_done(table_lmdb.put(foreign, STR("example.org"), STR("smtp:[192.0.2.1]"), &error));
	assert_done(table_lmdb.commit(foreign, &error));
	table_lmdb.close(foreign);
	assert_int_equal(table_inspect(*state, TABLE_LMDB, &damaged, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_int_equal(table_open(*state, TABLE_LMDB, &tables, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_non_null(strstr(error, "transport.lmdb holds entries that bouncemilter did not write"));
	assert_string_equal(rows_of(*state, "transport.lmdb", &rows),
	    "example.org=smtp:[192.0.2.1]\n");
	buf_free(&rows);
	store_close(store);
}

/* The events behind M are gone: then all of the standing is published. */
static void
test_what_was_pruned_is_published_all_the_same(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct buf rows = { 0 };
	struct store_txn *txn;
	const char *error;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	for (int i = 0; i < 3; i++)
		record(store, i == 0 ? "b@example.com" : "c@example.com", CATEGORY_USER_UNKNOWN,
		    DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, INT64_MAX, UINT64_MAX, 100, &error), 3);
	assert_done(store_commit(txn, &error));
	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_LIFT, TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	rows_of(*state, "access.lmdb", &rows);
	assert_null(strstr(buf_cstr(&rows), "a@example.com"));
	assert_non_null(strstr(buf_cstr(&rows), "b@example.com"));
	buf_free(&rows);
	store_close(store);
}

/* Each way a table can be damaged, and that it is whole again after a start. */
static void
test_a_damaged_table_is_rebuilt(void **state)
{
	static const off_t lengths[] = { 0, 1, 4095, 4096, 8192, 12288, 20480 };

	for (size_t i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct store *store = open_store(*state);
		struct tables *tables = open_tables(*state, store);
		struct buf rows = { 0 };
		char path[256], torn[300], address[64];
		const char *error;

		for (int n = 0; n < 100; n++) {
			snprintf(address, sizeof(address), "dead%d@example.com", n);
			record(store, address, CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
		}
		assert_done(publish_catch_up(store, tables, &error));
		table_close(tables);
		snprintf(path, sizeof(path), "%s/access.lmdb", (char *)*state);
		snprintf(torn, sizeof(torn), "%s.torn", path);
		if (i == sizeof(lengths) / sizeof(lengths[0]))
			assert_int_equal(unlink(path), 0);
		else
			assert_int_equal(truncate(path, lengths[i]), 0);
		tables = open_tables(*state, store);
		assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
		table_close(tables);
		assert_non_null(strstr(rows_of(*state, "access.lmdb", &rows), "dead99@example.com"));
		assert_int_equal(access(torn, F_OK),
		    i == sizeof(lengths) / sizeof(lengths[0]) ? -1 : 0);
		unlink(torn);
		buf_free(&rows);
		store_close(store);
	}
}

/* Another process has repaired the file by rename: what is published from then
   on goes to the file that has the name. */
static void
test_a_replaced_table_is_noticed(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct buf rows = { 0 };
	char path[256];
	const char *error;

	snprintf(path, sizeof(path), "%s/access.lmdb", (char *)*state);
	assert_done(table_lmdb.create(path, &error));
	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	assert_non_null(strstr(rows_of(*state, "access.lmdb", &rows), "a@example.com"));
	assert_int_equal(unlink(path), 0);
	record(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	assert_int_equal(publish_catch_up(store, tables, &error), -1);
	assert_non_null(strstr(error, "bouncemilter makes it again when it is restarted"));
	table_close(tables);
	tables = open_tables(*state, store);
	assert_non_null(strstr(rows_of(*state, "access.lmdb", &rows), "b@example.com"));
	table_close(tables);
	buf_free(&rows);
	store_close(store);
}

static const _Atomic int64_t at_once;

/* A lock as another program has it. Returns the descriptor. */
static int
lock_access(const char *directory)
{
	char path[256];
	const char *error;
	int fd;

	snprintf(path, sizeof(path), "%s/access.lmdb", directory);
	fd = open(path, O_RDWR);
	assert_int_not_equal(fd, -1);
	assert_done(table_lock(fd, F_WRLCK, path, &at_once, &error));
	return fd;
}

static const char *told_of;

static void
try_to_lock(const char *file, const char *key)
{
	(void)file, (void)key;
	close(lock_access(told_of));
	differences++;
}

/* Who reads the list of what is wrong may take all day. */
static void
test_nothing_is_locked_while_it_is_told(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct table_file *access;
	char path[256];
	const char *error;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(publish_catch_up(store, tables, &error));
	snprintf(path, sizeof(path), "%s/access.lmdb", (char *)*state);
	assert_done(table_lmdb.open(path, &access, &error));
	assert_done(table_lmdb.begin(access, NULL, &error));
	assert_done(table_lmdb.remove(access, STR("a@example.com"), &error));
	assert_done(table_lmdb.put(access, STR("c@example.com"), STR("x"), &error));
	assert_done(table_lmdb.commit(access, &error));
	table_lmdb.close(access);
	told_of = *state;
	differences = 0;
	assert_int_equal(table_verify(tables, store, try_to_lock, &error), 2);
	assert_int_equal(differences, 2);
	table_close(tables);
	store_close(store);
}

/* It is waited for, but not at the end: the next start makes up for it. */
static void
test_a_table_that_is_locked(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct publisher *publisher;
	struct buf rows = { 0 };
	const char *error;
	int fd;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	fd = lock_access(*state);
	table_limit_waiting(tables, 50);
	assert_int_equal(publish_catch_up(store, tables, &error), -1);
	assert_non_null(strstr(error, "/access.lmdb is locked by another program"));
	table_limit_waiting(tables, TABLE_LOCK_FOREVER);
	publisher = publish_start(store, tables, false);
	usleep(200000);
	close(fd);
	for (int i = 0; i < 1000 && strstr(rows_of(*state, "access.lmdb", &rows),
	    "a@example.com=") == NULL; i++)
		usleep(20000);
	assert_non_null(strstr(buf_cstr(&rows), "a@example.com="));

	fd = lock_access(*state);
	record(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	publish_wake(publisher);
	usleep(200000);
	alarm(60);
	publish_stop(publisher);
	alarm(0);
	close(fd);
	table_close(tables);
	assert_null(strstr(rows_of(*state, "access.lmdb", &rows), "b@example.com="));
	tables = open_tables(*state, store);
	assert_non_null(strstr(rows_of(*state, "access.lmdb", &rows), "b@example.com="));
	table_close(tables);
	buf_free(&rows);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_what_is_published), T(test_lifting_takes_all_keys_away),
		T(test_verify_finds_what_is_wrong), T(test_a_table_of_somebody_else_is_left_alone),
		T(test_a_damaged_table_is_rebuilt), T(test_what_was_pruned_is_published_all_the_same), T(test_a_replaced_table_is_noticed),
		T(test_nothing_is_locked_while_it_is_told), T(test_a_table_that_is_locked),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
