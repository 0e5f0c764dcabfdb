/*
 * What the watch needs from outside of its events: what was known before a
 * restart, what is usual, and that the clock was set.
 */
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "watch/state.h"

void
watch_recall(struct watch *watch, const struct incident *incident)
{
	bool by_part = incident->rule == WATCH_THROTTLE || incident->rule == WATCH_BREAKER;
	/* The name of a campaign is kept as its most frequent one. */
	const char *part = incident->rule == WATCH_CAMPAIGN ? incident->campaigns[0].name :
	    by_part ? incident->provider : "";
	struct group *group = NULL;

	pthread_mutex_lock(&watch->lock);
	if (incident->condition[0] == '\0')
		group = nodes_group(watch->nodes, findings_topic(incident->rule), incident->domain,
		    part, incident->newest / MINUTE_SEC, true);
	lives_recall(watch, group, incident);
	if (incident->id > watch->newest_id)
		watch->newest_id = incident->id;
	pthread_mutex_unlock(&watch->lock);
}

void
watch_recall_id(struct watch *watch, uint64_t id)
{
	pthread_mutex_lock(&watch->lock);
	if (id > watch->newest_id)
		watch->newest_id = id;
	pthread_mutex_unlock(&watch->lock);
}

void
watch_settle(struct watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	for (struct group *group = watch->dirty; group != NULL; group = group->next_dirty) {
		group->dirty = group->failed = false;
		group->first_in_a_day = 0;
	}
	watch->dirty = NULL;
	pthread_mutex_unlock(&watch->lock);
}

void
watch_recall_frozen(struct watch *watch, const char *provider, int64_t now)
{
	struct group *group;

	pthread_mutex_lock(&watch->lock);
	group = nodes_group(watch->nodes, TOPIC_BREAKER, "", provider, now / MINUTE_SEC, true);
	if (group->lives == NULL && !group->dirty) {
		group->frozen = group->last_failed = now;
		group->dirty = group->failed = true;
		group->next_dirty = watch->dirty;
		watch->dirty = group;
	}
	pthread_mutex_unlock(&watch->lock);
}

/* An hour's attempts, evenly over the minutes of it that have passed. */
static void
recall_flow(struct watch *watch, const char *domain, const char *provider, int64_t hour,
    uint64_t attempts, int64_t now)
{
	int64_t first = hour * 60, minutes = now / MINUTE_SEC - first + 1;
	struct flow *flow = nodes_flow(watch->nodes, TOPIC_NONE, domain, provider,
	    now / MINUTE_SEC, true);

	if (minutes > 60)
		minutes = 60;
	hours_add(&flow->attempts_of, hour, (unsigned)attempts);
	for (int64_t i = 0; i < minutes; i++)
		series_add(&flow->attempts, first + i, (unsigned)((attempts * (uint64_t)(i + 1)) /
		    (uint64_t)minutes - (attempts * (uint64_t)i) / (uint64_t)minutes));
}

void
watch_recall_traffic(struct watch *watch, const char *domain, const char *provider, int64_t time,
    uint64_t attempts, uint64_t delivered, int64_t now)
{
	const char *const pairs[][2] = { { domain, provider }, { domain, "" }, { "", provider },
		{ "", "" } };
	int64_t hour = time / HOUR_SEC;

	if (time > now || hour <= now / HOUR_SEC - SERIES_HOURS)
		return;
	pthread_mutex_lock(&watch->lock);
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		recall_flow(watch, pairs[i][0], pairs[i][1], hour, attempts, now);
		hours_add(&nodes_flow(watch->nodes, TOPIC_NONE, pairs[i][0], pairs[i][1],
		    now / MINUTE_SEC, true)->delivered, hour, (unsigned)delivered);
	}
	pthread_mutex_unlock(&watch->lock);
}

void
watch_diagnosed(struct watch *watch, uint64_t id, const char *diagnosis)
{
	pthread_mutex_lock(&watch->lock);
	for (struct live *live = watch->lives; live != NULL; live = live->next) {
		char *fresh;

		if (live->incident.id != id || (fresh = strdup(diagnosis)) == NULL)
			continue;
		free((char *)live->incident.diagnosis);
		live->incident.diagnosis = fresh;
		live->urgent = true;
	}
	pthread_mutex_unlock(&watch->lock);
}

/* --- what is usual ----------------------------------------------------------- */

struct usual_list {
	struct arena *arena;
	struct watch_usual *usuals;
	unsigned count;
};

static void
add_usual(struct node *node, void *context)
{
	struct cell *cell = (struct cell *)node;
	struct usual_list *list = context;

	if (node->kind != NODE_CELL || cell->usual <= 0 ||
	    (node->topic != TOPIC_THROTTLE && node->topic != TOPIC_BREAKER))
		return;
	if (list->usuals != NULL) {
		list->usuals[list->count] = (struct watch_usual){
			.rule = node->topic == TOPIC_THROTTLE ? WATCH_THROTTLE : WATCH_BREAKER,
			.domain = arena_strdup(list->arena, str_of(node->domain)),
			.provider = arena_strdup(list->arena, str_of(node->part)),
			.value = cell->usual, .hour = cell->hour };
	}
	list->count++;
}

unsigned
watch_usuals(struct watch *watch, struct arena *arena, struct watch_usual **usuals_r)
{
	struct usual_list list = { .arena = arena };

	pthread_mutex_lock(&watch->lock);
	/* Once to count them. */
	nodes_each(watch->nodes, add_usual, &list);
	list.usuals = arena_alloc(arena, (list.count + 1) * sizeof(list.usuals[0]));
	list.count = 0;
	nodes_each(watch->nodes, add_usual, &list);
	pthread_mutex_unlock(&watch->lock);
	*usuals_r = list.usuals;
	return list.count;
}

void
watch_recall_usual(struct watch *watch, const struct watch_usual *usual)
{
	enum topic topic = findings_topic(usual->rule);
	int64_t minute = usual->hour * 60;
	struct group *group;
	struct cell *cell;

	pthread_mutex_lock(&watch->lock);
	group = nodes_group(watch->nodes, topic, usual->domain, usual->provider, minute, true);
	cell = nodes_cell(watch->nodes, topic, usual->domain, usual->provider, minute, true);
	nodes_join(cell, group);
	cell->usual = usual->value;
	cell->hour = usual->hour;
	pthread_mutex_unlock(&watch->lock);
}

/* --- the clock was set --------------------------------------------------------- */

/* A ring is moved by moving its counts: the place of a minute is the minute. */
static void
rotate(uint32_t *counts, int64_t size, int64_t by)
{
	uint32_t moved[SERIES_MINUTES] = { 0 };

	for (int64_t i = 0; i < size; i++)
		moved[((i + by) % size + size) % size] = counts[i];
	memcpy(counts, moved, (size_t)size * sizeof(counts[0]));
}

static void
shift_series(struct series *series, int64_t seconds)
{
	if (series->newest == 0)
		return;
	series->newest += seconds / MINUTE_SEC;
	rotate(series->counts, SERIES_MINUTES, seconds / MINUTE_SEC);
}

static void
shift_hours(struct hours *hours, int64_t seconds)
{
	if (hours->newest == 0)
		return;
	hours->newest += seconds / HOUR_SEC;
	rotate(hours->counts, SERIES_HOURS, seconds / HOUR_SEC);
}

static void
shift_group(struct group *group, int64_t seconds)
{
	int64_t *const times[] = { &group->last_failed, &group->frozen, &group->freed,
		&group->first_in_a_day };

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (*times[i] != 0)
			*times[i] += seconds;
	}
	group->half_hour += seconds / (HOUR_SEC / 2);
	distinct_shift(&group->messages, seconds / MINUTE_SEC);
}

static void
shift_node(struct node *node, void *context)
{
	int64_t seconds = *(const int64_t *)context;
	struct flow *flow = (struct flow *)node;
	struct cell *cell = (struct cell *)node;

	node->touched += seconds / MINUTE_SEC;
	if (node->kind == NODE_GROUP)
		shift_group((struct group *)node, seconds);
	if (node->kind == NODE_CELL) {
		shift_series(&cell->failed, seconds);
		distinct_shift(&cell->recipients, seconds / MINUTE_SEC);
		cell->hour += cell->hour == 0 ? 0 : seconds / HOUR_SEC;
	}
	if (node->kind != NODE_FLOW)
		return;
	shift_series(&flow->attempts, seconds);
	shift_series(&flow->failed, seconds);
	shift_hours(&flow->attempts_of, seconds);
	shift_hours(&flow->delivered, seconds);
	shift_hours(&flow->dead, seconds);
	shift_hours(&flow->complaints, seconds);
}

static void
shift_live(struct live *live, int64_t seconds)
{
	struct incident *incident = &live->incident;

	live->loud += seconds;
	live->known_until += seconds;
	incident->since += seconds;
	incident->opened += seconds;
	incident->newest += seconds;
	incident->notified_time += incident->notified_time == 0 ? 0 : seconds;
	live->changed = true;
}

void
watch_shift(struct watch *watch, int64_t seconds)
{
	pthread_mutex_lock(&watch->lock);
	nodes_each(watch->nodes, shift_node, &seconds);
	for (struct live *live = watch->lives; live != NULL; live = live->next)
		shift_live(live, seconds);
	pace_shift(&watch->pace, seconds);
	watch->campaigns_seen += seconds;
	pthread_mutex_unlock(&watch->lock);
}
