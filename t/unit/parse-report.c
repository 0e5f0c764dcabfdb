/* What t/corpus does not show: the small rules of a report, one by one. */
#include "support.h"

#include "base/buf.h"
#include "parse/limits.h"
#include "parse/report.h"

#define GROUP(address, action, status, text) \
	"\nFinal-Recipient: rfc822; " address "\nAction: " action "\nStatus: " status \
	"\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; " text "\n"
#define RETURNED "\n--b\nContent-Type: message/rfc822\n\n" \
	"From: News <news@Example.org>\nMessage-ID: <orig@example.org>\n" \
	"Return-Path: <bounce@example.org>\n\nx\n--b--\n"

static void
make(const char *notice, const char *groups, const char *returned, struct buf *out)
{
	buf_printf(out, "Message-ID: <report@example.com>\n"
	    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
	    "--b\n\n%s\n--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; mail.example.com\nArrival-Date: Fri, 20 Nov 2026 12:00:00 +0000\n"
	    "%s%s", notice, groups, returned);
}

static void
parse(const char *notice, const char *groups, struct arena *arena, struct report *report_r)
{
	struct buf text = { 0 };
	struct str copy;

	make(notice, groups, RETURNED, &text);
	/* The arena keeps the message, as long as the report is used. */
	copy = (struct str){ arena_strdup(arena, buf_str(&text)), text.len };
	report_parse(copy, REPORT_KEEP, arena, report_r);
	buf_free(&text);
}

static void
test_candidate(void **state)
{
	static const struct {
		const char *name, *value;
		bool want;
	} cases[] = {
		{ "content-TYPE", " Multipart/REPORT; boundary=x", true },
		{ "Content-Type", "message/delivery-status", true },
		{ "Content-Type", "message/global-delivery-status", true },
		{ "Content-Type", "multipart/mixed", false }, { "Content-Type", "text/plain", false },
		{ "Content-Type", "", false }, { "X-Type", "multipart/report", false },
		{ "From", "Mail Delivery System <bounces@example.com>", true },
		{ "From", " MAILER-DAEMON@example.com (Mail Delivery System)", true },
		{ "From", "\"Postmaster\" <x@example.com>", true }, { "From", "<postmaster@x.example>", true },
		{ "From", "Ann <ann@postmaster.example>", false }, { "From", "", false },
		{ "X-Failed-Recipients", "a@b.example", true }, { "To", "postmaster@example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str value = exact(cases[i].value);

		check(report_is_candidate(str_of(cases[i].name), value) == cases[i].want, "%s: %s",
		    cases[i].name, cases[i].value);
		drop(value);
	}
}

static void
test_common(void **state)
{
	struct report report;
	const struct bounce *bounce;

	parse("x", GROUP("Jo@Example.NET", "failed", "5.1.1", "550 5.1.1 no"), *state, &report);
	assert_int_equal(report.kind, REPORT_DSN);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.report_id, "<report@example.com>");
	assert_string_equal(report.from_domain, "example.org");
	assert_false(report.to_list);
	bounce = &report.bounces[0];
	assert_string_equal(bounce->recipient, "jo@example.net");
	assert_string_equal(bounce->final_recipient, "Jo@Example.NET");
	assert_string_equal(bounce->sender, "bounce@example.org");
	assert_string_equal(bounce->message_id, "<orig@example.org>");
	assert_string_equal(bounce->reporting_mta, "mail.example.com");
	assert_int_equal(bounce->arrival, INT64_C(1795176000));
	assert_non_null(strstr(bounce->report, "Status: 5.1.1"));
	assert_non_null(strstr(bounce->report, "Message-ID: <orig@example.org>"));
}

/* Action and status give the outcome; then the remote status counts. */
static void
test_outcome(void **state)
{
	static const struct {
		const char *groups;
		enum outcome outcome;
		const char *status;
		enum report_kind kind;
	} cases[] = {
		{ GROUP("a@x.example", "failed", "5.0.0", "550 5.1.1 no"), OUTCOME_FAILED, "5.1.1",
		    REPORT_DSN },
		{ GROUP("a@x.example", "failed", "5.0.0", "550 4.2.2 full"), OUTCOME_FAILED, "4.2.2",
		    REPORT_DSN },
		{ GROUP("a@x.example", "failed", "5.0.0", "550 no"), OUTCOME_FAILED, "5.0.0", REPORT_DSN },
		{ GROUP("a@x.example", "failed", "4.4.1", "450 4.2.0 later"), OUTCOME_EXPIRED, "4.2.0",
		    REPORT_DSN },
		{ GROUP("a@x.example", "delayed", "4.2.2", "452 4.2.2 full"), OUTCOME_DELAYED, "4.2.2",
		    REPORT_DSN },
		{ GROUP("a@x.example", "delivered", "2.0.0", "250 ok"), OUTCOME_DELIVERED, "2.0.0",
		    REPORT_DELIVERED },
		{ GROUP("a@x.example", "relayed (to x)", "2.0.0", "250 ok"), OUTCOME_DELIVERED, "2.0.0",
		    REPORT_DELIVERED },
		{ GROUP("a@x.example", "expanded", "2.0.0", "250 ok"), OUTCOME_DELIVERED, "2.0.0",
		    REPORT_DELIVERED },
		{ GROUP("a@x.example", "failed", "2.0.0", "250 ok"), OUTCOME_DELIVERED, "2.0.0",
		    REPORT_DELIVERED },
		{ GROUP("a@x.example", "", "", "no"), OUTCOME_FAILED, "", REPORT_DSN },
		{ GROUP("a@x.example", "failed", "5.1.1 (no such user)", "no"), OUTCOME_FAILED, "5.1.1",
		    REPORT_DSN },
	};
	struct report report;

	for (size_t i = 0; i < COUNT(cases); i++) {
		parse("x", cases[i].groups, *state, &report);
		check(report.count == 1, "case %zu", i);
		check(report.kind == cases[i].kind, "case %zu", i);
		check(report.bounces[0].outcome == cases[i].outcome, "case %zu", i);
		check_text(report.bounces[0].status, cases[i].status, cases[i].groups);
	}
}

/* Which address is meant: the final one, and never what a client typed as
   ORCPT; "" where that is not valid. */
static void
test_recipient(void **state)
{
	static const char *const cases[][2] = {
		{ "\nFinal-Recipient: rfc822; a@x.example\nOriginal-Recipient: rfc822; b@x.example\n",
		    "a@x.example" },
		{ "\nFinal-Recipient: local; jo\nOriginal-Recipient: rfc822; jo+2Bx@x.example\n",
		    "" },
		{ "\nFinal-Recipient: local; jo\nOriginal-Recipient: rfc822; jo+ab@x.example\n",
		    "" },
		{ "\nFinal-Recipient: rfc822; <A@X.example>\n", "a@x.example" },
		{ "\nFinal-Recipient: utf-8; j\\x{f6}@x.example\n", "j\xc3\xb6@x.example" },
		{ "\nFinal-Recipient: rfc822; jo\n", "" },
		{ "\nFinal-Recipient: rfc822; jo@localhost\n", "" },
		{ "\nFinal-Recipient: rfc822; x.example\n", "" },
	};
	struct report report;

	for (size_t i = 0; i < COUNT(cases); i++) {
		parse("x", cases[i][0], *state, &report);
		check(report.count == 1, "%s", cases[i][0]);
		check_text(report.bounces[0].recipient, cases[i][1], cases[i][0]);
	}
}

/* The notice names the command and the relay; the words stay those of the
   Diagnostic-Code, unless there is none. */
static void
test_notice(void **state)
{
	struct report report;

	parse("<a@x.example>: host mx.example.net[192.0.2.1] said: 550 other (in reply to\n"
	    "    end of DATA command)", GROUP("a@x.example", "failed", "5.0.0", "550 no"), *state,
	    &report);
	assert_int_equal(report.bounces[0].stage, STAGE_EOD);
	assert_string_equal(report.bounces[0].relay, "192.0.2.1");
	assert_string_equal(report.bounces[0].text, "550 no");
	assert_string_equal(report.bounces[0].words, "no");
	parse("<a@x.example>: host mx.example.net[192.0.2.1] said: 550 5.1.1 other",
	    "\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.0.0\n", *state,
	    &report);
	assert_string_equal(report.bounces[0].text, "550 5.1.1 other");
	assert_string_equal(report.bounces[0].status, "5.1.1");
	assert_int_equal(report.bounces[0].code, 550);
}

/* How many one reply covers, and whom it names. */
static void
test_together(void **state)
{
	static const struct {
		const char *text;
		enum about about; /* to jo@x.example */
	} cases[] = {
		{ "550 no", ABOUT_NOBODY }, { "550 <jo@x.example> no", ABOUT_RECIPIENT },
		{ "550 JO@X.example... no", ABOUT_RECIPIENT }, { "550 no: jo@x.example.", ABOUT_RECIPIENT },
		{ "550 <banjo@x.example> no", ABOUT_OTHER }, { "550 <b.jo@x.example> no", ABOUT_OTHER },
		{ "550 <banjo@x.example> <jo@x.example>", ABOUT_RECIPIENT },
	};
	struct report report;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf groups = { 0 };

		buf_printf(&groups, GROUP("jo@x.example", "failed", "5.0.0", "%s")
		    GROUP("other@x.example", "failed", "5.0.0", "%s")
		    GROUP("third@x.example", "failed", "5.0.0", "550 else"), cases[i].text,
		    cases[i].text);
		parse("x", buf_cstr(&groups), *state, &report);
		buf_free(&groups);
		check(report.count == 3, "%s", cases[i].text);
		check(report.bounces[0].together == 2, "%s", cases[i].text);
		check(report.bounces[2].together == 1, "%s", cases[i].text);
		check(report.bounces[0].about == cases[i].about, "%s", cases[i].text);
	}
}

/* Neither bytes that are no text nor control characters come through. */
static void
test_clean(void **state)
{
	struct report report;
	const struct bounce *bounce;

	parse("x", GROUP("a@x.example", "failed", "5.0.0", "550 \xff\x01\x1b[31m\x7f \xc2\x9b" "31m"),
	    *state, &report);
	bounce = &report.bounces[0];
	for (const char *p = bounce->report; *p != '\0'; p++)
		check((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t', "%s", p);
	assert_null(strchr(bounce->report, 0x7f));
	assert_null(strstr(bounce->report, "\xc2\x9b"));
	for (const char *p = bounce->text; *p != '\0'; p++)
		check((unsigned char)*p >= ' ' && *p != 0x7f, "%s", p);
	assert_null(strstr(bounce->text, "\xc2\x9b"));
}

static void
test_list(void **state)
{
	static const struct {
		const char *header;
		bool want;
	} cases[] = {
		{ "List-Id: <l.example.org>", true }, { "Precedence: Bulk ", true },
		{ "precedence: list", true }, { "Precedence: junk", false }, { "X: y", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = { 0 }, returned = { 0 };
		struct report report;

		buf_printf(&returned, "\n--b\nContent-Type: text/rfc822-headers\n\n%s\n--b--\n",
		    cases[i].header);
		make("x", GROUP("a@x.example", "failed", "5.0.0", "550"), buf_cstr(&returned), &text);
		report_parse(buf_str(&text), 0, *state, &report);
		check(report.to_list == cases[i].want, "%s", cases[i].header);
		check_text(report.bounces[0].report, "", cases[i].header);
		buf_free(&text);
		buf_free(&returned);
	}
}

/* What is not a report, and what is cut. */
static void
test_other(void **state)
{
	static const char *const cases[] = {
		"", "\n", "Subject: x\n\n550 5.1.1 <a@x.example>: no\n",
		"Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b--\n",
		"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n",
	};
	struct report report;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i]);

		report_parse(text, REPORT_KEEP, *state, &report);
		check(report.kind == REPORT_OTHER && report.count == 0, "%s", cases[i]);
		drop(text);
	}
	report_parse((struct str){ NULL, 0 }, REPORT_KEEP, *state, &report);
	assert_int_equal(report.kind, REPORT_OTHER);
}

static void
test_size_limit(void **state)
{
	struct buf text = { 0 }, body = { 0 };
	struct report report;

	while (body.len < LIMITS_REPORT_BYTES)
		buf_add(&body, STR("all work and no play\n"));
	make("x", GROUP("a@x.example", "failed", "5.1.1", "550"), "\n--b\n\n", &text);
	buf_add(&text, buf_str(&body));
	report_parse(buf_str(&text), REPORT_KEEP, *state, &report);
	assert_int_equal(report.limits, LIMIT_SIZE);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.bounces[0].limits, LIMIT_SIZE);
	buf_free(&text);
	buf_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_candidate),
		test_with_arena(test_common),
		test_with_arena(test_outcome),
		test_with_arena(test_recipient),
		test_with_arena(test_notice),
		test_with_arena(test_together),
		test_with_arena(test_clean),
		test_with_arena(test_list),
		test_with_arena(test_other),
		test_with_arena(test_size_limit),
	};

	return cmocka_run_group_tests_name("parse-report", tests, NULL, NULL);
}
