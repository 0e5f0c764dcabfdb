/*
 * pipeline_expect: a report may be faster than the ledger. A server that takes a
 * message and refuses it at once is the common case; by then the log has not told
 * that the message left, or the row is still on its way to the disk.
 */
#ifndef PIPELINE_EXPECT_H
#define PIPELINE_EXPECT_H

#include "pipeline_event.h"

#define EXPECT_MSEC 3000 /* rows gather for a second, and then have to be written */

/* Open a snapshot of the ledger in which the message is, if it gets there in time
   (`now` is the time of day); at once if there is no ledger, or if the message is not
   recent by its Date. *cut_short_r becomes true if the message did not get there,
   and patience had an end before EXPECT_MSEC.
   Returns the snapshot, NULL without a ledger. It ends with store_abort(). */
struct store_txn *pipeline_expect(struct pipeline *pipeline, const char *message_id,
    struct str returned_headers, int64_t now, int64_t keep_sec, bool *cut_short_r);

/* A snapshot as it is now, NULL without a ledger. */
struct store_txn *pipeline_expect_nothing(struct pipeline *pipeline);

#endif
