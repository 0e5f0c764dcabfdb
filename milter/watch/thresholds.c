#include "watch/thresholds.h"

#define MINUTE 60
#define HOUR 3600
#define PERCENT (RATIO_ONE / 100)

static const char *const rule_names[WATCH_RULES] = {
	[WATCH_AUTH] = "auth",
	[WATCH_AUTH_FIRST] = "auth-first",
	[WATCH_BLOCKLIST] = "blocklist",
	[WATCH_THROTTLE] = "throttle",
	[WATCH_CAMPAIGN] = "campaign",
	[WATCH_HYGIENE] = "hygiene",
	[WATCH_COMPLAINT] = "complaint",
	[WATCH_ONE_RECEIVER] = "one-receiver",
	[WATCH_RAMP] = "ramp",
	[WATCH_BREAKER] = "breaker",
	[WATCH_SELF] = "self",
	[WATCH_FORGED] = "forged",
};
static const char *const severity_names[] = {
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};

const struct words watch_rule_words = WORDS(rule_names);
const struct words severity_words = WORDS(severity_names);

static const struct watch_rule defaults[WATCH_RULES] = {
	[WATCH_AUTH] = {
		.on = 1, .window_sec = 15 * MINUTE, .count = 5, .ratio = 2 * PERCENT,
		.spread_window_sec = HOUR, .spread_count = 3, .spread_providers = 2,
		.critical_count = 25, .critical_ratio = 20 * PERCENT, .critical_major = 2,
	},
	[WATCH_AUTH_FIRST] = { .on = 1, .window_sec = 24 * HOUR },
	[WATCH_BLOCKLIST] = {
		.on = 1, .window_sec = 30 * MINUTE, .count = 10, .ratio = 50 * PERCENT,
		.spread_window_sec = HOUR, .spread_count = 3, .spread_providers = 2,
	},
	[WATCH_THROTTLE] = {
		.on = 1, .window_sec = 15 * MINUTE, .count = 20, .ratio = 20 * PERCENT, .factor = 4,
		.critical_ratio = 50 * PERCENT, .critical_window_sec = 30 * MINUTE,
	},
	[WATCH_CAMPAIGN] = {
		.on = 1, .window_sec = HOUR, .count = 10, .ratio = 5 * PERCENT, .factor = 4,
		.critical_ratio = 20 * PERCENT,
	},
	[WATCH_HYGIENE] = {
		.on = 1, .window_sec = 24 * HOUR, .minimum = 200, .notice_ratio = 2 * PERCENT,
		.ratio = 5 * PERCENT, .critical_ratio = 10 * PERCENT,
	},
	[WATCH_COMPLAINT] = {
		.on = 1, .window_sec = 24 * HOUR, .count = 5, .minimum = 500,
		.ratio = PERCENT / 10, .critical_ratio = 3 * PERCENT / 10,
		.microsoft_ratio = 4 * PERCENT / 10, .campaign_ratio = 5 * PERCENT / 10,
	},
	[WATCH_ONE_RECEIVER] = {
		.on = 1, .window_sec = HOUR, .count = 10, .ratio = 80 * PERCENT,
	},
	[WATCH_RAMP] = { .on = 1, .window_sec = HOUR, .count = 20, .factor = 3 },
	[WATCH_BREAKER] = {
		.on = 1, .window_sec = 10 * MINUTE, .count = 50, .factor = 5, .ratio = 30 * PERCENT,
		.minimum = 50, .release_sec = 2 * HOUR,
	},
	[WATCH_SELF] = { .on = 1, .window_sec = HOUR, .count = 20, .ratio = 5 * PERCENT },
	/* "More than 20" and "more than 200", as counts are "at least". */
	[WATCH_FORGED] = {
		.on = 1, .window_sec = 10 * MINUTE, .count = 21, .critical_count = 201,
	},
};

void
watch_rules_init(struct watch_rules *rules_r)
{
	for (unsigned i = 0; i < WATCH_RULES; i++)
		rules_r->rules[i] = defaults[i];
	rules_r->alerts_per_hour = 20;
}

bool
watch_rule_needs_log(enum watch_rule_id id)
{
	switch (id) {
	case WATCH_AUTH_FIRST:
	case WATCH_THROTTLE:
	case WATCH_CAMPAIGN:
	case WATCH_HYGIENE:
	case WATCH_COMPLAINT:
	case WATCH_RAMP:
		return true;
	default:
		return false;
	}
}
