#include "watch/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "watch/state.h"

#define HEADERS_BYTES (16 * 1024)
#define DAY_SEC (24 * HOUR_SEC)
#define HALF_HOUR_SEC (HOUR_SEC / 2)
#define USUAL_PART (1.0 / (7 * 24)) /* what an hour changes of what is usual */

static const char *const condition_names[CONDITION_COUNT] = {
	[CONDITION_STORE] = "store", [CONDITION_LOG_SILENT] = "log-silent",
	[CONDITION_RULES] = "rules", [CONDITION_CLOCK] = "clock",
};

const struct words watch_condition_words = WORDS(condition_names);

struct watch *
watch_new(void)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		msg_out_of_memory();
	pthread_mutex_init(&watch->lock, NULL);
	watch->nodes = nodes_new(WATCH_BYTES);
	return watch;
}

void
watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	lives_free(watch);
	nodes_free(watch->nodes);
	buf_free(&watch->pace.digest);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

/* --- what was sent --------------------------------------------------------- */

static void
add_attempt(struct watch *watch, enum topic topic, const char *domain, const char *part,
    const struct watch_event *event)
{
	int64_t minute = event->time / MINUTE_SEC, hour = event->time / HOUR_SEC;
	struct flow *flow = nodes_flow(watch->nodes, topic, domain, part, minute, true);

	if (!event->counted) {
		series_add(&flow->attempts, minute, 1);
		hours_add(&flow->attempts_of, hour, 1);
		flow->attempts_ever++;
	}
	if (event->kind == WATCH_DELIVERED) {
		hours_add(&flow->delivered, hour, 1);
		return;
	}
	series_add(&flow->failed, minute, 1);
	if (category_class(event->category) == CLASS_HARD)
		hours_add(&flow->dead, hour, 1);
}

static void
add_attempts(struct watch *watch, const struct watch_event *event)
{
	add_attempt(watch, TOPIC_NONE, event->domain, event->provider, event);
	add_attempt(watch, TOPIC_NONE, event->domain, "", event);
	add_attempt(watch, TOPIC_NONE, "", event->provider, event);
	add_attempt(watch, TOPIC_NONE, "", "", event);
	if (event->campaign[0] == '\0')
		return;
	add_attempt(watch, TOPIC_SENT, event->domain, event->campaign, event);
	if (event->kind == WATCH_DELIVERED)
		watch->campaigns_seen = event->time;
}

static void
add_complaint(struct watch *watch, const struct watch_event *event)
{
	int64_t minute = event->time / MINUTE_SEC, hour = event->time / HOUR_SEC;

	hours_add(&nodes_flow(watch->nodes, TOPIC_NONE, event->domain, event->provider, minute,
	    true)->complaints, hour, 1);
	hours_add(&nodes_flow(watch->nodes, TOPIC_NONE, event->domain, "", minute, true)->complaints,
	    hour, 1);
	if (event->campaign[0] != '\0')
		hours_add(&nodes_flow(watch->nodes, TOPIC_SENT, event->domain, event->campaign, minute,
		    true)->complaints, hour, 1);
}

/* --- what failed ----------------------------------------------------------- */

/* An hour is over: it becomes a part of what is usual, and so do those after it
   in which nothing failed. But not what an open incident is made of. */
static void
learn_usual(struct watch *watch, struct cell *cell, int64_t hour)
{
	const struct flow *flow;
	double value = cell->hour_failed, attempts;

	if (hour <= cell->hour)
		return;
	if (cell->hour != 0 && cell->group->lives == NULL) {
		flow = nodes_flow(watch->nodes, TOPIC_NONE, cell->node.domain, cell->node.part, 0,
		    false);
		attempts = flow == NULL ? 0 : hours_sum(&flow->attempts_of, cell->hour, 1);
		if (cell->node.topic == TOPIC_THROTTLE)
			value = attempts < value || attempts == 0 ? 0 : value / attempts;
		cell->usual += USUAL_PART * (value - cell->usual);
		cell->usual *= pow(1 - USUAL_PART, (double)(hour - cell->hour - 1));
	}
	cell->hour = hour;
	cell->hour_failed = 0;
}

static void
drop_evidence(struct evidence **evidence)
{
	if (*evidence != NULL)
		evidence_free(*evidence);
	free(*evidence);
	*evidence = NULL;
}

/* The evidence of this half hour. */
static struct evidence *
evidence_now(struct group *group, int64_t time)
{
	int64_t half_hour = time / HALF_HOUR_SEC;

	/* Headers may be known before the first failure. */
	if (half_hour > group->half_hour) {
		if (group->half_hour != 0 && half_hour > group->half_hour + 1)
			drop_evidence(&group->evidence[0]);
		drop_evidence(&group->evidence[1]);
		group->evidence[1] = group->evidence[0];
		group->evidence[0] = NULL;
		group->half_hour = half_hour;
	}
	if (group->evidence[0] == NULL) {
		group->evidence[0] = calloc(1, sizeof(struct evidence));
		if (group->evidence[0] == NULL)
			msg_out_of_memory();
	}
	return group->evidence[0];
}

static struct cell *
cell_of(struct watch *watch, enum topic topic, const char *domain, const char *part,
    struct group *group, const struct watch_event *event)
{
	int64_t minute = event->time / MINUTE_SEC;
	struct cell *cell = nodes_cell(watch->nodes, topic, domain, part, minute, true);

	nodes_join(cell, group);
	if (cell->name != NULL)
		return cell;
	cell->name = strdup(event->provider_name);
	if (cell->name == NULL)
		msg_out_of_memory();
	cell->major = event->major;
	return cell;
}

static void
mark_dirty(struct watch *watch, struct group *group)
{
	if (group->dirty)
		return;
	group->dirty = true;
	group->next_dirty = watch->dirty;
	watch->dirty = group;
}

/* Is there a group for each part of this topic? */
static bool
is_by_part(enum topic topic)
{
	return topic == TOPIC_THROTTLE || topic == TOPIC_CAMPAIGN || topic == TOPIC_BREAKER;
}

static void
add_to_group(const struct watch *watch, struct group *group, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;

	evidence_add(evidence_now(group, event->time), item);
	if (item->message != 0 && group->node.topic != TOPIC_FAILED)
		distinct_add(&group->messages, item->message, event->time / MINUTE_SEC, 0);
	for (struct live *live = group->lives; live != NULL; live = live->next_of_group)
		lives_add(watch, live, item);
	if (group->node.topic == TOPIC_AUTH && group->last_failed < event->time - DAY_SEC)
		group->first_in_a_day = event->time;
	if (event->time > group->last_failed)
		group->last_failed = event->time;
}

/* A mass of dead addresses is evidence whether they were suppressed or not, and
   only once. */
static bool
is_evidence(enum topic topic, enum topic group_topic, const struct watch_event *event)
{
	if (group_topic == TOPIC_BREAKER && event->category == CATEGORY_USER_UNKNOWN)
		return topic == TOPIC_DEAD;
	return topic == group_topic;
}

/* Count a failure for a cell, and for the group of another topic or of the same. */
static void
add_failure(struct watch *watch, enum topic topic, enum topic group_topic, const char *domain,
    const char *part, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;
	int64_t minute = event->time / MINUTE_SEC;
	const char *group_part = is_by_part(group_topic) ? part : "";
	struct group *group = nodes_group(watch->nodes, group_topic, domain, group_part, minute,
	    true);
	struct cell *cell = cell_of(watch, topic, domain, part, group, event);

	/* Again, so that it is newer than its cell. */
	nodes_touch(watch->nodes, &group->node, minute);
	learn_usual(watch, cell, event->time / HOUR_SEC);
	cell->hour_failed++;
	series_add(&cell->failed, minute, 1);
	/* Of a send that gets worse only the numbers matter. */
	if (topic != TOPIC_FAILED) {
		distinct_add(&cell->recipients, item->recipient, minute, 0);
		nodes_account(watch->nodes, &cell->node);
	}
	mark_dirty(watch, group);
	group->failed = true;
	if (event->frozen)
		group->frozen = event->time;
	if (!is_evidence(topic, group_topic, event))
		return;
	add_to_group(watch, group, item);
	nodes_account(watch->nodes, &group->node);
}

bool
watch_is_auth(enum category category)
{
	return category == CATEGORY_AUTH_FAILURE || category == CATEGORY_RDNS_FAILURE ||
	    category == CATEGORY_TLS_REQUIRED || category == CATEGORY_SENDER_REJECTED;
}

static bool
is_policy(enum category category)
{
	return category == CATEGORY_CONTENT_REJECTED || category == CATEGORY_PROHIBITED_CONTENT ||
	    category == CATEGORY_POLICY_REJECTED;
}

/* An address that is listed, or that is turned away before any mail was named, is
   refused whoever sends; all else is about the domain. */
static void
add_blocklist(struct watch *watch, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;
	bool listed = event->category == CATEGORY_IP_BLOCKLISTED;
	bool refused = listed || event->category == CATEGORY_DOMAIN_BLOCKLISTED ||
	    event->category == CATEGORY_REPUTATION ||
	    (event->connecting && is_policy(event->category));

	if (refused)
		add_failure(watch, TOPIC_BLOCKLIST, TOPIC_BLOCKLIST, listed || event->connecting ? "" :
		    event->domain, event->provider, item);
}

static void
add_failures(struct watch *watch, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;
	const char *domain = event->domain, *provider = event->provider;
	bool policy = is_policy(event->category) && !event->connecting;

	add_failure(watch, TOPIC_FAILED, TOPIC_FAILED, domain, "", item);
	add_blocklist(watch, item);
	if (watch_is_auth(event->category))
		add_failure(watch, TOPIC_AUTH, TOPIC_AUTH, domain, provider, item);
	if (event->category == CATEGORY_THROTTLED)
		add_failure(watch, TOPIC_THROTTLE, TOPIC_THROTTLE, domain, provider, item);
	if (policy)
		add_failure(watch, TOPIC_POLICY, TOPIC_POLICY, domain, provider, item);
	if (policy && event->campaign[0] != '\0')
		add_failure(watch, TOPIC_CAMPAIGN, TOPIC_CAMPAIGN, domain, event->campaign, item);
	if (category_class(event->category) == CLASS_HARD)
		add_failure(watch, TOPIC_DEAD, TOPIC_DEAD, domain, provider, item);
	if (event->category == CATEGORY_USER_UNKNOWN)
		add_failure(watch, TOPIC_DEAD, TOPIC_BREAKER, "", provider, item);
	if (event->suppressed)
		add_failure(watch, TOPIC_BREAKER, TOPIC_BREAKER, "", provider, item);
	if (event->category == CATEGORY_UNKNOWN)
		add_failure(watch, TOPIC_UNKNOWN, TOPIC_UNKNOWN, "", "", item);
}

static void
note(struct watch *watch, const struct watch_event *event)
{
	struct evidence_item item = { .event = event };

	if (event->kind != WATCH_DELIVERED)
		evidence_item(event, &item);
	switch (event->kind) {
	case WATCH_DELIVERED:
		add_attempts(watch, event);
		break;
	case WATCH_FAILED:
		add_attempts(watch, event);
		add_failures(watch, &item);
		break;
	case WATCH_COMPLAINED:
		add_complaint(watch, event);
		add_failure(watch, TOPIC_COMPLAINT, TOPIC_COMPLAINT, event->domain, event->provider,
		    &item);
		break;
	case WATCH_UNPROVEN:
		add_failure(watch, TOPIC_FORGED, TOPIC_FORGED, "", "", &item);
		break;
	}
}

void
watch_note(struct watch *watch, const struct watch_event *event, int64_t now)
{
	struct watch_event known = *event;

	if (known.time > now)
		known.time = now;
	if (known.time <= now - DAY_SEC)
		return;
	pthread_mutex_lock(&watch->lock);
	if (known.time / MINUTE_SEC > watch->newest_minute)
		watch->newest_minute = known.time / MINUTE_SEC;
	nodes_begin(watch->nodes);
	note(watch, &known);
	nodes_end(watch->nodes);
	if (nodes_bytes(watch->nodes) + watch->lives_bytes > WATCH_BYTES)
		nodes_sweep(watch->nodes, now / MINUTE_SEC);
	pthread_mutex_unlock(&watch->lock);
}

void
watch_returned(struct watch *watch, const struct watch_returned *returned)
{
	size_t len = returned->headers.len < HEADERS_BYTES ? returned->headers.len : HEADERS_BYTES;
	struct group *group;
	char *headers;

	pthread_mutex_lock(&watch->lock);
	group = nodes_group(watch->nodes, TOPIC_AUTH, returned->domain, "",
	    watch->newest_minute, true);
	if (len > 0 && (headers = malloc(len)) != NULL) {
		memcpy(headers, returned->headers.data, len);
		free(group->headers);
		group->headers = headers;
		group->headers_len = len;
	}
	evidence_add_returned(evidence_now(group, group->last_failed), returned);
	for (struct live *live = group->lives; live != NULL; live = live->next_of_group)
		evidence_add_returned(&live->evidence, returned);
	nodes_account(watch->nodes, &group->node);
	pthread_mutex_unlock(&watch->lock);
}

/* --- the tick -------------------------------------------------------------- */

static void
decide_dirty(struct watch *watch, const struct watch_rules *rules, bool with_log, int64_t now)
{
	while (watch->dirty != NULL) {
		struct group *group = watch->dirty;

		watch->dirty = group->next_dirty;
		group->dirty = false;
		lives_decide(watch, group, rules, with_log, now);
	}
}

void
watch_tick(struct watch *watch, const struct watch_rules *rules, bool with_log, int64_t now,
    struct arena *arena, struct watch_changes *changes_r)
{
	int64_t minute = now / MINUTE_SEC;
	bool new_minute;

	pthread_mutex_lock(&watch->lock);
	new_minute = minute != watch->minute;
	if (new_minute) {
		/* Windows go on also where nothing happens. */
		for (struct live *live = watch->lives; live != NULL; live = live->next) {
			if (live->group != NULL)
				mark_dirty(watch, live->group);
		}
	}
	decide_dirty(watch, rules, with_log, now);
	lives_conditions(watch, rules, now);
	lives_tell(watch, rules, new_minute, now, arena, changes_r);
	watch->lives_bytes = lives_bytes(watch);
	nodes_reserve(watch->nodes, watch->lives_bytes);
	if (new_minute || nodes_bytes(watch->nodes) + watch->lives_bytes > WATCH_BYTES)
		nodes_sweep(watch->nodes, minute);
	watch->minute = minute;
	pthread_mutex_unlock(&watch->lock);
}

const char *const *
watch_frozen(struct watch *watch, int64_t before, struct arena *arena)
{
	const char **providers;
	unsigned count = 0;

	pthread_mutex_lock(&watch->lock);
	providers = arena_alloc(arena, (watch->live_count + 1) * sizeof(providers[0]));
	for (const struct live *live = watch->lives; live != NULL; live = live->next) {
		if (live->incident.rule == WATCH_BREAKER && live->incident.closed == 0 &&
		    live->incident.opened < before)
			providers[count++] = arena_strdup(arena, str_of(live->incident.provider));
	}
	pthread_mutex_unlock(&watch->lock);
	return providers;
}

void
watch_freed(struct watch *watch, const char *provider, int64_t now)
{
	struct group *group;

	pthread_mutex_lock(&watch->lock);
	group = nodes_group(watch->nodes, TOPIC_BREAKER, "", provider, 0, false);
	if (group != NULL)
		lives_end(group, WATCH_BREAKER, now);
	pthread_mutex_unlock(&watch->lock);
}

void
watch_condition(struct watch *watch, enum watch_condition condition, bool wrong,
    const char *cause)
{
	pthread_mutex_lock(&watch->lock);
	watch->conditions[condition].wrong = wrong;
	snprintf(watch->conditions[condition].cause, sizeof(watch->conditions[condition].cause),
	    "%s", cause);
	pthread_mutex_unlock(&watch->lock);
}

void
watch_size(struct watch *watch, struct watch_size *size_r)
{
	pthread_mutex_lock(&watch->lock);
	*size_r = (struct watch_size){ .bytes = nodes_bytes(watch->nodes) + watch->lives_bytes,
		.cells = nodes_count(watch->nodes), .forgotten = nodes_forgotten(watch->nodes),
		.unopened = watch->unopened };
	pthread_mutex_unlock(&watch->lock);
}
