/*
 * refold: is the standing of every address what its events make of it? The
 * journal is folded once more from its beginning, and compared.
 */
#ifndef STORE_REFOLD_H
#define STORE_REFOLD_H

#include "store/store.h"

/* Fold the journal again and compare with the standings, where the journal is
   complete. Calls `differs` for each address that differs.
   Returns how many; 0; -1. *complete_r says whether all could be compared. */
int refold_compare(struct store *store, bool *complete_r, void (*differs)(const char *address),
    const char **error_r);

#endif
