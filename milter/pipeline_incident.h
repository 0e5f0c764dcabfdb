/*
 * pipeline_incident: what becomes of the watch's incidents: they are kept in the
 * store, told by alerts, and freeze or free a provider; and how the watch is made
 * anew from the store.
 */
#ifndef PIPELINE_INCIDENT_H
#define PIPELINE_INCIDENT_H

#include "alerts.h"
#include "pipeline_event.h"

/* Make the watch anew: from the incidents that are open, what is usual, the rates
   and the journal of the last day. Returns 0, or -1 with a sentence. */
int pipeline_incident_recall(struct pipeline *pipeline, const char **error_r);

/* Once a second: decide, keep and tell what has changed. */
void pipeline_incident_tick(struct pipeline *pipeline, struct alerts *alerts);

/* Forget what could not be kept. */
void pipeline_incident_free(struct pipeline *pipeline);

/* An incident has got its diagnosis (alerts.h). */
void pipeline_incident_diagnosed(void *pipeline, const struct incident *incident);

/* Something is wrong with ourselves, or is not any more. */
void pipeline_incident_condition(struct pipeline *pipeline, enum watch_condition condition,
    bool wrong, const char *cause);

#endif
