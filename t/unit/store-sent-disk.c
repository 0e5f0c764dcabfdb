#include "sent-support.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A recipient is compared in full, however long, also with those of others. */
static void
test_long_addresses_that_differ_at_the_end(void **state)
{
	static const char *const ends[] = { "1@remote.test", "2@remote.test" };
	char addresses[2][6000];
	struct sent_found found;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		memset(addresses[i], 'x', sizeof(addresses[i]));
		memcpy(addresses[i] + sizeof(addresses[i]) - 14, ends[i], 14);
	}
	put("<m@own.test>", addresses[0], NOON, 2);
	found = find("<m@own.test>", addresses[1], NOON);
	assert_false(found.matches);
	assert_string_equal(found.only, addresses[0]);
	assert_true(find("<m@own.test>", addresses[0], NOON).matches);
	put("<m@own.test>", addresses[1], NOON, 2);
	found = find("<m@own.test>", addresses[1], NOON);
	assert_true(found.matches);
	assert_int_equal(found.sibling_count, 1);
	assert_string_equal(found.siblings[0].recipient, addresses[0]);
}

/* The digest of a recipient is not the recipient: the row of another one stands
   where this one's would. */
static void
test_a_digest_is_not_the_recipient(void **state)
{
	static const char text[] = "\1\0\0\0\0\0\0\1b@remote.test\0s@own.test\0id";
	struct store_cursor *cursor;
	struct store_txn *txn;
	const char *error;
	char bytes[32];
	struct str key;

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 1);
	assert_done(store_begin(sent.store, &txn, &error));
	assert_done(store_cursor_open(txn, STORE_SENT, &cursor, &error));
	assert_int_equal(store_cursor_seek(cursor, STR_EMPTY, &key, NULL, &error), 1);
	store_cursor_close(cursor);
	assert_true(key.len <= sizeof(bytes));
	memcpy(bytes, key.data, key.len);
	assert_done(store_put(txn, STORE_SENT, (struct str){ bytes, key.len },
	    (struct str){ text, sizeof(text) }, &error));
	assert_done(store_commit(txn, &error));
	assert_false(find("<m@own.test>", "a@remote.test", NOON).matches);
	assert_string_equal(find("<m@own.test>", "a@remote.test", NOON).only, "b@remote.test");
}

static int64_t
file_bytes(const char *directory)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sent.lmdb", directory);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Pages of days that have gone are used for those that come. */
static void
test_the_file_grows_no_further(void **state)
{
	int64_t bytes = 0;

	for (unsigned day = 0; day < 30; day++) {
		char message_id[32];
		const char *error;

		for (unsigned i = 0; i < 3; i++) {
			snprintf(message_id, sizeof(message_id), "<%u.%u@own.test>", day, i);
			assert_done(put_many(message_id, 1000, NOON + (int64_t)day * DAY, 0, &error));
		}
		while (prune(NOON + (int64_t)day * DAY, 500) > 0)
			;
		if (day == 14)
			bytes = file_bytes(*state);
	}
	/* There were eleven days of 3,000 rows, and never more. */
	assert_true(bytes > INT64_C(11) * 3000 * 60);
	assert_in_range(file_bytes(*state), bytes / 2, bytes + bytes / 20);
}

static void
check_full_disk(const char *directory, unsigned count)
{
	char message_id[32];
	const char *error;
	unsigned messages = 0;

	do
		snprintf(message_id, sizeof(message_id), "<%u@own.test>", messages);
	while (put_many(message_id, count, NOON + messages * count / 1000 * DAY, 0, &error) == 0 &&
	    ++messages < 100000);
	/* LMDB has two names for it. */
	assert_true(strstr(error, "No space left") != NULL ||
	    strstr(error, "the disk is full") != NULL);
	assert_true(store_is_failing(sent.store));
	assert_done(store_recover(sent.store, &error));
	assert_int_equal(count_rows(STORE_SENT), messages * count);
	assert_true(messages * count > 5000);

	/* Days that are over go once there is a little room, and what comes has
	   theirs. */
	assert_int_equal(mount("none", directory, "tmpfs", MS_REMOUNT, "size=2304k"), 0);
	assert_int_equal(prune(MIDNIGHT + 3 * DAY + KEEP, 500), 500);
	assert_false(store_is_failing(sent.store));
	while (prune(MIDNIGHT + 3 * DAY + KEEP, 500) > 0)
		;
	assert_int_equal(count_rows(STORE_SENT), messages * count - 3000);
	for (unsigned i = 0; i < 2000 / count; i++) {
		snprintf(message_id, sizeof(message_id), "<more.%u@own.test>", i);
		assert_done(put_many(message_id, count, NOON + 100 * DAY, 0, &error));
	}
	sent_close(&sent);
	open_ledger(directory, STORE_BYTES, false);
	assert_int_equal(count_rows(STORE_SENT), messages * count - 1000);
	sent_close(&sent);
}

/* On a small disk, which is gone with the process that has it. */
static void
run_on_small_disk(const char *directory, unsigned count)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", directory, "tmpfs", 0, "size=2m") == -1)
		_exit(77);
	open_ledger(directory, STORE_BYTES, false);
	check_full_disk(directory, count);
	_exit(0);
}

static void
test_a_full_disk(void **state)
{
	static const unsigned counts[] = { 1000, 100, 10, 1 };

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int status;
		pid_t pid;

		/* An environment must not be carried through fork(). */
		sent_close(&sent);
		pid = fork();
		if (pid == 0)
			run_on_small_disk(*state, counts[i]);
		assert_true(pid > 0);
		open_ledger(*state, STORE_BYTES, false);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			print_message("# only root can mount a small disk\n");
			skip();
		}
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_long_addresses_that_differ_at_the_end),
		T(test_a_digest_is_not_the_recipient), T(test_the_file_grows_no_further),
		T(test_a_full_disk),
	};

	return cmocka_run_group_tests_name("sent-disk", tests, NULL, NULL);
}
