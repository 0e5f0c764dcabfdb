/*
 * thresholds: what is watched for, and from which numbers on it is worth a person's
 * time (bouncemilter-alerts(7)). Only data: the thresholds are settings, one
 * "alert" section each in bouncemilter.conf(5).
 */
#ifndef WATCH_THRESHOLDS_H
#define WATCH_THRESHOLDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/words.h"

enum watch_rule_id {
	WATCH_AUTH,         /* our authentication is refused */
	WATCH_AUTH_FIRST,   /* ... for the first time in a day */
	WATCH_BLOCKLIST,    /* our address, domain or reputation is */
	WATCH_THROTTLE,     /* a provider slows us down */
	WATCH_CAMPAIGN,     /* the content of one campaign is refused */
	WATCH_HYGIENE,      /* too many addresses are dead */
	WATCH_COMPLAINT,    /* too many recipients complain */
	WATCH_ONE_RECEIVER, /* one provider does most of the refusing */
	WATCH_RAMP,         /* refusals grow while a send is under way */
	WATCH_BREAKER,      /* a mass of dead addresses that cannot be true */
	WATCH_SELF,         /* this program does not see or keep what it should */
	WATCH_FORGED,       /* reports about mail that we did not send */
	WATCH_RULES,
};

enum severity { SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_CRITICAL };

#define RATIO_ONE 1000000u /* a share of 100 % */

/* Longest windows that can be answered for. */
#define WATCH_MINUTES_MOST 60
#define WATCH_HOURS_MOST 24

/* What a rule needs to fire at all: a send of so many minutes has quarters, a
   window of so many has halves, and of so many providers the spread is known. */
#define WATCH_RAMP_MINUTES_LEAST 4
#define WATCH_CRITICAL_MINUTES_LEAST 2
#define WATCH_SPREAD_PROVIDERS_MOST 8

/* A field that a rule has no use for is 0. */
struct watch_rule {
	unsigned on;             /* 1 for yes */
	int64_t window_sec;
	unsigned count;          /* warning: at least so many ... */
	unsigned ratio;          /* ... and this share, in millionths */
	unsigned factor;         /* ... and so many times what is usual */
	unsigned minimum;        /* no share is taken of fewer */
	unsigned notice_ratio;
	/* The other way to fire: so many at each of so many providers. */
	int64_t spread_window_sec;
	unsigned spread_count, spread_providers;
	unsigned critical_count; /* critical: any of these, and the warning too */
	unsigned critical_ratio;
	unsigned critical_major; /* ... so many of the major providers */
	int64_t critical_window_sec; /* of critical_ratio, where it is another one */
	unsigned microsoft_ratio;    /* in place of critical_ratio, there */
	unsigned campaign_ratio;     /* critical, of one campaign */
	int64_t release_sec;     /* a frozen provider is free after so much normal traffic */
};

struct watch_rules {
	struct watch_rule rules[WATCH_RULES];
	unsigned alerts_per_hour; /* further notifications go into one digest */
};

extern const struct words watch_rule_words, severity_words;

/* The defaults of the manual. */
void watch_rules_init(struct watch_rules *rules_r);

/* Does it need deliveries, which only the log lane shows? */
bool watch_rule_needs_log(enum watch_rule_id id);

#endif
