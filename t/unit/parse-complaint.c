/*
 * Complaints: feedback reports in the forms that occur, whose they are, and
 * what is none.
 */
#include "support.h"

#include "base/buf.h"
#include "parse/arf.h"
#include "parse/complaint.h"
#include "parse/limits.h"
#include "parse/redacted.h"
#include "parse/report.h"
#include "parse/snsnote.h"

#define HEAD "From: fbl@provider.example\nTo: abuse@example.com\nSubject: FW: News\n" \
	"Message-ID: <r1@provider.example>\nMIME-Version: 1.0\n"
#define TYPE "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
#define NOTICE "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n\nMore of it.\n\n"
#define PART "--b\nContent-Type: message/feedback-report\n\n"
#define FIELDS "User-Agent: Some/1.0\nVersion: 1\n"
#define BACK "--b\nContent-Type: message/rfc822\n\n"
#define MAIL "From: News <news@example.com>\nMessage-ID: <m1@example.com>\n"
#define END "\nHello.\n--b--\n"
#define ABUSE "Feedback-Type: abuse\n" FIELDS
#define REPORT(fields, mail) HEAD TYPE NOTICE PART fields "\n" BACK mail MAIL END
#define TEXT "This is an email abuse report."

/* One line for a report: its kind, and each bounce as
   "outcome recipient(shown) ?|! type". */
static const char *
told(struct str message, struct arena *arena)
{
	struct report report;
	struct buf out = { 0 };
	const char *text;

	report_parse(message, 0, arena, &report);
	buf_printf(&out, "%s", words_name(&report_kind_words, report.kind));
	for (unsigned i = 0; i < report.count; i++) {
		const struct bounce *b = &report.bounces[i];

		buf_printf(&out, ", %s %s(%s)%s%s %s", words_name(&outcome_words, b->outcome),
		    b->recipient, b->final_recipient, b->guessed ? "?" : "", b->about == ABOUT_RECIPIENT ? "!" : "",
		    b->feedback);
	}
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static const struct {
	const char *name, *message, *want;
} cases[] = {
	/* The types. */
	{ "abuse", REPORT(ABUSE "Original-Rcpt-To: <a@x.example>\n", ""),
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "fraud", REPORT("Feedback-Type: FRAUD\n" FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) fraud" },
	{ "virus", REPORT("feedback-type:virus\n" FIELDS "original-rcpt-to:a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) virus" },
	{ "other", REPORT("Feedback-Type: other\n" FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) other" },
	{ "miscategorized", REPORT("Feedback-Type: miscategorized\n" FIELDS
	    "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) miscategorized" },
	{ "opt-out", REPORT("Feedback-Type: opt-out\n" FIELDS "Removal-Recipient: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example)! opt-out" },
	{ "opt-out-list", REPORT("Feedback-Type: opt-out-list\n" FIELDS
	    "Removal-Recipient: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example)! opt-out-list" },
	{ "a type that nobody knows", REPORT("Feedback-Type: x-odd; v=1\n" FIELDS
	    "Original-Rcpt-To: a@x.example\n", ""), "arf, complaint a@x.example(a@x.example) x-odd" },
	{ "no type", REPORT(FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) other" },
	{ "an empty type", REPORT("Feedback-Type: ;\n" FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) other" },
	{ "two types", REPORT(ABUSE "Feedback-Type: not-spam\nOriginal-Rcpt-To: a@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "not-spam", REPORT("Feedback-Type: not-spam\n" FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "not-bounce" },
	{ "not-spam, as others spell it", REPORT("Feedback-Type: Not_Spam\n" FIELDS
	    "Original-Rcpt-To: a@x.example\n", ""), "not-bounce" },
	{ "auth-failure", REPORT("Feedback-Type: auth-failure\n" FIELDS "Auth-Failure: dmarc\n"
	    "Original-Rcpt-To: a@x.example\n", ""), "arf, none a@x.example(a@x.example) auth-failure" },
	{ "dmarc", REPORT("Feedback-Type: dmarc\n" FIELDS "Original-Rcpt-To: a@x.example\n", ""),
	    "arf, none a@x.example(a@x.example) dmarc" },
	/* Whose it is. */
	{ "several of one transaction", REPORT(ABUSE "Original-Rcpt-To: a@x.example\n"
	    "Original-Rcpt-To: rfc822;b@x.example\nOriginal-Rcpt-To: A@X.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) abuse, complaint b@x.example(b@x.example) abuse" },
	{ "several in one field", REPORT(ABUSE "Original-Rcpt-To: <a@x.example>,\n <b@x.example>\n", ""),
	    "arf, complaint a@x.example(a@x.example) abuse, complaint b@x.example(b@x.example) abuse" },
	{ "several who want no more", REPORT("Feedback-Type: opt-out\n" FIELDS
	    "Original-Rcpt-To: c@x.example\nRemoval-Recipient: a@x.example\n"
	    "Removal-Recipient: b@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example)! opt-out, complaint b@x.example(b@x.example)! opt-out" },
	{ "nobody named, one To", REPORT(ABUSE, "To: Jo <jo@x.example>\n"),
	    "arf, complaint jo@x.example(jo@x.example)? abuse" },
	{ "nobody named, two in To", REPORT(ABUSE, "To: a@x.example, b@x.example\n"),
	    "arf, complaint () abuse" },
	{ "nobody named, a Cc", REPORT(ABUSE, "To: a@x.example\nCc: b@x.example\n"),
	    "arf, complaint () abuse" },
	{ "nobody named, Delivered-To", REPORT(ABUSE, "To: undisclosed-recipients:;\n"
	    "Delivered-To: jo@x.example\n"), "arf, complaint jo@x.example(jo@x.example)? abuse" },
	{ "nobody named, no headers", HEAD TYPE NOTICE PART ABUSE "\n--b--\n",
	    "arf, complaint () abuse" },
	{ "no address at all", REPORT(ABUSE, "To: <Undisclosed Recipients>\n"),
	    "arf, complaint () abuse" },
	/* Made unreadable. */
	{ "redacted", REPORT(ABUSE "Original-Rcpt-To: redacted@x.example\n", "To: a@x.example\n"),
	    "arf, complaint (redacted@x.example) abuse" },
	{ "redacted in brackets", REPORT(ABUSE "Original-Rcpt-To: [redacted]@x.example\n", ""),
	    "arf, complaint ([redacted]@x.example) abuse" },
	{ "a word for it", REPORT(ABUSE "Original-Rcpt-To: undisclosed\n", "To: a@x.example\n"),
	    "arf, complaint (undisclosed) abuse" },
	{ "an empty field", REPORT(ABUSE "Original-Rcpt-To:\n", "To: a@x.example\n"),
	    "arf, complaint () abuse" },
	{ "redacted in To", REPORT(ABUSE, "To: redacted@x.example\n"), "arf, complaint () abuse" },
	{ "one redacted and one not", REPORT(ABUSE "Original-Rcpt-To: a@x.example\n"
	    "Original-Rcpt-To: xxxx@x.example\n", ""),
	    "arf, complaint a@x.example(a@x.example) abuse, complaint (xxxx@x.example) abuse" },
	{ "a redacted one who wants no more", REPORT("Feedback-Type: opt-out\n" FIELDS
	    "Removal-Recipient: redacted@x.example\n", ""),
	    "arf, complaint (redacted@x.example) opt-out" },
	/* Forms. */
	{ "the type in quotes", HEAD "Content-Type: Multipart/Report;\n\tboundary=\"b\";\n"
	    "\tReport-Type=\"Feedback-Report\"\n\n" PART ABUSE "Original-Rcpt-To: a@x.example\n\n--b--\n",
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "no report-type", HEAD "Content-Type: multipart/mixed; boundary=b\n\n" NOTICE PART ABUSE
	    "Original-Rcpt-To: a@x.example\n" BACK MAIL END,
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "the part alone", HEAD "Content-Type: message/feedback-report\n\n" ABUSE
	    "Original-Rcpt-To: a@x.example\n", "arf, complaint a@x.example(a@x.example) abuse" },
	{ "base64", HEAD TYPE "--b\nContent-Type: message/feedback-report\n"
	    "Content-Transfer-Encoding: base64\n\nRmVlZGJhY2stVHlwZTogYWJ1c2UKT3JpZ2luYWwtUmNwdC1Ubzog\n"
	    "YUB4LmV4YW1wbGUK\n--b--\n", "arf, complaint a@x.example(a@x.example) abuse" },
	{ "fields as text", HEAD "Content-Type: text/plain\n\nYou have a complaint.\n\n" ABUSE
	    "Original-Rcpt-To: a@x.example\n\nRegards\n",
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "fields as text, at the end", HEAD "\n" ABUSE "Original-Rcpt-To: a@x.example",
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "a part of a wrong type", HEAD TYPE NOTICE "--b\nContent-Type: text/plain\n\n" ABUSE
	    "Original-Rcpt-To: a@x.example\n\n--b--\n", "arf, complaint a@x.example(a@x.example) abuse" },
	{ "no fields", HEAD TYPE NOTICE BACK "To: a@x.example\n" MAIL END,
	    "arf, complaint a@x.example(a@x.example)? other" },
	{ "nothing but headers", HEAD TYPE, "arf, complaint () other" },
	/* Microsoft. */
	{ "JMRP", "From: <staff@hotmail.com>\nSubject:  complaint about message from 192.0.2.1\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK
	    "X-HmXmrOriginalRecipient: a@x.example\nTo: b@x.example\n" MAIL END,
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "JMRP in lower case, another sender", "From: x@y.example\n"
	    "Subject: Complaint about message from 192.0.2.1\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK
	    "x-hmxmroriginalrecipient: <a@x.example>\n" MAIL END,
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "JMRP without its field", "From: Hotmail <staff@hotmail.com>\n"
	    "Subject: complaint about message from 192.0.2.1\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK "To: a@x.example\n" MAIL END,
	    "arf, complaint a@x.example(a@x.example)? abuse" },
	{ "the field alone", "From: x@y.example\nSubject: look\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK
	    "X-HmXmrOriginalRecipient: a@x.example\n" MAIL END, "not-bounce" },
	{ "the subject alone", "From: x@y.example\nSubject: complaint about message from 192.0.2.1\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK MAIL END, "not-bounce" },
	{ "nothing came back", "From: staff@hotmail.com\n"
	    "Subject: complaint about message from 192.0.2.1\n\nText\n", "not-bounce" },
	/* Amazon SES by SNS. */
	{ "SNS", "From: no-reply@sns.amazonaws.com\nSubject: AWS Notification Message\n\n"
	    "{\"notificationType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":"
	    "[{\"emailAddress\":\"a@x.example\"}],\"complaintFeedbackType\":\"abuse\"}}\n\n--\nbye",
	    "arf, complaint a@x.example(a@x.example) abuse" },
	{ "SNS from elsewhere", "From: x@y.example\n\n"
	    "{\"notificationType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":"
	    "[{\"emailAddress\":\"a@x.example\"}]}}", "not-bounce" },
	{ "SNS about a delivery", "From: no-reply@sns.amazonaws.com\n\n"
	    "{\"notificationType\":\"Delivery\",\"delivery\":{\"recipients\":[\"a@x.example\"]}}",
	    "not-bounce" },
	{ "SNS: not spam", "From: x@y.example\nX-Amz-Sns-Message-Id: 1\n\n"
	    "{\"eventType\": \"Complaint\", \"complaint\": {\"complaintFeedbackType\": \"not-spam\","
	    " \"complainedRecipients\": [{\"emailAddress\": \"a@x.example\"}]}}", "not-bounce" },
	/* What is none. */
	{ "forwarded as attachment", HEAD "Content-Type: multipart/mixed; boundary=o\n\n"
	    "--o\nContent-Type: text/plain\n\nLook at this\n--o\nContent-Type: message/rfc822\n\n"
	    HEAD TYPE NOTICE PART ABUSE "Original-Rcpt-To: a@x.example\n\n--b--\n--o--\n", "not-bounce" },
	{ "forwarded JMRP", HEAD "Content-Type: multipart/mixed; boundary=o\n\n"
	    "--o\nContent-Type: message/rfc822\n\nFrom: staff@hotmail.com\n"
	    "Subject: complaint about message from 192.0.2.1\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n" BACK
	    "X-HmXmrOriginalRecipient: a@x.example\n" MAIL END "--o--\n", "not-bounce" },
	{ "quoted fields", HEAD "\nThey wrote:\n> Feedback-Type: abuse\n> User-Agent: x\n"
	    "> Version: 1\n> Original-Rcpt-To: a@x.example\n", "not-bounce" },
	{ "words about it", HEAD "\nFeedback-Type: abuse is what I want to talk about.\n", "not-bounce" },
	{ "fields of several paragraphs", HEAD "\nFeedback-Type: abuse\n\nUser-Agent: x\n\nVersion: 1\n",
	    "not-bounce" },
	{ "a delivery report with such a part", HEAD
	    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
	    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.x.example\n\n"
	    "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n" PART ABUSE "\n--b--\n",
	    "dsn, failed a@x.example(a@x.example) " },
	{ "a person's complaint", HEAD "\nThis is spam. Remove a@x.example from your list!\n",
	    "not-bounce" },
};

static void
test_reports(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str message = exact(cases[i].message);
		struct arena *arena = arena_new();

		check_text(told(message, arena), cases[i].want, cases[i].name);
		arena_free(arena);
		drop(message);
	}
}

/* A report that is cut anywhere names nobody whom the whole does not name. */
static void
test_cut(void **state)
{
	struct str whole = str_of(REPORT(ABUSE "Original-Rcpt-To: <a@x.example>\n",
	    "To: a@x.example\n"));

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		struct str message = exact_bytes(whole.data, len);
		struct arena *arena = arena_new();
		struct report report;

		report_parse(message, 0, arena, &report);
		for (unsigned i = 0; i < report.count; i++)
			check(report.bounces[i].recipient[0] == '\0' ||
			    strcmp(report.bounces[i].recipient, "a@x.example") == 0 ||
			    strncmp("a@x.example", report.bounces[i].recipient,
				strlen(report.bounces[i].recipient)) == 0,
			    "%zu: %s", len, report.bounces[i].recipient);
		arena_free(arena);
		drop(message);
	}
}

static void
test_fields(void **state)
{
	struct report report;

	report_parse(str_of(REPORT(ABUSE "Original-Mail-From: <bounce+7@example.com>\n"
	    "Original-Envelope-Id: e1\nReporting-MTA: dns; mx.provider.example\n"
	    "Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000\n"
	    "Received-Date: Fri, 20 Nov 2026 11:00:00 +0000\nSource-IP: 192.0.2.1\n"
	    "Original-Rcpt-To: a@x.example\n", "Return-Path: <other@example.com>\n")), 0, *state,
	    &report);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.format, "arf");
	assert_string_equal(report.bounces[0].sender, "bounce+7@example.com");
	assert_string_equal(report.bounces[0].envelope_id, "e1");
	assert_string_equal(report.bounces[0].reporting_mta, "mx.provider.example");
	assert_string_equal(report.bounces[0].message_id, "<m1@example.com>");
	assert_string_equal(report.bounces[0].report_id, "<r1@provider.example>");
	assert_string_equal(report.bounces[0].text, "abuse: " TEXT);
	assert_string_equal(report.bounces[0].remote_mta, "");
	assert_string_equal(report.bounces[0].relay, "");
	assert_string_equal(report.bounces[0].status, "");
	assert_string_equal(report.from_domain, "example.com");
	assert_int_equal(report.bounces[0].arrival, 1795168800);

	report_parse(str_of(REPORT("Feedback-Type: auth-failure\n" FIELDS "Auth-Failure: dmarc\n"
	    "Authentication-Results: mx.x.example;\n dmarc=fail\n"
	    "Original-Rcpt-To: a@x.example\n", "")), 0, *state, &report);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.bounces[0].text, "auth-failure: dmarc, mx.x.example; dmarc=fail");
	/* Without one of its own, the reporter is who wrote it. */
	assert_string_equal(report.bounces[0].reporting_mta, "provider.example");

	report_parse(str_of(REPORT("Feedback-Type: opt-out\n" FIELDS
	    "Removal-Recipient: <a@x.example>\nRemoval-Recipient: b@x.example\n", "")), 0, *state,
	    &report);
	assert_int_equal(report.count, 2);
	assert_string_equal(report.bounces[0].text, "opt-out of a@x.example: " TEXT);
	assert_int_equal(report.bounces[0].about, ABOUT_RECIPIENT);
	assert_int_equal(report.bounces[1].about, ABOUT_RECIPIENT);
}

/* Several recipients of one transaction share one reply: nobody is blamed. */
static void
test_together(void **state)
{
	struct report report;

	report_parse(str_of(REPORT(ABUSE "Original-Rcpt-To: a@x.example\n"
	    "Original-Rcpt-To: b@x.example\n", "")), 0, *state, &report);
	assert_int_equal(report.count, 2);
	assert_int_equal(report.bounces[0].together, 2);
	assert_int_equal(report.bounces[0].about, ABOUT_NOBODY);
}

static void
test_headers_by_other_names(void **state)
{
	static const char *const types[] = {
		"text/rfc822-header", "text/rfc822-headers", "message/rfc822-headers", "message/rfc822",
	};

	for (size_t i = 0; i < COUNT(types); i++) {
		const char *message = arena_printf(*state, HEAD TYPE NOTICE PART ABUSE
		    "\n--b\nContent-Type: %s\n\nTo: a@x.example\n" MAIL END, types[i]);
		struct report report;

		report_parse(str_of(message), 0, *state, &report);
		check(report.count == 1 &&
		    strcmp(report.bounces[0].message_id, "<m1@example.com>") == 0, "%s", types[i]);
	}
}

static void
test_too_many(void **state)
{
	struct buf message = { 0 };
	struct report report;

	buf_add(&message, str_of(HEAD TYPE PART));
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&message, "Original-Rcpt-To: r%u@x.example, s%u@x.example\n", i, i);
	/* What follows them still counts. */
	buf_add(&message, str_of("Feedback-Type: fraud\n\n--b--\n"));
	report_parse(buf_str(&message), 0, *state, &report);
	assert_int_equal(report.count, LIMITS_RECIPIENTS);
	assert_true(report.limits & LIMIT_RECIPIENTS);
	assert_string_equal(report.bounces[0].feedback, "fraud");
	buf_free(&message);
}

/* What strangers write is clean, and never longer than its limit. */
static void
test_hostile(void **state)
{
	struct buf message = { 0 };
	struct report report;

	buf_add(&message, str_of(HEAD TYPE "--b\nContent-Type: text/plain\n\n"));
	for (unsigned i = 0; i < 5000; i++)
		buf_add(&message, str_of("a\x01\x1b[31m\xff "));
	buf_add(&message, str_of("\n" PART "Feedback-Type: "));
	for (unsigned i = 0; i < 5000; i++)
		buf_add(&message, str_of("\xc3\xa4\x02"));
	buf_add(&message, str_of("\nOriginal-Rcpt-To: \"a\x01 b\"@x.example\n"
	    "Original-Rcpt-To: @@@@@@@@@@@\nOriginal-Rcpt-To: a@\xff\xfe.example\n--b--\n"));
	report_parse(buf_str(&message), 0, *state, &report);
	assert_int_equal(report.kind, REPORT_COMPLAINT);
	for (unsigned i = 0; i < report.count; i++) {
		const struct bounce *b = &report.bounces[i];
		const char *texts[] = { b->text, b->feedback, b->final_recipient, b->recipient };

		assert_string_equal(b->recipient, "");
		assert_true(strlen(b->feedback) <= 64);
		assert_true(strlen(b->text) <= LIMITS_REPLY_BYTES);
		for (size_t j = 0; j < COUNT(texts); j++) {
			for (const char *p = texts[j]; *p != '\0'; p++)
				check((unsigned char)*p >= ' ' && *p != 0x7f, "%s", texts[j]);
		}
	}
	buf_free(&message);
}

static void
test_redacted(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} addresses[] = {
		{ "redacted@x.example", true }, { "user-redacted@x.example", true },
		{ "undisclosed-recipients@x.example", true }, { "xxx@x.example", true },
		{ "xxxxxxxx@x.example", true }, { "user-xxx@x.example", true },
		{ "user_xxxxx@x.example", true }, { "jxxxxxe@x.example", true },
		{ "j***e@x.example", true }, { "hidden@x.example", true },
		{ "d41d8cd98f00b204e9800998ecf8427e@x.example", true },
		{ "da39a3ee5e6b4b0d3255bfef95601890afd80709@x.example", true },
		{ "rz8cqxwgikhzhz1msfrgtysHia4=@x.example", true },
		{ "jo@redacted.invalid", true }, { "", true },
		{ "jo@x.example", false }, { "max@x.example", false }, { "felixx@x.example", false },
		{ "xx@x.example", false }, { "hidden.valley@x.example", false },
		{ "deadbeef@x.example", false }, { "name=x@x.example", false },
		{ "d41d8cd98f00b204e9800998ecf8427g@x.example", false },
		{ "\"a b\"@x.example", false }, { "mad-maxx@x.example", false },
		{ "hashed@x.example", false }, { "bounce-20-char-long-name@x.example", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		check(redacted_is(addresses[i].address) == addresses[i].want, "%s",
		    addresses[i].address);
}

static void
test_notification(void **state)
{
	static const struct {
		const char *json;
		int ret;
		const char *type, *from, *recipients;
	} notes[] = {
		{ "{\"notificationType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":"
		    "[{\"emailAddress\":\"a@x.example\"},{\"emailAddress\":\"b@x.example\"}],"
		    "\"complaintFeedbackType\":\"fraud\"},\"mail\":{\"source\":\"s@example.com\"}}",
		    1, "fraud", "s@example.com", "a@x.example b@x.example " },
		/* The mail has broken the line. */
		{ " {\"notificationType\" : \"Complaint\",\"complaint\":{\"complainedRecip\n ients\":"
		    "[{\"emailAddress\":\"a@x.exa\r\n mple\"}]}}", 1, "", "", "a@x.example " },
		/* Inside the envelope of SNS. */
		{ "{\"Type\":\"Notification\",\"Message\":\"{\\\"eventType\\\":\\\"Complaint\\\","
		    "\\\"complaint\\\":{\\\"complainedRecipients\\\":[{\\\"emailAddress\\\":"
		    "\\\"a@x.example\\\"}]}}\"}", 1, "", "", "a@x.example " },
		{ "{\"notificationType\":\"Complaint\"}", 1, "", "", "" },
		{ "{\"notificationType\":\"Complaint\",\"complainedRecipients\":[{\"emailAddress\":\"a",
		    1, "", "", "" },
		{ "{\"notificationType\":\"Complaint\",\"complainedRecipients\":[],"
		    "\"emailAddress\":\"no@x.example\"}", 1, "", "", "" },
		{ "{\"notificationType\":\"Bounce\"}", 0, "", "", "" },
		{ "{\"subject\":\"notificationType: Complaint\"}", 0, "", "", "" },
		{ "see {\"notificationType\":\"Complaint\"}", 0, "", "", "" },
		{ "{", 0, "", "", "" }, { "", 0, "", "", "" }, { "{\"notificationType\":", 0, "", "", "" },
		{ "{\"notificationType\"", 0, "", "", "" }, { "{\"notificationType\":\"", 0, "", "", "" },
	};

	for (size_t i = 0; i < COUNT(notes); i++) {
		struct str text = exact(notes[i].json);
		struct buf all = { 0 };
		struct arf arf;
		int ret = snsnote_read_complaint(text, *state, &arf);

		check(ret == notes[i].ret, "%s", notes[i].json);
		for (unsigned j = 0; ret == 1 && j < arf.recipients.count; j++)
			buf_printf(&all, "%.*s ", STR_ARGS(arf.recipients.values[j]));
		check_text(buf_cstr(&all), notes[i].recipients, notes[i].json);
		check(ret == 0 || (is(arf.feedback_type, notes[i].type) &&
		    is(arf.mail_from, notes[i].from)), "%s", notes[i].json);
		buf_free(&all);
		drop(text);
	}
}

static void
test_candidate(void **state)
{
	static const struct {
		const char *name, *value;
		bool want;
	} fields[] = {
		{ "Content-Type", " multipart/report; report-type=feedback-report", true },
		{ "content-type", "Message/Feedback-Report", true },
		{ "Content-Type", "multipart/mixed; boundary=b", false },
		{ "Subject", " complaint about message from 192.0.2.1", true },
		{ "Subject", "Re: complaint about message from 192.0.2.1", false },
		{ "From", " Hotmail <Staff@Hotmail.com>", true },
		{ "From", "no-reply@sns.amazonaws.com", true }, { "From", "jo@x.example", false },
		{ "X-Amz-Sns-Message-Id", "1", true }, { "To", "staff@hotmail.com", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++)
		check(complaint_is_candidate(str_of(fields[i].name), str_of(fields[i].value)) ==
		    fields[i].want, "%s: %s", fields[i].name, fields[i].value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports), cmocka_unit_test(test_cut),
		test_with_arena(test_fields), test_with_arena(test_together),
		test_with_arena(test_headers_by_other_names), test_with_arena(test_too_many),
		test_with_arena(test_hostile), cmocka_unit_test(test_redacted),
		test_with_arena(test_notification), cmocka_unit_test(test_candidate),
	};

	return cmocka_run_group_tests_name("parse-complaint", tests, NULL, NULL);
}
