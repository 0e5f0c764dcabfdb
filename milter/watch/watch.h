/*
 * watch: sees what failures have in common. It counts, for each sending domain
 * at each provider, what was sent and what failed why, in windows of minutes
 * and hours; a rule that fires opens an incident, which closes when the numbers
 * are small again.
 *
 * It is a pure function of events and times: no I/O, no clock, nothing that
 * depends on when it is called but the times it is given. So a month can be
 * replayed, and after a restart it is made anew from what the store has.
 *
 * Guarantees:
 *   - Memory is bounded (WATCH_BYTES): what was quiet for longest is forgotten,
 *     and counted. Open incidents are not forgotten; past WATCH_OPEN_MOST none
 *     is opened, which is counted too.
 *   - An incident that is open stays open for 15 minutes at least, and closes
 *     when the rule has been below half its threshold for two windows.
 *   - At most alerts_per_hour notices in any hour, a quarter of them kept for
 *     critical ones; what is above goes into one digest an hour after the first
 *     that had no room. Notices of severity "notice" are for the log and the
 *     metrics, and are under the same limit.
 *   - Any thread may call; one lock.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include "verdict.h"
#include "watch/incident.h"

#define WATCH_BYTES ((size_t)64 * 1024 * 1024)
#define WATCH_OPEN_MOST 500

enum watch_kind {
	WATCH_DELIVERED, /* a provider took it */
	WATCH_FAILED,    /* refused, deferred or expired */
	WATCH_COMPLAINED,
	WATCH_UNPROVEN,  /* a report about mail that is not ours */
};

/* What happened to one recipient of one message: the unit. A retry within an
   hour, and a second report of the same, are the same unit: the caller sees to
   that. "" for what is not known. */
struct watch_event {
	enum watch_kind kind;
	int64_t time;           /* when it happened; older than a window is no part of it */
	const char *domain;     /* organisational domain of the envelope sender ... */
	const char *sender_domain; /* ... and its domain as it is */
	const char *provider;   /* whose server it was: providers_find() */
	const char *provider_name; /* what people call it, "Google" */
	bool major;             /* one of the big three */
	enum category category;
	bool connecting;        /* refused before MAIL FROM: no matter whose mail */
	bool suppressed;        /* an address was suppressed for it, or held */
	bool frozen;            /* ... held by the breaker: the provider is frozen */
	bool counted;           /* watch_recall_traffic() has its attempt already */
	const char *subcause, *identity;
	const char *address;    /* our IP address, if the words name one */
	const char *recipient;
	const char *message;    /* Message-ID, else queue id */
	const char *campaign;
	unsigned code;
	const char *status;
	const char *text;
};

/* What the returned headers of a failure tell; comes with it or after it. */
struct watch_returned {
	const char *domain;      /* as in the event */
	const char *selector, *from_domain;
	struct str headers;      /* of the returned message */
};

/* What is wrong with ourselves. */
enum watch_condition {
	CONDITION_STORE,      /* the store cannot be written: critical */
	CONDITION_LOG_SILENT, /* no line in ten minutes while mail flows */
	CONDITION_RULES,      /* rules or configuration could not be loaded */
	CONDITION_CLOCK,      /* the clock was set */
	CONDITION_COUNT,
};

extern const struct words watch_condition_words;

struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *watch);

/* Take an event in. At the time `now` nothing is decided yet: watch_tick(). */
void watch_note(struct watch *watch, const struct watch_event *event, int64_t now);

/* Is a failure of this category one of our authentication (rule auth)? */
bool watch_is_auth(enum category category);

/* The headers that came back with a failure of auth: kept, the newest of each
   domain, for the diagnosis. */
void watch_returned(struct watch *watch, const struct watch_returned *returned);

/* Say how it stands with a condition; `cause` is a sentence. */
void watch_condition(struct watch *watch, enum watch_condition condition, bool wrong,
    const char *cause);

/* What a diagnosis found; it stays with the incident while that is open. */
void watch_diagnosed(struct watch *watch, uint64_t id, const char *diagnosis);

/* The clock was set: move what is remembered by so many seconds. */
void watch_shift(struct watch *watch, int64_t seconds);

/* An incident that has changed, and whether people have to hear of it. */
struct watch_change {
	struct watch_change *next;
	enum notice notice;
	bool fresh;               /* it has just been opened, told or not */
	struct incident incident;
	struct str headers;       /* watch_returned() of it, for a diagnosis */
};

struct watch_changes {
	struct watch_change *first;
	const char *digest;       /* what there were too many notices of, else NULL */
};

/*
 * Decide, about once a second. `with_log`: deliveries are known. What has
 * changed is in *changes_r and the arena: every change of an open incident's
 * severity or state at once, mere numbers once a minute.
 */
void watch_tick(struct watch *watch, const struct watch_rules *rules, bool with_log, int64_t now,
    struct arena *arena, struct watch_changes *changes_r);

/* After a restart, before the first tick: an incident that was open, and the
   highest id that was ever given. */
void watch_recall(struct watch *watch, const struct incident *incident);
void watch_recall_id(struct watch *watch, uint64_t id);

/* All is recalled: none of it is news, only the next failure is. */
void watch_settle(struct watch *watch);

/* The same for what a provider took in an hour: `time` is its first second. */
void watch_recall_traffic(struct watch *watch, const char *domain, const char *provider,
    int64_t time, uint64_t attempts, uint64_t delivered, int64_t now);

/* After watch_settle(): the store has frozen this provider, for which there may be no
   incident yet. */
void watch_recall_frozen(struct watch *watch, const char *provider, int64_t now);

/* The providers with an incident of rule breaker that was opened before a time, in
   the arena; the last one is NULL. */
const char *const *watch_frozen(struct watch *watch, int64_t before, struct arena *arena);

/* A person has freed this one: its incident is over. */
void watch_freed(struct watch *watch, const char *provider, int64_t now);

/* How much is known, and what had to go. */
struct watch_size {
	size_t bytes;
	uint64_t cells, forgotten; /* keys that are counted for; that made room */
	uint64_t unopened;         /* incidents past WATCH_OPEN_MOST */
};
void watch_size(struct watch *watch, struct watch_size *size_r);

/*
 * What is usual, learned over seven days: one number for each rule, domain and
 * provider that has one. Kept by the caller, once an hour, and given back after
 * a restart.
 */
struct watch_usual {
	enum watch_rule_id rule;
	const char *domain, *provider;
	double value; /* throttle: share of failures; breaker: suppressions an hour */
	int64_t hour; /* that was added last, in hours since 1970 */
};

/* All of them, in the arena. Returns how many. */
unsigned watch_usuals(struct watch *watch, struct arena *arena, struct watch_usual **usuals_r);
void watch_recall_usual(struct watch *watch, const struct watch_usual *usual);

#endif
