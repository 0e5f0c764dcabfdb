#include "pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "parse/address.h"
#include "parse/report.h"
#include "proof/trust.h"
#include "record.h"
#include "store/brake.h"
#include "store/counters.h"
#include "store/seen.h"

struct pipeline {
	struct store *store;
	struct writer *writer;
	struct publisher *publisher;
	struct alarm *alarm;
	struct seen seen;
	/* Unverified reports for which there was no room; counted with the next
	   one that there is room for. */
	_Atomic uint64_t dropped;
};

/* One report on its way through the writer. It owns all it needs, because the
   caller may stop waiting for it. */
struct report_job {
	struct job job;
	struct pipeline *pipeline;
	struct config *config; /* a reference */
	struct arena *arena;   /* of the report */
	struct report report;
	struct verdict *verdicts;
	bool *alarms; /* of each bounce: recorded, and something to watch */
	enum proof proof;
	bool publish;
};

int
pipeline_new(struct store *store, struct writer *writer, struct publisher *publisher,
    struct alarm *alarm, struct pipeline **pipeline_r, const char **error_r)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (pipeline == NULL)
		msg_out_of_memory();
	pipeline->store = store;
	pipeline->writer = writer;
	pipeline->publisher = publisher;
	pipeline->alarm = alarm;
	if (seen_open(store, &pipeline->seen, error_r) == -1) {
		free(pipeline);
		return -1;
	}
	*pipeline_r = pipeline;
	return 0;
}

void
pipeline_free(struct pipeline *pipeline)
{
	free(pipeline);
}

/* Successes and delays say nothing about the mailbox, and our own refusal says
   nothing that we did not know: they are not events. */
static const char *
not_an_event(const struct bounce *bounce, const struct verdict *verdict)
{
	if (bounce->outcome == OUTCOME_DELIVERED)
		return "delivered";
	if (bounce->outcome == OUTCOME_DELAYED)
		return "delayed";
	return strcmp(verdict->rule, CLASSIFY_MARKER_RULE) == 0 ? "own-refusal" : NULL;
}

static void
read_history(const struct standing *standing, enum category category,
    struct policy_history *history)
{
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++)
		history->suppressed[i] = standing->suppressed[i].event != 0;
	memcpy(history->times, standing->times[category], sizeof(history->times));
	while (history->count < POLICY_HISTORY_MOST && history->times[history->count] != 0)
		history->count++;
}

/*
 * The failure was reported before: the first report acted, this one does not.
 * But where its words show that the first was misread, what followed from that
 * is lifted.
 */
static int
repeated_bounce(struct report_job *job, struct store_txn *txn, const struct bounce *bounce,
    const struct verdict *verdict, uint64_t first, const char **error_r)
{
	enum action action = job->config->policy.categories[verdict->category].action;
	struct verdict lift = *verdict;
	struct standing standing;

	if (counters_add(txn, "repeated_reports_total", "", "", 1, error_r) == -1)
		return -1;
	if (verdict->category == CATEGORY_UNKNOWN ||
	    (action != ACTION_COUNT && action != ACTION_ALERT))
		return 0;
	if (standing_get(txn, bounce->recipient, &standing, error_r) == -1)
		return -1;
	lift.reason = "a later report has other words";
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		if (standing.suppressed[i].event != first && standing.held[i].event != first)
			continue;
		lift.decision = standing.held[i].event == first ? DECISION_DISCARD : DECISION_LIFT;
		lift.table = i;
		job->publish = true;
		return record_change(txn, bounce->source, bounce->time, bounce->recipient, &lift,
		    bounce->text, error_r);
	}
	return 0;
}

/* One proven bounce, inside the transaction: was it seen, what is known about
   the address, what follows, and on the record with it. */
static int
pipeline_bounce(struct report_job *job, struct store_txn *txn, unsigned i, const char **error_r)
{
	const struct bounce *bounce = &job->report.bounces[i];
	const struct policy *policy = &job->config->policy;
	struct verdict *verdict = &job->verdicts[i];
	struct policy_history history = { 0 };
	struct standing standing;
	uint64_t sequence;
	int ret;

	ret = seen_find(&job->pipeline->seen, txn, bounce, &sequence, error_r);
	if (ret == 1)
		return repeated_bounce(job, txn, bounce, verdict, sequence, error_r);
	if (ret == -1 || standing_get(txn, bounce->recipient, &standing, error_r) == -1)
		return -1;
	read_history(&standing, verdict->category, &history);
	if (brake_count(txn, bounce->time, policy->max_suppressions_sec, &history.recent,
		error_r) == -1)
		return -1;
	policy_decide(policy, bounce, &history, verdict);
	if (record_event(txn, bounce, verdict, &sequence, error_r) == -1 ||
	    seen_put(&job->pipeline->seen, txn, bounce, sequence, error_r) == -1)
		return -1;
	job->alarms[i] = alarm_concerns(verdict->category);
	if (verdict->decision != DECISION_SUPPRESS)
		return 0;
	job->publish = true;
	return brake_add(txn, bounce->time, policy->max_suppressions_sec, error_r);
}

/* From here on it happened: publish, and tell the alarm. */
static void
report_committed(struct job *base)
{
	struct report_job *job = (struct report_job *)base;
	struct buf line = { 0 };

	if (job->publish)
		publish_wake(job->pipeline->publisher);
	for (unsigned i = 0; i < job->report.count; i++) {
		if (!job->alarms[i])
			continue;
		buf_clear(&line);
		if (alarm_note(job->pipeline->alarm, &job->report.bounces[i], &job->verdicts[i],
			clock_monotonic_msec() / 1000, &line))
			msg_alert("%s", buf_cstr(&line));
	}
	buf_free(&line);
}

static int
report_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct report_job *job = (struct report_job *)base;

	/* The transaction may be repeated: begin from nothing. */
	job->publish = false;
	memset(job->alarms, 0, job->report.count * sizeof(job->alarms[0]));
	if (counters_add(txn, "reports_total", "proof", words_name(&proof_words, job->proof), 1,
		error_r) == -1)
		return -1;
	for (unsigned i = 0; i < job->report.count; i++) {
		const char *skip = not_an_event(&job->report.bounces[i], &job->verdicts[i]);
		int ret;

		if (skip != NULL)
			ret = counters_add(txn, "notices_total", "kind", skip, 1, error_r);
		else
			ret = pipeline_bounce(job, txn, i, error_r);
		if (ret == -1)
			return -1;
	}
	return 0;
}

/* Without proof: kept in the ring, counted, shown; it never acts. */
static int
unverified_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct report_job *job = (struct report_job *)base;
	const struct policy_history history = { 0 };
	uint64_t sequence, dropped = atomic_exchange(&job->pipeline->dropped, 0);

	if (counters_add(txn, "reports_total", "proof", words_name(&proof_words, job->proof), 1,
		error_r) == -1 ||
	    (dropped > 0 && counters_add(txn, "dropped_reports_total", "", "", dropped,
		error_r) == -1))
		return -1;
	for (unsigned i = 0; i < job->report.count; i++) {
		if (not_an_event(&job->report.bounces[i], &job->verdicts[i]) != NULL)
			continue;
		policy_decide(&job->config->policy, &job->report.bounces[i], &history,
		    &job->verdicts[i]);
		if (journal_append(txn, STORE_UNVERIFIED, &job->report.bounces[i],
			&job->verdicts[i], &sequence, error_r) == -1)
			return -1;
	}
	return 0;
}

static void
report_release(struct job *base)
{
	struct report_job *job = (struct report_job *)base;

	config_put(job->config);
	arena_free(job->arena);
	free(job);
}

/*
 * The address that we had put in RCPT TO. In a report of our own MTA it is the
 * Final-Recipient: the Original-Recipient is what a client typed. A relay may
 * have rewritten the first, and have the second from us or from that client;
 * so where the two differ nothing is certain, unless the original is an
 * address of ours, which we had rewritten ourselves.
 */
static void
choose_recipient(const struct config *config, enum source source, struct bounce *bounce,
    struct arena *arena)
{
	const char *original;

	if (source != SOURCE_NET ||
	    address_parse(str_of(bounce->original_recipient), arena, &original) == 0)
		return;
	if (strcmp(original, bounce->recipient) != 0 &&
	    !policy_is_own_domain(&config->policy, address_domain(original)))
		bounce->recipient = "";
}

static struct report_job *
new_job(struct pipeline *pipeline, struct config *config, struct arena *arena,
    const struct report *report, const struct pipeline_origin *origin)
{
	struct report_job *job = calloc(1, sizeof(*job));
	int64_t now = clock_now();

	if (job == NULL)
		msg_out_of_memory();
	job->pipeline = pipeline;
	job->config = config;
	job->arena = arena;
	job->report = *report;
	job->proof = trust_proof(config, origin->source, origin->client, origin->daemon_name,
	    origin->host_name, &report->bounces[0]);
	job->verdicts = arena_alloc(arena, report->count * sizeof(job->verdicts[0]));
	job->alarms = arena_alloc(arena, report->count * sizeof(job->alarms[0]));
	for (unsigned i = 0; i < report->count; i++) {
		struct bounce *bounce = &report->bounces[i];

		bounce->time = now;
		bounce->source = origin->source;
		bounce->client = arena_strdup(arena, str_of(origin->client));
		bounce->limits |= origin->limits;
		choose_recipient(config, origin->source, bounce, arena);
		verdict_init(&job->verdicts[i]);
		job->verdicts[i].proof = job->proof;
		classify(config->rules, bounce, &job->verdicts[i]);
	}
	job->job.apply = job->proof == PROOF_NONE ? unverified_apply : report_apply;
	job->job.committed = job->proof == PROOF_NONE ? NULL : report_committed;
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

enum pipeline_answer
pipeline_report(struct pipeline *pipeline, struct str message,
    const struct pipeline_origin *origin)
{
	struct config *config;
	struct arena *arena;
	struct report_job *job;
	struct report report;
	int64_t timeout;

	if (is_postmaster_copy(origin))
		return PIPELINE_RECORDED;
	config = config_get();
	arena = arena_new();
	report_parse(message, config->keep == KEEP_REPORT, arena, &report);
	msg_debug("%s lane, client %s, %zu bytes: %s, %u recipients",
	    words_name(&source_words, origin->source), origin->client, message.len,
	    words_name(&report_kind_words, report.kind), report.count);
	if (report.count == 0) {
		arena_free(arena);
		config_put(config);
		return PIPELINE_RECORDED;
	}
	timeout = origin->source == SOURCE_LOCAL ? config->commit_timeout_local_sec :
	    config->commit_timeout_sec;
	job = new_job(pipeline, config, arena, &report, origin);
	if (job->proof == PROOF_NONE) {
		if (!writer_post(pipeline->writer, &job->job))
			pipeline->dropped++;
		return PIPELINE_RECORDED;
	}
	return writer_run(pipeline->writer, &job->job, timeout) == 0 ? PIPELINE_RECORDED :
	    PIPELINE_FAILED;
}

int
pipeline_is_suppressed(struct pipeline *pipeline, const char *recipient,
    enum category *category_r)
{
	struct arena *arena = arena_new();
	struct standing standing;
	struct store_txn *txn;
	const char *address, *error;
	int ret = 0;

	if (address_parse(str_of(recipient), arena, &address) == 1) {
		ret = store_begin_read(pipeline->store, &txn, &error);
		if (ret == 0) {
			ret = standing_get(txn, address, &standing, &error);
			store_abort(txn);
		}
		if (ret == -1)
			msg_error("%s", error);
		if (ret == 1)
			ret = standing.suppressed[TABLE_MAIN].event != 0;
		if (ret == 1)
			*category_r = standing.suppressed[TABLE_MAIN].category;
	}
	arena_free(arena);
	return ret;
}
