/*
 * housekeeping: what has to be done because time passes: suppressions end,
 * old events go, readers that died are forgotten.
 *
 * A clock that leaps forward by more than an hour ends nothing for ten minutes
 * after it was set the last time: it may be wrong, and be set back.
 */
#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "pipeline.h"

struct housekeeping;

/* The parts are the caller's and must outlive it. */
struct housekeeping *housekeeping_new(const struct pipeline_parts *parts);
void housekeeping_free(struct housekeeping *housekeeping);

/* To be called about once a second; does not wait for the store. */
void housekeeping_tick(struct housekeeping *housekeeping);

#endif
