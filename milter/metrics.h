/*
 * metrics: what the store can tell as numbers, in the text format of Prometheus
 * (version 0.0.4). Counters are those of store/counters.h, exact through
 * restarts; gauges are what is now: open incidents, rows, sizes.
 *
 * Labels have few values that we choose ourselves: never an address, a name of a
 * host, or a word of a server.
 */
#ifndef METRICS_H
#define METRICS_H

#include "config.h"
#include "store/store.h"

/* Append all of them. Returns 0, or -1 with a sentence. */
int metrics_print(struct store *store, const struct config *config, struct buf *out,
    const char **error_r);

/* Write them to the file of the setting alert-textfile, aside, and rename: who reads
   sees one moment. Returns 0, or -1 with a sentence. */
int metrics_write(struct store *store, const struct config *config, const char **error_r);

#endif
