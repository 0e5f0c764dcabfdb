#include "store-support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal.h"
#include "store/position.h"
#include "store/publish.h"
#include "store/standing.h"
#include "store/table.h"
#include "store/table_cdb.h"
#include "store/table_lock.h"

#define NOON INT64_C(1700000000)

static const char *const names[] = {
	"access.cdb", "transport.cdb", "complaint-access.cdb", "complaint-transport.cdb",
};

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

static void
suppress(struct store *store, const char *address)
{
	record(store, address, CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
}

static void
lift(struct store *store, const char *address)
{
	record(store, address, CATEGORY_USER_UNKNOWN, DECISION_LIFT, TABLE_MAIN);
}

static struct tables *
open_type(const char *directory, struct store *store, enum table_type type)
{
	struct tables *tables;
	enum store_error kind;
	const char *error;
	bool damaged;

	assert_done(table_inspect(directory, type, &damaged, &kind, &error));
	if (damaged)
		assert_done(publish_reset(store, &error));
	assert_done(table_open(directory, type, &tables, &kind, &error));
	assert_done(publish_catch_up(store, tables, &error));
	return tables;
}

static struct tables *
open_tables(const char *directory, struct store *store)
{
	return open_type(directory, store, TABLE_CDB);
}

static const char *
path_of(const char *directory, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	return path;
}

static bool
exists(const char *directory, const char *file)
{
	struct stat st;

	return lstat(path_of(directory, file), &st) == 0;
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
	const char *error;

	buf_clear(out);
	assert_done(table_cdb.open(path_of(directory, file), &table, &error));
	assert_done(table_cdb.begin(table, NULL, &error));
	assert_done(table_cdb.each(table, add_row, out, &error));
	table_cdb.abort(table);
	table_cdb.close(table);
	return buf_cstr(out);
}

static size_t
lines_of(const char *directory, const char *file)
{
	struct buf rows = { 0 };
	size_t lines = 0;

	rows_of(directory, file, &rows);
	for (size_t i = 0; i < rows.len; i++)
		lines += rows.data[i] == '\n';
	buf_free(&rows);
	return lines;
}

/* What is found by a key, in the words of the library's own reader. */
static const char *
looked_up(const char *directory, const char *file, const char *key, char value[256])
{
	char command[512];
	FILE *pipe;
	size_t len;

	snprintf(command, sizeof(command), "cdb -q '%s' '%s'", path_of(directory, file), key);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(value, 1, 255, pipe);
	value[len] = '\0';
	pclose(pipe);
	return value;
}

static void
test_content_is_the_standing(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct buf rows = { 0 };
	char value[256];
	const char *error;

	for (int i = 0; i < 4; i++) {
		assert_true(exists(*state, names[i]));
		assert_string_equal(rows_of(*state, names[i], &rows), "");
	}
	suppress(store, "dead@example.com");
	record(store, "full@example.com", CATEGORY_MAILBOX_FULL, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "hand@example.com", CATEGORY_MANUAL, DECISION_SUPPRESS, TABLE_MAIN);
	record(store, "spam@example.com", CATEGORY_COMPLAINT, DECISION_SUPPRESS, TABLE_COMPLAINT);
	record(store, "held@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, TABLE_MAIN);
	suppress(store, "who@xn--mnchen-3ya.example");
	suppress(store, "gone@example.com");
	lift(store, "gone@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(table_verify(tables, store, NULL, &error), 0);
	table_close(tables);
	assert_string_equal(rows_of(*state, "access.cdb", &rows),
	    "dead@example.com=550 5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "full@example.com=550 5.2.2 suppressed by bouncemilter (mailbox-full)\n"
	    "hand@example.com=550 5.7.1 suppressed by bouncemilter (manual)\n"
	    "who@xn--mnchen-3ya.example=550 5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "who@m\xc3\xbcnchen.example=550 5.1.1 suppressed by bouncemilter (user-unknown)\n");
	assert_string_equal(rows_of(*state, "transport.cdb", &rows),
	    "dead@example.com=error:5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "full@example.com=error:5.2.2 suppressed by bouncemilter (mailbox-full)\n"
	    "hand@example.com=error:5.7.1 suppressed by bouncemilter (manual)\n"
	    "who@xn--mnchen-3ya.example=error:5.1.1 suppressed by bouncemilter (user-unknown)\n"
	    "who@m\xc3\xbcnchen.example=error:5.1.1 suppressed by bouncemilter (user-unknown)\n");
	assert_string_equal(rows_of(*state, "complaint-access.cdb", &rows),
	    "spam@example.com=550 5.7.1 suppressed by bouncemilter (complaint)\n");
	assert_string_equal(rows_of(*state, "complaint-transport.cdb", &rows),
	    "spam@example.com=error:5.7.1 suppressed by bouncemilter (complaint)\n");
	assert_string_equal(looked_up(*state, "access.cdb", "dead@example.com", value),
	    "550 5.1.1 suppressed by bouncemilter (user-unknown)");
	assert_false(exists(*state, "access.lmdb"));
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

	suppress(store, "who@xn--mnchen-3ya.example");
	assert_done(publish_catch_up(store, tables, &error));
	assert_string_not_equal(rows_of(*state, "access.cdb", &rows), "");
	lift(store, "who@xn--mnchen-3ya.example");
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	assert_string_equal(rows_of(*state, "access.cdb", &rows), "");
	assert_string_equal(rows_of(*state, "transport.cdb", &rows), "");
	buf_free(&rows);
	store_close(store);
}

/* More rows than a page of the standing has. */
static void
test_many_pages(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	char address[64], value[256];
	const char *error;

	for (int i = 0; i < 2500; i++) {
		snprintf(address, sizeof(address), "dead%d@example.com", i);
		suppress(store, address);
	}
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(table_verify(tables, store, NULL, &error), 0);
	assert_int_equal(lines_of(*state, "transport.cdb"), 2500);
	assert_string_equal(looked_up(*state, "transport.cdb", "dead2499@example.com", value),
	    "error:5.1.1 suppressed by bouncemilter (user-unknown)");
	table_close(tables);
	store_close(store);
}

/* Who has the old file open reads it to its end; the name never goes missing. */
static void
test_a_reader_keeps_the_old_content(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	char before[8192] = "", after[8192] = "";
	struct stat old, new;
	ssize_t len;
	const char *error;
	int fd;

	suppress(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(chmod(path_of(*state, "access.cdb"), 0604), 0);
	fd = open(path_of(*state, "access.cdb"), O_RDONLY);
	len = pread(fd, before, sizeof(before), 0);
	assert_true(len > 2048);
	lift(store, "a@example.com");
	suppress(store, "b@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(pread(fd, after, sizeof(after), 0), len);
	assert_memory_equal(before, after, (size_t)len);
	assert_int_equal(fstat(fd, &old), 0);
	assert_int_equal(stat(path_of(*state, "access.cdb"), &new), 0);
	assert_true(old.st_ino != new.st_ino);
	assert_int_equal(old.st_nlink, 0);
	assert_int_equal(new.st_mode & 0777, 0604); /* stays as it was set */
	assert_false(exists(*state, "access.cdb.tmp"));
	close(fd);
	table_close(tables);
	store_close(store);
}

/* Nothing is written where no event concerns a table, and M stays true. */
static void
test_what_is_up_to_date_is_not_written(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct stat old, new;
	uint64_t position;
	struct store_txn *txn;
	const char *error;

	suppress(store, "a@example.com");
	suppress(store, "b@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_done(store_begin_read(store, &txn, &error));
	assert_done(position_get(txn, TABLE_CDB, &position, &error));
	store_abort(txn);
	assert_int_equal(position, 2);
	assert_int_equal(stat(path_of(*state, "access.cdb"), &old), 0);
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	tables = open_tables(*state, store);
	assert_int_equal(stat(path_of(*state, "access.cdb"), &new), 0);
	assert_int_equal(old.st_ino, new.st_ino);
	/* An end between the rename and the new M: done again, with no harm. */
	assert_done(position_forget(store, TABLE_CDB, &error));
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(stat(path_of(*state, "access.cdb"), &new), 0);
	assert_true(old.st_ino != new.st_ino);
	assert_int_equal(table_verify(tables, store, NULL, &error), 0);
	table_close(tables);
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
put_foreign(const char *directory, const char *file, const char *key, const char *value)
{
	struct table_file *table;
	const char *error;

	assert_done(table_cdb.open(path_of(directory, file), &table, &error));
	assert_done(table_cdb.begin(table, NULL, &error));
	assert_done(table_cdb.put(table, str_of(key), str_of(value), &error));
	assert_done(table_cdb.commit(table, &error));
	table_cdb.close(table);
}

static void
test_verify_finds_what_is_wrong(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	const char *error;

	suppress(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	/* One is missing, one is too much. */
	put_foreign(*state, "access.cdb", "c@example.com",
	    "550 5.1.1 suppressed by bouncemilter (user-unknown)");
	differences = 0;
	assert_int_equal(table_verify(tables, store, count_difference, &error), 2);
	assert_int_equal(differences, 2);
	/* One is another one than it should be. */
	put_foreign(*state, "access.cdb", "a@example.com",
	    "550 5.2.2 suppressed by bouncemilter (mailbox-full)");
	assert_true(table_verify(tables, store, count_difference, &error) > 0);
	assert_done(table_publish_all(tables, TABLE_BOTH, store, &error));
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	table_close(tables);
	store_close(store);
}

/* What the daemon has not published yet is no difference. */
static void
test_verify_leaves_out_what_is_not_published(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	const char *error;

	suppress(store, "a@example.com");
	suppress(store, "b@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	lift(store, "a@example.com");
	suppress(store, "c@example.com");
	differences = 0;
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	put_foreign(*state, "access.cdb", "a@example.com",
	    "550 5.1.1 suppressed by bouncemilter (user-unknown)");
	assert_int_equal(table_verify(tables, store, count_difference, &error), 1);
	assert_int_equal(differences, 1); /* b is missing all the same */
	table_close(tables);
	store_close(store);
}

static void
test_a_table_of_somebody_else_is_left_alone(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables;
	struct buf rows = { 0 };
	enum store_error kind;
	const char *error;
	bool damaged;

	put_foreign(*state, "transport.cdb", "example.org", "smtp:[192.0.2.1]");
	assert_int_equal(table_inspect(*state, TABLE_CDB, &damaged, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_int_equal(table_open(*state, TABLE_BOTH, &tables, &kind, &error), -1);
	assert_int_equal(kind, STORE_ERROR_CONFIG);
	assert_non_null(strstr(error, "transport.cdb holds entries that bouncemilter did not write"));
	assert_string_equal(rows_of(*state, "transport.cdb", &rows), "example.org=smtp:[192.0.2.1]\n");
	/* It is nobody's business where no cdb tables are kept. */
	assert_done(table_inspect(*state, TABLE_LMDB, &damaged, &kind, &error));
	buf_free(&rows);
	store_close(store);
}

static void
spew(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(bytes, file);
	fclose(file);
}

/* Change one byte. */
static void
spoil(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte = (char)(byte ^ 0x41);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Each way a table can be damaged, and that it is whole again after a start. */
static void
damage(const char *directory, int how)
{
	const char *path = path_of(directory, "access.cdb");
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	switch (how) {
	case 0: assert_int_equal(unlink(path), 0); break;
	case 1: assert_int_equal(truncate(path, 0), 0); break;
	case 2: assert_int_equal(truncate(path, 2047), 0); break;
	case 3: assert_int_equal(truncate(path, 2048), 0); break;
	case 4: assert_int_equal(truncate(path, 4000), 0); break;
	case 5: assert_int_equal(truncate(path, st.st_size - 1), 0); break;
	case 6: spew(path, "this is no table"); break;
	case 7: spoil(path, 2050); break;            /* the length of the first key */
	case 8: spoil(path, 2048 + 8); break;        /* a letter of it */
	case 9: spoil(path, 1); break;               /* where a hash table lies */
	default: abort();
	}
}

static void
test_a_damaged_table_is_rebuilt(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	char address[64];
	const char *error;

	for (int n = 0; n < 100; n++) {
		snprintf(address, sizeof(address), "dead%d@example.com", n);
		suppress(store, address);
	}
	assert_done(publish_catch_up(store, tables, &error));
	for (int how = 0; how < 10; how++) {
		enum store_error kind;
		bool damaged;

		table_close(tables);
		assert_done(table_inspect(*state, TABLE_CDB, &damaged, &kind, &error));
		assert_false(damaged);
		damage(*state, how);
		tables = open_tables(*state, store);
		if (table_verify(tables, store, count_difference, &error) != 0)
			fail_msg("damage %d is still there", how);
		if (exists(*state, "access.cdb.torn") != (how != 0))
			fail_msg("damage %d: the old file is not kept", how);
		unlink(path_of(*state, "access.cdb.torn"));
	}
	table_close(tables);
	store_close(store);
}

/* What a crash, or somebody, left at the name of the file aside. */
static void
test_what_lies_at_the_name_of_the_file_aside(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	char target[256], text[16] = "";
	struct buf rows = { 0 };
	const char *error;
	FILE *file;

	spew(path_of(*state, "access.cdb.tmp"), "half of a table");
	suppress(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_non_null(strstr(rows_of(*state, "access.cdb", &rows), "a@example.com="));
	assert_false(exists(*state, "access.cdb.tmp"));

	snprintf(target, sizeof(target), "%s/precious", (char *)*state);
	spew(target, "precious");
	assert_int_equal(symlink(target, path_of(*state, "access.cdb.tmp")), 0);
	suppress(store, "b@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_non_null(strstr(rows_of(*state, "access.cdb", &rows), "b@example.com="));
	assert_false(exists(*state, "access.cdb.tmp"));
	file = fopen(target, "r");
	assert_int_equal(fread(text, 1, sizeof(text), file), 8);
	assert_string_equal(text, "precious");
	fclose(file);

	/* What cannot be taken away is said, and the old table stays. */
	assert_int_equal(mkdir(path_of(*state, "access.cdb.tmp"), 0700), 0);
	suppress(store, "c@example.com");
	assert_int_equal(publish_catch_up(store, tables, &error), -1);
	assert_non_null(strstr(error, "access.cdb.tmp: "));
	rows_of(*state, "access.cdb", &rows);
	assert_non_null(strstr(buf_cstr(&rows), "b@example.com="));
	assert_null(strstr(buf_cstr(&rows), "c@example.com="));
	assert_int_equal(rmdir(path_of(*state, "access.cdb.tmp")), 0);
	assert_done(publish_catch_up(store, tables, &error));
	assert_non_null(strstr(rows_of(*state, "access.cdb", &rows), "c@example.com="));
	buf_free(&rows);
	table_close(tables);
	store_close(store);
}

/* No room: the old file stays whole, nothing is left behind, and it works again
   when there is room. */
static void
test_a_full_disk(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct rlimit before, small;
	char address[64];
	const char *error;
	int ret = -1;

	suppress(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	for (int n = 0; n < 200; n++) {
		snprintf(address, sizeof(address), "dead%d@example.com", n);
		suppress(store, address);
	}
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t limit = 0; ret == -1; limit += 500) {
		small = (struct rlimit){ .rlim_cur = limit, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		ret = table_publish_all(tables, TABLE_CDB, store, &error);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		if (ret == -1)
			assert_non_null(strstr(error, ".cdb.tmp: File too large"));
		else
			assert_true(limit > 20000); /* every write has failed once */
		/* The old one or, if only another one was too large, the new one. */
		if (lines_of(*state, "access.cdb") != 1 && lines_of(*state, "access.cdb") != 201)
			fail_msg("half of a table with %llu bytes", (unsigned long long)limit);
		for (int i = 0; i < 4; i++) {
			snprintf(address, sizeof(address), "%s.tmp", names[i]);
			assert_false(exists(*state, address));
		}
	}
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(table_verify(tables, store, NULL, &error), 0);
	table_close(tables);
	store_close(store);
}

/* A second writer waits, and so has the newer standing. */
static void
test_writers_wait_for_each_other(void **state)
{
	struct flock request = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct table_file *table;
	const char *error;
	int fd;

	fd = open(path_of(*state, "access.cdb.lock"), O_RDWR);
	assert_true(fd != -1);
	assert_done(table_cdb.open(path_of(*state, "access.cdb"), &table, &error));
	assert_done(table_cdb.begin(table, NULL, &error));
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &request), -1);
	assert_done(table_cdb.put(table, STR("a@example.com"), STR("x"), &error));
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &request), -1);
	table_cdb.abort(table);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &request), 0);
	close(fd);
	table_cdb.close(table);
	table_close(tables);
	store_close(store);
}

/* Each type has an M of its own, and files of a type that is not in use are left
   alone until it is used again. */
static void
test_types_change(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_type(*state, store, TABLE_BOTH);
	struct buf rows = { 0 };
	const char *error;

	suppress(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	table_close(tables);
	tables = open_type(*state, store, TABLE_LMDB);
	suppress(store, "b@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	table_close(tables);
	assert_null(strstr(rows_of(*state, "access.cdb", &rows), "b@example.com"));
	tables = open_type(*state, store, TABLE_CDB);
	assert_non_null(strstr(rows_of(*state, "access.cdb", &rows), "b@example.com"));
	lift(store, "a@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	assert_null(strstr(rows_of(*state, "access.cdb", &rows), "a@example.com"));
	table_close(tables);
	assert_true(exists(*state, "access.lmdb"));
	tables = open_type(*state, store, TABLE_BOTH);
	differences = 0;
	assert_int_equal(table_verify(tables, store, count_difference, &error), 0);
	table_close(tables);
	buf_free(&rows);
	store_close(store);
}

/* Wait until a file has, or has not, a key. Returns how long it took, or -1. */
static int64_t
wait_for_key(const char *directory, const char *key, bool there)
{
	struct buf rows = { 0 };
	int64_t msec = 0;

	while ((strstr(rows_of(directory, "access.cdb", &rows), key) != NULL) != there) {
		usleep(10000);
		msec += 10;
		if (msec > 20000)
			break;
	}
	buf_free(&rows);
	return msec > 20000 ? -1 : msec;
}

/* The first change is written at once, those that follow together. */
static void
test_changes_are_gathered(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_type(*state, store, TABLE_BOTH);
	struct publisher *publisher;
	struct stat first, now;
	const char *error;
	int64_t msec;

	suppress(store, "old@example.com");
	assert_done(publish_catch_up(store, tables, &error));
	publisher = publish_start(store, tables, false);
	/* An event that concerns no table is no change. */
	assert_int_equal(stat(path_of(*state, "access.cdb"), &first), 0);
	record(store, "soft@example.com", CATEGORY_GREYLISTED, DECISION_COUNT, TABLE_MAIN);
	publish_wake(publisher);
	usleep(200000);
	assert_int_equal(stat(path_of(*state, "access.cdb"), &now), 0);
	assert_int_equal(first.st_ino, now.st_ino);
	suppress(store, "a@example.com");
	publish_wake(publisher);
	msec = wait_for_key(*state, "a@example.com", true);
	assert_true(msec >= 0 && msec < 1000);
	assert_int_equal(stat(path_of(*state, "access.cdb"), &first), 0);
	for (int i = 0; i < 100; i++) {
		suppress(store, i % 2 == 0 ? "b@example.com" : "c@example.com");
		publish_wake(publisher);
		usleep(10000);
	}
	assert_int_equal(stat(path_of(*state, "access.cdb"), &now), 0);
	assert_int_equal(first.st_ino, now.st_ino);
	msec = wait_for_key(*state, "c@example.com", true);
	assert_true(msec > 2000 && msec < 6000);
	/* What waits when the end comes is not left. */
	suppress(store, "late@example.com");
	publish_stop(publisher);
	assert_int_equal(wait_for_key(*state, "late@example.com", true), 0);
	table_close(tables);
	store_close(store);
}

/* It is waited for, but not at the end. */
static void
test_a_table_that_is_locked(void **state)
{
	struct store *store = open_store(*state);
	struct tables *tables = open_tables(*state, store);
	struct publisher *publisher;
	const char *error;
	int fd = open(path_of(*state, "access.cdb.lock"), O_RDWR | O_CREAT, 0600);

	assert_int_not_equal(fd, -1);
	assert_done(table_lock(fd, F_WRLCK, "access.cdb.lock", NULL, &error));
	suppress(store, "a@example.com");
	publisher = publish_start(store, tables, false);
	usleep(200000);
	alarm(60);
	publish_stop(publisher);
	alarm(0);
	assert_false(exists(*state, "access.cdb.tmp"));
	assert_int_equal(publish_catch_up(store, tables, &error), -1);
	assert_non_null(strstr(error, "/access.cdb.lock is locked by another program"));
	close(fd);
	assert_done(publish_catch_up(store, tables, &error));
	assert_int_equal(wait_for_key(*state, "a@example.com", true), 0);
	table_close(tables);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_content_is_the_standing), T(test_lifting_takes_all_keys_away),
		T(test_many_pages), T(test_a_reader_keeps_the_old_content),
		T(test_what_is_up_to_date_is_not_written), T(test_verify_finds_what_is_wrong),
		T(test_verify_leaves_out_what_is_not_published),
		T(test_a_table_of_somebody_else_is_left_alone), T(test_a_damaged_table_is_rebuilt),
		T(test_what_lies_at_the_name_of_the_file_aside), T(test_a_full_disk),
		T(test_writers_wait_for_each_other), T(test_types_change),
		T(test_changes_are_gathered), T(test_a_table_that_is_locked),
	};

	return cmocka_run_group_tests_name("cdb", tests, NULL, NULL);
}
