/*
 * record: the one way in which an event becomes part of the store. Removal,
 * expiry and manual entries are events like any other.
 */
#ifndef RECORD_H
#define RECORD_H

#include "store/journal.h"
#include "store/standing.h"

/*
 * In one transaction: append the event to the journal, fold it into the
 * standing of its recipient, count it. The recipient may be "". What a change
 * of a standing finds is kept in its event, so that it can be taken back.
 * Returns 0 and the sequence of the event, or -1 with a sentence.
 */
int record_event(struct store_txn *txn, const struct bounce *bounce,
    const struct verdict *verdict, uint64_t *sequence_r, const char **error_r);

/* An event without a bounce: somebody or something changes the standing of an
   address. `reason` is a person's words or "". Returns as record_event(). */
int record_change(struct store_txn *txn, enum source source, int64_t now, const char *address,
    const struct verdict *verdict, const char *reason, const char **error_r);

#endif
