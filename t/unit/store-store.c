#include "store-support.h"
#include "store/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READERS_LEAST 512 /* at once */

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

/* Can the file system set room aside? */
static bool
can_reserve(const char *directory)
{
	char path[256];
	bool can;
	int fd;

	snprintf(path, sizeof(path), "%s/reserved", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	can = fallocate(fd, 0, 0, 4096) == 0 || errno != EOPNOTSUPP;
	close(fd);
	return can;
}

static void
check_lock_file(const char *directory, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s.lmdb-lock", directory, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size >= READERS_LEAST * 64);
	assert_true(st.st_blocks * 512 >= st.st_size);
}

/* A hole in the lock file would be filled by whoever reads there first, and kill
   him on a full disk. */
static void
test_the_lock_file_has_no_holes(void **state)
{
	struct store *store, *sent;
	enum store_error kind;
	char path[256];
	const char *error;

	if (!can_reserve(*state))
		skip();
	store = open_store(*state);
	assert_done(store_open_sent(*state, STORE_BYTES, false, &sent, &kind, &error));
	check_lock_file(*state, "state");
	check_lock_file(*state, "sent");
	store_close(sent);
	store_close(store);
	/* Nor has one that was shorter, or was made without. */
	snprintf(path, sizeof(path), "%s/state.lmdb-lock", (char *)*state);
	for (off_t size = 8192; size <= 65536; size *= 8) {
		assert_int_equal(truncate(path, 0), 0);
		assert_int_equal(truncate(path, size), 0);
		store = open_store(*state);
		check_lock_file(*state, "state");
		store_close(store);
	}
}

static void
test_readers_at_once(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txns[READERS_LEAST];
	const char *error;

	for (unsigned i = 0; i < READERS_LEAST; i++)
		assert_done(store_begin_read(store, &txns[i], &error));
	for (unsigned i = 0; i < READERS_LEAST; i++)
		store_abort(txns[i]);
	store_close(store);
}

/* Whoever has a shorter lock file mapped reads all of it, and nothing behind it. */
static void
test_a_lock_file_in_use_is_not_longer(void **state)
{
	char path[256], byte = 0;
	int told[2], go_on[2], status;
	struct store *store;
	struct stat st;
	pid_t other;

	snprintf(path, sizeof(path), "%s/state.lmdb-lock", (char *)*state);
	store_close(open_store(*state));
	assert_int_equal(truncate(path, 8192), 0);
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(go_on), 0);
	other = fork();
	if (other == 0) {
		/* As LMDB does, as long as it is open. */
		struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
		int fd = open(path, O_RDWR);

		close(go_on[1]);
		_exit(fcntl(fd, F_SETLK, &lock) == -1 || write(told[1], &byte, 1) != 1 ||
		    read(go_on[0], &byte, 1) == -1);
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	store = open_store(*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8192);
	store_close(store);
	close(go_on[1]);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
}

/* A limit of the process stands for a full disk. */
static void
test_no_room_for_the_lock_file(void **state)
{
	struct rlimit before, small;
	struct store *store;
	enum store_error kind;
	const char *error;
	int ret;

	if (!can_reserve(*state))
		skip();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ret = store_open(*state, STORE_BYTES, false, &store, &kind, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(ret, -1);
	assert_int_equal(kind, STORE_ERROR_IO);
	assert_non_null(strstr(error, "state.lmdb-lock: "));
	assert_non_null(strstr(error, "make room on its disk"));
}

struct readers {
	struct store *store;
	atomic_bool stopping;
	atomic_uint reads;
};

/* One read after another, each long enough to overlap with that of another thread.
   None is begun inside another. */
static void *
read_on(void *argument)
{
	struct readers *readers = argument;
	struct store_txn *txn;
	const char *error;

	while (!readers->stopping) {
		if (store_begin_read(readers->store, &txn, &error) == -1) {
			usleep(1000);
			continue;
		}
		usleep(20000);
		store_abort(txn);
		readers->reads++;
	}
	return NULL;
}

/* Ends readers that would never let go, so that the test fails and does not hang. */
static void *
give_up(void *argument)
{
	struct readers *readers = argument;

	for (unsigned i = 0; i < 600 && !readers->stopping; i++)
		usleep(100000);
	return (void *)(intptr_t)!atomic_exchange(&readers->stopping, true);
}

/* There is always somebody reading; a store that is opened anew is not put off. */
static void
test_recovery_among_readers(void **state)
{
	struct readers readers = { .store = open_store(*state) };
	pthread_t threads[8], watchdog;
	struct store_txn *txn;
	const char *error;
	void *gave_up;

	assert_int_equal(pthread_create(&watchdog, NULL, give_up, &readers), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
		usleep(2500);
	}
	while (readers.reads < 8)
		usleep(1000);
	for (unsigned i = 0; i < 5; i++)
		assert_done(store_recover(readers.store, &error));
	readers.stopping = true;
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	pthread_join(watchdog, &gave_up);
	assert_null(gave_up);
	/* And it is a store as before. */
	assert_done(store_begin_read(readers.store, &txn, &error));
	store_abort(txn);
	store_close(readers.store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_what_is_committed_is_there), T(test_deleting_twice), T(test_pages),
		T(test_a_newer_version_is_not_touched), T(test_something_else_is_not_overwritten),
		T(test_a_link_is_not_followed), T(test_a_cut_store_is_refused), T(test_a_full_map),
		T(test_the_lock_file_has_no_holes), T(test_readers_at_once),
		T(test_a_lock_file_in_use_is_not_longer), T(test_no_room_for_the_lock_file),
		T(test_recovery_among_readers),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
