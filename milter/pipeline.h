/*
 * pipeline: the stages in order, from the bytes of a report to what the MTA
 * reads. The only file that knows all layers; pipeline_bounce() in pipeline.c
 * is the product on one screen.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "config.h"
#include "proof/dkim.h"
#include "proof/spf.h"
#include "store/publish.h"
#include "store/sent.h"
#include "store/writer.h"
#include "watch/watch.h"

struct pipeline;

/* Where a report comes from. */
struct pipeline_origin {
	enum source source;
	const char *client;          /* address of the SMTP client, "" if local */
	const char *daemon_name;     /* {daemon_name}, "" if unknown */
	const char *host_name;       /* {j}: how the MTA calls itself */
	const char *helo;            /* how the client called itself, "" if unknown */
	const char *envelope_sender; /* "" for the null sender */
	const char *envelope_recipient; /* the first one, "" if unknown */
	unsigned limits;             /* LIMIT_ bits hit while receiving it */
};

enum pipeline_answer {
	PIPELINE_RECORDED, /* on the disk, or there was nothing to record */
	PIPELINE_FAILED,   /* not recorded: the report should come again */
	PIPELINE_REFUSED,  /* recorded, unproven, and to be refused (reject-unverified) */
};

/* What a pipeline works with. */
struct pipeline_parts {
	struct store *store;
	struct writer *writer;
	struct publisher *publisher;
	struct watch *watch;
	struct dns *dns;
	struct spf *spf;
	struct dkim_verifier *dkim;
	struct sent *sent;          /* NULL without a ledger */
	struct writer *sent_writer; /* of its store */
};

/* All parts are the caller's and must outlive the pipeline. Returns 0 or -1. */
int pipeline_new(const struct pipeline_parts *parts, struct pipeline **pipeline_r,
    const char **error_r);
void pipeline_free(struct pipeline *pipeline);

/* Take in a message that may be a report. Waits for the commit of what it
   proves, at most commit-timeout of its lane. */
enum pipeline_answer pipeline_report(struct pipeline *pipeline, struct str message,
    const struct pipeline_origin *origin);

/* A stranger's mail comes in, with this value of its Message-ID field: it is not
   ours, wherever it goes. */
void pipeline_foreign(struct pipeline *pipeline, const char *message_id);

/* A message of our own goes out, with this value of its Message-ID field, and
   belongs to this campaign. */
void pipeline_campaign(struct pipeline *pipeline, const char *message_id, const char *campaign);

/* Was it a stranger's? */
bool pipeline_is_foreign(const struct pipeline *pipeline, const char *message_id);

/* Put mail that is leaving into the ledger, some time soon. It is copied. */
void pipeline_sent(struct pipeline *pipeline, const struct sent_mail *mails, unsigned count);

/* To be called about once a second, and with `stopping` at the end: reports that
   waited for the log in vain are recorded as unverified, and what the ledger lost
   is counted. */
void pipeline_tick(struct pipeline *pipeline, bool stopping);

/*
 * The log lane. One thread reads lines and hands them over; what they tell
 * becomes part of the store together with the position behind them.
 *
 * States: lines are added until the batch is due; then it is committed, and
 * while that fails nothing more may be added: the same is tried again.
 */
struct pipeline_log;

struct pipeline_log *pipeline_log_new(struct pipeline *pipeline);
void pipeline_log_free(struct pipeline_log *log);

/* The position behind which to go on.
   Returns 1 and the position, in the arena; 0 if no log was ever read; -1. */
int pipeline_log_position(struct pipeline_log *log, struct arena *arena,
    const char **position_r, const char **error_r);

/* Whole lines that were taken in before the last stop: only to know again what
   later lines refer to. */
void pipeline_log_recall(struct pipeline_log *log, struct str lines);

/* Take in whole lines, each with its ending. */
void pipeline_log_add(struct pipeline_log *log, struct str lines);

/* Something that cannot be told by lines is to be counted, in the same way. */
void pipeline_log_count(struct pipeline_log *log, const char *counter);

/* Is it time to commit? For a failure when it has waited `urgent_msec`, for
   deliveries when they gathered for a second, or when it is enough. */
bool pipeline_log_is_due(const struct pipeline_log *log, int urgent_msec);

/* Was nothing added that has to be committed? */
bool pipeline_log_is_empty(const struct pipeline_log *log);

/* Make durable what was added since the last time, and the position.
   Returns 0, or -1 if it has to be tried again. */
int pipeline_log_commit(struct pipeline_log *log, const char *position);

/* Whether the log is being read now: then reports that it does not confirm are
   not believed (trust-local in bouncemilter.conf(5)). */
void pipeline_log_runs(struct pipeline *pipeline, bool runs);

/* What is wrong with the log, for people; NULL if nothing is. */
void pipeline_log_fails(struct pipeline *pipeline, const char *why);

/* Is this recipient, as typed in RCPT TO, to be refused (enforce = milter)?
   Returns 1 and why, 0 if not, -1 if the store could not be read. */
int pipeline_is_suppressed(struct pipeline *pipeline, const char *recipient,
    enum category *category_r);

#endif
