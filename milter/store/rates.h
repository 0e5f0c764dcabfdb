/*
 * rates: how many attempts, deliveries, deferrals, bounces and complaints each
 * sending domain has at each provider, hour by hour, and which replies it got.
 * They change in the transaction of the events and of the log position, so
 * they are exact through restarts.
 *
 *   rates: hour, domain NUL provider NUL kind -> number
 *
 * The hour is the time of the event in hours since 1970. What is counted is
 * mail that left the site; hand-offs to a relay are not.
 */
#ifndef STORE_RATES_H
#define STORE_RATES_H

#include "store/pages.h"

#define RATES_KEEP_SEC (8 * 86400) /* a week, and the day that is not over */

/* Kinds; any other is a reply, "550 5.1.1". */
#define RATES_ATTEMPTS "attempts"
#define RATES_DELIVERED "delivered"
#define RATES_DEFERRED "deferred"
#define RATES_BOUNCED "bounced" /* failed or expired, once for each message and recipient */
#define RATES_COMPLAINTS "complaints"

/* What one row says; the strings are in the row. */
struct rates_row {
	int64_t hour; /* its first second */
	const char *domain;
	const char *provider;
	const char *kind;
	uint64_t count;
};

/* Add to a number. Returns 0 or -1. */
int rates_add(struct store_txn *txn, int64_t time, const char *domain, const char *provider,
    const char *kind, uint64_t add, const char **error_r);

/* Where rows of that time and later begin, for pages_new(). Returns bytes. */
struct str rates_key(int64_t time, char bytes[STORE_NUMBER_BYTES]);

/* Returns 0, or -1 if the row is damaged. */
int rates_scan(const struct pages_row *row, struct rates_row *row_r);

/* Delete at most `most` rows of hours that ended before `time`.
   Returns how many, or -1. */
int rates_prune(struct store_txn *txn, int64_t time, unsigned most, const char **error_r);

#endif
