/*
 * table_compare: what in a table is not as the standing has it. The table must
 * be locked (between begin and commit) while it is compared.
 */
#ifndef STORE_TABLE_COMPARE_H
#define STORE_TABLE_COMPARE_H

#include "store/table_content.h"
#include "store/table_file.h"

struct table_comparison {
	const struct table *table;
	struct store_txn *txn;
	struct arena *arena;
	void *changing;     /* tree of addresses that are not compared */
	const char **wrong; /* keys that should not be there, or not so */
	unsigned wrong_count, wrong_size;
	uint64_t right;     /* addresses that are there as they should be */
	const char *error;
};

/* Compare all rows of the table, but for those of addresses that have events
   behind `position`: it may have these already or not yet. 0: all.
   Returns 0 or -1; the comparison is to be ended in both cases. */
int table_compare_begin(struct table_comparison *comparison, const struct table *table,
    struct store *store, uint64_t position, const char **error_r);

/* How many addresses are missing in the table. Returns 0 or -1. */
int table_compare_missing(struct table_comparison *comparison, uint64_t *missing_r,
    const char **error_r);

/* Let go of the snapshot of the store; what was found is there until the end. */
void table_compare_release(struct table_comparison *comparison);
void table_compare_end(struct table_comparison *comparison);

#endif
