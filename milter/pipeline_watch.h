/*
 * pipeline_watch: how the watch (watch/watch.h) hears of what is committed, and
 * what becomes of its incidents: kept in the store, told by alerts, and the
 * breaker frozen and freed.
 */
#ifndef PIPELINE_WATCH_H
#define PIPELINE_WATCH_H

#include "alerts.h"
#include "parse/report.h"
#include "pipeline_event.h"

/* Make the watch anew from the store: the journal of the last day, the rates, and
   the incidents that are open. Returns 0, or -1 with a sentence. */
int pipeline_watch_recall(struct pipeline *pipeline, const char **error_r);

/* Once a second: decide, keep and tell what has changed. */
void pipeline_watch_tick(struct pipeline *pipeline, struct alerts *alerts);

/* An incident has got its diagnosis (alerts.h): keep it. */
void pipeline_watch_diagnosed(void *pipeline, const struct incident *incident);

/* A failure, complaint or delivery is committed. */
void pipeline_watch(struct pipeline *pipeline, const struct bounce *bounce,
    const struct verdict *verdict);

/* The headers that came back with a failure. */
void pipeline_watch_returned(struct pipeline *pipeline, const struct bounce *bounce,
    const struct report *report);

#endif
