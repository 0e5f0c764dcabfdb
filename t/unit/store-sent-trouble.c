#include "sent-support.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/writer.h"

/* Put something else into the row of a@remote.test. */
static void
damage(struct str value)
{
	struct store_cursor *cursor;
	struct str key, before;
	struct store_txn *txn;
	const char *error;
	char copy[64];
	int ret;

	assert_done(store_begin(sent.store, &txn, &error));
	assert_done(store_cursor_open(txn, STORE_SENT, &cursor, &error));
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &before, &error);
	while (ret == 1 && memmem(before.data, before.len, "a@remote.test", 13) == NULL)
		ret = store_cursor_next(cursor, &key, &before, &error);
	assert_int_equal(ret, 1);
	store_cursor_close(cursor);
	assert_true(key.len <= sizeof(copy));
	memcpy(copy, key.data, key.len);
	assert_done(store_put(txn, STORE_SENT, (struct str){ copy, key.len }, value, &error));
	assert_done(store_commit(txn, &error));
}

#define NUMBERS "\1\0\0\0\0\0\0\7" /* version, second, recipients */

static void
test_damaged_rows(void **state)
{
	const struct str values[] = {
		STR(""), STR("\1"), STR("\1\0\0\0"), STR(NUMBERS),
		STR(NUMBERS "\0"), STR(NUMBERS "a@remote.test"),
		STR(NUMBERS "a@remote.test\0"), STR(NUMBERS "a@remote.test\0s@own.test\0"),
		STR(NUMBERS "a@remote.test\0s@own.test\0id"),
		STR("\2\0\0\0\0\0\0\7a@remote.test\0s@own.test\0id\0"),
	};

	(void)state;
	put("<m@own.test>", "b@remote.test", NOON, 0);
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct sent_found found;

		put("<m@own.test>", "a@remote.test", NOON, 0);
		assert_true(find("<m@own.test>", "a@remote.test", NOON).matches);
		damage(values[i]);
		found = find("<m@own.test>", "a@remote.test", NOON);
		assert_false(found.matches);
		assert_int_equal(found.recipients, 1);
		assert_string_equal(found.only, "b@remote.test");
		assert_true(find("<m@own.test>", "b@remote.test", NOON).matches);
	}
	/* The values above are not refused for another reason. */
	put("<m@own.test>", "a@remote.test", NOON, 0);
	damage(STR(NUMBERS "a@remote.test\0s@own.test\0id\0"));
	assert_int_equal(find("<m@own.test>", "a@remote.test", NOON).recipients, 7);
	damage(STR("\1"));
	assert_int_equal(prune(MIDNIGHT + DAY + KEEP, 10), 3);
}

/* --- a full map ------------------------------------------------------------------ */

/* Put messages, the first of this number, until there is no room; a thousand rows
   are a day. Returns the number of the message that did not get in. */
static unsigned
fill(unsigned first, unsigned count, unsigned a_day)
{
	char message_id[32];
	const char *error;

	do
		snprintf(message_id, sizeof(message_id), "<%u@own.test>", first);
	while (put_many(message_id, count, NOON + first / a_day * DAY, 0, &error) == 0 &&
	    ++first < 100000);
	assert_non_null(strstr(error, "sent.lmdb is full: raise ledger-size in bouncemilter.conf"));
	return first;
}

/* Filled by messages of a hundred recipients, and the rest by those of `count`. */
static void
check_full(const char *directory, unsigned count, unsigned step)
{
	unsigned hundreds, messages, deleted = 0;
	const char *error;
	int64_t later;
	char last[32];

	open_ledger(directory, 1024 * 1024, false);
	hundreds = fill(0, 100, 10);
	messages = fill(hundreds, count, 10);
	assert_int_equal(count_rows(STORE_SENT), hundreds * 100 + (messages - hundreds) * count);
	assert_true(hundreds > 40);
	assert_true(find("<0@own.test>", "r0@remote.test", NOON).matches);
	snprintf(last, sizeof(last), "<%u@own.test>", messages - 1);
	later = NOON + (messages - 1) / 10 * DAY;
	assert_true(find(last, "r0@remote.test", later).matches);

	/* Two days, and their domains. */
	while (deleted < 2002)
		deleted += prune(MIDNIGHT + 2 * DAY + KEEP, step);
	assert_int_equal(deleted, 2002);
	assert_done(put_many("<more@own.test>", count, later, 0, &error));
	assert_true(find("<more@own.test>", "r0@remote.test", later).matches);
	assert_true(find(last, "r0@remote.test", later).matches);
	assert_false(find("<0@own.test>", "r0@remote.test", NOON).matches);
}

/* The smaller the transactions before, the fewer pages are free: deleting needs
   some, too. */
static void
test_a_full_map(void **state)
{
	static const unsigned counts[] = { 100, 10, 1 }, steps[] = { 10000, 500, 20 };
	char directory[64];

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (unsigned j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			snprintf(directory, sizeof(directory), "%s/%u-%u", (char *)*state, i, j);
			assert_int_equal(mkdir(directory, 0700), 0);
			sent_close(&sent);
			check_full(directory, counts[i], steps[j]);
		}
	}
}

static int
apply_put(struct job *job, struct store_txn *txn, const char **error_r)
{
	struct sent_mail mail = { .time = NOON, .message_id = "<late@own.test>",
		.recipient = "a@remote.test", .sender = "", .queue_id = "" };

	(void)job;
	return sent_put(&sent, txn, &mail, 1, error_r);
}

static int
apply_prune(struct job *job, struct store_txn *txn, const char **error_r)
{
	(void)job;
	return sent_prune(txn, MIDNIGHT + DAY + KEEP, KEEP, 10000, error_r) == -1 ? -1 : 0;
}

static void
release(struct job *job)
{
	(void)job;
}

/* Rows come all the time: pruning must not fail together with them. */
static void
test_pruning_beside_rows(void **state)
{
	struct job jobs[3] = { { .apply = apply_put, .release = release },
		{ .apply = apply_prune, .release = release },
		{ .apply = apply_put, .release = release } };
	struct writer *writer;

	sent_close(&sent);
	open_ledger(*state, 1024 * 1024, false);
	fill(fill(0, 100, 10), 1, 10);
	writer = writer_start(sent.store);
	for (unsigned i = 0; i < 3; i++)
		assert_true(writer_post(writer, &jobs[i]));
	writer_stop(writer);
	assert_false(find("<0@own.test>", "r0@remote.test", NOON).matches);
	assert_true(find("<late@own.test>", "a@remote.test", NOON).matches);
}

/* --- the secret ------------------------------------------------------------------ */

static void
read_first_key(const char *directory, char copy_r[64])
{
	struct store_cursor *cursor;
	struct str key, value;
	struct store_txn *txn;
	const char *error;

	sent_close(&sent);
	open_ledger(directory, STORE_BYTES, false);
	put("<m@own.test>", "a@remote.test", NOON, 1);
	assert_done(store_begin_read(sent.store, &txn, &error));
	assert_done(store_cursor_open(txn, STORE_SENT, &cursor, &error));
	assert_int_equal(store_cursor_seek(cursor, STR_EMPTY, &key, &value, &error), 1);
	assert_true(key.len == 18);
	memcpy(copy_r, key.data, key.len);
	store_cursor_close(cursor);
	store_abort(txn);
}

/* Nobody can look for messages whose digests are alike: each ledger has digests
   of its own, and keeps to them. */
static void
test_a_secret_of_its_own(void **state)
{
	char other[64], keys[3][64];

	snprintf(other, sizeof(other), "%s/other", (char *)*state);
	assert_int_equal(mkdir(other, 0700), 0);
	read_first_key(*state, keys[0]);
	read_first_key(other, keys[1]);
	read_first_key(*state, keys[2]);
	assert_memory_equal(keys[0], keys[1], 2);
	assert_memory_not_equal(keys[0] + 2, keys[1] + 2, 8);
	assert_memory_not_equal(keys[0] + 10, keys[1] + 10, 8);
	assert_memory_equal(keys[0], keys[2], 18);
}

/* --- several processes ----------------------------------------------------------- */

#define GROUP 10      /* recipients of a message, in one transaction */
#define MESSAGES 50

static void
print_id(unsigned round, unsigned number, char message_id[32])
{
	snprintf(message_id, 32, "<%u.%u@own.test>", round, number);
}

/* In a process that must not assert. Returns its exit status. */
static int
read_meanwhile(const char *directory, int ready)
{
	unsigned number = 0, waited = 0;
	struct sent_found found;
	enum store_error kind;
	char message_id[32];
	const char *error;

	alarm(60);
	if (sent_open(directory, STORE_BYTES, true, &sent, &kind, &error) == -1)
		return 1;
	while (number < MESSAGES) {
		print_id(0, number, message_id);
		if (try_find(message_id, "r7@remote.test", NOON, &found, &error) == -1)
			return 2;
		/* All of a transaction or nothing. */
		if (found.recipients != 0 && (found.recipients != GROUP || !found.matches))
			return 3;
		if (found.recipients == 0 && waited++ == 0 && write(ready, "", 1) != 1)
			return 4;
		number += found.recipients != 0;
	}
	return waited > 0 ? 0 : 5;
}

static void
test_another_process_reads(void **state)
{
	char message_id[32], byte;
	int ready[2], status;
	const char *error;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	/* An environment must not be carried through fork(). */
	sent_close(&sent);
	pid = fork();
	if (pid == 0)
		_exit(read_meanwhile(*state, ready[1]));
	assert_true(pid > 0);
	open_ledger(*state, STORE_BYTES, false);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	for (unsigned i = 0; i < MESSAGES; i++) {
		print_id(0, i, message_id);
		assert_done(put_many(message_id, GROUP, NOON, 0, &error));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Commits for ever, and tells after each one. */
static void
write_until_killed(const char *directory, unsigned round, int reports)
{
	enum store_error kind;
	char message_id[32];
	const char *error;

	alarm(60);
	if (sent_open(directory, STORE_BYTES, false, &sent, &kind, &error) == -1)
		return;
	for (unsigned i = 0;; i++) {
		print_id(round, i, message_id);
		if (put_many(message_id, GROUP, NOON, 0, &error) == -1 ||
		    write(reports, &i, sizeof(i)) != sizeof(i))
			return;
	}
}

/* Kill it after some reports, and somewhere in what it does next.
   Returns how many reports there were. */
static unsigned
run_and_kill(const char *directory, unsigned round)
{
	unsigned reported = 0, number;
	int reports[2], status;
	pid_t pid;

	assert_int_equal(pipe(reports), 0);
	pid = fork();
	if (pid == 0) {
		write_until_killed(directory, round, reports[1]);
		_exit(1);
	}
	assert_true(pid > 0);
	close(reports[1]);
	while (reported < 1 + round % 3 && read(reports[0], &number, sizeof(number)) > 0)
		assert_int_equal(number, reported++);
	usleep(round * 150);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(reports[0], &number, sizeof(number)) > 0)
		assert_int_equal(number, reported++);
	close(reports[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return reported;
}

static void
test_kill(void **state)
{
	char message_id[32];

	for (unsigned round = 0; round < 50; round++) {
		unsigned reported;

		sent_close(&sent);
		reported = run_and_kill(*state, round);
		open_ledger(*state, STORE_BYTES, false);
		assert_true(reported > 0);
		for (unsigned i = 0; i <= reported; i++) {
			unsigned recipients;

			print_id(round, i, message_id);
			recipients = find(message_id, "", NOON).recipients;
			/* The last one may be on the disk without a report, but not in part. */
			assert_true(recipients == GROUP || (i == reported && recipients == 0));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_damaged_rows), T(test_a_full_map), T(test_pruning_beside_rows),
		T(test_a_secret_of_its_own), T(test_another_process_reads), T(test_kill),
	};

	return cmocka_run_group_tests_name("sent-trouble", tests, NULL, NULL);
}
