/*
 * follower: the thread that reads the mail log and hands it to the pipeline.
 *
 * It never gives up: a log that cannot be read is told once, at syslog level
 * alert, with the remedy, and tried again every second; so is a store that
 * cannot be written. What was read is kept until it is committed, and the
 * position with it.
 */
#ifndef SOURCE_FOLLOWER_H
#define SOURCE_FOLLOWER_H

#include "pipeline.h"

struct follower;

/* Start to read the log that the configuration names. `backfill`: on the first
   start from its beginning, else from now. NULL if there is no log to read. */
struct follower *follower_start(struct pipeline *pipeline, const struct config *config,
    bool backfill);

/* Commit what was read, and end the thread. NULL is allowed. */
void follower_stop(struct follower *follower);

/* To be called now and then with the time of the last mail that went by, on the
   monotonic clock, 0 for none: a log that says nothing of it for ten minutes is
   warned of. NULL is allowed. */
void follower_check(struct follower *follower, int64_t last_mail_msec);

#endif
