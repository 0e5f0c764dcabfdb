/*
 * finding: what the questions of all rules have in common: numbers of a window,
 * and how much of a threshold they reach. Used by findings.c and the files beside
 * it, one for each kind of rule.
 */
#ifndef WATCH_FINDING_H
#define WATCH_FINDING_H

#include "watch/state.h"

#define USUAL_LEAST 0.005 /* of a share: less is not known for sure */

struct asked {
	const struct findings_question *question;
	const struct watch_rule *rule;
	struct nodes *nodes;
	int64_t minute, hour;
	struct finding *finding;
};

/* What a cell has in a window; `share` is the least that these numbers show, and
   1 if attempts are not known. */
struct counted {
	double recipients, failed, attempts, share, raw;
};

/* What a rule asks; it fills in asked->finding. */
void find_auth(const struct asked *asked);
void find_auth_first(const struct asked *asked);
void find_blocklist(const struct asked *asked);
void find_throttle(const struct asked *asked);
void find_campaign(const struct asked *asked);
void find_hygiene(const struct asked *asked);
void find_complaint(const struct asked *asked);
void find_one_receiver(const struct asked *asked);
void find_ramp(const struct asked *asked);
void find_breaker(const struct asked *asked);

unsigned finding_minutes(int64_t span_sec);
double finding_ratio(unsigned millionths);
double finding_more(double a, double b);
double finding_less(double a, double b);

/* How much of a threshold is reached; none is reached by anything. */
double finding_part(double value, double threshold);

/* What is usual, where it is known at all. */
double finding_usual(double share);

const struct flow *finding_flow(const struct asked *asked, enum topic topic, const char *domain,
    const char *part);
unsigned finding_attempts(const struct asked *asked, const struct flow *flow, unsigned minutes);
struct counted finding_count(const struct asked *asked, const struct cell *cell,
    unsigned minutes);

#endif
