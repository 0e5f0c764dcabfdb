/*
 * pipeline_sent: mail that leaves us, on its way into the ledger. Ordinary mail
 * never waits for it: what cannot be written is counted, and that is all.
 */
#ifndef PIPELINE_SENT_H
#define PIPELINE_SENT_H

#include "parse/logjoin.h"
#include "pipeline_event.h"

/* Rows of a log batch, gathered as its lines are read. */
struct sent_rows {
	struct sent_mail *mails;
	unsigned count, room;
};

/* A line of the log tells that a message has come: is it a stranger's? */
void pipeline_sent_arrival(struct pipeline *pipeline, const struct config *config,
    const struct logjoin_arrival *arrival);

/* Does an event of the log belong into the ledger? Then it is added; the strings
   stay the event's. */
void pipeline_sent_add(struct pipeline *pipeline, const struct config *config,
    struct sent_rows *rows, const struct logjoin_event *event);
void pipeline_sent_free(struct sent_rows *rows);

/* Write rows, and wait until they are on the disk. They are copied. */
void pipeline_sent_write(struct pipeline *pipeline, const struct sent_rows *rows);

#endif
