#include "config_alert.h"

#define MINUTE 60
#define HOUR 3600
#define COUNT_MOST 1000000

/* What is usual is taken to be 0.5 % at least: more than 200 times that is more
   than all. */
#define FACTOR_MOST 200

/* As many major providers as the packaged list has. */
#define MAJOR_MOST 3

#define R(member) offsetof(struct watch_rule, member)

const struct setting alert_settings[ALERT_SETTING_COUNT] = {
	{ "enabled", TYPE_WORD, R(on), NULL, &yes_words, 0, 0 },
	{ "window", TYPE_SPAN, R(window_sec), NULL, NULL, 1, 0 },
	{ "count", TYPE_NUMBER, R(count), NULL, NULL, 1, COUNT_MOST },
	{ "ratio", TYPE_RATIO, R(ratio), NULL, NULL, 0, 0 },
	{ "factor", TYPE_NUMBER, R(factor), NULL, NULL, 1, FACTOR_MOST },
	{ "minimum", TYPE_NUMBER, R(minimum), NULL, NULL, 1, COUNT_MOST },
	{ "notice-ratio", TYPE_RATIO, R(notice_ratio), NULL, NULL, 0, 0 },
	{ "spread-window", TYPE_SPAN, R(spread_window_sec), NULL, NULL, 1, 0 },
	{ "spread-count", TYPE_NUMBER, R(spread_count), NULL, NULL, 1, COUNT_MOST },
	{ "spread-providers", TYPE_NUMBER, R(spread_providers), NULL, NULL, 2,
		WATCH_SPREAD_PROVIDERS_MOST },
	{ "critical-count", TYPE_NUMBER, R(critical_count), NULL, NULL, 1, COUNT_MOST },
	{ "critical-ratio", TYPE_RATIO, R(critical_ratio), NULL, NULL, 0, 0 },
	{ "critical-major", TYPE_NUMBER, R(critical_major), NULL, NULL, 1, MAJOR_MOST },
	{ "critical-window", TYPE_SPAN, R(critical_window_sec), NULL, NULL, 1, 0 },
	{ "microsoft-ratio", TYPE_RATIO, R(microsoft_ratio), NULL, NULL, 0, 0 },
	{ "campaign-ratio", TYPE_RATIO, R(campaign_ratio), NULL, NULL, 0, 0 },
	{ "release", TYPE_SPAN, R(release_sec), NULL, NULL, 1, 0 },
};

bool
alert_has(enum watch_rule_id rule, const struct setting *setting)
{
	struct watch_rules defaults;
	const char *at = (const char *)&defaults.rules[rule] + setting->offset;

	watch_rules_init(&defaults);
	/* What a rule has no use for is 0. */
	return setting->type == TYPE_SPAN ? *(const int64_t *)at > 0 : *(const unsigned *)at > 0;
}

const char *
alert_check_name(const char *title, const struct setting *setting, struct arena *arena)
{
	const char *list = NULL;
	unsigned rule;

	if (words_find(&watch_rule_words, str_of(title), &rule) == 0)
		return arena_printf(arena, "\"%s\" is no alert: write %s", title,
		    setting_list_words(&watch_rule_words, arena));
	if (setting == NULL || alert_has(rule, setting))
		return NULL;
	for (size_t i = 0; i < ALERT_SETTING_COUNT; i++) {
		if (alert_has(rule, &alert_settings[i]))
			list = list == NULL ? alert_settings[i].name :
			    arena_printf(arena, "%s, %s", list, alert_settings[i].name);
	}
	return arena_printf(arena, "alert %s has no %s: it has %s", title, setting->name, list);
}

/* Failures are counted by the minute for an hour; what needs a day is counted by
   the hour. */
static bool
is_by_hour(enum watch_rule_id rule)
{
	return rule == WATCH_AUTH_FIRST || rule == WATCH_HYGIENE || rule == WATCH_COMPLAINT;
}

/* A window of a rule, and how long it may be. */
struct bounds {
	const char *name;
	int64_t span_sec;
	unsigned least_minutes, most_minutes;
};

static const char *
check_window(enum watch_rule_id rule, const struct bounds *window, struct arena *arena)
{
	bool by_hour = is_by_hour(rule);
	unsigned unit = by_hour ? HOUR : MINUTE;
	unsigned least = window->least_minutes * MINUTE / unit;
	unsigned most = window->most_minutes * MINUTE / unit;

	/* A rule that does not have it. */
	if (window->span_sec == 0)
		return NULL;
	if (window->span_sec % unit == 0 && window->span_sec >= least * unit &&
	    window->span_sec <= most * unit)
		return NULL;
	return arena_printf(arena, "%s of alert %s is in whole %s, from %u to %u: write %u%c to %u%c",
	    window->name, words_name(&watch_rule_words, rule), by_hour ? "hours" : "minutes", least,
	    most, least, by_hour ? 'h' : 'm', most, by_hour ? 'h' : 'm');
}

static const char *
check_windows(enum watch_rule_id rule, const struct watch_rule *values, struct arena *arena)
{
	const struct bounds windows[] = {
		{ "window", values->window_sec, is_by_hour(rule) ? 60 :
		    rule == WATCH_RAMP ? WATCH_RAMP_MINUTES_LEAST : 1,
		    is_by_hour(rule) ? WATCH_HOURS_MOST * 60 : WATCH_MINUTES_MOST },
		{ "spread-window", values->spread_window_sec, 1, WATCH_MINUTES_MOST },
		{ "critical-window", values->critical_window_sec, WATCH_CRITICAL_MINUTES_LEAST,
		    WATCH_MINUTES_MOST },
		{ "release", values->release_sec, 1, WATCH_HOURS_MOST * 60 },
	};
	const char *wrong = NULL;

	for (size_t i = 0; wrong == NULL && i < sizeof(windows) / sizeof(windows[0]); i++)
		wrong = check_window(rule, &windows[i], arena);
	if (wrong == NULL && values->release_sec > 0 && values->release_sec < values->window_sec)
		wrong = arena_printf(arena, "release of alert %s is shorter than its window: what froze "
		    "the provider would still count; raise release",
		    words_name(&watch_rule_words, rule));
	return wrong;
}

/* A critical threshold that lies below the one of the warning. */
static const char *
check_critical(enum watch_rule_id rule, const struct watch_rule *values, struct arena *arena)
{
	const struct {
		const char *name, *under;
		unsigned value, least;
	} pairs[] = {
		{ "critical-count", "count", values->critical_count, values->count },
		{ "critical-ratio", "ratio", values->critical_ratio, values->ratio },
		{ "microsoft-ratio", "ratio", values->microsoft_ratio, values->ratio },
		{ "campaign-ratio", "ratio", values->campaign_ratio, values->ratio },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].value > 0 && pairs[i].value < pairs[i].least)
			return arena_printf(arena, "%s of alert %s is below its %s: nothing is critical "
			    "before there is a warning; raise %s, or lower %s", pairs[i].name,
			    words_name(&watch_rule_words, rule), pairs[i].under, pairs[i].name,
			    pairs[i].under);
	}
	return NULL;
}

const char *
alert_check(enum watch_rule_id rule, const struct watch_rule *values, struct arena *arena)
{
	const char *wrong = check_windows(rule, values, arena);

	if (wrong == NULL)
		wrong = check_critical(rule, values, arena);
	if (wrong == NULL && values->notice_ratio > 0 && values->notice_ratio >= values->ratio)
		wrong = arena_printf(arena, "notice-ratio of alert %s is not below its ratio: where the "
		    "notice would be, a warning is already; lower notice-ratio",
		    words_name(&watch_rule_words, rule));
	return wrong;
}

const char *
alert_without_log(const struct config *config, struct arena *arena)
{
	const char *names[2] = { "", "" }; /* that work; that are off */

	if (config->log_from != LOG_FROM_NOWHERE)
		return NULL;
	for (unsigned i = 0; i < WATCH_RULES; i++) {
		const char **list = &names[watch_rule_needs_log(i) ? 1 : 0];

		if (config->alerts.rules[i].on == 1)
			*list = arena_printf(arena, "%s%s%s", *list, (*list)[0] == '\0' ? "" : ", ",
			    words_name(&watch_rule_words, i));
	}
	if (names[1][0] == '\0')
		return NULL;
	return arena_printf(arena, "alerts without a log: %s; off: %s",
	    names[0][0] == '\0' ? "none" : names[0], names[1]);
}
