/*
 * undo: what a batch did, and which of it can still be taken back. A batch is
 * what one command changed (operate.h); its number is the sequence of its first
 * event, and all its events name it and what they found.
 *
 * A change can be taken back while nothing else has changed that standing: no
 * later suppression, no lifting, no delivery that reset it. The journal is read
 * from the batch to its end, and then what has come since, so that in a
 * transaction of the writer nothing is overlooked.
 */
#ifndef STORE_UNDO_H
#define STORE_UNDO_H

#include "store/journal.h"
#include "store/standing.h"

struct undo;

/* One change of the batch. */
struct undo_change {
	const char *address;
	enum table_set table;
	enum category category;
	uint64_t sequence;
	const char *was; /* what it found (verdict.h) */
	bool taken_back;
	bool overtaken;  /* something else has changed the standing since */
};

struct undo *undo_new(uint64_t batch);
void undo_free(struct undo *undo);

#define UNDO_EVENTS 1000

/* Read on, UNDO_EVENTS of the journal at most.
   Returns 1 if there is more, 0 at its end, -1 with a sentence. */
int undo_read(struct undo *undo, struct store_txn *txn, const char **error_r);

/* The changes that were found so far, in their order; valid until undo_read(). */
const struct undo_change *undo_changes(const struct undo *undo, unsigned *count_r);

/* What table and category of the change become when it is taken back, from what
   the address is now: what it found, and the failures that were counted since.
   Returns 0, or -1 if its event is damaged. */
int undo_state(const struct undo_change *change, const struct standing *now,
    struct standing *then_r);

/* Is the beginning of the batch older than the journal? */
bool undo_is_pruned(const struct undo *undo);

#endif
