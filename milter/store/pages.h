/*
 * pages: a walk through a table of the store for whoever is slow.
 *
 * A snapshot keeps all pages of the store alive that were freed since it
 * began; a terminal that waits for a key must not hold one. So the walk copies
 * up to PAGES_ROWS rows out of a snapshot, ends it, and goes on behind the
 * last key in the next.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "store/store.h"

/* A row that was copied; key and value are followed by a NUL. */
struct pages_row {
	struct str key;
	struct str value;
};

#define PAGES_ROWS 1000

struct pages;

/* Begin at the first row at or behind `from`. */
struct pages *pages_new(struct store *store, enum store_table table, struct str from);
void pages_free(struct pages *pages);

/* The next rows, valid until the next call.
   Returns 1, 0 at the end, -1 with a sentence. */
int pages_next(struct pages *pages, const struct pages_row **rows_r, unsigned *count_r,
    const char **error_r);

#endif
