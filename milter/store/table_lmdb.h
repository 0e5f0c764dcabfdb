/*
 * table_lmdb: one LMDB file that Postfix reads (lmdb_table(5)), written while
 * it reads.
 *
 * Postfix opens such a file with MDB_NOLOCK and guards it with fcntl locks on
 * the file itself. A writer follows the same protocol: take the exclusive
 * lock, which waits until no reader is inside; make it a shared lock, so that
 * readers go on while we write and sync; commit; unlock. LMDB keeps the old
 * pages until then, so a reader sees the old or the new table, never a mixture.
 *
 * Keys and values end in a NUL, as Postfix writes them. A file that is there
 * is changed in place; it is replaced by rename only to repair it.
 */
#ifndef STORE_TABLE_LMDB_H
#define STORE_TABLE_LMDB_H

#include <stdbool.h>

#include "base/str.h"

struct table_lmdb;

enum table_state {
	TABLE_GOOD,
	TABLE_MISSING,
	TABLE_TORN,    /* cut, damaged, or no LMDB file at all */
	TABLE_FOREIGN, /* a good table with a value that is not ours */
};

/* Look at a file without changing it. `marker` is in all values of ours.
   Returns 0 and what it is, or -1 with a sentence if that cannot be told. */
int table_lmdb_inspect(const char *path, struct str marker, enum table_state *state_r,
    const char **error_r);

/* Make an empty table in the place of whatever is there: written aside, synced,
   renamed. What was there is kept as PATH.torn if `keep` says so.
   Returns 0 or -1. */
int table_lmdb_create(const char *path, bool keep, const char **error_r);

/* Open a table for writing. Returns 0 or -1. */
int table_lmdb_open(const char *path, struct table_lmdb **table_r, const char **error_r);
void table_lmdb_close(struct table_lmdb *table);

/* Take the locks and begin; waits for readers and other writers.
   Returns 0 or -1. */
int table_lmdb_begin(struct table_lmdb *table, const char **error_r);

/* Put or delete a key between begin and commit.
   Returns 0 or -1; deleting what is not there is no failure. */
int table_lmdb_put(struct table_lmdb *table, struct str key, struct str value,
    const char **error_r);
int table_lmdb_delete(struct table_lmdb *table, struct str key, const char **error_r);

/* Make it durable, or drop it, and give the locks back. */
int table_lmdb_commit(struct table_lmdb *table, const char **error_r);
void table_lmdb_abort(struct table_lmdb *table);

/* Call `row` for every key and value, NULs removed, between begin and commit;
   it stops when `row` returns -1. Returns 0 or -1. */
int table_lmdb_each(struct table_lmdb *table,
    int (*row)(struct str key, struct str value, void *context), void *context,
    const char **error_r);

#endif
