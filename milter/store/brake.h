/*
 * brake: how many addresses were suppressed automatically of late
 * (max-suppressions). Kept in the store, so that it is undone with an aborted
 * transaction and survives a restart.
 *
 *   meta "brake" -> "slot count" for each tenth of the window
 */
#ifndef STORE_BRAKE_H
#define STORE_BRAKE_H

#include "store/store.h"

/* The number in the last `window_sec` seconds, to a tenth of the window.
   Returns 0 or -1. */
int brake_count(struct store_txn *txn, int64_t now, int64_t window_sec, unsigned *count_r,
    const char **error_r);

/* One more. Returns 0 or -1. */
int brake_add(struct store_txn *txn, int64_t now, int64_t window_sec, const char **error_r);

#endif
