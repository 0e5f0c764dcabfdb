#include "support.h"

#include "parse/limits.h"
#include "parse/reason.h"

/* What MTAs write around a reply; one row each. */
static void
test_read(void **state)
{
	static const struct {
		const char *text;
		unsigned code;
		const char *status, *words, *host;
		enum stage stage;
	} cases[] = {
		{ "550 5.1.1 no such user", 550, "5.1.1", "no such user", "", STAGE_UNKNOWN },
		/* Exim */
		{ "SMTP error from remote mail server after RCPT TO:<a@x.example>: host mx.x.example "
		    "[192.0.2.1]: 550 5.1.1 unknown", 550, "5.1.1", "unknown", "mx.x.example", STAGE_RCPT },
		{ "SMTP error from remote mailer after end of data: host mx.x.example [192.0.2.1]: 554 no",
		    554, "", "no", "mx.x.example", STAGE_EOD },
		{ "host mx.x.example [192.0.2.1] SMTP error from remote mail server after MAIL FROM:"
		    "<b@y.example> SIZE=512: 550 no", 550, "", "no", "mx.x.example", STAGE_MAIL },
		/* qmail */
		{ "192.0.2.1 does not like recipient. Remote host said: 552 over quota Giving up on "
		    "192.0.2.1.", 552, "", "over quota", "192.0.2.1", STAGE_RCPT },
		{ "Connected to 192.0.2.1 but sender was rejected. Remote host said: 550 5.7.1 no", 550,
		    "5.7.1", "no", "192.0.2.1", STAGE_MAIL },
		{ "Sorry, no mailbox here by that name. (#5.1.1)", 0, "5.1.1",
		    "Sorry, no mailbox here by that name. (#5.1.1)", "", STAGE_UNKNOWN },
		{ "Remote host said: 550-5.7.26 one 550 5.7.26 two", 550, "5.7.26", "one two", "",
		    STAGE_UNKNOWN },
		/* Postfix */
		{ "host mx.x.example[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", 550,
		    "5.1.1", "no", "mx.x.example", STAGE_RCPT },
		{ "host mx.x.example[192.0.2.1] refused to talk to me: 554 no", 554, "", "no",
		    "mx.x.example", STAGE_CONNECT },
		/* Google, DragonFly, GMX, Zoho, Mimecast, Exchange */
		{ "rejected by the server for the recipient domain x.example by mx.x.example. [192.0.2.1]. "
		    "The error that the other server returned was: 550 550 5.1.1 no", 550, "5.1.1", "no",
		    "mx.x.example", STAGE_UNKNOWN },
		{ "mx.x.example [192.0.2.1] did not like our RCPT TO: 550 5.2.1 no", 550, "5.2.1", "no",
		    "mx.x.example", STAGE_RCPT },
		{ "SMTP error from remote server after RCPT command: host: mx.x.example 5.2.2 Mailbox Full",
		    0, "5.2.2", "Mailbox Full", "mx.x.example", STAGE_RCPT },
		{ "Invalid Address, ERROR_CODE :550, ERROR_CODE :5.2.1 <a@x.example>... no", 0, "5.2.1",
		    "<a@x.example>... no", "", STAGE_UNKNOWN },
		{ "-- 5.4.1 Recipient address rejected: Access denied.", 0, "5.4.1",
		    "Recipient address rejected: Access denied.", "", STAGE_UNKNOWN },
		{ "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##", 550, "5.1.1",
		    "RESOLVER.ADR.RecipNotFound; not found ##", "", STAGE_UNKNOWN },
		{ "mx.x.example[192.0.2.1] responded with failure: 552 sorry, full (#5.2.2)", 552, "5.2.2",
		    "sorry, full (#5.2.2)", "mx.x.example", STAGE_UNKNOWN },
		/* the first paragraph that quotes counts */
		{ "it failed\n\n550 5.1.1 no", 550, "5.1.1", "no", "", STAGE_UNKNOWN },
		/* numbers that are no codes */
		{ "after 500 tries in 450 minutes", 0, "", "after 500 tries in 450 minutes", "",
		    STAGE_UNKNOWN },
		{ "at 23:34:45 +0500 from 192.0.2.450", 0, "", "at 23:34:45 +0500 from 192.0.2.450", "",
		    STAGE_UNKNOWN },
		{ "error 599 is none", 0, "", "error 599 is none", "", STAGE_UNKNOWN },
		{ "two\n\nparagraphs", 0, "", "two paragraphs", "", STAGE_UNKNOWN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct bounce bounce;

		bounce_init(&bounce);
		check(reason_read(text, *state, &bounce) == 1, "%s", cases[i].text);
		check(bounce.code == cases[i].code, "%s: %u", cases[i].text, bounce.code);
		check_text(bounce.status, cases[i].status, cases[i].text);
		check_text(bounce.words, cases[i].words, cases[i].text);
		check_text(bounce.remote_mta, cases[i].host, cases[i].text);
		check(bounce.stage == cases[i].stage, "%s: %d", cases[i].text, (int)bounce.stage);
		drop(text);
	}
}

static void
test_nothing(void **state)
{
	struct bounce bounce;

	bounce_init(&bounce);
	bounce.text = "kept";
	assert_int_equal(reason_read(STR(" \n\t\n"), *state, &bounce), 0);
	assert_int_equal(reason_read(STR_EMPTY, *state, &bounce), 0);
	assert_string_equal(bounce.text, "kept");
}

/* However long: cut, and said so. */
static void
test_long(void **state)
{
	char *text = malloc(100000);
	struct bounce bounce;

	for (size_t i = 0; i < 100000; i++)
		text[i] = "550 [(#5.1 "[i % 11];
	bounce_init(&bounce);
	assert_int_equal(reason_read((struct str){ text, 100000 }, *state, &bounce), 1);
	assert_int_equal(bounce.limits, LIMIT_TEXT);
	assert_true(strlen(bounce.text) <= LIMITS_REPLY_BYTES);
	memset(text, 'x', 100000);
	bounce_init(&bounce);
	assert_int_equal(reason_read((struct str){ text, 100000 }, *state, &bounce), 1);
	assert_int_equal(bounce.limits, LIMIT_TEXT);
	free(text);
}

static int
set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("parse-reason", tests, NULL, NULL);
}
