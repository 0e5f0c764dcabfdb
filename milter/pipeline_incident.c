#include "pipeline_incident.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "pipeline_watch.h"
#include "store/breaker.h"
#include "store/counters.h"
#include "store/incidents.h"

#define HOUR_SEC 3600
#define MINUTE_SEC 60
#define KEEPING_MOST 1000 /* seconds with changes that wait for a store that fails */

/* What has changed since the last time, on its way into the store. */
struct incident_job {
	struct job job;
	struct incident_job *next; /* that waits */
	struct arena *arena;
	struct watch_changes changes;
	struct watch_usual *usuals;
	unsigned usual_count;
	bool with_usual;
	/* Since the last time. */
	struct alerts_counts told;
	uint64_t forgotten, unopened;
	struct pipeline *pipeline;
	bool written;
};

static int
keep_change(struct store_txn *txn, const struct watch_change *change, const char **error_r)
{
	const struct incident *incident = &change->incident;
	struct buf text = { 0 };
	int ret;

	incident_print(incident, &text);
	ret = incidents_put(txn, incident->id, buf_str(&text), error_r);
	buf_free(&text);
	if (ret == 0 && change->fresh)
		ret = counters_add(txn, "incidents_total", "rule",
		    words_name(&watch_rule_words, incident->rule), 1, error_r);
	if (ret == -1 || incident->rule != WATCH_BREAKER)
		return ret;
	if (incident->closed != 0)
		return breaker_free(txn, incident->provider, error_r) == -1 ? -1 : 0;
	/* Once: a person may free it while the incident goes on. */
	return change->fresh && breaker_freeze(txn, incident->provider, clock_now(), error_r) == -1 ?
	    -1 : 0;
}

/* One line for each: rule, value, hour, domain, provider. */
static int
keep_usual(struct incident_job *job, struct store_txn *txn, const char **error_r)
{
	struct buf text = { 0 };
	int ret;

	for (unsigned i = 0; i < job->usual_count; i++) {
		const struct watch_usual *usual = &job->usuals[i];

		buf_printf(&text, "%s %.9f %lld %s %s\n", words_name(&watch_rule_words, usual->rule),
		    usual->value, (long long)usual->hour, usual->domain[0] == '\0' ? "-" :
		    usual->domain, usual->provider);
	}
	ret = incidents_put_usual(txn, buf_str(&text), error_r);
	buf_free(&text);
	return ret;
}

static int
count_told(const struct alerts_counts *told, struct store_txn *txn, const char **error_r)
{
	for (unsigned i = 0; i < ALERTS_SINKS; i++) {
		const char *sink = words_name(&alerts_sink_words, i);

		if ((told->sent[i] > 0 && counters_add(txn, "notices_sent_total", "sink", sink,
			told->sent[i], error_r) == -1) ||
		    (told->failed[i] > 0 && counters_add(txn, "notices_failed_total", "sink", sink,
			told->failed[i], error_r) == -1))
			return -1;
	}
	return 0;
}

static int
incident_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct incident_job *job = (struct incident_job *)base;

	for (struct watch_change *change = job->changes.first; change != NULL;
	    change = change->next) {
		if (keep_change(txn, change, error_r) == -1)
			return -1;
	}
	if ((job->with_usual && keep_usual(job, txn, error_r) == -1) ||
	    (job->forgotten > 0 && counters_add(txn, "watch_forgotten_total", "", "",
		job->forgotten, error_r) == -1) ||
	    (job->unopened > 0 && counters_add(txn, "incidents_unopened_total", "", "",
		job->unopened, error_r) == -1))
		return -1;
	return count_told(&job->told, txn, error_r);
}

static void
incident_committed(struct job *base)
{
	((struct incident_job *)base)->written = true;
}

static void
free_job(struct incident_job *job)
{
	arena_free(job->arena);
	free(job);
}

/* One at a time, so that an older state never overwrites a newer one. */
static void
post_next(struct pipeline *pipeline)
{
	struct pipeline_keeping *keeping = &pipeline->keeping;
	struct incident_job *first = NULL;

	pthread_mutex_lock(&keeping->lock);
	if (!keeping->under_way && keeping->first != NULL) {
		first = keeping->first;
		keeping->first = first->next;
		keeping->count--;
		keeping->under_way = true;
		first->next = NULL;
	}
	pthread_mutex_unlock(&keeping->lock);
	if (first != NULL)
		writer_post(pipeline->parts.writer, &first->job);
}

/* What the store could not take is the next that it gets, after a second. What waits
   behind a job that it took goes at once: this may be the end of the daemon. */
static void
incident_release(struct job *base)
{
	struct incident_job *job = (struct incident_job *)base;
	struct pipeline *pipeline = job->pipeline;
	struct pipeline_keeping *keeping = &pipeline->keeping;
	bool written = job->written;

	pthread_mutex_lock(&keeping->lock);
	keeping->under_way = false;
	if (!written) {
		job->next = keeping->first;
		keeping->first = job;
		keeping->count++;
	}
	pthread_mutex_unlock(&keeping->lock);
	if (!written)
		return;
	free_job(job);
	post_next(pipeline);
}

static void
keep(struct pipeline *pipeline, struct incident_job *job)
{
	struct pipeline_keeping *keeping = &pipeline->keeping;
	struct incident_job **tail, *oldest = NULL;

	pthread_mutex_lock(&keeping->lock);
	if (job != NULL) {
		for (tail = &keeping->first; *tail != NULL; tail = &(*tail)->next)
			;
		*tail = job;
		keeping->count++;
	}
	if (keeping->count > KEEPING_MOST) {
		oldest = keeping->first;
		keeping->first = oldest->next;
		keeping->count--;
	}
	pthread_mutex_unlock(&keeping->lock);
	if (oldest != NULL)
		free_job(oldest);
	post_next(pipeline);
}

void
pipeline_incident_free(struct pipeline *pipeline)
{
	struct incident_job *job;

	while ((job = pipeline->keeping.first) != NULL) {
		pipeline->keeping.first = job->next;
		free_job(job);
	}
	pthread_mutex_destroy(&pipeline->keeping.lock);
}

/* How many were told since the last time. */
static bool
newly_told(struct pipeline *pipeline, struct alerts *alerts, struct alerts_counts *told_r)
{
	struct alerts_counts now = { 0 };
	bool any = false;

	if (alerts != NULL)
		alerts_counts(alerts, &now);
	for (unsigned i = 0; i < ALERTS_SINKS; i++) {
		told_r->sent[i] = now.sent[i] - pipeline->told.sent[i];
		told_r->failed[i] = now.failed[i] - pipeline->told.failed[i];
		any |= told_r->sent[i] > 0 || told_r->failed[i] > 0;
	}
	pipeline->told = now;
	return any;
}

/* Once a minute: a provider that is not frozen in the store any more, although its
   incident is open, was freed by a person. */
static void
notice_freed(struct pipeline *pipeline, int64_t now)
{
	struct arena *arena = arena_new();
	const char *const *providers = watch_frozen(pipeline->parts.watch, now - MINUTE_SEC, arena);
	struct store_txn *txn;
	const char *error;
	int64_t since;

	if (providers[0] != NULL && store_begin_read(pipeline->parts.store, &txn, &error) == 0) {
		for (; *providers != NULL; providers++) {
			if (breaker_since(txn, *providers, &since, &error) == 0)
				watch_freed(pipeline->parts.watch, *providers, now);
		}
		store_abort(txn);
	}
	arena_free(arena);
}

void
pipeline_incident_tick(struct pipeline *pipeline, struct alerts *alerts)
{
	struct incident_job *job = calloc(1, sizeof(*job));
	struct config *config = config_get();
	struct watch *watch = pipeline->parts.watch;
	struct watch_size size;
	int64_t now, hour;
	bool due;

	if (job == NULL)
		msg_out_of_memory();
	pipeline_watch_check_clock(pipeline);
	pipeline_incident_condition(pipeline, CONDITION_STORE,
	    store_is_failing(pipeline->parts.store), "the store cannot be written: see the log");
	now = pipeline_watch_now(pipeline);
	hour = now / HOUR_SEC;
	if (now / MINUTE_SEC != pipeline->freed_minute)
		notice_freed(pipeline, now);
	pipeline->freed_minute = now / MINUTE_SEC;
	job->arena = arena_new();
	job->pipeline = pipeline;
	watch_tick(watch, &config->alerts, pipeline->log_runs, now, job->arena, &job->changes);
	config_put(config);
	if (alerts != NULL)
		alerts_post(alerts, &job->changes);
	job->with_usual = hour != pipeline->usual_hour;
	if (job->with_usual)
		job->usual_count = watch_usuals(watch, job->arena, &job->usuals);
	watch_size(watch, &size);
	job->forgotten = size.forgotten - pipeline->seen_size.forgotten;
	job->unopened = size.unopened - pipeline->seen_size.unopened;
	pipeline->seen_size = size;
	pipeline->usual_hour = hour;
	due = newly_told(pipeline, alerts, &job->told) || job->forgotten > 0 || job->unopened > 0;
	job->job = (struct job){ .apply = incident_apply, .committed = incident_committed,
		.release = incident_release };
	if (job->changes.first == NULL && !job->with_usual && !due) {
		free_job(job);
		job = NULL;
	}
	keep(pipeline, job);
}

void
pipeline_incident_diagnosed(void *context, const struct incident *incident)
{
	struct pipeline *pipeline = context;

	watch_diagnosed(pipeline->parts.watch, incident->id, incident->diagnosis);
}

void
pipeline_incident_condition(struct pipeline *pipeline, enum watch_condition condition, bool wrong,
    const char *cause)
{
	watch_condition(pipeline->parts.watch, condition, wrong, cause);
}
