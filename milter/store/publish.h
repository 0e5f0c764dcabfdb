/*
 * publish: brings the tables up to the store.
 *
 *   J. the journal holds 1..N        P. the tables reflect it up to M <= N
 *
 * M is kept in the store for each type of table (position.h); 0 means that
 * nothing is known of what the tables hold, and all of the standing is
 * published. P may lag, and catches up: after a crash the events behind M are
 * published again, which changes nothing where it had been done.
 *
 * Each type has a thread of its own, because a busy Postfix can keep the
 * publisher waiting for a lock for seconds, and because a CDB table is written
 * as a whole; no commit of the store and no callback of the milter ever waits
 * for them. CDB tables are written at once after a quiet time, and then not
 * more often than every 5 s, nor more than a tenth of the time.
 */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

#include "store/table.h"

struct publisher;

/* Publish what the journal has behind M, now and for all types in use.
   Returns 0 or -1 with a sentence. */
int publish_catch_up(struct store *store, struct tables *tables, const char **error_r);

/* Forget M: a table is new. Returns 0 or -1. */
int publish_reset(struct store *store, const char **error_r);

/* M of the LMDB tables, or 0: they need the events behind it. CDB tables need
   none, they are made of the standing. Returns 0 or -1. */
int publish_position(struct store_txn *txn, uint64_t *sequence_r, const char **error_r);

/* Start the threads. Nothing is published while `paused` (mode = observe). */
struct publisher *publish_start(struct store *store, struct tables *tables, bool paused);

/* There is something new, or nothing to be published any more. */
void publish_wake(struct publisher *publisher);
void publish_pause(struct publisher *publisher, bool paused);

/* Publish what is left and end the threads. They do not wait for long for a table
   that somebody else has locked: M stays behind N, and what is missing is
   published at the next start. */
void publish_stop(struct publisher *publisher);

#endif
