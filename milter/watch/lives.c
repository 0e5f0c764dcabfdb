/*
 * The life of an incident: opened, grown, lasting, closed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "watch/pace.h"
#include "watch/state.h"

#define GROWTH 4
#define QUIET_LEVEL 0.5
/* Names that an incident remembers, if few are open, and if many are; above, it
   is an estimate. */
#define FEW_OPEN 100
#define RECIPIENTS_FEW DISTINCT_EXACT
#define RECIPIENTS_MANY 1024
#define MESSAGES_EXACT 512
#define RELEASE_DELIVERED 10 /* within two hours: a provider takes mail */

static char *
copy(const char *text)
{
	char *fresh = strdup(text);

	if (fresh == NULL)
		msg_out_of_memory();
	return fresh;
}

struct live *
lives_new(struct watch *watch, struct group *group, enum watch_rule_id rule)
{
	struct live *live = calloc(1, sizeof(*live));

	if (live == NULL)
		msg_out_of_memory();
	incident_init(&live->incident);
	live->incident.rule = rule;
	live->group = group;
	live->next = watch->lives;
	watch->lives = live;
	watch->live_count++;
	if (group != NULL) {
		live->next_of_group = group->lives;
		group->lives = live;
	}
	return live;
}

void
lives_set_names(struct live *live, const char *domain, const char *provider, const char *condition,
    const char *cause, const char *diagnosis)
{
	live->incident.domain = copy(domain);
	live->incident.provider = copy(provider);
	live->incident.condition = copy(condition);
	live->incident.cause = copy(cause);
	live->incident.diagnosis = copy(diagnosis);
}

static void
free_live(struct live *live)
{
	free((char *)live->incident.domain);
	free((char *)live->incident.provider);
	free((char *)live->incident.condition);
	free((char *)live->incident.cause);
	free((char *)live->incident.diagnosis);
	evidence_free(&live->evidence);
	distinct_free(&live->recipients);
	distinct_free(&live->messages);
	free(live);
}

void
lives_remove(struct watch *watch, struct live *live)
{
	struct live **at = &watch->lives;

	while (*at != live)
		at = &(*at)->next;
	*at = live->next;
	if (live->group != NULL) {
		at = &live->group->lives;
		while (*at != live)
			at = &(*at)->next_of_group;
		*at = live->next_of_group;
	}
	watch->live_count--;
	free_live(live);
}

size_t
lives_bytes(const struct watch *watch)
{
	size_t bytes = 0;

	for (const struct live *live = watch->lives; live != NULL; live = live->next)
		bytes += sizeof(*live) + EVIDENCE_TEXT_BYTES +
		    distinct_bytes(&live->recipients) + distinct_bytes(&live->messages);
	return bytes;
}

void
lives_free(struct watch *watch)
{
	while (watch->lives != NULL)
		lives_remove(watch, watch->lives);
}

static unsigned
recipients_exact(const struct watch *watch)
{
	return watch->live_count > FEW_OPEN ? RECIPIENTS_MANY : RECIPIENTS_FEW;
}

void
lives_add(const struct watch *watch, struct live *live, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;
	int64_t minute = event->time / MINUTE_SEC;

	/* What the store tells again after a restart is known, but for who it was. */
	if (event->time < live->incident.since)
		return;
	if (event->time > live->known_until)
		evidence_add(&live->evidence, item);
	distinct_add(&live->recipients, item->recipient, minute, recipients_exact(watch));
	if (item->message != 0)
		distinct_add(&live->messages, item->message, minute, MESSAGES_EXACT);
	if (event->time > live->incident.newest)
		live->incident.newest = event->time;
	live->changed = true;
}

/* What an incident is made of when it opens: the failures of its window. */
static void
gather(const struct watch *watch, struct live *live, const struct finding *finding, int64_t now)
{
	int64_t minute = now / MINUTE_SEC, first = minute;
	struct group *group = live->group;

	for (const struct cell *cell = group->cells; cell != NULL; cell = cell->next) {
		int64_t since = series_first(&cell->failed, minute, finding->minutes);

		if (since != 0 && since < first)
			first = since;
		distinct_merge(&live->recipients, recipients_exact(watch), &cell->recipients,
		    minute, finding->minutes);
	}
	distinct_merge(&live->messages, MESSAGES_EXACT, &group->messages, minute,
	    finding->minutes);
	for (unsigned i = 0; i < 2; i++) {
		if (group->evidence[i] == NULL)
			continue;
		evidence_merge(&live->evidence, group->evidence[i]);
		/* To the second, where it is known. */
		if (group->evidence[i]->first / MINUTE_SEC == first)
			live->incident.since = group->evidence[i]->first;
	}
	if (live->incident.since == 0)
		live->incident.since = first * MINUTE_SEC;
	live->incident.newest = group->last_failed;
}

/* Of all the flows that the cells of a group are about. */
static uint64_t
attempts_ever(struct watch *watch, const struct group *group)
{
	enum topic topic = group->node.topic == TOPIC_CAMPAIGN ? TOPIC_SENT : TOPIC_NONE;
	const char *part = NULL;
	uint64_t ever = 0;

	for (const struct cell *cell = group->cells; cell != NULL; cell = cell->next) {
		const struct flow *flow = nodes_flow(watch->nodes, topic, cell->node.domain,
		    cell->node.part, 0, false);

		/* The breaker has two cells of one provider. */
		if (flow != NULL && (part == NULL || strcmp(part, cell->node.part) != 0))
			ever += flow->attempts_ever;
		part = cell->node.part;
	}
	return ever;
}

static void
open_live(struct watch *watch, struct group *group, enum watch_rule_id rule,
    enum severity severity, const struct finding *finding, int64_t now)
{
	struct live *live;

	if (watch->live_count >= WATCH_OPEN_MOST) {
		watch->unopened += !group->unopened;
		group->unopened = true;
		return;
	}
	live = lives_new(watch, group, rule);
	lives_set_names(live, group->node.domain, rule == WATCH_CAMPAIGN ? "" : group->node.part, "", "",
	    "");
	live->incident.id = ++watch->newest_id;
	live->incident.severity = live->incident.opened_as = severity;
	live->incident.opened = live->loud = now;
	live->notice = NOTICE_OPENED;
	live->attempts_before = finding->attempts;
	live->attempts_then = attempts_ever(watch, group);
	gather(watch, live, finding, now);
	if (rule == WATCH_AUTH_FIRST)
		group->first_in_a_day = 0;
}

/* Nothing tells that a provider is well again if it takes no mail. */
static bool
is_silent(struct watch *watch, const struct live *live, bool with_log, int64_t now)
{
	const struct flow *flow = nodes_flow(watch->nodes, TOPIC_NONE, "", live->incident.provider, 0,
	    false);

	return !with_log || flow == NULL ||
	    hours_sum(&flow->delivered, now / HOUR_SEC, 2) < RELEASE_DELIVERED;
}

/* Has it been quiet for long enough? */
static bool
is_over(const struct live *live, const struct watch_rule *rule, int64_t now)
{
	int64_t quiet = live->incident.rule == WATCH_AUTH_FIRST ? 0 :
	    live->incident.rule == WATCH_BREAKER ? rule->release_sec : 2 * rule->window_sec;

	return now - live->incident.opened >= LIVES_HOLD_SEC && now - live->loud >= quiet;
}

uint64_t
lives_recipients(const struct live *live)
{
	uint64_t count = distinct_count(&live->recipients, 0, 0);

	return count > live->recipients_before ? count : live->recipients_before;
}

void
lives_close(struct live *live, int64_t now)
{
	live->incident.closed = now;
	if (live->incident.rule == WATCH_BREAKER)
		live->group->freed = now;
	live->notice = live->incident.severity > SEVERITY_NOTICE && live->incident.notified > 0 ?
	    NOTICE_CLOSED : NOTICE_NONE;
	live->changed = true;
}

static void
update_live(struct watch *watch, struct live *live, const struct watch_rule *rule, int severity,
    const struct finding *finding, bool with_log, int64_t now)
{
	const struct group *group = live->group;
	struct incident *incident = &live->incident;
	bool lasting = now - incident->opened >= LIVES_LASTING_SEC;

	if (finding->levels[incident->opened_as] >= QUIET_LEVEL ||
	    (incident->rule == WATCH_BREAKER && is_silent(watch, live, with_log, now)))
		live->loud = now;
	if (is_over(live, rule, now)) {
		lives_close(live, now);
		return;
	}
	if (severity > (int)incident->severity && group->failed) {
		incident->severity = (enum severity)severity;
		live->notice = live->notice == NOTICE_OPENED ? NOTICE_OPENED : NOTICE_RISEN;
	}
	if (live->notice != NOTICE_NONE || incident->severity == SEVERITY_NOTICE)
		return;
	if (incident->notified_recipients > 0 &&
	    lives_recipients(live) >= GROWTH * incident->notified_recipients)
		live->notice = NOTICE_GROWN;
	else if (lasting && !live->lasting)
		live->notice = NOTICE_LASTING;
	live->lasting |= lasting;
}

static struct live *
find_live(const struct group *group, enum watch_rule_id rule)
{
	struct live *live = group->lives;

	while (live != NULL && live->incident.rule != rule)
		live = live->next_of_group;
	return live;
}

void
lives_end(struct group *group, enum watch_rule_id rule, int64_t now)
{
	struct live *live = find_live(group, rule);

	if (live != NULL && live->incident.closed == 0)
		lives_close(live, now);
}

/* Attempts since the failures that it is made of; of a rule about a day, those of
   the day. */
static void
count_attempts(struct watch *watch, struct live *live, const struct finding *finding,
    bool with_log)
{
	uint64_t ever = attempts_ever(watch, live->group);

	if (finding->failures > 0)
		live->incident.attempts = finding->attempts;
	else if (with_log && ever >= live->attempts_then)
		live->incident.attempts = live->attempts_before + ever - live->attempts_then;
}

/* That a window slides on over what was delivered makes nothing worse: only a
   failure opens an incident or lets it rise. */
void
lives_decide(struct watch *watch, struct group *group, const struct watch_rules *rules,
    bool with_log, int64_t now)
{
	for (enum watch_rule_id id = 0; id < WATCH_RULES; id++) {
		struct findings_question question = { watch, &rules->rules[id], group, with_log, now };
		struct live *live = find_live(group, id);
		struct finding finding = { 0 };
		int severity = SEVERITY_CRITICAL;

		if (findings_topic(id) != group->node.topic)
			continue;
		/* A rule that was switched off has nothing to say any more; nor has one that
		   needs the log, after two windows without it. */
		if (!findings_ask(&question, id, &finding)) {
			if (live != NULL && live->incident.closed == 0 && (!rules->rules[id].on ||
				now - live->loud >= 2 * rules->rules[id].window_sec))
				lives_close(live, now);
			continue;
		}
		while (severity >= 0 && finding.levels[severity] < 1)
			severity--;
		if (live != NULL && live->incident.closed == 0)
			update_live(watch, live, &rules->rules[id], severity, &finding, with_log, now);
		else if (severity >= 0 && live == NULL && group->failed)
			open_live(watch, group, id, (enum severity)severity, &finding, now);
		live = find_live(group, id);
		if (live != NULL && finding.failures > 0)
			live->evidence.failures = live->recipients_before = finding.failures;
		if (live != NULL)
			count_attempts(watch, live, &finding, with_log);
	}
	group->failed = false;
}

/* What the evidence shows does not belong to the incident, whose strings end with the
   caller's. */
static void
disown(struct incident *incident)
{
	struct incident empty;

	incident_init(&empty);
	memcpy(incident->providers, empty.providers, sizeof(empty.providers));
	memcpy(incident->causes, empty.causes, sizeof(empty.causes));
	memcpy(incident->codes, empty.codes, sizeof(empty.codes));
	memcpy(incident->campaigns, empty.campaigns, sizeof(empty.campaigns));
	memcpy(incident->texts, empty.texts, sizeof(empty.texts));
}

void
lives_recall(struct watch *watch, struct group *group, const struct incident *incident)
{
	struct live *live = lives_new(watch, group, incident->rule);

	live->incident = *incident;
	disown(&live->incident);
	lives_set_names(live, incident->domain, incident->provider, incident->condition, incident->cause,
	    incident->diagnosis);
	live->loud = live->known_until = incident->newest;
	live->kept = true;
	live->recipients_before = incident->recipients;
	live->attempts_before = incident->attempts;
	live->attempts_then = group == NULL ? 0 : attempts_ever(watch, group);
	live->lasting = incident->notified_time - incident->opened >= LIVES_LASTING_SEC;
	evidence_recall(&live->evidence, incident);
}
