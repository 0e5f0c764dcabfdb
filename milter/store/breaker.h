/*
 * breaker: stops a mass mistake of one provider. For each provider it counts the
 * addresses that were suppressed automatically of late, and knows how many are
 * usual; past the allowance the provider is frozen: what would be suppressed is
 * held for a person, until the provider behaves normally again (watch/) or a
 * person says so. Kept in the store, so that it is undone with an aborted
 * transaction and survives a restart.
 *
 *   breaker: provider -> text form: frozen since, slots of the window, the hour
 *            at hand, and what is usual in an hour (exponentially weighted, 7 d)
 *
 * What is usual is learned from whole hours, and slowly: an hour of n
 * suppressions raises it by n / 168, so that a mistake does not make itself the
 * rule. From the first suppression on, hours without any count as zero. A
 * window is exact to a tenth of it. The provider "" is never frozen.
 */
#ifndef STORE_BREAKER_H
#define STORE_BREAKER_H

#include "store/pages.h"

struct breaker_limits {
	unsigned count;     /* allowance in the window ... */
	unsigned factor;    /* ... or so many times what is usual in an hour, if more */
	int64_t window_sec;
};

/* May one more address be suppressed for what this provider says? If not, the
   provider is frozen from now on.
   Returns 1 if it may, 0 if the provider is frozen, -1 with a sentence. */
int breaker_ask(struct store_txn *txn, const char *provider, const struct breaker_limits *limits,
    int64_t now, const char **error_r);

/* One more was suppressed. Returns 0 or -1. */
int breaker_add(struct store_txn *txn, const char *provider, const struct breaker_limits *limits,
    int64_t now, const char **error_r);

/* Freeze it, and free it again; who is freed begins a new window. Return 1 if
   that changed something, 0, -1. */
int breaker_freeze(struct store_txn *txn, const char *provider, int64_t now,
    const char **error_r);
int breaker_free(struct store_txn *txn, const char *provider, const char **error_r);

/* Since when is it frozen? Returns 1, 0 if it is not, -1. */
int breaker_since(struct store_txn *txn, const char *provider, int64_t *since_r,
    const char **error_r);

/* A provider that is frozen. */
struct breaker_frozen {
	struct breaker_frozen *next;
	const char *provider;
	int64_t since;
};

/* All of them, in the arena; NULL for none. Returns 0 or -1. */
int breaker_list(struct store *store, struct arena *arena, struct breaker_frozen **frozen_r,
    const char **error_r);

/* Delete rows that say nothing any more: not frozen, quiet for 8 days; at most
   `most`. Returns how many, or -1. */
int breaker_prune(struct store_txn *txn, int64_t now, unsigned most, const char **error_r);

#endif
