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

#include "store/table_file.h"

extern const struct table_format table_lmdb;

#endif
