/*
 * The lane in which the mail log arrives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "parse/line.h"
#include "parse/logjoin.h"
#include "pipeline_sent.h"
#include "pipeline_watch.h"
#include "store/counters.h"
#include "store/logmark.h"
#include "tally.h"

#define GATHER_MSEC 1000       /* deliveries wait so long for company */
#define POSITION_MSEC 60000    /* lines of no use: only the position is new */
#define BATCH_EVENTS 4000      /* ... or until there are so many */
#define BATCH_BYTES ((size_t)8 * 1024 * 1024) /* ... or they hold so much */
#define COMMIT_SEC 60

/* What one transaction takes in. The job that brings it to the writer and the
   lane, which may have to send it again, both hold it. */
struct log_batch {
	atomic_uint references;
	struct pipeline_work work;
	struct arena *arena;
	struct logjoin_result result;
	struct log_event *first, **tail;
	struct tally *tally;
	struct sent_rows rows; /* for the ledger */
	const char *position; /* behind all of it */
	int64_t began_msec;
	bool urgent;
	bool sent; /* to the writer, at least once */
	bool told; /* the publisher and the watch know of it */
};

/* An event, read and judged. */
struct log_event {
	struct log_event *next;
	const struct bounce *bounce;
	struct verdict verdict;
	bool watch;
};

struct log_job {
	struct job job;
	struct log_batch *batch;
	bool again; /* the batch was sent before */
};

struct pipeline_log {
	struct pipeline *pipeline;
	struct logjoin *join;
	struct tally_names *names;
	struct log_batch *batch;
	uint64_t began, number; /* of the batch at hand, in this process */
};

static struct log_batch *
batch_new(struct pipeline_log *log)
{
	struct log_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		msg_out_of_memory();
	batch->references = 1;
	batch->work.pipeline = log->pipeline;
	batch->work.config = config_get();
	batch->arena = arena_new();
	batch->tally = tally_new(log->names, batch->arena);
	batch->tail = &batch->first;
	batch->began_msec = clock_monotonic_msec();
	logjoin_begin(&batch->result);
	return batch;
}

static void
batch_put(struct log_batch *batch)
{
	if (batch == NULL || atomic_fetch_sub(&batch->references, 1) > 1)
		return;
	config_put(batch->work.config);
	pipeline_sent_free(&batch->rows);
	arena_free(batch->arena);
	free(batch);
}

struct pipeline_log *
pipeline_log_new(struct pipeline *pipeline)
{
	struct pipeline_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		msg_out_of_memory();
	log->pipeline = pipeline;
	log->join = logjoin_new(LOGJOIN_BYTES);
	log->names = tally_names_new();
	log->began = (uint64_t)clock_now();
	log->batch = batch_new(log);
	return log;
}

void
pipeline_log_free(struct pipeline_log *log)
{
	if (log == NULL)
		return;
	batch_put(log->batch);
	tally_names_free(log->names);
	logjoin_free(log->join);
	free(log);
}

int
pipeline_log_position(struct pipeline_log *log, struct arena *arena, const char **position_r,
    const char **error_r)
{
	struct store_txn *txn;
	int ret;

	if (store_begin_read(log->pipeline->parts.store, &txn, error_r) == -1)
		return -1;
	ret = logmark_get(txn, arena, position_r, error_r);
	store_abort(txn);
	/* Behind the number of the batch. */
	if (ret == 1 && strchr(*position_r, ' ') != NULL)
		*position_r = strchr(*position_r, ' ') + 1;
	return ret;
}

void
pipeline_log_recall(struct pipeline_log *log, struct str lines)
{
	struct config *config = config_get();
	struct str line;

	while (line_next(&lines, &line)) {
		struct arena *arena = arena_new();
		struct logjoin_result result;

		logjoin_begin(&result);
		logjoin_line(log->join, line, clock_now(), arena, &result);
		pipeline_sent_arrival(log->pipeline, config, &result.arrival);
		arena_free(arena);
	}
	config_put(config);
}

/* What has to be done about one event: count the attempt, and keep what may
   change the standing of the address. */
static void
take_event(struct log_batch *batch, const struct logjoin_event *joined)
{
	const struct bounce *bounce = &joined->bounce;
	const struct policy *policy = &batch->work.config->policy;
	struct log_event *event;
	bool outbound = policy_is_outbound(policy, bounce);

	if (pipeline_is_alert(batch->work.config, bounce))
		return;
	/* error(8) asks nobody: a transport table has refused the address. */
	if (strcmp(bounce->agent, "error") != 0)
		tally_attempt(batch->tally, bounce, outbound);
	if (batch->work.config->ledger == LEDGER_LOG)
		pipeline_sent_add(batch->work.pipeline, batch->work.config, &batch->rows, joined);
	if (bounce->outcome == OUTCOME_DELIVERED && (!outbound || bounce->recipient[0] == '\0'))
		return;
	event = arena_alloc(batch->arena, sizeof(*event));
	event->bounce = bounce;
	if (bounce->outcome != OUTCOME_DELIVERED) {
		verdict_init(&event->verdict);
		event->verdict.proof = batch->work.config->accept & 1u << PROOF_LOCAL ?
		    PROOF_LOCAL : PROOF_NONE;
		classify(batch->work.config->rules, bounce, batch->arena,
		    &event->verdict);
		batch->urgent = true;
	}
	*batch->tail = event;
	batch->tail = &event->next;
}

/* A configuration that was read again holds for the next event. */
static void
refresh_config(struct log_batch *batch)
{
	struct config *config = config_get();

	if (batch->first == NULL) {
		config_put(batch->work.config);
		batch->work.config = config;
	} else {
		config_put(config);
	}
}

void
pipeline_log_add(struct pipeline_log *log, struct str lines)
{
	struct log_batch *batch = log->batch;
	int64_t now = clock_now();
	struct str line;

	refresh_config(batch);
	if (batch->result.notices[LOGJOIN_LINES] == 0)
		batch->began_msec = clock_monotonic_msec();
	while (line_next(&lines, &line)) {
		struct logjoin_event **fresh = batch->result.tail;

		logjoin_line(log->join, line, now, batch->arena, &batch->result);
		pipeline_sent_arrival(log->pipeline, batch->work.config, &batch->result.arrival);
		for (struct logjoin_event *event = *fresh; event != NULL; event = event->next)
			take_event(batch, event);
	}
}

void
pipeline_log_count(struct pipeline_log *log, const char *counter)
{
	tally_counter(log->batch->tally, counter, "", "", 1);
	log->batch->urgent = true;
}

bool
pipeline_log_is_due(const struct pipeline_log *log, int urgent_msec)
{
	const struct log_batch *batch = log->batch;
	int64_t age = clock_monotonic_msec() - batch->began_msec;

	return (batch->urgent && age >= urgent_msec) || batch->result.count >= BATCH_EVENTS ||
	    arena_used(batch->arena) >= BATCH_BYTES ||
	    (batch->result.count > 0 && age >= GATHER_MSEC) ||
	    (batch->result.notices[LOGJOIN_LINES] > 0 && age >= POSITION_MSEC);
}

bool
pipeline_log_is_empty(const struct pipeline_log *log)
{
	return log->batch->result.count == 0 && !log->batch->urgent;
}

/* Our refusal, read back, is no failure of anybody's. */
static int
apply_event(struct log_batch *batch, struct store_txn *txn, struct log_event *event,
    const char **error_r)
{
	event->watch = event->bounce->outcome == OUTCOME_DELIVERED;
	if (event->watch)
		return pipeline_delivery(&batch->work.config->policy, txn, event->bounce, error_r);
	if (strcmp(event->verdict.rule, CLASSIFY_MARKER_RULE) == 0)
		return counters_add(txn, "notices_total", "kind", "own-refusal", 1, error_r);
	return pipeline_bounce(&batch->work, txn, event->bounce, &event->verdict, &event->watch,
	    error_r);
}

static int
log_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	const struct log_job *job = (struct log_job *)base;
	struct log_batch *batch = job->batch;
	struct arena *arena = arena_new();
	const char *position = "";
	int ret = logmark_get(txn, arena, &position, error_r);
	bool done = job->again && ret == 1 && strcmp(position, batch->position) == 0;

	arena_free(arena);
	if (ret == -1)
		return -1;
	/* It was committed after all, when nobody waited for it any more. */
	if (done)
		return 0;
	batch->work.publish = false;
	for (struct log_event *event = batch->first; event != NULL; event = event->next)
		event->watch = false;
	if (tally_write(batch->tally, txn, error_r) == -1)
		return -1;
	for (struct log_event *event = batch->first; event != NULL; event = event->next) {
		if (apply_event(batch, txn, event, error_r) == 0)
			continue;
		if (store_is_failing(batch->work.pipeline->parts.store))
			return -1;
		/* It is this event alone that cannot be: the log goes on. */
		msg_error("an event about %s is not recorded: %s", event->bounce->recipient,
		    *error_r);
		if (counters_add(txn, "refused_events_total", "", "", 1, error_r) == -1)
			return -1;
	}
	return logmark_put(txn, batch->position, error_r);
}

static void
log_committed(struct job *base)
{
	struct log_batch *batch = ((struct log_job *)base)->batch;

	if (batch->told)
		return;
	batch->told = true;
	if (batch->work.publish)
		publish_wake(batch->work.pipeline->parts.publisher);
	for (struct log_event *event = batch->first; event != NULL; event = event->next) {
		if (event->watch)
			pipeline_watch(batch->work.pipeline, batch->work.config, event->bounce,
			    &event->verdict);
	}
}

static void
log_release(struct job *base)
{
	batch_put(((struct log_job *)base)->batch);
	free(base);
}

/* What the lines told besides events goes with them. */
static void
tally_notices(struct log_batch *batch, const struct logjoin *join)
{
	struct logjoin_result *result = &batch->result;

	for (unsigned i = 0; i < LOGJOIN_NOTICE_COUNT; i++) {
		if (result->notices[i] > 0)
			tally_counter(batch->tally, "log_notices_total", "kind",
			    words_name(&logjoin_notice_words, i), result->notices[i]);
		result->notices[i] = 0;
	}
	for (unsigned i = 0; i < LOGJOIN_PROGRAMS; i++) {
		if (result->unknown[i] > 0)
			tally_counter(batch->tally, "log_unknown_lines_total", "program",
			    logjoin_program(join, i), result->unknown[i]);
		result->unknown[i] = 0;
	}
}

int
pipeline_log_commit(struct pipeline_log *log, const char *position)
{
	struct log_batch *batch = log->batch;
	struct log_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		msg_out_of_memory();
	/* An earlier job may be reading the batch at this moment. */
	if (!batch->sent) {
		/* The position may only move when the ledger has what is before it. */
		pipeline_sent_write(log->pipeline, &batch->rows);
		tally_notices(batch, log->join);
		/* Numbered, because a batch may bring nothing but counts. */
		batch->position = arena_printf(batch->arena, "%llu.%llu %s",
		    (unsigned long long)log->began, (unsigned long long)log->number, position);
	}
	atomic_fetch_add(&batch->references, 1);
	job->batch = batch;
	job->again = batch->sent;
	batch->sent = true;
	job->job = (struct job){
		.apply = log_apply, .committed = log_committed, .release = log_release,
	};
	if (writer_run(log->pipeline->parts.writer, &job->job, COMMIT_SEC) == -1)
		return -1;
	log->number++;
	log->batch = batch_new(log);
	batch_put(batch);
	return 0;
}

void
pipeline_log_runs(struct pipeline *pipeline, bool runs)
{
	pipeline->log_runs = runs;
}

void
pipeline_log_fails(struct pipeline *pipeline, const char *why)
{
	char cause[128];

	snprintf(cause, sizeof(cause), "the mail log: %s", why == NULL ? "" : why);
	watch_condition(pipeline->parts.watch, CONDITION_LOG_SILENT, why != NULL, cause);
}
