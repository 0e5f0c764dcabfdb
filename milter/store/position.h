/*
 * position: up to which event of the journal the tables of a type reflect it;
 * kept in the store (meta "published", "published-cdb"). 0: nothing is known of
 * what they hold.
 */
#ifndef STORE_POSITION_H
#define STORE_POSITION_H

#include "config.h"
#include "store/store.h"

/* Returns 0 or -1. */
int position_get(struct store_txn *txn, enum table_type type, uint64_t *sequence_r,
    const char **error_r);

/* Change it from what it was when publishing began; another process may have
   published further meanwhile, or found a table to be new: then it stays.
   Returns 0 or -1. */
int position_save(struct store *store, enum table_type type, uint64_t before,
    uint64_t sequence, const char **error_r);

/* Forget it, of one type or of TABLE_BOTH. Returns 0 or -1. */
int position_forget(struct store *store, enum table_type type, const char **error_r);

#endif
