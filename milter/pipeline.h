/*
 * pipeline: the stages in order, from the bytes of a report to what the MTA
 * reads. The only file that knows all layers; pipeline_bounce() in pipeline.c
 * is the product on one screen.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "config.h"
#include "store/publish.h"
#include "store/writer.h"
#include "watch/alarm.h"

struct pipeline;

/* Where a report comes from. */
struct pipeline_origin {
	enum source source;
	const char *client;          /* address of the SMTP client, "" if local */
	const char *daemon_name;     /* {daemon_name}, "" if unknown */
	const char *host_name;       /* {j}: how the MTA calls itself */
	const char *envelope_sender; /* "" for the null sender */
	unsigned limits;             /* LIMIT_ bits hit while receiving it */
};

enum pipeline_answer {
	PIPELINE_RECORDED, /* on the disk, or there was nothing to record */
	PIPELINE_FAILED,   /* not recorded: the report should come again */
};

/* All parts are the caller's and must outlive the pipeline. Returns 0 or -1. */
int pipeline_new(struct store *store, struct writer *writer, struct publisher *publisher,
    struct alarm *alarm, struct pipeline **pipeline_r, const char **error_r);
void pipeline_free(struct pipeline *pipeline);

/* Take in a message that may be a report. Waits for the commit of what it
   proves, at most commit-timeout of its lane. */
enum pipeline_answer pipeline_report(struct pipeline *pipeline, struct str message,
    const struct pipeline_origin *origin);

/* Is this recipient, as typed in RCPT TO, to be refused (enforce = milter)?
   Returns 1 and why, 0 if not, -1 if the store could not be read. */
int pipeline_is_suppressed(struct pipeline *pipeline, const char *recipient,
    enum category *category_r);

#endif
