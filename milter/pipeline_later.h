/*
 * pipeline_later: reports whose proof takes time, when no callback may wait for it
 * (base/patience.h). They are taken in, and judged again by threads of our own: the
 * ledger has had time by then, and DNS may take its time.
 *
 * Guarantees: nobody waits for it. At most LATER_MOST reports of LATER_BYTES in all;
 * what finds no room is for the caller to judge as it is. A stop judges what is left
 * at once, without DNS. A crash loses it: of an unproven report that is true anyhow
 * until the writer has come to it.
 */
#ifndef PIPELINE_LATER_H
#define PIPELINE_LATER_H

#include "pipeline.h"

#define LATER_MOST 1000
#define LATER_BYTES (16 * 1024 * 1024)

struct later;

/* `judge` is called for each report, by several threads; `hurry` if it must not wait. */
struct later *later_new(void (*judge)(void *context, struct str message,
    const struct pipeline_origin *origin, bool hurry), void *context);

/* End the threads, and judge all that is left in this one. Nothing is taken in any
   more. */
void later_stop(struct later *later);

/* What is left then is lost. */
void later_free(struct later *later);

/* Keep a copy until so many milliseconds have passed. Returns false if there is no
   room, or nobody to judge it. */
bool later_add(struct later *later, struct str message, const struct pipeline_origin *origin,
    int64_t msec);

#endif
