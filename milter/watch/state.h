/*
 * state: what the watch remembers, shared by the files that it is made of:
 * watch.c takes events in, findings.c asks how far each rule is from firing,
 * lives.c makes incidents of that. All of it is under the lock of watch.c.
 */
#ifndef WATCH_STATE_H
#define WATCH_STATE_H

#include <pthread.h>

#include "watch/nodes.h"
#include "watch/pace.h"
#include "watch/watch.h"

#define MINUTE_SEC 60
#define HOUR_SEC 3600

/* An open incident. */
struct live {
	struct live *next;          /* of all */
	struct live *next_of_group;
	struct group *group;        /* NULL for a condition */
	struct incident incident;   /* domain, provider, condition, cause and diagnosis are
	                               copies; the rest is shown when it is told */
	struct evidence evidence;
	struct distinct recipients, messages;
	uint64_t attempts_before;   /* of the window it opened with, or known before a restart */
	uint64_t attempts_then;     /* attempts_ever of its flows at that moment */
	/* Before a restart: how many there were, and until when. */
	uint64_t recipients_before;
	int64_t known_until;
	int64_t loud;               /* when it was last at half its threshold */
	bool lasting;               /* it was told that it lasts */
	bool changed;               /* since it was last kept */
	bool kept;                  /* once, at least */
	bool urgent;                /* it is to be kept at once */
	enum notice notice;         /* that is due */
};

struct condition {
	bool wrong;
	char cause[256];
};

struct watch {
	pthread_mutex_t lock;
	struct nodes *nodes;
	struct group *dirty;     /* groups that have changed since the last tick */
	struct live *lives;
	unsigned live_count;
	uint64_t newest_id, unopened;
	size_t lives_bytes;      /* as of the last tick */
	int64_t minute;          /* of the last tick */
	int64_t newest_minute;   /* of an event */
	int64_t campaigns_seen;  /* when a campaign was last known of a delivery */
	struct condition conditions[CONDITION_COUNT];
	struct pace pace;
};

/* How much of its thresholds a rule has reached: 1 fires, 0 where there is no
   such level. */
struct finding {
	double levels[SEVERITY_CRITICAL + 1];
	unsigned minutes;        /* the window that tells, for what happened in it */
	uint64_t attempts;       /* in it, 0 if not known */
	uint64_t failures;       /* of a rule about a day, else 0 */
};

/* What a finding is about. */
struct findings_question {
	struct watch *watch;
	const struct watch_rule *rule;
	const struct group *group;
	bool with_log;
	int64_t now;             /* seconds */
};

/* Ask one rule about one group. Returns false if the rule is not about it. */
bool findings_ask(const struct findings_question *question, enum watch_rule_id id,
    struct finding *finding_r);

#define LIVES_HOLD_SEC (15 * MINUTE_SEC)
#define LIVES_LASTING_SEC (6 * HOUR_SEC)

/* A new incident that is open, of a group or of none; and its end. */
struct live *lives_new(struct watch *watch, struct group *group, enum watch_rule_id rule);
void lives_close(struct live *live, int64_t now);
void lives_remove(struct watch *watch, struct live *live);

/* The names of an incident are copies of its own. */
void lives_set_names(struct live *live, const char *domain, const char *provider,
    const char *condition, const char *cause, const char *diagnosis);

/* How many different ones, as far as is known. */
uint64_t lives_recipients(const struct live *live);

/* Decide about a group: open, change or close its incidents. */
void lives_decide(struct watch *watch, struct group *group, const struct watch_rules *rules,
    bool with_log, int64_t now);
void lives_conditions(struct watch *watch, const struct watch_rules *rules, int64_t now);

/* It is over because a person says so. */
void lives_end(struct group *group, enum watch_rule_id rule, int64_t now);

/* A failure that belongs to an open incident. */
void lives_add(const struct watch *watch, struct live *live, const struct evidence_item *item);

/* What is to be told and kept, in the arena. `all`: numbers too. */
void lives_tell(struct watch *watch, const struct watch_rules *rules, bool all, int64_t now,
    struct arena *arena, struct watch_changes *changes_r);

/* An incident that was open before a restart, of this group or of none. */
void lives_recall(struct watch *watch, struct group *group, const struct incident *incident);

void lives_free(struct watch *watch);

/* What open incidents hold. */
size_t lives_bytes(const struct watch *watch);

/* The topic that a rule is about. */
enum topic findings_topic(enum watch_rule_id id);

#endif
