/*
 * table: what the MTA reads. Four files in table-dir:
 *
 *   access.lmdb              check_recipient_access
 *   transport.lmdb           transport_maps
 *   complaint-access.lmdb    the same two, for bulk mail only
 *   complaint-transport.lmdb
 *
 * They exist from the first start on and are never removed: smtpd answers 451
 * to everybody if a table that main.cf names is missing. They are copies of
 * the standing, so publishing may be repeated, and its order does not matter:
 * the standing is read under the lock of the table.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/arena.h"
#include "store/standing.h"

struct tables;

/*
 * Look at the tables of a directory. *damaged_r says that one is missing or
 * torn: table_open() will make it empty, and all is to be published again, so
 * publish_reset() belongs before it.
 * Returns 0, or -1 with a sentence. STORE_ERROR_CONFIG: a file is not ours.
 */
int table_inspect(const char *directory, bool *damaged_r, enum store_error *kind_r,
    const char **error_r);

/* Open the tables, making anew what is missing or torn, which is said in the
   log. Returns as table_inspect() does. */
int table_open(const char *directory, struct tables **tables_r, enum store_error *kind_r,
    const char **error_r);
void table_close(struct tables *tables);

/* Copy the current standing of these addresses. Returns 0 or -1. */
int table_publish(struct tables *tables, struct store *store,
    const char *const addresses[], unsigned count, const char **error_r);

/* Copy the standing of every address, and take away what is in a table but not
   in the store. Returns 0 or -1. */
int table_publish_all(struct tables *tables, struct store *store, const char **error_r);

/* Compare the tables with the standing: call `differs` for every key that is
   missing, too much, or wrong. Returns how many there are, or -1. */
int table_verify(struct tables *tables, struct store *store,
    void (*differs)(const char *file, const char *key), const char **error_r);

/* What is refused, in the words of a table: "550 5.1.1 suppressed by
   bouncemilter (user-unknown)" for a category. Returns text. */
#define TABLE_VALUE_BYTES 128
const char *table_access_value(enum category category, char text[TABLE_VALUE_BYTES]);

/* The enhanced status alone, "5.1.1", and the words behind it. */
const char *table_status(enum category category);

#endif
