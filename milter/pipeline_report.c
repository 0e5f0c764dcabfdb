/*
 * The lanes in which a report arrives: by SMTP, or from our own MTA.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "parse/report.h"
#include "pipeline_expect.h"
#include "pipeline_lost.h"
#include "pipeline_proof.h"
#include "pipeline_watch.h"
#include "proof/trust.h"
#include "store/counters.h"
#include "store/journal.h"

#define LOG_WAIT_MSEC 3000
#define WAITING_MOST 1000

/* One report on its way through the writer. It owns all it needs, because the
   caller may stop waiting for it. */
struct report_job {
	struct job job;
	struct pipeline_work work;
	struct arena *arena;   /* of the report */
	struct report report;
	struct verdict *verdicts;
	bool cut_short;        /* more may be proven with more time */
	bool *news; /* of each bounce: recorded, and new to the watch */
	enum proof proof;  /* of the first recipient that has one */
	unsigned refused;  /* recipients that the message had not been sent to */
	/* Of one that waits for the log to tell the same. */
	struct report_job *next;
	int64_t due_msec;
};

/* Successes, delays and reports of failed authentication say nothing about the
   mailbox, and our own refusal says nothing that we did not know: they are not
   events. */
static const char *
not_an_event(const struct config *config, const struct bounce *bounce,
    const struct verdict *verdict)
{
	if (pipeline_is_alert(config, bounce))
		return "alert";
	if (bounce->outcome == OUTCOME_DELIVERED)
		return "delivered";
	if (bounce->outcome == OUTCOME_DELAYED)
		return "delayed";
	/* Mail that failed an authentication may be a forger's. */
	if (bounce->outcome == OUTCOME_NONE)
		return "auth-failure";
	return strcmp(verdict->rule, CLASSIFY_MARKER_RULE) == 0 ? "own-refusal" : NULL;
}

/* Without proof: kept in the ring, counted, shown; it never acts. */
static int
unverified_bounce(struct report_job *job, struct store_txn *txn, unsigned i,
    const char **error_r)
{
	struct policy_history history = { 0 };
	uint64_t sequence;
	/* The log may have told of it, and that has acted. */
	int known = pipeline_is_known(job->work.pipeline, txn, &job->report.bounces[i],
	    &job->verdicts[i], error_r);

	if (known == -1)
		return -1;
	if (known == 1)
		return counters_add(txn, "repeated_reports_total", "", "", 1, error_r);
	policy_decide(&job->work.config->policy, &job->report.bounces[i], &history,
	    &job->verdicts[i]);
	job->news[i] = true;
	return journal_append(txn, STORE_UNVERIFIED, &job->report.bounces[i], &job->verdicts[i],
	    &sequence, error_r);
}

static int
report_bounce(struct report_job *job, struct store_txn *txn, unsigned i, const char **error_r)
{
	const char *skip = not_an_event(job->work.config, &job->report.bounces[i],
	    &job->verdicts[i]);
	bool unproven = job->verdicts[i].proof == PROOF_NONE;

	if (skip != NULL)
		return unproven ? 0 : counters_add(txn, "notices_total", "kind", skip, 1, error_r);
	if (unproven)
		return unverified_bounce(job, txn, i, error_r);
	return pipeline_bounce(&job->work, txn, &job->report.bounces[i], &job->verdicts[i],
	    &job->news[i], error_r);
}

static int
report_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct report_job *job = (struct report_job *)base;

	/* The transaction may be repeated: begin from nothing. */
	job->work.publish = false;
	memset(job->news, 0, job->report.count * sizeof(job->news[0]));
	if (counters_add(txn, "reports_total", "proof", words_name(&proof_words, job->proof), 1,
		error_r) == -1 ||
	    (job->refused > 0 && counters_add(txn, "refused_claims_total", "", "", job->refused,
		error_r) == -1))
		return -1;
	for (unsigned i = 0; i < job->report.count; i++) {
		if (report_bounce(job, txn, i, error_r) == -1)
			return -1;
	}
	return 0;
}

/* From here on it happened: publish, and tell the watch. */
static void
report_committed(struct job *base)
{
	struct report_job *job = (struct report_job *)base;

	if (job->work.publish)
		publish_wake(job->work.pipeline->parts.publisher);
	pipeline_watch_returned(job->work.pipeline, job->work.config, &job->report, job->verdicts);
	for (unsigned i = 0; i < job->report.count; i++) {
		if (job->news[i])
			pipeline_watch(job->work.pipeline, job->work.config, &job->report.bounces[i],
			    &job->verdicts[i]);
	}
}

static void
report_release(struct job *base)
{
	struct report_job *job = (struct report_job *)base;

	config_put(job->work.config);
	arena_free(job->arena);
	free(job);
}

/* Prove all recipients of a report. In a report of our own MTA the recipient is
   the Final-Recipient: the Original-Recipient is what a client typed. */
static void
prove(struct report_job *job, const struct pipeline_origin *origin, struct str message,
    enum proving_time time)
{
	struct report *report = &job->report;
	enum proof proof;

	if (origin->source == SOURCE_NET) {
		job->refused = pipeline_prove(job->work.pipeline, job->work.config, origin, message,
		    report, time, job->arena, job->verdicts, &job->cut_short);
	} else {
		proof = trust_proof(job->work.config, origin->source, origin->client,
		    origin->daemon_name, origin->host_name, job->work.pipeline->log_runs,
		    &report->bounces[0]);
		if ((job->work.config->accept & 1u << proof) == 0)
			proof = PROOF_NONE;
		for (unsigned i = 0; i < report->count; i++)
			job->verdicts[i].proof = proof;
	}
	for (unsigned i = report->count; i-- > 0;) {
		if (job->verdicts[i].proof != PROOF_NONE)
			job->proof = job->verdicts[i].proof;
	}
}

static struct report_job *
new_job(struct pipeline *pipeline, struct config *config, struct arena *arena,
    const struct report *report, const struct pipeline_origin *origin, struct str message,
    enum proving_time time)
{
	struct report_job *job = calloc(1, sizeof(*job));
	int64_t now = clock_now();

	if (job == NULL)
		msg_out_of_memory();
	job->work.pipeline = pipeline;
	job->work.config = config;
	job->arena = arena;
	job->report = *report;
	job->verdicts = arena_alloc(arena, report->count * sizeof(job->verdicts[0]));
	job->news = arena_alloc(arena, report->count * sizeof(job->news[0]));
	for (unsigned i = 0; i < report->count; i++)
		verdict_init(&job->verdicts[i]);
	prove(job, origin, message, time);
	/* The message is the caller's, who does not wait for what proves nothing. */
	job->report.returned = job->proof == PROOF_NONE ? STR_EMPTY :
	    (struct str){ arena_strdup(arena, report->returned), report->returned.len };
	for (unsigned i = 0; i < report->count; i++) {
		struct bounce *bounce = &report->bounces[i];

		bounce->time = now;
		bounce->source = origin->source;
		bounce->client = arena_strdup(arena, str_of(origin->client));
		bounce->limits |= origin->limits;
		classify(config->rules, bounce, arena, &job->verdicts[i]);
	}
	job->job.apply = report_apply;
	job->job.committed = report_committed;
	job->job.release = report_release;
	job->job.bytes = arena_used(arena);
	return job;
}

/* With notify_classes = bounce, Postfix sends the postmaster a second copy of
   every report, from double-bounce@$myhostname. */
static bool
is_postmaster_copy(const struct pipeline_origin *origin)
{
	return str_istarts(str_of(origin->envelope_sender), STR("double-bounce@"));
}

static void
post(struct pipeline *pipeline, struct report_job *job)
{
	if (!writer_post(pipeline->parts.writer, &job->job))
		atomic_fetch_add(&pipeline->lost[PIPELINE_LOST_REPORTS], 1);
}

/* Our own MTA's report mostly overtakes the log, which tells the same in a
   moment. Returns false if too many are waiting. */
static bool
wait_for_log(struct pipeline *pipeline, struct report_job *job)
{
	bool room;

	job->due_msec = clock_monotonic_msec() + LOG_WAIT_MSEC;
	pthread_mutex_lock(&pipeline->waiting_lock);
	room = pipeline->waiting_count < WAITING_MOST;
	if (room) {
		*pipeline->waiting_tail = job;
		pipeline->waiting_tail = &job->next;
		pipeline->waiting_count++;
	}
	pthread_mutex_unlock(&pipeline->waiting_lock);
	return room;
}

/* The first that waited long enough, or NULL. */
static struct report_job *
take_waiting(struct pipeline *pipeline, int64_t now_msec)
{
	struct report_job *job;

	pthread_mutex_lock(&pipeline->waiting_lock);
	job = pipeline->waiting;
	if (job != NULL && job->due_msec > now_msec)
		job = NULL;
	if (job != NULL) {
		pipeline->waiting = job->next;
		pipeline->waiting_count--;
		if (pipeline->waiting == NULL)
			pipeline->waiting_tail = &pipeline->waiting;
	}
	pthread_mutex_unlock(&pipeline->waiting_lock);
	return job;
}

void
pipeline_tick(struct pipeline *pipeline, bool stopping)
{
	int64_t now_msec = stopping ? INT64_MAX : clock_monotonic_msec();
	struct report_job *job;

	if (stopping)
		later_stop(pipeline->later);
	while ((job = take_waiting(pipeline, now_msec)) != NULL)
		post(pipeline, job);
	pipeline_lost_tick(pipeline);
}

/* Is this one of those that the operator does not want to have? */
static bool
is_refused(const struct config *config, const struct report *report,
    const struct pipeline_origin *origin)
{
	return config->reject_unverified && origin->source == SOURCE_NET &&
	    origin->envelope_sender[0] == '\0' && report->kind == REPORT_DSN;
}

/* Read a report and judge it. Returns NULL if it says nothing. */
static struct report_job *
read_report(struct pipeline *pipeline, struct str message, const struct pipeline_origin *origin,
    enum proving_time time)
{
	struct config *config = config_get();
	struct arena *arena = arena_new();
	struct report report;

	report_parse(message, (config->keep == KEEP_REPORT ? REPORT_KEEP : 0) |
	    (origin->envelope_sender[0] == '\0' ? REPORT_NULL_SENDER : 0), arena, &report);
	msg_debug("%s lane, client %s, %zu bytes: %s, %u recipients",
	    words_name(&source_words, origin->source), origin->client, message.len,
	    words_name(&report_kind_words, report.kind), report.count);
	if (report.count == 0) {
		arena_free(arena);
		config_put(config);
		return NULL;
	}
	return new_job(pipeline, config, arena, &report, origin, message, time);
}

/* Nobody waits for the commit of what proves nothing. */
static enum pipeline_answer
take_unproven(struct pipeline *pipeline, struct report_job *job, struct str message,
    const struct pipeline_origin *origin)
{
	bool refuse = is_refused(job->work.config, &job->report, origin);

	/* Who is to be refused has to be judged now, or to come again. */
	if (job->cut_short && (refuse || later_add(pipeline->later, message, origin, EXPECT_MSEC))) {
		report_release(&job->job);
		return refuse ? PIPELINE_FAILED : PIPELINE_RECORDED;
	}
	if (origin->source != SOURCE_LOCAL || !pipeline->log_runs || !wait_for_log(pipeline, job))
		post(pipeline, job);
	return refuse ? PIPELINE_REFUSED : PIPELINE_RECORDED;
}

enum pipeline_answer
pipeline_report(struct pipeline *pipeline, struct str message,
    const struct pipeline_origin *origin)
{
	struct report_job *job;
	int64_t timeout;

	if (is_postmaster_copy(origin))
		return PIPELINE_RECORDED;
	job = read_report(pipeline, message, origin, PROVING_CALLBACK);
	if (job == NULL)
		return PIPELINE_RECORDED;
	if (job->proof == PROOF_NONE)
		return take_unproven(pipeline, job, message, origin);
	timeout = origin->source == SOURCE_LOCAL ? job->work.config->commit_timeout_local_sec :
	    job->work.config->commit_timeout_sec;
	return writer_run(pipeline->parts.writer, &job->job, timeout) == 0 ? PIPELINE_RECORDED :
	    PIPELINE_FAILED;
}

void
pipeline_judge_later(void *context, struct str message, const struct pipeline_origin *origin,
    bool hurry)
{
	struct pipeline *pipeline = context;
	struct report_job *job = read_report(pipeline, message, origin,
	    hurry ? PROVING_NONE : PROVING_OWN);

	if (job != NULL)
		post(pipeline, job);
}

