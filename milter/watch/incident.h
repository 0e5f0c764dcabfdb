/*
 * incident: something that goes wrong, from the moment it is noticed until it
 * is over: who is concerned, since when, how many, what the servers said. One
 * value that is kept (store/incidents.h), shown, and sent to people.
 *
 *   (nothing) --> open --> closed
 *                 | ^
 *                 +-+ severity rises, numbers grow
 *
 * Absent is "" for text and 0 for a number. Texts of servers are UTF-8 without
 * control characters, and cut; they are a stranger's words: they may be shown
 * to a person, and are never a subject, an argument or a label.
 */
#ifndef WATCH_INCIDENT_H
#define WATCH_INCIDENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "verdict.h"
#include "watch/thresholds.h"

#define INCIDENT_PROVIDERS 8
#define INCIDENT_CODES 8
#define INCIDENT_CAUSES 4
#define INCIDENT_TEXTS 3
#define INCIDENT_CAMPAIGNS 4
#define INCIDENT_TEXT_BYTES 240 /* of a reply */
#define INCIDENT_SENTENCE_BYTES 600

/* A name, and how often it stands for a failure. */
struct incident_count {
	const char *name;
	uint64_t count;
};

struct incident {
	uint64_t id;             /* from 1, in the order of opening */
	enum watch_rule_id rule;
	enum severity severity;  /* the highest it reached ... */
	enum severity opened_as; /* ... and the first */
	int64_t since;           /* the first failure that it is made of */
	int64_t opened;
	int64_t newest;          /* the newest failure */
	int64_t closed;          /* 0 while it is open */
	const char *domain;      /* sending domain, "" for all */
	const char *provider;    /* of a rule about one provider: its domain, else "" */
	const char *condition;   /* self: what is wrong, "log-silent" ... */
	const char *cause;       /* self: a sentence */
	uint64_t recipients;     /* distinct ones, since `since` */
	uint64_t messages;       /* the same of messages */
	uint64_t failures;       /* units of the rule's kind: forged, reports; complaint,
	                            complaints; else refusals */
	uint64_t attempts;       /* of which they are a share; 0 if not known */
	enum category category;  /* of most failures */
	const char *subcause;    /* of most, without "unspecified" */
	const char *identity;    /* what the words name: list entry, limited domain */
	const char *address;     /* our IP address, as the words name it */
	const char *selector;    /* s= of our DKIM signature in the newest returned message */
	const char *from_domain; /* ... and the domain of its From */
	const char *sender_domain; /* of MAIL FROM of the newest failure */
	struct incident_count providers[INCIDENT_PROVIDERS]; /* display names, most first */
	struct incident_count causes[INCIDENT_CAUSES]; /* "auth-failure/dkim" */
	struct incident_count codes[INCIDENT_CODES];   /* "550 5.7.26" */
	struct incident_count campaigns[INCIDENT_CAMPAIGNS];
	const char *texts[INCIDENT_TEXTS]; /* newest replies, newest first */
	const char *diagnosis;   /* lines (proof/diagnose.h) */
	/* What people were told. */
	unsigned notified;       /* how often */
	int64_t notified_time;
	uint64_t notified_recipients;
};

/* Why people hear of it. */
enum notice {
	NOTICE_NONE,    /* they do not: only the record changes */
	NOTICE_OPENED,
	NOTICE_RISEN,   /* in severity */
	NOTICE_GROWN,   /* fourfold since the last time */
	NOTICE_LASTING, /* still open after six hours */
	NOTICE_CLOSED,
};

extern const struct words notice_words;

/* An incident with nothing in it; strings are "". */
void incident_init(struct incident *incident);

/* Copy all strings to the arena. */
void incident_copy(const struct incident *incident, struct arena *arena,
    struct incident *copy_r);

/* Append the text form (base/textform.h). */
void incident_print(const struct incident *incident, struct buf *out);

/* Read it back, strings in the arena; an unknown name is passed over.
   Returns 0, or -1 if a line is not of that form. */
int incident_scan(struct str text, struct arena *arena, struct incident *incident_r);

/* "DKIM is failing at Google and Yahoo for example.com since 14:02 UTC: 312
   recipients, selector s1": one line of UTF-8 of at most INCIDENT_SENTENCE_BYTES, in
   the arena. It has no words of servers, but names that their words have named, if
   they look like names. The date stands with the time if `now` is of another day
   (UTC). What is over is told in the past tense. */
const char *incident_sentence(const struct incident *incident, int64_t now, struct arena *arena);

#endif
