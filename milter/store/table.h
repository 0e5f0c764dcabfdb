/*
 * table: what the MTA reads. Each table of table_content.h is a file in
 * table-dir, in one or both of the formats of table-type: access.lmdb,
 * access.cdb and so on.
 *
 * The files exist from the first start on and are never removed: smtpd answers
 * 451 to everybody if a table that main.cf names is missing. They are copies of
 * the standing, so publishing may be repeated, and its order does not matter:
 * the standing is read under the lock of the table.
 *
 * An LMDB table is changed in place, address by address. A CDB table is made
 * anew as a whole. Calls that take a type mean the tables of that one, or all;
 * a type that is not in use has none.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/arena.h"
#include "config.h"
#include "store/standing.h"
#include "store/table_content.h"

struct tables;

/*
 * Look at the tables of a directory. *damaged_r says that one is missing or
 * torn: table_open() will make it empty, and all is to be published again, so
 * publish_reset() belongs before it.
 * Returns 0, or -1 with a sentence. STORE_ERROR_CONFIG: a file is not ours.
 */
int table_inspect(const char *directory, enum table_type type, bool *damaged_r,
    enum store_error *kind_r, const char **error_r);

/* Open the tables, making anew what is missing or torn, which is said in the
   log. Returns as table_inspect() does. */
int table_open(const char *directory, enum table_type type, struct tables **tables_r,
    enum store_error *kind_r, const char **error_r);
void table_close(struct tables *tables);

/* How long to wait for a lock of these tables that somebody else has, before that
   is a failure: for ever, if it is not set. Who waits already hears of it too. NULL
   is allowed. */
void table_limit_waiting(struct tables *tables, int64_t msec);

/* Are tables of this type in use? */
bool table_is_used(const struct tables *tables, enum table_type type);

/* Copy the current standing of these addresses to the tables that are changed
   in place. Returns 0 or -1. */
int table_publish(struct tables *tables, struct store *store,
    const char *const addresses[], unsigned count, const char **error_r);

/* Copy the standing of every address, and take away what is in a table but not
   in the store. Returns 0 or -1. */
int table_publish_all(struct tables *tables, enum table_type type, struct store *store,
    const char **error_r);

/* Compare the tables with the standing: call `differs` for every key that is
   missing, too much, or wrong, while nothing is locked. Addresses with an event
   that is not published yet are left out. Returns how many there are, or -1. */
int table_verify(struct tables *tables, struct store *store,
    void (*differs)(const char *file, const char *key), const char **error_r);

#endif
