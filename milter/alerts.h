/*
 * alerts: tells people of incidents, in a thread of its own: the diagnosis if
 * the incident asks for one, then syslog, the command, the mail. Neither mail
 * nor the watch ever waits for it.
 *
 * Who is told: syslog of everything; the command and the mail of what is of
 * severity warning or above, and of digests.
 *
 * Guarantees: a notice waits for its diagnosis ALERTS_DIAGNOSIS_MSEC at most, and
 * an incident is diagnosed once in ALERTS_DIAGNOSIS_SEC. The queue is bounded
 * (ALERTS_WAITING): what does not fit is still told to syslog by the caller's
 * thread, without the rest. A sink that fails is told once, and again when it
 * works. Our mail has a null sender and our marker: a bounce of it is no event
 * (telling.h).
 */
#ifndef ALERTS_H
#define ALERTS_H

#include "proof/diagnose.h"
#include "watch/watch.h"

#define ALERTS_WAITING 64
#define ALERTS_DIAGNOSIS_MSEC 10000
#define ALERTS_DIAGNOSIS_SEC 600
#define ALERTS_STOP_MSEC 5000

struct alerts;

/* What they work with; all must outlive them. Settings are those of config_get()
   at the moment. */
struct alerts_parts {
	struct dns *dns; /* NULL: nothing is diagnosed */
	struct spf *spf;
	struct dkim_verifier *dkim;
	/* The incident has got a diagnosis: keep it. Called in the thread of alerts. */
	void (*diagnosed)(void *context, const struct incident *incident);
	void *context;
};

struct alerts *alerts_start(const struct alerts_parts *parts);

/* Tell what is to be told of these: all is copied. Never blocks. */
void alerts_post(struct alerts *alerts, const struct watch_changes *changes);

/*
 * Tell what is waiting, without a diagnosis, and end the thread: syslog hears of
 * everything, the other sinks of what they take within ALERTS_STOP_MSEC. Waits for a
 * diagnosis or a sink that is under way, and kills what does not end by itself:
 * twenty seconds at the worst. Nobody may post any more. NULL is allowed.
 */
void alerts_stop(struct alerts *alerts);

enum alerts_sink { ALERTS_SYSLOG, ALERTS_COMMAND, ALERTS_MAIL, ALERTS_SINKS };

extern const struct words alerts_sink_words;

/* Notices since the start that a sink has taken, and that it has not. */
struct alerts_counts {
	uint64_t sent[ALERTS_SINKS], failed[ALERTS_SINKS];
};
void alerts_counts(const struct alerts *alerts, struct alerts_counts *counts_r);

#endif
