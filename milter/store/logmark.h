/*
 * logmark: up to where the mail log has been read. It changes in the
 * transaction of what was read, so that after a crash nothing is lost and
 * nothing is counted twice.
 *
 *   meta: "log" -> the position, in the words of whoever reads the log
 */
#ifndef STORE_LOGMARK_H
#define STORE_LOGMARK_H

#include "store/store.h"

/* Returns 1 and the position, in the arena; 0 if no log was ever read; -1. */
int logmark_get(struct store_txn *txn, struct arena *arena, const char **position_r,
    const char **error_r);

/* Returns 0 or -1. */
int logmark_put(struct store_txn *txn, const char *position, const char **error_r);

#endif
