#include "support.h"

#include "config_alert.h"

static const struct setting *
find(const char *name)
{
	for (size_t i = 0; i < ALERT_SETTING_COUNT; i++) {
		if (strcmp(alert_settings[i].name, name) == 0)
			return &alert_settings[i];
	}
	fail_msg("no setting %s", name);
	return NULL;
}

/* The whole of a rule is what its defaults are made of. */
static void
test_the_defaults_are_good(void **state)
{
	struct arena *arena = arena_new();
	struct watch_rules rules;

	(void)state;
	watch_rules_init(&rules);
	for (unsigned i = 0; i < WATCH_RULES; i++) {
		const char *wrong = alert_check(i, &rules.rules[i], arena);

		check(wrong == NULL, "%s", wrong);
		assert_true(alert_has(i, find("enabled")));
		assert_true(alert_has(i, find("window")));
	}
	assert_true(alert_has(WATCH_BREAKER, find("release")));
	assert_false(alert_has(WATCH_AUTH, find("release")));
	assert_true(alert_has(WATCH_COMPLAINT, find("microsoft-ratio")));
	assert_false(alert_has(WATCH_HYGIENE, find("count")));
	arena_free(arena);
}

/* Every field of struct watch_rule can be set: a rule that is filled by settings
   alone has no field left that is 0. */
static void
test_every_field_has_a_setting(void **state)
{
	struct arena *arena = arena_new();
	struct watch_rule rule = { 0 };
	struct watch_rule full = {
		1, 3600, 2, 1000000, 2, 2, 1000000, 3600, 2, 2, 2, 1000000, 2, 3600, 1000000, 1000000,
		3600,
	};

	(void)state;
	for (size_t i = 0; i < ALERT_SETTING_COUNT; i++) {
		const struct setting *setting = &alert_settings[i];
		const char *value = setting->type == TYPE_WORD ? "yes" : setting->type == TYPE_SPAN ?
		    "1h" : setting->type == TYPE_RATIO ? "100%" : "2";

		assert_null(setting_parse(setting, arena, &rule, value));
	}
	assert_int_equal(rule.on, full.on);
	assert_int_equal(rule.window_sec, full.window_sec);
	assert_int_equal(rule.count, full.count);
	assert_int_equal(rule.ratio, full.ratio);
	assert_int_equal(rule.factor, full.factor);
	assert_int_equal(rule.minimum, full.minimum);
	assert_int_equal(rule.notice_ratio, full.notice_ratio);
	assert_int_equal(rule.spread_window_sec, full.spread_window_sec);
	assert_int_equal(rule.spread_count, full.spread_count);
	assert_int_equal(rule.spread_providers, full.spread_providers);
	assert_int_equal(rule.critical_count, full.critical_count);
	assert_int_equal(rule.critical_ratio, full.critical_ratio);
	assert_int_equal(rule.critical_major, full.critical_major);
	assert_int_equal(rule.critical_window_sec, full.critical_window_sec);
	assert_int_equal(rule.microsoft_ratio, full.microsoft_ratio);
	assert_int_equal(rule.campaign_ratio, full.campaign_ratio);
	assert_int_equal(rule.release_sec, full.release_sec);
	arena_free(arena);
}

static void
test_ratios(void **state)
{
	static const struct {
		const char *text;
		unsigned want; /* 0: refused */
		const char *printed;
	} cases[] = {
		{ "2%", 20000, "ratio = 2%\n" }, { "0.10%", 1000, "ratio = 0.1%\n" },
		{ "100%", 1000000, "ratio = 100%\n" }, { "100.0000%", 1000000, "ratio = 100%\n" },
		{ "0.0001%", 1, "ratio = 0.0001%\n" }, { "12.0305%", 120305, "ratio = 12.0305%\n" },
		{ "10%", 100000, "ratio = 10%\n" }, { "100.0001%", 0, "" }, { "0%", 0, "" },
		{ "0.00%", 0, "" }, { "%", 0, "" }, { ".%", 0, "" }, { "1.%", 0, "" }, { "", 0, "" },
		{ "2", 0, "" }, { "0.00001%", 0, "" }, { "1.2.3%", 0, "" }, { "2%%", 0, "" },
		{ "18446744073709551616%", 0, "" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct watch_rule rule = { 0 };
		struct buf out = { 0 };
		const char *wrong = setting_parse(find("ratio"), arena, &rule, cases[i].text);

		check((wrong == NULL) == (cases[i].want > 0), "%s", cases[i].text);
		if (wrong == NULL) {
			assert_int_equal(rule.ratio, cases[i].want);
			setting_print(find("ratio"), &rule, &out);
			check_text(buf_cstr(&out), cases[i].printed, cases[i].text);
		}
		buf_free(&out);
	}
	arena_free(arena);
}

static void
test_without_log(void **state)
{
	struct arena *arena = arena_new();
	struct config *config = arena_alloc(arena, sizeof(*config));

	(void)state;
	watch_rules_init(&config->alerts);
	config->log_from = LOG_FROM_FILE;
	assert_null(alert_without_log(config, arena));
	config->log_from = LOG_FROM_JOURNAL;
	assert_null(alert_without_log(config, arena));
	config->log_from = LOG_FROM_NOWHERE;
	assert_string_equal(alert_without_log(config, arena),
	    "alerts without a log: auth, blocklist, one-receiver, breaker, self, forged; off: "
	    "auth-first, throttle, campaign, hygiene, complaint, ramp");
	/* Who is not enabled is not missed. */
	config->alerts.rules[WATCH_AUTH].on = 0;
	config->alerts.rules[WATCH_RAMP].on = 0;
	assert_string_equal(alert_without_log(config, arena),
	    "alerts without a log: blocklist, one-receiver, breaker, self, forged; off: "
	    "auth-first, throttle, campaign, hygiene, complaint");
	for (unsigned i = 0; i < WATCH_RULES; i++)
		config->alerts.rules[i].on = watch_rule_needs_log(i) ? 0 : 1;
	assert_null(alert_without_log(config, arena));
	for (unsigned i = 0; i < WATCH_RULES; i++)
		config->alerts.rules[i].on = i == WATCH_RAMP;
	assert_string_equal(alert_without_log(config, arena), "alerts without a log: none; off: ramp");
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_defaults_are_good),
		cmocka_unit_test(test_every_field_has_a_setting),
		cmocka_unit_test(test_ratios),
		cmocka_unit_test(test_without_log),
	};

	return cmocka_run_group_tests_name("core-alert-settings", tests, NULL, NULL);
}
