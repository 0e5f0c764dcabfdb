/*
 * pipeline_lost: what there was no room for is counted at once in memory, and in
 * the store some time later, exactly once.
 */
#ifndef PIPELINE_LOST_H
#define PIPELINE_LOST_H

#include "pipeline_event.h"

/* To be called about once a second. */
void pipeline_lost_tick(struct pipeline *pipeline);

#endif
