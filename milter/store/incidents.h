/*
 * incidents: what went wrong (watch/incident.h), kept as text: this module
 * knows no more of it than its number.
 *
 *   incidents: id -> text form
 *   meta "usual" -> what is usual, as text (pipeline_watch.h)
 */
#ifndef STORE_INCIDENTS_H
#define STORE_INCIDENTS_H

#include "store/pages.h"

#define INCIDENTS_KEEP 10000 /* the oldest go */

/* Write it, over what is there. Returns 0 or -1. */
int incidents_put(struct store_txn *txn, uint64_t id, struct str text, const char **error_r);

/* The text of one; it belongs to the transaction. Returns 1, 0 if there is none, -1. */
int incidents_get(struct store_txn *txn, uint64_t id, struct str *text_r, const char **error_r);

/* The id of a row of pages_next(). */
uint64_t incidents_id(const struct pages_row *row);

/* The highest id, 0 for none. Returns 0 or -1. */
int incidents_newest(struct store_txn *txn, uint64_t *id_r, const char **error_r);

/* What is usual: write it, and read it back. Returns 0 or -1; 1, 0, -1. */
int incidents_put_usual(struct store_txn *txn, struct str text, const char **error_r);
int incidents_get_usual(struct store_txn *txn, struct str *text_r, const char **error_r);

#endif
