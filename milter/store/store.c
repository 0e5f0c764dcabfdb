#include "store/store.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/msg.h"
#include "store/store_file.h"

#define READERS_MOST 512

/* What store_check_room() keeps free: a part of the map, and so many bytes. */
#define SPARE_PART 16
#define SPARE_BYTES (256 * 1024)

/* What an environment is for. */
struct purpose {
	const char *file;
	const char *size_setting;
	enum store_table first, last; /* its tables besides STORE_META */
};

static const struct purpose state_purpose = { "state.lmdb", "store-size", STORE_JOURNAL,
	STORE_BREAKER };
static const struct purpose sent_purpose = { "sent.lmdb", "ledger-size", STORE_SENT,
	STORE_SENT_DOMAINS };

struct store {
	const struct purpose *purpose;
	MDB_env *env;
	MDB_dbi tables[STORE_TABLE_COUNT];
	char *path;
	uint64_t size_bytes;
	bool read_only;
	/* Held shared by every transaction, alone by store_recover(). A thread may
	   read twice at once, so who waits to be alone cannot go first; instead no
	   new reader comes in while somebody does. */
	pthread_rwlock_t in_use;
	atomic_uint recovering; /* how many wait, or are at it */
	atomic_bool failing;
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
};

struct store_cursor {
	struct store *store;
	MDB_cursor *cursor;
};

static const char *const table_names[STORE_TABLE_COUNT] = {
	[STORE_META] = "meta", [STORE_JOURNAL] = "journal", [STORE_UNVERIFIED] = "unverified",
	[STORE_STANDING] = "standing", [STORE_EXPIRY] = "expiry", [STORE_SEEN] = "seen",
	[STORE_COUNTERS] = "counters", [STORE_RATES] = "rates", [STORE_INCIDENTS] = "incidents",
	[STORE_BREAKER] = "breaker", [STORE_SENT] = "sent", [STORE_SENT_DOMAINS] = "sent-domains",
};

static const char schema_key[] = "schema";

static int
say_full(const struct store *store, const char **error_r)
{
	return msg_failure(error_r, "%s is full: raise %s in bouncemilter.conf", store->path,
	    store->purpose->size_setting);
}

/* Describe what LMDB answered. */
static int
fail(struct store *store, int code, const char **error_r)
{
	/* These will happen again until somebody helps. */
	if (code == MDB_MAP_FULL || code == ENOSPC || code == EIO || code == MDB_PANIC ||
	    code == EROFS || code == EDQUOT)
		store->failing = true;
	if (code == MDB_MAP_FULL)
		return say_full(store, error_r);
	return msg_failure(error_r, "%s: %s%s", store->path, code == MDB_NOTFOUND ?
	    "made by an older version: start bouncemilter once" : mdb_strerror(code),
	    code == EIO ? ", or the disk is full" : "");
}

static int
check_schema(struct store *store, MDB_txn *txn, enum store_error *kind_r, const char **error_r)
{
	MDB_val key = { sizeof(schema_key) - 1, (void *)schema_key }, value;
	char bytes[STORE_NUMBER_BYTES];
	struct str number = store_number(STORE_SCHEMA, bytes);
	int code = mdb_get(txn, store->tables[STORE_META], &key, &value);

	if (code == 0) {
		uint64_t schema = store_scan_number((struct str){ value.mv_data, value.mv_size });

		if (schema == STORE_SCHEMA)
			return 0;
		*kind_r = STORE_ERROR_CONFIG;
		return msg_failure(error_r, "%s is of version %llu, this program knows version %d: "
		    "install the newer bouncemilter, or move the file away", store->path,
		    (unsigned long long)schema, STORE_SCHEMA);
	}
	if (code != MDB_NOTFOUND)
		return fail(store, code, error_r);
	if (store->read_only)
		return 0;
	value = (MDB_val){ number.len, (void *)number.data };
	code = mdb_put(txn, store->tables[STORE_META], &key, &value, 0);
	return code == 0 ? 0 : fail(store, code, error_r);
}

static int
open_tables(struct store *store, enum store_error *kind_r, const char **error_r)
{
	unsigned create = store->read_only ? 0 : MDB_CREATE;
	MDB_txn *txn;
	int code = mdb_txn_begin(store->env, NULL, store->read_only ? MDB_RDONLY : 0, &txn);

	if (code != 0)
		return fail(store, code, error_r);
	for (enum store_table i = STORE_META; i <= store->purpose->last; i++) {
		if (i != STORE_META && i < store->purpose->first)
			continue;
		code = mdb_dbi_open(txn, table_names[i], create, &store->tables[i]);
		if (code != 0) {
			mdb_txn_abort(txn);
			return fail(store, code, error_r);
		}
	}
	if (check_schema(store, txn, kind_r, error_r) == -1) {
		mdb_txn_abort(txn);
		return -1;
	}
	code = mdb_txn_commit(txn);
	return code == 0 ? 0 : fail(store, code, error_r);
}

/* Pages that a cut file lacks would end the process with SIGBUS. */
static int
check_length(struct store *store, enum store_error *kind_r, const char **error_r)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	mdb_filehandle_t fd;

	mdb_env_info(store->env, &info);
	mdb_env_stat(store->env, &stat);
	mdb_env_get_fd(store->env, &fd);
	if (fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size >= (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize)
		return 0;
	*kind_r = STORE_ERROR_CONFIG;
	return msg_failure(error_r, "%s is cut short: move it away and restore a copy made with "
	    "mdb_copy", store->path);
}

static int
open_environment(struct store *store, enum store_error *kind_r, const char **error_r)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (store->read_only ? MDB_RDONLY : 0);
	int code;

	*kind_r = STORE_ERROR_IO;
	if (store_file_check(store->path, store->read_only, kind_r, error_r) == -1 ||
	    store_file_reserve_lock(store->path, READERS_MOST, error_r) == -1)
		return -1;
	code = mdb_env_create(&store->env);
	if (code != 0)
		return fail(store, code, error_r);
	mdb_env_set_maxdbs(store->env, STORE_TABLE_COUNT);
	mdb_env_set_maxreaders(store->env, READERS_MOST);
	mdb_env_set_mapsize(store->env, store->size_bytes);
	code = mdb_env_open(store->env, store->path, flags, 0600);
	if (code == 0) {
		if (check_length(store, kind_r, error_r) == 0 &&
		    open_tables(store, kind_r, error_r) == 0)
			return 0;
	} else if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) {
		*kind_r = STORE_ERROR_CONFIG;
		msg_failure(error_r, "%s is not a store of this program: move it away, or set "
		    "state-dir to another directory", store->path);
	} else {
		fail(store, code, error_r);
	}
	mdb_env_close(store->env);
	store->env = NULL;
	return -1;
}

static int
open_store(const struct purpose *purpose, const char *directory, uint64_t size_bytes,
    bool read_only, struct store **store_r, enum store_error *kind_r, const char **error_r)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL || asprintf(&store->path, "%s/%s", directory, purpose->file) == -1)
		msg_out_of_memory();
	store->purpose = purpose;
	store->size_bytes = size_bytes;
	store->read_only = read_only;
	pthread_rwlock_init(&store->in_use, NULL);
	if (open_environment(store, kind_r, error_r) == -1) {
		store_close(store);
		return -1;
	}
	*store_r = store;
	return 0;
}

int
store_open(const char *directory, uint64_t size_bytes, bool read_only, struct store **store_r,
    enum store_error *kind_r, const char **error_r)
{
	return open_store(&state_purpose, directory, size_bytes, read_only, store_r, kind_r,
	    error_r);
}

int
store_open_sent(const char *directory, uint64_t size_bytes, bool read_only,
    struct store **store_r, enum store_error *kind_r, const char **error_r)
{
	return open_store(&sent_purpose, directory, size_bytes, read_only, store_r, kind_r,
	    error_r);
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->env != NULL)
		mdb_env_close(store->env);
	pthread_rwlock_destroy(&store->in_use);
	free(store->path);
	free(store);
}

int
store_recover(struct store *store, const char **error_r)
{
	enum store_error kind;
	int ret;

	store->recovering++;
	pthread_rwlock_wrlock(&store->in_use);
	if (store->env != NULL)
		mdb_env_close(store->env);
	store->env = NULL;
	ret = open_environment(store, &kind, error_r);
	if (ret == 0)
		store->failing = false;
	store->recovering--;
	pthread_rwlock_unlock(&store->in_use);
	return ret;
}

static int
begin(struct store *store, unsigned flags, struct store_txn **txn_r, const char **error_r)
{
	struct store_txn *txn = calloc(1, sizeof(*txn));
	int code = MDB_PANIC;

	if (txn == NULL)
		msg_out_of_memory();
	txn->store = store;
	pthread_rwlock_rdlock(&store->in_use);
	if (store->env != NULL)
		code = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (code == 0) {
		*txn_r = txn;
		return 0;
	}
	pthread_rwlock_unlock(&store->in_use);
	free(txn);
	return fail(store, code, error_r);
}

int
store_begin(struct store *store, struct store_txn **txn_r, const char **error_r)
{
	return begin(store, 0, txn_r, error_r);
}

int
store_begin_read(struct store *store, struct store_txn **txn_r, const char **error_r)
{
	if (store->recovering > 0)
		return msg_failure(error_r, "%s is being opened anew after a failure", store->path);
	return begin(store, MDB_RDONLY, txn_r, error_r);
}

int
store_commit(struct store_txn *txn, const char **error_r)
{
	struct store *store = txn->store;
	int code = mdb_txn_commit(txn->txn);

	free(txn);
	pthread_rwlock_unlock(&store->in_use);
	if (code != 0)
		return fail(store, code, error_r);
	store->failing = false;
	return 0;
}

void
store_abort(struct store_txn *txn)
{
	if (txn == NULL)
		return;
	mdb_txn_abort(txn->txn);
	pthread_rwlock_unlock(&txn->store->in_use);
	free(txn);
}

/* LMDB answers "not found" and "done" as we do, with other numbers. */
static int
found(struct store *store, int code, MDB_val *key, MDB_val *value, struct str *key_r,
    struct str *value_r, const char **error_r)
{
	if (code == MDB_NOTFOUND)
		return 0;
	if (code != 0)
		return fail(store, code, error_r);
	if (key_r != NULL)
		*key_r = (struct str){ key->mv_data, key->mv_size };
	if (value_r != NULL)
		*value_r = (struct str){ value->mv_data, value->mv_size };
	return 1;
}

int
store_get(struct store_txn *txn, enum store_table table, struct str key, struct str *value_r,
    const char **error_r)
{
	MDB_val k = { key.len, (void *)key.data }, v;

	if (key.len == 0 || key.len > STORE_KEY_BYTES)
		return 0;
	return found(txn->store, mdb_get(txn->txn, txn->store->tables[table], &k, &v), &k, &v, NULL,
	    value_r, error_r);
}

static int
put(struct store_txn *txn, enum store_table table, struct str key, struct str value,
    unsigned flags, const char **error_r)
{
	MDB_val k = { key.len, (void *)key.data }, v = { value.len, (void *)value.data };
	int code = mdb_put(txn->txn, txn->store->tables[table], &k, &v, flags);

	return code == 0 ? 0 : fail(txn->store, code, error_r);
}

int
store_put(struct store_txn *txn, enum store_table table, struct str key, struct str value,
    const char **error_r)
{
	return put(txn, table, key, value, 0, error_r);
}

int
store_append(struct store_txn *txn, enum store_table table, struct str key, struct str value,
    const char **error_r)
{
	return put(txn, table, key, value, MDB_APPEND, error_r);
}

int
store_delete(struct store_txn *txn, enum store_table table, struct str key, const char **error_r)
{
	MDB_val k = { key.len, (void *)key.data };

	if (key.len == 0 || key.len > STORE_KEY_BYTES)
		return 0;
	return found(txn->store, mdb_del(txn->txn, txn->store->tables[table], &k, NULL), &k, NULL,
	    NULL, NULL, error_r);
}

int
store_count(struct store_txn *txn, enum store_table table, uint64_t *count_r,
    const char **error_r)
{
	MDB_stat stat;
	int code = mdb_stat(txn->txn, txn->store->tables[table], &stat);

	if (code != 0)
		return fail(txn->store, code, error_r);
	*count_r = stat.ms_entries;
	return 0;
}

int
store_check_room(struct store_txn *txn, const char **error_r)
{
	const struct store *store = txn->store;
	uint64_t used = SPARE_BYTES + store->size_bytes / SPARE_PART;

	for (enum store_table i = store->purpose->first; i <= store->purpose->last; i++) {
		MDB_stat stat;
		int code = mdb_stat(txn->txn, store->tables[i], &stat);

		if (code != 0)
			return fail(txn->store, code, error_r);
		used += (uint64_t)stat.ms_psize * (stat.ms_branch_pages + stat.ms_leaf_pages +
		    stat.ms_overflow_pages);
	}
	return used <= store->size_bytes ? 0 : say_full(store, error_r);
}

int
store_cursor_open(struct store_txn *txn, enum store_table table, struct store_cursor **cursor_r,
    const char **error_r)
{
	struct store_cursor *cursor = calloc(1, sizeof(*cursor));
	int code;

	if (cursor == NULL)
		msg_out_of_memory();
	cursor->store = txn->store;
	code = mdb_cursor_open(txn->txn, txn->store->tables[table], &cursor->cursor);
	if (code != 0) {
		free(cursor);
		return fail(txn->store, code, error_r);
	}
	*cursor_r = cursor;
	return 0;
}

void
store_cursor_close(struct store_cursor *cursor)
{
	if (cursor == NULL)
		return;
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

int
store_cursor_move(struct store_cursor *cursor, enum store_move move, struct str *key_r,
    struct str *value_r, const char **error_r)
{
	static const MDB_cursor_op ops[] = { MDB_FIRST, MDB_NEXT, MDB_LAST, MDB_PREV };
	MDB_val k, v;

	return found(cursor->store, mdb_cursor_get(cursor->cursor, &k, &v, ops[move]), &k, &v,
	    key_r, value_r, error_r);
}

int
store_cursor_seek(struct store_cursor *cursor, struct str key, struct str *key_r,
    struct str *value_r, const char **error_r)
{
	MDB_val k = { key.len, (void *)key.data }, v;

	if (key.len == 0)
		return store_cursor_move(cursor, STORE_FIRST, key_r, value_r, error_r);
	return found(cursor->store, mdb_cursor_get(cursor->cursor, &k, &v, MDB_SET_RANGE), &k, &v,
	    key_r, value_r, error_r);
}

int
store_cursor_delete(struct store_cursor *cursor, const char **error_r)
{
	int code = mdb_cursor_del(cursor->cursor, 0);

	return code == 0 ? 0 : fail(cursor->store, code, error_r);
}

int
store_clear_dead_readers(struct store *store)
{
	int dead = 0;

	pthread_rwlock_rdlock(&store->in_use);
	if (store->env != NULL)
		mdb_reader_check(store->env, &dead);
	pthread_rwlock_unlock(&store->in_use);
	return dead;
}

bool
store_is_failing(const struct store *store)
{
	return store->failing;
}
