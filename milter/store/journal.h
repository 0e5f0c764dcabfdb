/*
 * journal: every event, in the order in which it was committed. It is only
 * ever appended to, and pruned at its old end.
 *
 *   journal:    sequence -> bounce and verdict in their text form
 *   unverified: the same, for what has no proof: a ring of bounded length, so
 *               that strangers cannot fill the disk
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "bounce.h"
#include "store/pages.h"

#define JOURNAL_UNVERIFIED_MOST 200000

/* One event as it is read back. */
struct journal_event {
	uint64_t sequence;
	struct bounce bounce;
	struct verdict verdict;
};

/* Append an event to STORE_JOURNAL or STORE_UNVERIFIED. The sequence goes to
   *sequence_r; it starts with 1 and has no gaps. Returns 0 or -1. */
int journal_append(struct store_txn *txn, enum store_table table, const struct bounce *bounce,
    const struct verdict *verdict, uint64_t *sequence_r, const char **error_r);

/* Read one event; its strings are in the arena.
   Returns 1, 0 if it is not there (any more), -1 with a sentence. */
int journal_get(struct store_txn *txn, enum store_table table, uint64_t sequence,
    struct arena *arena, struct journal_event *event_r, const char **error_r);

/* The event of a row of pages_next(). Returns 0, or -1 if the row is damaged. */
int journal_scan(const struct pages_row *row, struct arena *arena,
    struct journal_event *event_r);

/* The sequences of the first and last event; 0 and 0 if there is none.
   Returns 0 or -1. */
int journal_bounds(struct store_txn *txn, enum store_table table, uint64_t *first_r,
    uint64_t *last_r, const char **error_r);

/* Delete at most `most` events older than `before`, none with a sequence above
   `up_to`, and never the newest. Returns how many, or -1. */
int journal_prune(struct store_txn *txn, enum store_table table, int64_t before, uint64_t up_to,
    unsigned most, const char **error_r);

#endif
