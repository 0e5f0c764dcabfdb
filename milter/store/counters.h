/*
 * counters: exact through restarts, because they change in the transaction of
 * the event that they count.
 *
 *   counters: name{label="value"} -> number
 *
 * Names follow the conventions of Prometheus: what is counted, "_total".
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "store/store.h"

/* Add to the counter of that name and label; "" for both for no label.
   Returns 0 or -1. */
int counters_add(struct store_txn *txn, const char *name, const char *label, const char *value,
    uint64_t add, const char **error_r);

#endif
