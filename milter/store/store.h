/*
 * store: the one durable place, an LMDB environment (state.lmdb); the ledger of
 * sent mail is another one of the kind (sent.lmdb, sent.h). The only file that
 * knows lmdb.h for them is store.c.
 *
 * Guarantees:
 *   - What one transaction changes happens as a whole or not at all, also
 *     through kill -9 and power loss: commit returns after fsync.
 *   - Readers see a snapshot and never wait for the writer. Several processes
 *     may have the store open; LMDB's own lock makes one of them the writer.
 *   - An operation that cannot be done (disk full, map full, I/O error) leaves
 *     what was committed before; the transaction must then be aborted.
 *
 * Keys and values that are read belong to the transaction and are valid until
 * it ends or writes.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define STORE_SCHEMA 1 /* a newer number in meta is not ours to touch */
#define STORE_KEY_BYTES 511

struct store;
struct store_txn;
struct store_cursor;

/* The tables of the environment; what is in them is said in the header of the
   module that keeps them. */
enum store_table {
	STORE_META,
	STORE_JOURNAL,
	STORE_UNVERIFIED,
	STORE_STANDING,
	STORE_EXPIRY,
	STORE_SEEN,
	STORE_COUNTERS,
	STORE_RATES,
	STORE_INCIDENTS,
	STORE_BREAKER,
	/* of the ledger, which has STORE_META too */
	STORE_SENT,
	STORE_SENT_DOMAINS,
	STORE_TABLE_COUNT,
};

/* Why opening failed, for the exit status (sysexits.h). */
enum store_error { STORE_ERROR_CONFIG, STORE_ERROR_IO };

/*
 * Open state.lmdb in a directory, making it if need be. Read-only opens an
 * existing one only.
 * Returns 0, or -1 with a sentence that names the path and the remedy.
 */
int store_open(const char *directory, uint64_t size_bytes, bool read_only,
    struct store **store_r, enum store_error *kind_r, const char **error_r);

/* The same of sent.lmdb. */
int store_open_sent(const char *directory, uint64_t size_bytes, bool read_only,
    struct store **store_r, enum store_error *kind_r, const char **error_r);

/* Close; no transaction may be open. NULL is allowed. */
void store_close(struct store *store);

/*
 * Begin a transaction. It must end in the thread and the call that began it.
 * Returns 0, or -1 with a sentence. store_begin_read() does not wait for
 * anybody, and fails while store_recover() waits; store_begin() waits for the
 * writer of another process.
 */
int store_begin(struct store *store, struct store_txn **txn_r, const char **error_r);
int store_begin_read(struct store *store, struct store_txn **txn_r, const char **error_r);

/* Commit; the transaction is gone, whatever the answer.
   Returns 0 when it is on the disk, or -1 with a sentence. */
int store_commit(struct store_txn *txn, const char **error_r);

/* Drop what was done. NULL is allowed. */
void store_abort(struct store_txn *txn);

/* Returns 1, 0 if there is no such key, -1 with a sentence. */
int store_get(struct store_txn *txn, enum store_table table, struct str key, struct str *value_r,
    const char **error_r);

/* Returns 0, or -1 with a sentence. */
int store_put(struct store_txn *txn, enum store_table table, struct str key, struct str value,
    const char **error_r);

/* Append behind the last key, which is faster than store_put(). */
int store_append(struct store_txn *txn, enum store_table table, struct str key, struct str value,
    const char **error_r);

/* Returns 1 if it was deleted, 0 if there was none, -1 with a sentence. */
int store_delete(struct store_txn *txn, enum store_table table, struct str key,
    const char **error_r);

/* How many rows a table has. Returns 0 or -1. */
int store_count(struct store_txn *txn, enum store_table table, uint64_t *count_r,
    const char **error_r);

/* Is there room for a little more, and enough left for deleting? That needs new
   pages too, because none is changed where readers may look; a store that takes
   rows until nothing is free could not be made smaller any more.
   Returns 0, or -1 with a sentence; the store is not failing then. */
int store_check_room(struct store_txn *txn, const char **error_r);

/* Cursors end before their transaction does. */
int store_cursor_open(struct store_txn *txn, enum store_table table,
    struct store_cursor **cursor_r, const char **error_r);
void store_cursor_close(struct store_cursor *cursor);

/* The first row at or behind a key; the next row; the last row; the row before.
   Returns 1, 0 if there is none, -1 with a sentence. */
enum store_move { STORE_FIRST, STORE_NEXT, STORE_LAST, STORE_PREVIOUS };

int store_cursor_seek(struct store_cursor *cursor, struct str key, struct str *key_r,
    struct str *value_r, const char **error_r);
int store_cursor_move(struct store_cursor *cursor, enum store_move move, struct str *key_r,
    struct str *value_r, const char **error_r);

static inline int
store_cursor_next(struct store_cursor *cursor, struct str *key_r, struct str *value_r,
    const char **error_r)
{
	return store_cursor_move(cursor, STORE_NEXT, key_r, value_r, error_r);
}

static inline int
store_cursor_last(struct store_cursor *cursor, struct str *key_r, struct str *value_r,
    const char **error_r)
{
	return store_cursor_move(cursor, STORE_LAST, key_r, value_r, error_r);
}

static inline int
store_cursor_previous(struct store_cursor *cursor, struct str *key_r, struct str *value_r,
    const char **error_r)
{
	return store_cursor_move(cursor, STORE_PREVIOUS, key_r, value_r, error_r);
}

/* Delete the row the cursor is at; the cursor goes to the next one. */
int store_cursor_delete(struct store_cursor *cursor, const char **error_r);

/* Clear the slots of readers whose process is gone. Returns how many. */
int store_clear_dead_readers(struct store *store);

/* After an I/O error LMDB refuses further work: close and open again, when no
   transaction of this process is open any more (it waits for that, and keeps
   new readers out meanwhile).
   Returns 0, or -1 with a sentence. */
int store_recover(struct store *store, const char **error_r);

/* Integers in keys and values: eight bytes, big-endian. */
#define STORE_NUMBER_BYTES 8

static inline struct str
store_number(uint64_t number, char bytes[STORE_NUMBER_BYTES])
{
	for (int i = STORE_NUMBER_BYTES - 1; i >= 0; i--) {
		bytes[i] = (char)(number & 0xff);
		number >>= 8;
	}
	return (struct str){ bytes, STORE_NUMBER_BYTES };
}

static inline uint64_t
store_scan_number(struct str bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes.len && i < STORE_NUMBER_BYTES; i++)
		number = number << 8 | (unsigned char)bytes.data[i];
	return number;
}

/* Is this transaction's failure one that another try may not have? The disk or
   the map is full, or the disk failed: nothing in this store can be written. */
bool store_is_failing(const struct store *store);

#endif
