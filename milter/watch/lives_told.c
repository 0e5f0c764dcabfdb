/*
 * What is told of incidents, and kept; and those about ourselves, which no
 * failure opens.
 */
#include <string.h>

#include "watch/state.h"

static struct live *
find_condition(const struct watch *watch, const char *name)
{
	struct live *live = watch->lives;

	while (live != NULL && strcmp(live->incident.condition, name) != 0)
		live = live->next;
	return live;
}

static void
open_condition(struct watch *watch, enum watch_condition id, int64_t now)
{
	struct live *live = lives_new(watch, NULL, WATCH_SELF);

	lives_set_names(live, "", "", words_name(&watch_condition_words, id), watch->conditions[id].cause,
	    "");
	live->incident.id = ++watch->newest_id;
	live->incident.severity = live->incident.opened_as = id == CONDITION_STORE ? SEVERITY_CRITICAL :
	    SEVERITY_WARNING;
	live->incident.since = live->incident.opened = live->incident.newest = live->loud = now;
	live->notice = NOTICE_OPENED;
}

void
lives_conditions(struct watch *watch, const struct watch_rules *rules, int64_t now)
{
	for (enum watch_condition id = 0; id < CONDITION_COUNT; id++) {
		const struct condition *condition = &watch->conditions[id];
		struct live *live = find_condition(watch, words_name(&watch_condition_words, id));
		bool wrong = condition->wrong && rules->rules[WATCH_SELF].on;

		if (wrong && live == NULL)
			open_condition(watch, id, now);
		if (live == NULL)
			continue;
		if (wrong && now - live->incident.opened >= LIVES_LASTING_SEC && !live->lasting) {
			live->notice = NOTICE_LASTING;
			live->lasting = true;
		}
		if (wrong)
			live->loud = live->incident.newest = now;
		else if (now - live->incident.opened >= LIVES_HOLD_SEC && live->incident.closed == 0)
			lives_close(live, now);
	}
}

/* --- telling ---------------------------------------------------------------- */

static void
show(struct live *live, struct incident *incident_r)
{
	*incident_r = live->incident;
	evidence_show(&live->evidence, incident_r);
	incident_r->recipients = lives_recipients(live);
	incident_r->messages = distinct_count(&live->messages, 0, 0);
}

static void
tell(struct watch *watch, struct live *live, const struct watch_rules *rules, int64_t now,
    struct arena *arena, struct watch_changes *changes)
{
	struct watch_change *change = arena_alloc(arena, sizeof(*change)), **tail = &changes->first;
	enum notice notice = live->notice;
	const struct group *group = live->group;
	struct incident incident;

	show(live, &incident);
	if (notice != NOTICE_NONE) {
		live->incident.notified_recipients = incident.recipients;
		if (pace_allows(&watch->pace, rules->alerts_per_hour, incident.severity, now)) {
			live->incident.notified++;
			live->incident.notified_time = now;
		} else {
			pace_withhold(&watch->pace, &incident, now);
			notice = NOTICE_NONE;
		}
		show(live, &incident);
	}
	live->notice = NOTICE_NONE;
	live->changed = live->urgent = false;
	change->fresh = !live->kept;
	live->kept = true;
	change->notice = notice;
	incident_copy(&incident, arena, &change->incident);
	if (group != NULL && group->headers_len > 0 && incident.rule == WATCH_AUTH)
		change->headers = (struct str){ arena_strdup(arena, (struct str){ group->headers,
		    group->headers_len }), group->headers_len };
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = change;
}

void
lives_tell(struct watch *watch, const struct watch_rules *rules, bool all, int64_t now,
    struct arena *arena, struct watch_changes *changes_r)
{
	struct live *next;

	*changes_r = (struct watch_changes){ 0 };
	/* The worst first: there may not be room for all. */
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_NOTICE; severity--) {
		for (struct live *live = watch->lives; live != NULL; live = next) {
			next = live->next;
			if ((int)live->incident.severity != severity)
				continue;
			if (live->notice != NOTICE_NONE || live->incident.closed != 0 ||
			    live->urgent || (all && live->changed))
				tell(watch, live, rules, now, arena, changes_r);
			if (live->incident.closed != 0)
				lives_remove(watch, live);
		}
	}
	changes_r->digest = pace_digest(&watch->pace, now, arena);
}
