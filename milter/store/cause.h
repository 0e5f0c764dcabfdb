/*
 * cause: what a suppression goes back to. A threshold names the failure directly
 * before it, a release what had been held; the cause is the failure, complaint or
 * command at the end of that.
 */
#ifndef STORE_CAUSE_H
#define STORE_CAUSE_H

#include "store/journal.h"
#include "store/standing.h"

/* The event that caused an entry of that table; its strings are in the arena.
   Returns 1, 0 if it was deleted from the journal, -1 with a sentence. */
int cause_find(struct store_txn *txn, const struct standing_entry *entry, enum table_set table,
    struct arena *arena, struct journal_event *event_r, const char **error_r);

/*
 * Bring a table of a standing back to what it was before all entries for which
 * `goes` answers 1; it may answer -1 with a sentence. What an entry took the place
 * of is in its event; where that was deleted, it was nothing.
 * Returns 1 if something has changed, 0, -1.
 */
struct cause_question {
	int (*goes)(void *context, struct store_txn *txn, const struct standing_entry *entry,
	    enum table_set table, const char **error_r);
	void *context;
};

int cause_rewind(struct store_txn *txn, struct standing *standing, enum table_set table,
    const struct cause_question *question, const char **error_r);

/* Call `each` with the cause of everything that is held, as far as it is still
   in the journal. Returns 0, or -1 with a sentence. */
int cause_each_held(struct store *store,
    void (*each)(void *context, const struct journal_event *cause), void *context,
    const char **error_r);

#endif
