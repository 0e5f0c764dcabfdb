/*
 * After a restart the watch is made anew from what the store has: so nothing has
 * to be kept for it but incidents and what is usual.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "pipeline_incident.h"
#include "pipeline_watch.h"
#include "store/breaker.h"
#include "store/incidents.h"
#include "store/journal.h"
#include "store/rates.h"

#define EVENTS_MOST 200000 /* newest: about a second */

/* Call for each row of a table, from a key on. Returns 0 or -1. */
static int
each_row(struct pipeline *pipeline, enum store_table table, struct str from,
    void (*each)(struct pipeline *pipeline, const struct config *config,
	const struct pages_row *row), const char **error_r)
{
	struct pages *pages = pages_new(pipeline->parts.store, table, from);
	struct config *config = config_get();
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++)
			each(pipeline, config, &rows[i]);
	}
	config_put(config);
	pages_free(pages);
	return ret;
}

static void
recall_incident(struct pipeline *pipeline, const struct config *config,
    const struct pages_row *row)
{
	struct arena *arena = arena_new();
	struct incident incident;

	(void)config;
	watch_recall_id(pipeline->parts.watch, incidents_id(row));
	if (incident_scan(row->value, arena, &incident) == 0 && incident.closed == 0)
		watch_recall(pipeline->parts.watch, &incident);
	arena_free(arena);
}

static void
recall_rate(struct pipeline *pipeline, const struct config *config, const struct pages_row *row)
{
	struct rates_row rate;
	bool delivered;

	if (rates_scan(row, &rate) == -1)
		return;
	delivered = strcmp(rate.kind, RATES_DELIVERED) == 0;
	if (!delivered && strcmp(rate.kind, RATES_ATTEMPTS) != 0)
		return;
	watch_recall_traffic(pipeline->parts.watch, rate.domain,
	    providers_find(config->providers, rate.provider).domain, rate.hour,
	    delivered ? 0 : rate.count, delivered ? rate.count : 0, pipeline_watch_now(pipeline));
}

static void
recall_event(struct pipeline *pipeline, const struct config *config, const struct pages_row *row)
{
	struct arena *arena = arena_new();
	struct journal_event event;

	/* What was delivered is in the rates. */
	if (journal_scan(row, arena, &event) == 0 && event.bounce.outcome != OUTCOME_DELIVERED)
		pipeline_watch_again(pipeline, config, &event.bounce, &event.verdict);
	arena_free(arena);
}

/* The first event of that time or later, as far as they are in order: it is looked
   for by halving. */
static int
find_first(struct store_txn *txn, enum store_table table, int64_t time, uint64_t *sequence_r,
    const char **error_r)
{
	uint64_t low, high;

	if (journal_bounds(txn, table, &low, &high, error_r) == -1)
		return -1;
	if (high > EVENTS_MOST && low < high - EVENTS_MOST)
		low = high - EVENTS_MOST;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct arena *arena = arena_new();
		struct journal_event event;
		int ret = journal_get(txn, table, middle, arena, &event, error_r);

		if (ret == 1 && event.bounce.time >= time)
			high = middle;
		else
			low = middle + 1;
		arena_free(arena);
		if (ret == -1)
			return -1;
	}
	*sequence_r = low;
	return 0;
}

static int
recall_events(struct pipeline *pipeline, enum store_table table, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct store_txn *txn;
	uint64_t first;
	int ret;

	if (store_begin_read(pipeline->parts.store, &txn, error_r) == -1)
		return -1;
	ret = find_first(txn, table, clock_now() - CLOCK_DAY_SEC, &first, error_r);
	store_abort(txn);
	return ret == -1 ? -1 : each_row(pipeline, table, store_number(first, bytes), recall_event,
	    error_r);
}

/* "throttle 0.020000000 494000 example.com google.com" */
static void
recall_usual_line(struct pipeline *pipeline, struct str line, struct arena *arena)
{
	struct str words[5];
	uint64_t hour;
	unsigned rule;

	for (unsigned i = 0; i < 5; i++) {
		if (!str_next_word(&line, &words[i]))
			return;
	}
	if (words_find(&watch_rule_words, words[0], &rule) == 1 &&
	    str_number(words[2], &hour) == 0)
		watch_recall_usual(pipeline->parts.watch, &(struct watch_usual){ .rule = rule,
		    .domain = str_iequal(words[3], STR("-")) ? "" : arena_strdup(arena, words[3]),
		    .provider = arena_strdup(arena, words[4]),
		    .value = strtod(arena_strdup(arena, words[1]), NULL), .hour = (int64_t)hour });
}

static int
recall_usual(struct pipeline *pipeline, const char **error_r)
{
	struct arena *arena = arena_new();
	struct store_txn *txn;
	struct str text, line;
	int ret;

	if (store_begin_read(pipeline->parts.store, &txn, error_r) == -1) {
		arena_free(arena);
		return -1;
	}
	ret = incidents_get_usual(txn, &text, error_r);
	while (ret == 1 && str_next_piece(&text, '\n', &line))
		recall_usual_line(pipeline, line, arena);
	store_abort(txn);
	arena_free(arena);
	return ret == -1 ? -1 : 0;
}

/* Who was frozen when the daemon was killed may have no incident yet, which alone can
   free him. */
static int
recall_frozen(struct pipeline *pipeline, const char **error_r)
{
	struct arena *arena = arena_new();
	struct breaker_frozen *frozen;
	int ret = breaker_list(pipeline->parts.store, arena, &frozen, error_r);

	for (; ret == 0 && frozen != NULL; frozen = frozen->next)
		watch_recall_frozen(pipeline->parts.watch, frozen->provider,
		    pipeline_watch_now(pipeline));
	arena_free(arena);
	return ret;
}

int
pipeline_incident_recall(struct pipeline *pipeline, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct str day = rates_key(clock_now() - CLOCK_DAY_SEC, bytes);

	if (recall_usual(pipeline, error_r) == -1 ||
	    each_row(pipeline, STORE_INCIDENTS, STR_EMPTY, recall_incident, error_r) == -1 ||
	    each_row(pipeline, STORE_RATES, day, recall_rate, error_r) == -1 ||
	    recall_events(pipeline, STORE_JOURNAL, error_r) == -1 ||
	    recall_events(pipeline, STORE_UNVERIFIED, error_r) == -1)
		return -1;
	watch_settle(pipeline->parts.watch);
	if (recall_frozen(pipeline, error_r) == -1)
		return -1;
	pipeline->usual_hour = pipeline_watch_now(pipeline) / 3600;
	return 0;
}
