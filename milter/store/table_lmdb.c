#include "store/table_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/msg.h"
#include "store/table_lock.h"

/* Address space, not memory: Postfix takes over the size it finds. */
#define MAP_BYTES (UINT64_C(4) << 30)
#define KEY_BYTES 511

struct table_file {
	char *path;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	mdb_filehandle_t fd;
};

static int
fail(const struct table_file *table, int code, const char **error_r)
{
	return msg_failure(error_r, "%s: %s", table->path, mdb_strerror(code));
}

static void
unlock(const struct table_file *table)
{
	table_unlock(table->fd, table->path);
}

static void
close_environment(struct table_file *table)
{
	if (table->env != NULL)
		mdb_env_close(table->env);
	table->env = NULL;
}

static int
open_environment(struct table_file *table, unsigned flags, const char **error_r)
{
	int code = mdb_env_create(&table->env);

	if (code == 0) {
		mdb_env_set_mapsize(table->env, MAP_BYTES);
		code = mdb_env_open(table->env, table->path, MDB_NOSUBDIR | MDB_NOLOCK | flags, 0640);
	}
	if (code != 0) {
		mdb_env_close(table->env);
		table->env = NULL;
		return fail(table, code, error_r);
	}
	mdb_env_get_fd(table->env, &table->fd);
	return 0;
}

static struct table_file *
table_new(const char *path)
{
	struct table_file *table = calloc(1, sizeof(*table));

	if (table == NULL || (table->path = strdup(path)) == NULL)
		msg_out_of_memory();
	return table;
}

static void
close_table(struct table_file *table)
{
	if (table == NULL)
		return;
	close_environment(table);
	free(table->path);
	free(table);
}

static int
open_table(const char *path, struct table_file **table_r, const char **error_r)
{
	struct table_file *table = table_new(path);

	if (open_environment(table, 0, error_r) == -1) {
		close_table(table);
		return -1;
	}
	*table_r = table;
	return 0;
}

/* Begin inside the locks. Another process may have let the file grow. */
static int
begin(struct table_file *table, unsigned flags)
{
	int code = mdb_txn_begin(table->env, NULL, flags, &table->txn);

	if (code == MDB_MAP_RESIZED) {
		mdb_env_set_mapsize(table->env, 0);
		code = mdb_txn_begin(table->env, NULL, flags, &table->txn);
	}
	if (code == 0)
		code = mdb_dbi_open(table->txn, NULL, 0, &table->dbi);
	return code;
}

/* Is the open file still the one that Postfix finds by name? Another process
   may have repaired it by rename. Returns 1, 0, or -1 with a sentence. */
static int
is_current(const struct table_file *table, const char **error_r)
{
	struct stat opened, named;

	if (stat(table->path, &named) == -1 || fstat(table->fd, &opened) == -1)
		return msg_failure(error_r, "%s: %s: bouncemilter makes it again when it is "
		    "restarted", table->path, strerror(errno));
	return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* The exclusive lock on the file that has the name. */
static int
lock_current(struct table_file *table, const _Atomic int64_t *limit_msec,
    const char **error_r)
{
	int ret;

	for (;;) {
		if (table_lock(table->fd, F_WRLCK, table->path, limit_msec, error_r) == -1)
			return -1;
		ret = is_current(table, error_r);
		if (ret == 1)
			return 0;
		unlock(table);
		if (ret == -1)
			return -1;
		mdb_env_close(table->env);
		table->env = NULL;
		if (open_environment(table, 0, error_r) == -1)
			return -1;
	}
}

static void
abort_changes(struct table_file *table)
{
	if (table->txn != NULL)
		mdb_txn_abort(table->txn);
	table->txn = NULL;
	unlock(table);
}

static int
begin_locked(struct table_file *table, const _Atomic int64_t *limit_msec,
    const char **error_r)
{
	int code;

	if (table->env == NULL && open_environment(table, 0, error_r) == -1)
		return -1;
	if (lock_current(table, limit_msec, error_r) == -1)
		return -1;
	if (table_lock(table->fd, F_RDLCK, table->path, limit_msec, error_r) == -1) {
		unlock(table);
		return -1;
	}
	code = begin(table, 0);
	if (code != 0) {
		abort_changes(table);
		return fail(table, code, error_r);
	}
	return 0;
}

static int
put(struct table_file *table, struct str key, struct str value, const char **error_r)
{
	char k[KEY_BYTES], v[256];
	MDB_val mk = { key.len + 1, k }, mv = { value.len + 1, v };
	int code;

	if (mk.mv_size > sizeof(k) || mv.mv_size > sizeof(v))
		return msg_failure(error_r, "%s: a key or value is too long", table->path);
	snprintf(k, sizeof(k), "%.*s", STR_ARGS(key));
	snprintf(v, sizeof(v), "%.*s", STR_ARGS(value));
	code = mdb_put(table->txn, table->dbi, &mk, &mv, 0);
	return code == 0 ? 0 : fail(table, code, error_r);
}

static int
remove_key(struct table_file *table, struct str key, const char **error_r)
{
	char k[KEY_BYTES];
	MDB_val mk = { key.len + 1, k };
	int code;

	if (mk.mv_size > sizeof(k))
		return 0;
	snprintf(k, sizeof(k), "%.*s", STR_ARGS(key));
	code = mdb_del(table->txn, table->dbi, &mk, NULL);
	return code == 0 || code == MDB_NOTFOUND ? 0 : fail(table, code, error_r);
}

static int
commit(struct table_file *table, const char **error_r)
{
	int code = mdb_txn_commit(table->txn);

	table->txn = NULL;
	unlock(table);
	if (code == 0)
		return 0;
	/* LMDB refuses all further work after some of the failures: the next
	   begin_locked() opens the file anew. */
	close_environment(table);
	return fail(table, code, error_r);
}

static struct str
without_nul(MDB_val value)
{
	struct str s = { value.mv_data, value.mv_size };

	if (s.len > 0 && s.data[s.len - 1] == '\0')
		s.len--;
	return s;
}

/* Returns LMDB's code; -1 of `row` is passed on. */
static int
each(struct table_file *table, int (*row)(struct str key, struct str value, void *context),
    void *context)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(table->txn, table->dbi, &cursor);

	if (code != 0)
		return code;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		code = row(without_nul(key), without_nul(value), context);
		if (code != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int
each_row(struct table_file *table,
    int (*row)(struct str key, struct str value, void *context), void *context,
    const char **error_r)
{
	int code = each(table, row, context);

	if (code == -1)
		return -1;
	return code == 0 ? 0 : fail(table, code, error_r);
}

/* Are all pages there that the table says it has? Pages that a cut file lacks
   would end the process with SIGBUS. */
static bool
is_whole(const struct table_file *table)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;

	mdb_env_info(table->env, &info);
	mdb_env_stat(table->env, &stat);
	return fstat(table->fd, &st) == 0 &&
	    (uint64_t)st.st_size >= (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
}

static int
check_ours(struct str key, struct str value, void *context)
{
	const struct str *marker = context;
	size_t at;

	(void)key;
	return str_find(value, *marker, 0, &at) == 1 ? 0 : -1;
}

/* Read all of an open table. */
static enum table_state
inspect_content(struct table_file *table, struct str marker)
{
	int code;

	if (!is_whole(table))
		return TABLE_TORN;
	code = begin(table, MDB_RDONLY);
	if (code == 0)
		code = each(table, check_ours, &marker);
	mdb_txn_abort(table->txn);
	table->txn = NULL;
	if (code == -1)
		return TABLE_FOREIGN;
	return code == 0 ? TABLE_GOOD : TABLE_TORN;
}

static int
inspect(const char *path, struct str marker, enum table_state *state_r,
    const char **error_r)
{
	struct table_file *table;
	struct stat st;
	int ret = 0;

	if (lstat(path, &st) == -1) {
		*state_r = TABLE_MISSING;
		return errno == ENOENT ? 0 : msg_failure(error_r, "%s: %s", path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return msg_failure(error_r, "%s: not a regular file: move it away", path);
	if (access(path, R_OK | W_OK) == -1)
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	table = table_new(path);
	*state_r = TABLE_TORN;
	/* An empty file is what a crash between open and write leaves. */
	if (st.st_size > 0 && open_environment(table, MDB_RDONLY, error_r) == 0) {
		ret = table_lock(table->fd, F_RDLCK, table->path, NULL, error_r);
		if (ret == 0) {
			*state_r = inspect_content(table, marker);
			unlock(table);
		}
	}
	close_table(table);
	return ret;
}

/* An empty environment has its two meta pages only after a first commit. */
static int
write_empty(const char *path, const char **error_r)
{
	struct table_file *table;
	int ret;

	if (unlink(path) == -1 && errno != ENOENT)
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (open_table(path, &table, error_r) == -1)
		return -1;
	ret = begin_locked(table, NULL, error_r);
	if (ret == 0)
		ret = commit(table, error_r);
	if (ret == 0 && fsync(table->fd) == -1)
		ret = msg_failure(error_r, "%s: %s", path, strerror(errno));
	close_table(table);
	return ret;
}

static int
create(const char *path, const char **error_r)
{
	char *aside;
	int ret;

	if (asprintf(&aside, "%s.new", path) == -1)
		msg_out_of_memory();
	ret = write_empty(aside, error_r);
	if (ret == 0 && rename(aside, path) == -1)
		ret = msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (ret == 0)
		ret = file_sync_directory(path, error_r);
	free(aside);
	return ret;
}

const struct table_format table_lmdb = {
	.suffix = ".lmdb", .inspect = inspect, .create = create, .open = open_table,
	.close = close_table, .begin = begin_locked, .put = put, .remove = remove_key,
	.commit = commit, .abort = abort_changes, .each = each_row,
};
