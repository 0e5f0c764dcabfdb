/*
 * housekeeping: what has to be done because time passes: suppressions end,
 * old events go, readers that died are forgotten.
 */
#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "store/publish.h"
#include "store/writer.h"

struct housekeeping;

/* The parts are the caller's and must outlive it. */
struct housekeeping *housekeeping_new(struct store *store, struct writer *writer,
    struct publisher *publisher);
void housekeeping_free(struct housekeeping *housekeeping);

/* To be called about once a second; does not wait for the store. */
void housekeeping_tick(struct housekeeping *housekeeping);

#endif
