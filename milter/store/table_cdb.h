/*
 * table_cdb: one CDB file that Postfix reads (cdb_table(5)), made by TinyCDB;
 * the only file that knows cdb.h.
 *
 * A CDB file never changes. A new one is written aside as NAME.cdb.tmp, synced,
 * and renamed over the old one; who has that open goes on reading it. Keys and
 * values end without a NUL.
 *
 * Of several writers the last one must have seen the newest standing, so
 * NAME.cdb.lock is locked from begin() to commit(): the daemon and a tool wait
 * for each other there. The lock file is empty and stays. A NAME.cdb.tmp that
 * is there when the lock is held is what a crash left, and goes.
 *
 * Eight bytes of memory for each key are needed while a file is made. A file
 * holds up to 4 GB, some 30 million addresses.
 */
#ifndef STORE_TABLE_CDB_H
#define STORE_TABLE_CDB_H

#include "store/table_file.h"

extern const struct table_format table_cdb;

#endif
