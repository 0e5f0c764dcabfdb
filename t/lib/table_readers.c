/*
 * table_readers: a writer of tables, and a reader that does what Postfix does.
 *
 *   table_readers write DIR UPDATES BATCH   through table_lmdb.c, as the daemon
 *   table_readers spoil DIR SECONDS         with LMDB's own locking and without
 *                                           sync, as one would at first
 *   table_readers read FILE PAUSE_USEC      until SIGTERM
 *
 * DIR has access.lmdb and transport.lmdb, filled by "write DIR 0 1":
 *
 *   alwaysN@remote.test   is there at all times, N from 0 to ALWAYS - 1
 *   leftN@, rightN@       have the same value in every commit
 *   churnN@               comes and goes
 *   neverN@               is not there
 *
 * The reader prints how many lookups it made and how many answers were wrong.
 */
#include <lmdb.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/table_lmdb.h"

#define ALWAYS 1000
#define PAIRS 100
#define CHURN 50000
#define VALUE_BYTES 128

static const struct {
	const char *name, *prefix;
} tables[] = { { "access.lmdb", "550 " }, { "transport.lmdb", "error:" } };

static volatile sig_atomic_t stopped;

static const char *
print_key(const char *word, unsigned number)
{
	static char key[64];

	snprintf(key, sizeof(key), "%s%u@remote.test", word, number);
	return key;
}

/* The value says whose it is, so that another key's is noticed. */
static void
print_value(const char *prefix, const char *word, unsigned number, char value[VALUE_BYTES])
{
	snprintf(value, VALUE_BYTES, "%s5.1.1 of %s%u", prefix, word, number);
}

/* --- the writer as it should be --------------------------------------------- */

static struct table_file *
open_table(const char *directory, unsigned i)
{
	char path[512];
	struct table_file *table;
	const char *error;

	snprintf(path, sizeof(path), "%s/%s", directory, tables[i].name);
	if (access(path, F_OK) == -1 && table_lmdb.create(path, &error) == -1)
		errx(1, "%s", error);
	if (table_lmdb.open(path, &table, &error) == -1)
		errx(1, "%s", error);
	return table;
}

static void
put(struct table_file *table, const char *key, const char *value)
{
	const char *error;

	if (table_lmdb.put(table, str_of(key), str_of(value), &error) == -1)
		errx(1, "%s", error);
}

static void
begin(struct table_file *table)
{
	const char *error;

	if (table_lmdb.begin(table, NULL, &error) == -1)
		errx(1, "%s", error);
}

static void
commit(struct table_file *table)
{
	const char *error;

	if (table_lmdb.commit(table, &error) == -1)
		errx(1, "%s", error);
}

static void
put_always(struct table_file *table, const char *prefix, unsigned number)
{
	char value[VALUE_BYTES];

	print_value(prefix, "always", number, value);
	put(table, print_key("always", number), value);
}

static void
put_pair(struct table_file *table, const char *prefix, unsigned number, unsigned generation)
{
	char value[VALUE_BYTES];

	print_value(prefix, "pair", generation, value);
	put(table, print_key("left", number), value);
	put(table, print_key("right", number), value);
}

static void
churn(struct table_file *table, const char *prefix)
{
	unsigned number = (unsigned)random() % CHURN;
	char value[VALUE_BYTES];
	const char *error;

	print_value(prefix, "churn", number, value);
	if (random() % 2)
		put(table, print_key("churn", number), value);
	else if (table_lmdb.remove(table, str_of(print_key("churn", number)), &error) == -1)
		errx(1, "%s", error);
}

static void
fill(struct table_file *table, const char *prefix)
{
	begin(table);
	for (unsigned n = 0; n < ALWAYS; n++)
		put_always(table, prefix, n);
	for (unsigned n = 0; n < PAIRS; n++)
		put_pair(table, prefix, n, 0);
	commit(table);
}

static void
write_batch(struct table_file *table, const char *prefix, unsigned batch, unsigned generation)
{
	begin(table);
	put_always(table, prefix, generation % ALWAYS);
	put_pair(table, prefix, generation % PAIRS, generation);
	for (unsigned i = 3; i < batch; i++)
		churn(table, prefix);
	commit(table);
}

static void
write_tables(const char *directory, unsigned updates, unsigned batch)
{
	struct table_file *open[2] = { open_table(directory, 0), open_table(directory, 1) };

	for (unsigned i = 0; updates == 0 && i < 2; i++)
		fill(open[i], tables[i].prefix);
	for (unsigned done = 0, generation = 1; done < updates; done += batch, generation++)
		write_batch(open[generation % 2], tables[generation % 2].prefix, batch, generation);
	table_lmdb.close(open[0]);
	table_lmdb.close(open[1]);
}

/* --- the writer as it should not be ----------------------------------------- */

static void
check(int code, const char *what)
{
	if (code != 0)
		errx(1, "%s: %s", what, mdb_strerror(code));
}

static void
spoil_put(MDB_txn *txn, MDB_dbi dbi, const char *key, const char *value)
{
	MDB_val k = { strlen(key) + 1, (void *)key }, v = { strlen(value) + 1, (void *)value };

	check(mdb_put(txn, dbi, &k, &v, 0), "mdb_put");
}

static void
spoil(const char *directory, unsigned seconds)
{
	time_t end = time(NULL) + seconds;
	char path[512], value[VALUE_BYTES];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	snprintf(path, sizeof(path), "%s/%s", directory, tables[0].name);
	check(mdb_env_create(&env), "mdb_env_create");
	check(mdb_env_set_mapsize(env, (size_t)1 << 30), "mdb_env_set_mapsize");
	check(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0644), path);
	for (unsigned generation = 1; time(NULL) < end && !stopped; generation++) {
		check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
		check(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
		print_value(tables[0].prefix, "always", generation % ALWAYS, value);
		spoil_put(txn, dbi, print_key("always", generation % ALWAYS), value);
		print_value(tables[0].prefix, "pair", generation, value);
		spoil_put(txn, dbi, print_key("left", generation % PAIRS), value);
		spoil_put(txn, dbi, print_key("right", generation % PAIRS), value);
		check(mdb_txn_commit(txn), "mdb_txn_commit");
	}
	mdb_env_close(env);
}

/* --- the reader: slmdb.c of Postfix ------------------------------------------ */

struct reader {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int fd;
	const char *prefix;
	uint64_t lookups, wrong;
};

static void
lock(struct reader *reader, short type)
{
	struct flock request = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(reader->fd, F_SETLKW, &request) == -1) {
		if (errno != EINTR)
			err(1, "fcntl");
	}
}

static void
reader_begin(struct reader *reader)
{
	int code;

	lock(reader, F_RDLCK);
	code = mdb_txn_begin(reader->env, NULL, MDB_RDONLY, &reader->txn);
	if (code == MDB_MAP_RESIZED) {
		mdb_env_set_mapsize(reader->env, 0);
		code = mdb_txn_begin(reader->env, NULL, MDB_RDONLY, &reader->txn);
	}
	check(code, "mdb_txn_begin");
}

static void
reader_end(struct reader *reader)
{
	mdb_txn_abort(reader->txn);
	lock(reader, F_UNLCK);
}

/* Copy a value; false if there is none. Any other answer is a wrong one. */
static bool
look_up(struct reader *reader, const char *word, unsigned number, char value[VALUE_BYTES])
{
	const char *key = print_key(word, number);
	MDB_val k = { strlen(key) + 1, (void *)key }, v;
	int code = mdb_get(reader->txn, reader->dbi, &k, &v);

	reader->lookups++;
	value[0] = '\0';
	if (code == 0 && v.mv_size < VALUE_BYTES)
		memcpy(value, v.mv_data, v.mv_size);
	else if (code != MDB_NOTFOUND)
		reader->wrong++;
	return code == 0;
}

static void
look(struct reader *reader)
{
	unsigned number = (unsigned)random() % ALWAYS;
	char value[VALUE_BYTES], other[VALUE_BYTES], wanted[VALUE_BYTES];

	print_value(reader->prefix, "always", number, wanted);
	reader_begin(reader);
	if (!look_up(reader, "always", number, value) || strcmp(value, wanted) != 0)
		reader->wrong++;
	reader_end(reader);
	reader_begin(reader);
	reader->wrong += look_up(reader, "never", number, value);
	reader_end(reader);
	reader_begin(reader);
	if (!look_up(reader, "left", number % PAIRS, value) ||
	    !look_up(reader, "right", number % PAIRS, other) || strcmp(value, other) != 0)
		reader->wrong++;
	reader_end(reader);
}

static void
read_table(const char *path, useconds_t pause)
{
	struct reader reader = { .prefix = strstr(path, "transport") ? "error:" : "550 " };

	check(mdb_env_create(&reader.env), "mdb_env_create");
	check(mdb_env_open(reader.env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0644), path);
	mdb_env_get_fd(reader.env, &reader.fd);
	reader_begin(&reader);
	check(mdb_dbi_open(reader.txn, NULL, 0, &reader.dbi), "mdb_dbi_open");
	check(mdb_txn_commit(reader.txn), "mdb_txn_commit");
	lock(&reader, F_UNLCK);
	while (!stopped) {
		look(&reader);
		if (pause > 0)
			usleep(pause);
		else if (reader.wrong > 0)
			break;
	}
	printf("%llu lookups, %llu wrong\n", (unsigned long long)reader.lookups,
	    (unsigned long long)reader.wrong);
	mdb_env_close(reader.env);
}

static void
stop(int signal)
{
	(void)signal;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	signal(SIGTERM, stop);
	srandom((unsigned)getpid());
	if (strcmp(what, "write") == 0 && argc == 5)
		write_tables(argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
	else if (strcmp(what, "spoil") == 0)
		spoil(argv[2], (unsigned)atoi(argv[3]));
	else if (strcmp(what, "read") == 0)
		read_table(argv[2], (useconds_t)atoi(argv[3]));
	else
		errx(2, "usage: table_readers write|spoil|read FILE-OR-DIR ...");
	return 0;
}
