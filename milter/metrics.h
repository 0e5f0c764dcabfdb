/*
 * metrics: what the store can tell as numbers, in the text format of Prometheus
 * (version 0.0.4). Counters are those of store/counters.h, exact through
 * restarts; gauges are what is now: open incidents, suppressed addresses, sizes.
 *
 * Labels have few values that we choose ourselves: never an address, a name of a
 * host, or a word of a server.
 */
#ifndef METRICS_H
#define METRICS_H

#include "config.h"
#include "store/store.h"

/* How many addresses are suppressed now, and how many are held. All zero: they
   were not counted yet. */
struct metrics_addresses {
	uint64_t sequence;    /* the newest event of the journal when they were counted */
	int64_t counted_msec; /* when, on the clock that never steps */
	int64_t took_msec;    /* and how long it took */
	uint64_t suppressed[TABLE_SET_COUNT][CATEGORY_COUNT];
	uint64_t held[TABLE_SET_COUNT][CATEGORY_COUNT];
};

#define METRICS_SHARE 50 /* counting takes a fiftieth of the time at most */

/*
 * Bring them up to date. That is a walk through the standing of every address,
 * page by page, 1 to 2 s for a million; it is spared if no event came since the
 * last one, and for `pause_msec` after it, or longer (METRICS_SHARE).
 * Returns 0, or -1 with a sentence; then they are what they were.
 */
int metrics_count_addresses(struct store *store, int64_t pause_msec,
    struct metrics_addresses *addresses, const char **error_r);

/* Append all metrics, of one moment of the store but for addresses and breaker.
   Returns 0, or -1 with a sentence. */
int metrics_print(struct store *store, const struct config *config,
    const struct metrics_addresses *addresses, struct buf *out, const char **error_r);

/* Write them to the file of the setting alert-textfile, aside, and rename: who reads
   sees one moment. Without that setting nothing is done. The addresses, zeroed before
   the first call, are brought up to date and kept by the caller for the next.
   Returns 0, or -1 with a sentence. */
int metrics_write(struct store *store, const struct config *config,
    struct metrics_addresses *addresses, const char **error_r);

/* Does a daemon run on the state directory of this configuration? It is only looked
   at: a daemon that starts meanwhile finds its lock free. */
bool metrics_is_daemon_up(const struct config *config);

/* Is an incident of rule self open that is critical? Returns 1, 0 or -1. */
int metrics_is_self_critical(struct store *store, const char **error_r);

#endif
