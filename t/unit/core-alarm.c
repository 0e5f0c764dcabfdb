#include "store-support.h"

#include "watch/alarm.h"
#include "parse/domain.h"
#include "watch/provider.h"

static struct verdict
dkim(void)
{
	struct verdict verdict;

	verdict_init(&verdict);
	verdict.category = CATEGORY_AUTH_FAILURE;
	verdict.subcause = "dkim";
	return verdict;
}

/* One failure; returns what the alarm says, "" for nothing. */
static const char *
note(struct alarm *alarm, const char *sender, int recipient, const char *mta, int64_t now,
    struct buf *line)
{
	struct verdict verdict = dkim();
	struct bounce bounce;
	char address[64];
	bool rings;

	snprintf(address, sizeof(address), "r%d@example.net", recipient);
	make_bounce(&bounce, address, 0);
	bounce.sender = sender;
	bounce.remote_mta = mta;
	bounce.text = "550 5.7.26 unauthenticated";
	buf_clear(line);
	rings = alarm_note(alarm, &bounce, &verdict, now, line);
	assert_int_equal(rings, line->len > 0);
	return buf_cstr(line);
}

static void
test_the_fifth_recipient_rings(void **state)
{
	struct alarm *alarm = alarm_new();
	struct buf line = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_string_equal(note(alarm, "news@example.com", i, "aspmx.l.google.com", 1000, &line),
		    "");
	/* The same recipient again is none. */
	assert_string_equal(note(alarm, "news@example.com", 3, "alt1.aspmx.l.google.com", 1000, &line),
	    "");
	assert_string_equal(note(alarm, "news@example.com", 4, "mta5.am0.yahoodns.net", 1001, &line),
	    "auth-failure (dkim) for example.com at google.com, yahoodns.net: 5 recipients in "
	    "15 minutes; newest reply: 550 5.7.26 unauthenticated");
	/* Once an hour, however many there are; then again. */
	for (int i = 5; i < 500; i++)
		assert_string_equal(note(alarm, "news@example.com", i, "mx.example.org", 1002 + i, &line),
		    "");
	for (int i = 500; i < 504; i++)
		assert_string_equal(note(alarm, "news@example.com", i, "mx.example.org",
		    1000 + ALARM_AGAIN_SEC, &line), "");
	assert_string_not_equal(note(alarm, "news@example.com", 504, "mx.example.org",
	    1001 + ALARM_AGAIN_SEC, &line), "");
	buf_free(&line);
	alarm_free(alarm);
}

static void
test_failures_far_apart_do_not(void **state)
{
	struct alarm *alarm = alarm_new();
	struct buf line = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_string_equal(note(alarm, "news@example.com", i, "mx.example.org",
		    1000 + i * (ALARM_WINDOW_SEC / 4), &line), "");
	buf_free(&line);
	alarm_free(alarm);
}

static void
test_domains_are_apart_and_bounded(void **state)
{
	struct alarm *alarm = alarm_new();
	struct buf line = { 0 };
	char sender[64];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(sender, sizeof(sender), "a@d%d.example", i);
		assert_string_equal(note(alarm, sender, i, "mx.example.org", 1000 + i, &line), "");
	}
	for (int i = 0; i < 4; i++)
		note(alarm, "a@last.example", i, "mx.example.org", 5000, &line);
	assert_string_not_equal(note(alarm, "a@last.example", 4, "mx.example.org", 5000, &line), "");
	buf_free(&line);
	alarm_free(alarm);
}

static void
test_providers(void **state)
{
	static const char *const cases[][2] = {
		{ "aspmx.l.google.com", "google.com" }, { "MX1.Example.CO.UK", "example.co.uk" },
		{ "127.0.0.1", "127.0.0.1" }, { "2001:db8::1", "2001:db8::1" },
		{ "localhost", "localhost" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();

		assert_string_equal(domain_organisational(cases[i][0], arena), cases[i][1]);
		arena_free(arena);
	}
}

static void
test_other_categories_are_not_its_business(void **state)
{
	(void)state;
	assert_true(alarm_concerns(CATEGORY_AUTH_FAILURE));
	assert_true(alarm_concerns(CATEGORY_RDNS_FAILURE));
	assert_true(alarm_concerns(CATEGORY_TLS_REQUIRED));
	assert_false(alarm_concerns(CATEGORY_USER_UNKNOWN));
	assert_false(alarm_concerns(CATEGORY_THROTTLED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_fifth_recipient_rings),
		cmocka_unit_test(test_failures_far_apart_do_not),
		cmocka_unit_test(test_domains_are_apart_and_bounded),
		cmocka_unit_test(test_providers),
		cmocka_unit_test(test_other_categories_are_not_its_business),
	};

	return cmocka_run_group_tests_name("alarm", tests, NULL, NULL);
}
