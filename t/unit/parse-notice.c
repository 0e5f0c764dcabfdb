#include "support.h"

#include "parse/html.h"
#include "parse/limits.h"
#include "parse/report.h"

static void
parse(const char *message, unsigned options, struct arena *arena, struct report *report_r)
{
	struct str copy = exact(message);

	report_parse((struct str){ arena_strdup(arena, copy), copy.len }, options, arena, report_r);
	drop(copy);
}

#define DAEMON "From: Mail Delivery System <MAILER-DAEMON@mail.example>\n"
#define FAILED "Your message could not be delivered.\n\n<a@x.example>:\n550 5.1.1 no such user\n"
#define RETURNED "Return-Path: <me@y.example>\nMessage-ID: <orig@y.example>\nTo: a@x.example\n\nbody\n"

/* What kind of message it is, how many recipients, and what became of them. */
static void
test_kind(void **state)
{
	static const struct {
		const char *message;
		unsigned options;
		const char *kind;
		unsigned count;
		enum outcome outcome;
	} cases[] = {
		{ DAEMON "Subject: Undeliverable\n\n" FAILED, 0, "dsn", 1, OUTCOME_FAILED },
		{ DAEMON "Subject: x\n\n" FAILED, 0, "dsn", 1, OUTCOME_FAILED },
		{ DAEMON "Subject: Undeliverable\n\nThis is a warning message only.\n" FAILED, 0, "dsn", 1,
		    OUTCOME_DELAYED },
		{ DAEMON "Subject: Undeliverable\n\nThis is a warning message only.\nGiving up.\n" FAILED,
		    0, "dsn", 1, OUTCOME_FAILED },
		{ DAEMON "Subject: x\n\n<a@x.example>:\nThe message could not be delivered\n"
		    "450 4.2.0 later\n", 0, "dsn", 1, OUTCOME_EXPIRED },
		/* no daemon, but MAIL FROM:<> and a subject or a known format */
		{ "From: robot@y.example\nSubject: Mail failure\n\n" FAILED, 0, "not-bounce", 0, 0 },
		{ "From: robot@y.example\nSubject: Mail failure\n\n" FAILED, REPORT_NULL_SENDER, "dsn",
		    1, OUTCOME_FAILED },
		{ "Return-Path: <>\nFrom: robot@y.example\nSubject: Mail failure\n\n" FAILED, 0, "dsn",
		    1, OUTCOME_FAILED },
		{ "From: robot@y.example\nSubject: Mail\n\n" FAILED, REPORT_NULL_SENDER, "not-bounce", 0, 0 },
		{ "From: robot@y.example\nSubject: Mail\n\nCould not be delivered to: <a@x.example>\n"
		    "As their mailbox is full.\n", REPORT_NULL_SENDER, "dsn", 1, OUTCOME_FAILED },
		{ "From: robot@y.example\nX-Failed-Recipients: a@x.example, b@x.example\nSubject: x\n\n"
		    "could not be delivered", 0, "dsn", 2, OUTCOME_FAILED },
		/* people, and their answering machines */
		{ "From: Ann <ann@y.example>\nSubject: Re: Undeliverable: hello\n\n" FAILED, 0, "not-bounce",
		    0, 0 },
		{ "From: Ann <ann@y.example>\nSubject: hello\n\n" FAILED, 0, "not-bounce", 0, 0 },
		{ "From: Ann <ann@y.example>\nAuto-Submitted: auto-replied (vacation)\nSubject: Re: hello\n\n"
		    FAILED, REPORT_NULL_SENDER, "auto-reply", 0, 0 },
		{ "From: Ann <ann@y.example>\nSubject: Out of Office: hello\n\nAsk\nbob@y.example\n",
		    REPORT_NULL_SENDER, "auto-reply", 0, 0 },
		{ "From: Ann <ann@y.example>\nSubject: =?utf-8?q?R=C3=A9ponse_automatique?= : x\n\nx\n", 0,
		    "auto-reply", 0, 0 },
		{ "From: Ann <ann@y.example>\nSubject: hello\n\nPlease confirm your message at ...\n", 0,
		    "challenge-response", 0, 0 },
		{ "From: Ann <ann@y.example>\nSubject: Read: hello\nContent-Type: multipart/report; "
		    "report-type=disposition-notification; boundary=b\n\n--b\n\nYour mailbox message was "
		    "deleted\n<a@x.example>\n--b\nContent-Type: message/disposition-notification\n\n"
		    "Final-Recipient: rfc822;a@x.example\nDisposition: manual-action; deleted\n--b--\n",
		    REPORT_NULL_SENDER, "not-bounce", 0, 0 },
		{ DAEMON "Subject: Your quota\n\nYour mailbox is nearly full, dear ann@y.example.\n", 0,
		    "not-bounce", 0, 0 },
		{ "", 0, "not-bounce", 0, 0 }, { "\n", REPORT_NULL_SENDER, "not-bounce", 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report report;

		parse(cases[i].message, cases[i].options, *state, &report);
		check_text(words_name(&report_kind_words, report.kind), cases[i].kind, cases[i].message);
		check(report.count == cases[i].count, "%s: %u", cases[i].message, report.count);
		if (report.count > 0)
			check(report.bounces[0].outcome == cases[i].outcome, "%s: %d", cases[i].message,
			    (int)report.bounces[0].outcome);
	}
}

/* Where the notice ends, and what is known of the message that follows. */
static void
test_returned(void **state)
{
	static const char *const starts[] = {
		"--- Below this line is a copy of the message.\n\n", "",
		"------ This is a copy of the message, including all the headers. ------\n",
		"   ----- Original message follows -----\n\n", "Message headers follow:\n\n",
		"    Below is a copy of the original message:\n\n", "Original message follows.\n\n",
		"|------------------------- Message text follows: ------------------------|\n\n",
		"--- The header of the original message is following. ---\n",
	};
	struct report report;

	for (size_t i = 0; i < COUNT(starts); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%sSubject: failure notice\n\n%s\n%s%s<b@x.example>: 550 no\n",
		    DAEMON, FAILED, starts[i], RETURNED);
		parse(text, 0, *state, &report);
		check(report.count == 1, "%s: %u", starts[i], report.count);
		check_text(report.bounces[0].message_id, "<orig@y.example>", starts[i]);
		check_text(report.bounces[0].sender, "me@y.example", starts[i]);
		check_text(report.bounces[0].words, "no such user", starts[i]);
	}
}

/* What the returned message alone says is marked: its sender has written it. */
static void
test_guessed(void **state)
{
	struct report report;

	parse(DAEMON "Subject: Returned mail\n\nDelivery failed, host unknown.\n\n" RETURNED, 0, *state,
	    &report);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.bounces[0].recipient, "a@x.example");
	assert_int_equal(report.bounces[0].guessed, 1);
	parse(DAEMON "Subject: Returned mail\n\n" FAILED RETURNED, 0, *state, &report);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.bounces[0].guessed, 0);
	/* two of them: it may be either */
	parse(DAEMON "Subject: Returned mail\n\nDelivery failed.\n\nReturn-Path: <me@y.example>\n"
	    "To: a@x.example, b@x.example\n\nbody\n", 0, *state, &report);
	assert_int_equal(report.count, 0);
}

/* A gateway that wraps the report of the server behind it, once. */
static void
test_wrapped(void **state)
{
	static const char inner[] = DAEMON "Subject: Returned mail\n\n" FAILED;
	char text[2048];
	struct report report;

	snprintf(text, sizeof(text), "%sSubject: Returned mail\nContent-Type: multipart/mixed; boundary=b\n"
	    "\n--b\n\nDelivery failed, see below.\n--b\nContent-Type: message/rfc822\n\n%s--b--\n", DAEMON,
	    inner);
	parse(text, 0, *state, &report);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.bounces[0].recipient, "a@x.example");
	/* somebody who forwards a report is no gateway */
	snprintf(text, sizeof(text), "From: ann@y.example\nSubject: look\nContent-Type: multipart/mixed; "
	    "boundary=b\n\n--b\n\nDelivery failed, see below.\n--b\nContent-Type: message/rfc822\n\n"
	    "%s--b--\n", inner);
	parse(text, 0, *state, &report);
	assert_int_equal(report.count, 0);
	assert_int_equal(report.kind, REPORT_OTHER);
}

/* Fields of a delivery status that have no part of their own. */
static void
test_fields(void **state)
{
	struct report report;

	parse(DAEMON "Subject: Delivery Status Notification (Failure)\n\nAn error occurred:\n"
	    "Technical report:\n\nReporting-MTA: dsn; mail.example\nAction: failed\n"
	    "Final-Recipient: rfc822; a@x.example\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n"
	    "Status: 5.1.1\n", 0, *state, &report);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.bounces[0].recipient, "a@x.example");
	assert_string_equal(report.bounces[0].status, "5.1.1");
	assert_string_equal(report.bounces[0].words, "no such user");
}

static void
test_html(void **state)
{
	static const struct {
		const char *html, *want;
	} cases[] = {
		{ "<p>one</p><br>two", "\none\n\ntwo" },
		{ "<html><head><title>x</title></head><body>a<b>b</b>c", "abc" },
		{ "<style>p { x }</style><!-- <p>no --><div>yes", "\nyes" },
		{ "to &lt;a@x.example&gt; &amp; &quot;b&quot;&nbsp;&#65;&#8226;", "to <a@x.example> & \"b\" A\xe2\x80\xa2" },
		{ "<a@x.example> is no tag", "<a@x.example> is no tag" },
		{ "a < b &unknown; &#x; &#99999999;", "a < b &unknown; &#x; &#99999999;" },
		{ "one\ntwo", "one two" }, { "<script>x", "" }, { "<!--", "" }, { "<p", "<p" },
		{ "&", "&" }, { "<", "<" }, { "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str html = exact(cases[i].html), text = html_to_text(html, *state);

		check(is(text, cases[i].want), "%s: %.*s", cases[i].html, STR_ARGS(text));
		drop(html);
	}
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
		cmocka_unit_test_setup_teardown(test_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_returned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guessed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrapped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_html, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("parse-notice", tests, NULL, NULL);
}
