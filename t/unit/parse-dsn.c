#include "support.h"

#include "base/buf.h"
#include "bounce.h"
#include "parse/dsn.h"
#include "parse/limits.h"

/* Each recipient as "final,original,action,status,remote,diagnostic;". */
static void
print(const struct dsn *dsn, struct buf *out)
{
	for (unsigned i = 0; i < dsn->count; i++) {
		const struct dsn_recipient *r = &dsn->recipients[i];

		buf_printf(out, "%.*s,%.*s,%.*s,%.*s,%.*s,%.*s;", STR_ARGS(r->final_recipient),
		    STR_ARGS(r->original_recipient), STR_ARGS(r->action), STR_ARGS(r->status),
		    STR_ARGS(r->remote_mta), STR_ARGS(r->diagnostic_code));
	}
}

static void
test_recipients(void **state)
{
	static const char *const cases[][2] = {
		{ "Reporting-MTA: dns; a\n\nFinal-Recipient: f1\nAction: failed\nStatus: 5.1.1\n",
		    "f1,,failed,5.1.1,,;" },
		{ "Final-Recipient: f1\nAction: failed\n\nFinal-Recipient: f2\nAction: delayed\n",
		    "f1,,failed,,,;f2,,delayed,,,;" },
		/* no blank lines between the groups */
		{ "Reporting-MTA: a\nFinal-Recipient: f1\nAction: failed\nStatus: 5.0.0\n"
		    "Final-Recipient: f2\nAction: failed\n", "f1,,failed,5.0.0,,;f2,,failed,,,;" },
		{ "Original-Recipient: o1\nFinal-Recipient: f1\nStatus: 5.0.0\nOriginal-Recipient: o2\n"
		    "Final-Recipient: f2\n", "f1,o1,,5.0.0,,;f2,o2,,,,;" },
		/* the original behind the final, and of the next group only */
		{ "Final-Recipient: f1\nOriginal-Recipient: o1\n\nFinal-Recipient: f2\n",
		    "f1,o1,,,,;f2,,,,,;" },
		{ "Final-Recipient: f1\nAction: failed\nStatus: 5.1.1\n\nOriginal-Recipient: o2\n"
		    "Final-Recipient: f2\n", "f1,,failed,5.1.1,,;f2,o2,,,,;" },
		{ "Final-Recipient: f1\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\nOriginal-Recipient: o2\r\n"
		    "Final-Recipient: f2\r\n", "f1,,failed,5.1.1,,;f2,o2,,,,;" },
		/* a blank line inside a group */
		{ "Final-Recipient: f1\n\nAction: failed\nStatus: 5.1.1\n", "f1,,failed,5.1.1,,;" },
		/* a repetition: the first counts */
		{ "Final-Recipient: f1\nStatus: 5.1.1\nStatus: 4.0.0\n", "f1,,,5.1.1,,;" },
		{ "Status: 5.1.1\nFinal-Recipient: f1\n", "f1,,,5.1.1,,;" },
		{ "FINAL-RECIPIENT: f1\ndiagnostic-code: smtp;\n  550 a\n  b\n", "f1,,,,,smtp; 550 a b;" },
		{ "Final-Recipient: f1\nRemote-MTA: dns; r\nX-Other: x\njunk\n", "f1,,,,dns; r,;" },
		{ "Reporting-MTA: a\n", "" }, { "", "" }, { "\n\n\n", "" }, { "junk", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i][0]);
		struct buf out = { 0 };
		struct dsn dsn;

		dsn_parse(text, *state, &dsn);
		print(&dsn, &out);
		check_text(buf_cstr(&out), cases[i][1], cases[i][0]);
		check(dsn.limits == 0, "%s", cases[i][0]);
		buf_free(&out);
		drop(text);
	}
}

static void
test_message_fields(void **state)
{
	struct str text = exact("Original-Envelope-Id: e1\nReporting-MTA: dns; a\n"
	    "Reporting-MTA: dns; b\nX-Postfix-Queue-ID: Q1\nX-Postfix-Sender: rfc822; s@x.example\n"
	    "Arrival-Date: Fri, 20 Nov 2026 12:00:00 +0000\n");
	struct dsn dsn;

	dsn_parse(text, *state, &dsn);
	assert_true(is(dsn.original_envelope_id, "e1"));
	assert_true(is(dsn.reporting_mta, "dns; a"));
	assert_true(is(dsn.queue_id, "Q1"));
	assert_true(is(dsn.sender, "rfc822; s@x.example"));
	assert_true(is(dsn.arrival_date, "Fri, 20 Nov 2026 12:00:00 +0000"));
	drop(text);
}

/* Nobody gets the fields of a recipient that is not read. */
static void
test_limit(void **state)
{
	static const char *const extra[] = {
		"\nFinal-Recipient: last\nAction: failed\n", "\nOriginal-Recipient: last\n",
	};

	for (size_t i = 0; i < COUNT(extra); i++) {
		const struct dsn_recipient *last;
		struct buf text = { 0 };
		struct dsn dsn;

		for (int j = 0; j < LIMITS_RECIPIENTS; j++)
			buf_printf(&text, "\nFinal-Recipient: f%d\nAction: failed\nStatus: 5.1.1\n", j);
		dsn_parse(buf_str(&text), *state, &dsn);
		assert_int_equal(dsn.count, LIMITS_RECIPIENTS);
		assert_int_equal(dsn.limits, 0);
		buf_add(&text, str_of(extra[i]));
		dsn_parse(buf_str(&text), *state, &dsn);
		assert_int_equal(dsn.count, LIMITS_RECIPIENTS);
		assert_int_equal(dsn.limits, LIMIT_RECIPIENTS);
		last = &dsn.recipients[LIMITS_RECIPIENTS - 1];
		assert_true(is(last->final_recipient, "f99"));
		assert_int_equal(last->original_recipient.len, 0);
		buf_free(&text);
	}
}

static void
test_untyped(void **state)
{
	static const struct {
		const char *value, *type, *want;
	} cases[] = {
		{ "dns; mx.example.com", "dns", "mx.example.com" },
		{ "SMTP;550 no; such user", "smtp", "550 no; such user" },
		{ "X-Postfix; unknown", "x-postfix", "unknown" },
		{ "550 5.1.1 no; such user", "", "550 5.1.1 no; such user" },
		{ "mx.example.com", "", "mx.example.com" }, { "dns;", "dns", "" }, { "", "", "" },
		{ ";x", "", "x" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str value = exact(cases[i].value);
		const char *type;

		check(is(dsn_untyped(value, *state, &type), cases[i].want), "%s", cases[i].value);
		check_text(type, cases[i].type, cases[i].value);
		drop(value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_recipients),
		test_with_arena(test_message_fields),
		test_with_arena(test_limit),
		test_with_arena(test_untyped),
	};

	return cmocka_run_group_tests_name("parse-dsn", tests, NULL, NULL);
}
