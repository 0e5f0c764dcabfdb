#include "pipeline_lost.h"

#include <stdlib.h>

#include "base/msg.h"
#include "store/counters.h"

static const char *const counter_names[PIPELINE_LOST_COUNT] = {
	[PIPELINE_LOST_REPORTS] = "dropped_reports_total",
	[PIPELINE_LOST_SENT] = "ledger_lost_total",
};

/* What was taken out of the pipeline, and goes back if it is not committed. */
struct lost_job {
	struct job job;
	struct pipeline *pipeline;
	uint64_t counts[PIPELINE_LOST_COUNT];
	bool written;
};

static int
lost_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	const struct lost_job *job = (struct lost_job *)base;

	for (unsigned i = 0; i < PIPELINE_LOST_COUNT; i++) {
		if (job->counts[i] > 0 &&
		    counters_add(txn, counter_names[i], "", "", job->counts[i], error_r) == -1)
			return -1;
	}
	return 0;
}

static void
lost_committed(struct job *base)
{
	((struct lost_job *)base)->written = true;
}

static void
lost_release(struct job *base)
{
	struct lost_job *job = (struct lost_job *)base;

	for (unsigned i = 0; i < PIPELINE_LOST_COUNT && !job->written; i++)
		atomic_fetch_add(&job->pipeline->lost[i], job->counts[i]);
	free(job);
}

void
pipeline_lost_tick(struct pipeline *pipeline)
{
	struct lost_job *job = calloc(1, sizeof(*job));
	uint64_t total = 0;

	if (job == NULL)
		msg_out_of_memory();
	job->pipeline = pipeline;
	job->job = (struct job){ .apply = lost_apply, .committed = lost_committed,
		.release = lost_release };
	for (unsigned i = 0; i < PIPELINE_LOST_COUNT; i++) {
		job->counts[i] = atomic_exchange(&pipeline->lost[i], 0);
		total += job->counts[i];
	}
	if (total > 0)
		writer_post(pipeline->parts.writer, &job->job);
	else
		free(job);
}
