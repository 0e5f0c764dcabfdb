/*
 * pipeline_watch: how the watch (watch/watch.h) hears of what is committed.
 */
#ifndef PIPELINE_WATCH_H
#define PIPELINE_WATCH_H

#include "parse/report.h"
#include "pipeline_event.h"

/* The time by the clock of the watch, which never jumps: when the clock of the
   machine is set, what the watch remembers is moved, and this says so by the
   condition "clock". */
int64_t pipeline_watch_now(struct pipeline *pipeline);
void pipeline_watch_check_clock(struct pipeline *pipeline);

/* A failure, complaint or delivery is committed. */
void pipeline_watch(struct pipeline *pipeline, const struct config *config,
    const struct bounce *bounce, const struct verdict *verdict);

/* The same after a restart: its attempt is counted already. */
void pipeline_watch_again(struct pipeline *pipeline, const struct config *config,
    const struct bounce *bounce, const struct verdict *verdict);

/* A report has come with headers of the message, before its failures are told. */
void pipeline_watch_returned(struct pipeline *pipeline, const struct config *config,
    const struct report *report, const struct verdict *verdicts);

#endif
