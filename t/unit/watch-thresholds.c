#include "support.h"

#include "watch/thresholds.h"

/* The table of rules in the design, once more: a default that is changed by
   mistake is seen. Ratios in millionths, windows in minutes. */
static void
test_defaults(void **state)
{
	static const struct {
		enum watch_rule_id rule;
		unsigned minutes, count, ratio, factor, minimum, notice_ratio;
	} cases[WATCH_RULES] = {
		{ WATCH_AUTH, 15, 5, 20000, 0, 0, 0 },
		{ WATCH_AUTH_FIRST, 1440, 0, 0, 0, 0, 0 },
		{ WATCH_BLOCKLIST, 30, 10, 500000, 0, 0, 0 },
		{ WATCH_THROTTLE, 15, 20, 200000, 4, 0, 0 },
		{ WATCH_CAMPAIGN, 60, 10, 50000, 4, 0, 0 },
		{ WATCH_HYGIENE, 1440, 0, 50000, 0, 200, 20000 },
		{ WATCH_COMPLAINT, 1440, 5, 1000, 0, 500, 0 },
		{ WATCH_ONE_RECEIVER, 60, 10, 800000, 0, 0, 0 },
		{ WATCH_RAMP, 60, 20, 0, 3, 0, 0 },
		{ WATCH_BREAKER, 10, 50, 300000, 5, 50, 0 },
		{ WATCH_SELF, 60, 20, 50000, 0, 0, 0 },
		{ WATCH_FORGED, 10, 21, 0, 0, 0, 0 },
	};
	struct watch_rules rules;

	(void)state;
	memset(&rules, 0xff, sizeof(rules));
	watch_rules_init(&rules);
	assert_int_equal(rules.alerts_per_hour, 20);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct watch_rule *rule = &rules.rules[cases[i].rule];
		const char *name = words_name(&watch_rule_words, i);

		assert_int_equal(cases[i].rule, i);
		check(rule->on == 1, "%s", name);
		check(rule->window_sec == cases[i].minutes * 60, "%s", name);
		check(rule->count == cases[i].count, "%s", name);
		check(rule->ratio == cases[i].ratio, "%s", name);
		check(rule->factor == cases[i].factor, "%s", name);
		check(rule->minimum == cases[i].minimum, "%s", name);
		check(rule->notice_ratio == cases[i].notice_ratio, "%s", name);
	}
}

static void
test_critical_defaults(void **state)
{
	static const struct {
		enum watch_rule_id rule;
		unsigned count, ratio, major, minutes, spread_count;
	} cases[] = {
		{ WATCH_AUTH, 25, 200000, 2, 0, 3 }, { WATCH_BLOCKLIST, 0, 0, 0, 0, 3 },
		{ WATCH_THROTTLE, 0, 500000, 0, 30, 0 }, { WATCH_CAMPAIGN, 0, 200000, 0, 0, 0 },
		{ WATCH_HYGIENE, 0, 100000, 0, 0, 0 }, { WATCH_COMPLAINT, 0, 3000, 0, 0, 0 },
		{ WATCH_FORGED, 201, 0, 0, 0, 0 }, { WATCH_RAMP, 0, 0, 0, 0, 0 },
	};
	struct watch_rules rules;

	(void)state;
	watch_rules_init(&rules);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct watch_rule *rule = &rules.rules[cases[i].rule];
		const char *name = words_name(&watch_rule_words, cases[i].rule);

		check(rule->critical_count == cases[i].count, "%s", name);
		check(rule->critical_ratio == cases[i].ratio, "%s", name);
		check(rule->critical_major == cases[i].major, "%s", name);
		check(rule->critical_window_sec == cases[i].minutes * 60, "%s", name);
		check(rule->spread_count == cases[i].spread_count, "%s", name);
		check(rule->spread_providers == (cases[i].spread_count > 0 ? 2 : 0), "%s", name);
		check(rule->spread_window_sec == (cases[i].spread_count > 0 ? 3600 : 0), "%s", name);
	}
	assert_int_equal(rules.rules[WATCH_COMPLAINT].microsoft_ratio, 4000);
	assert_int_equal(rules.rules[WATCH_COMPLAINT].campaign_ratio, 5000);
	assert_int_equal(rules.rules[WATCH_BREAKER].release_sec, 7200);
}

static void
test_words(void **state)
{
	static const char *const names[WATCH_RULES] = {
		"auth", "auth-first", "blocklist", "throttle", "campaign", "hygiene", "complaint",
		"one-receiver", "ramp", "breaker", "self", "forged",
	};
	/* Those that need deliveries. */
	static const char needs_log[] = " auth-first throttle campaign hygiene complaint ramp ";
	unsigned value;

	(void)state;
	assert_int_equal(watch_rule_words.count, WATCH_RULES);
	for (unsigned i = 0; i < WATCH_RULES; i++) {
		char word[32];

		check_text(words_name(&watch_rule_words, i), names[i], names[i]);
		assert_int_equal(words_find(&watch_rule_words, str_of(names[i]), &value), 1);
		assert_int_equal(value, i);
		snprintf(word, sizeof(word), " %s ", names[i]);
		check(watch_rule_needs_log(i) == (strstr(needs_log, word) != NULL), "%s", names[i]);
	}
	assert_string_equal(words_name(&severity_words, SEVERITY_NOTICE), "notice");
	assert_string_equal(words_name(&severity_words, SEVERITY_WARNING), "warning");
	assert_string_equal(words_name(&severity_words, SEVERITY_CRITICAL), "critical");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_critical_defaults),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("watch-thresholds", tests, NULL, NULL);
}
