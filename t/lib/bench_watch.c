/*
 * bench_watch: for each address on standard input, waits until the store says
 * that it is suppressed, then until the table that Postfix reads says so, and
 * prints both times:
 *
 *   ADDRESS COMMITTED PUBLISHED
 *
 * in microseconds since 1970. The table is read as Postfix reads it.
 *
 *   bench_watch STATE-DIRECTORY
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/standing.h"

#define PAUSE_USEC 200
#define LINE_BYTES 1024

static int64_t
now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
is_committed(struct store *store, const char *address)
{
	struct standing standing;
	struct store_txn *txn;
	const char *error;
	int ret = store_begin_read(store, &txn, &error);

	if (ret == -1)
		errx(1, "%s", error);
	ret = standing_get(txn, address, &standing, &error);
	store_abort(txn);
	if (ret == -1)
		errx(1, "%s", error);
	return ret == 1 && standing.suppressed[TABLE_MAIN].event != 0;
}

struct table {
	MDB_env *env;
	MDB_dbi dbi;
	int fd;
};

static void
check(int code, const char *what)
{
	if (code != 0)
		errx(1, "%s: %s", what, mdb_strerror(code));
}

static void
lock(const struct table *table, short type)
{
	struct flock request = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(table->fd, F_SETLKW, &request) == -1) {
		if (errno != EINTR)
			err(1, "fcntl");
	}
}

static MDB_txn *
begin(const struct table *table)
{
	MDB_txn *txn;
	int code;

	lock(table, F_RDLCK);
	code = mdb_txn_begin(table->env, NULL, MDB_RDONLY, &txn);
	if (code == MDB_MAP_RESIZED) {
		mdb_env_set_mapsize(table->env, 0);
		code = mdb_txn_begin(table->env, NULL, MDB_RDONLY, &txn);
	}
	check(code, "mdb_txn_begin");
	return txn;
}

static void
open_table(struct table *table, const char *directory)
{
	char path[512];
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/access.lmdb", directory);
	check(mdb_env_create(&table->env), "mdb_env_create");
	check(mdb_env_open(table->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0644), path);
	mdb_env_get_fd(table->env, &table->fd);
	txn = begin(table);
	check(mdb_dbi_open(txn, NULL, 0, &table->dbi), "mdb_dbi_open");
	check(mdb_txn_commit(txn), "mdb_txn_commit");
	lock(table, F_UNLCK);
}

static bool
is_published(const struct table *table, const char *address)
{
	MDB_val key = { strlen(address) + 1, (void *)address }, value;
	MDB_txn *txn = begin(table);
	int code = mdb_get(txn, table->dbi, &key, &value);

	mdb_txn_abort(txn);
	lock(table, F_UNLCK);
	return code == 0;
}

int
main(int argc, char **argv)
{
	char line[LINE_BYTES];
	enum store_error kind;
	struct store *store;
	struct table table;
	const char *error;

	if (argc != 2)
		errx(2, "usage: bench_watch STATE-DIRECTORY");
	if (store_open(argv[1], 0, true, &store, &kind, &error) == -1)
		errx(1, "%s", error);
	open_table(&table, argv[1]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		int64_t committed, published;

		line[strcspn(line, "\n")] = '\0';
		while (!is_committed(store, line))
			usleep(PAUSE_USEC);
		committed = now_usec();
		while (!is_published(&table, line))
			usleep(PAUSE_USEC);
		published = now_usec();
		printf("%s %lld %lld\n", line, (long long)committed, (long long)published);
		fflush(stdout);
	}
	return 0;
}
