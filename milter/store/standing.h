/*
 * standing: what all events together mean for one address. The truth about who
 * is suppressed; published tables are copies of it.
 *
 *   standing: tenant NUL address -> the text form of struct standing
 *   expiry:   time, table (one byte), address -> nothing (what to lift next)
 *
 * The tenant is empty for now. standing_fold() makes it from events and needs
 * nothing else, so that a verification can make it again from the journal.
 */
#ifndef STORE_STANDING_H
#define STORE_STANDING_H

#include "bounce.h"
#include "judge/policy.h"
#include "store/pages.h"

/* One suppression, or one that is held. event 0: there is none. */
struct standing_entry {
	uint64_t event; /* sequence of the event that made it */
	int64_t since;
	int64_t until; /* 0 never */
	enum category category;
};

#define STANDING_FAILURES 96

struct standing_failure {
	struct policy_failure failure;
	enum category category;
};

struct standing {
	int64_t first, last; /* of its failures */
	int64_t last_report; /* of those that a foreign server reported later: it
	                        takes mail for this address without knowing */
	struct standing_entry suppressed[TABLE_SET_COUNT];
	struct standing_entry held[TABLE_SET_COUNT];
	uint64_t counts[CATEGORY_COUNT]; /* failures */
	/* The last ones that may count for a threshold; at most
	   POLICY_HISTORY_MOST of a category. */
	struct standing_failure failures[STANDING_FAILURES];
	unsigned failure_count;
};

/* Read the standing of an address; one that is not there is all zero.
   Returns 1, 0 if it is not there, -1 with a sentence. */
int standing_get(struct store_txn *txn, const char *address, struct standing *standing_r,
    const char **error_r);

/* Is anything known of this address? Returns 1, 0, or -1 with a sentence. */
int standing_exists(struct store_txn *txn, const char *address, const char **error_r);

/* Write it, and keep the expiry table in step. Returns 0 or -1. */
int standing_put(struct store_txn *txn, const char *address, const struct standing *before,
    const struct standing *after, const char **error_r);

/* Apply one event. One that says what becomes of table and category (verdict.h)
   is obeyed; all others follow from their decision. */
void standing_fold(struct standing *standing, uint64_t sequence, const struct bounce *bounce,
    const struct verdict *verdict);

/* Append, in the text form, what an event about this table and category may
   change: the entries of the one and the failures of the other. */
void standing_print_part(const struct standing *standing, enum table_set table,
    enum category category, struct buf *out);

/* Append the text form, and read it back. Returns 0, or -1 if it is damaged. */
void standing_print(const struct standing *standing, struct buf *out);
int standing_scan_text(struct str text, struct standing *standing_r);

/* The standing and the address of a row of pages_next().
   Returns 0, or -1 if the row is damaged. */
int standing_scan(const struct pages_row *row, struct standing *standing_r,
    const char **address_r);

/* The key of an address, in `bytes`; a longer address has none, and is cut. */
#define STANDING_KEY_BYTES STORE_KEY_BYTES
struct str standing_key(const char *address, char bytes[STANDING_KEY_BYTES]);

/* The next address with a suppression that ended at or before `now`.
   Returns 1 and the address, in the arena; 0 if there is none; -1. */
int standing_next_expired(struct store_txn *txn, int64_t now, struct arena *arena,
    const char **address_r, const char **error_r);

/* The same, and take it off the expiry table. */
int standing_take_expired(struct store_txn *txn, int64_t now, struct arena *arena,
    const char **address_r, const char **error_r);

#endif
