#include "support.h"

#include <time.h>

#include "base/buf.h"
#include "parse/logline.h"

#define NOW INT64_C(1795564800) /* 2026-11-25T00:00:00Z */

static const char *const kinds[] = {
	[LOG_UNKNOWN] = "unknown", [LOG_NOTHING] = "nothing", [LOG_CLIENT] = "client",
	[LOG_MESSAGE_ID] = "message-id", [LOG_SENDER] = "sender", [LOG_MESSAGE] = "message",
	[LOG_DELIVERY] = "delivery", [LOG_EXPIRED] = "expired", [LOG_REMOVED] = "removed",
};
static const char *const results[] = {
	[LOG_SENT] = "sent", [LOG_DEFERRED] = "deferred", [LOG_BOUNCED] = "bounced",
	[LOG_SUSPENDED] = "suspended", [LOG_PROBE] = "probe",
};

static void
add(struct buf *out, const char *name, struct str value)
{
	if (value.len > 0)
		buf_printf(out, " %s[%.*s]", name, STR_ARGS(value));
}

/* Kind, queue id and everything that was read, in one text. */
static const char *
describe(const struct logline *line, struct buf *out)
{
	struct str rest = line->recipients, address;

	buf_clear(out);
	buf_printf(out, "%s", kinds[line->kind]);
	if (line->kind == LOG_DELIVERY)
		buf_printf(out, " %s", results[line->result]);
	add(out, "id", line->queue_id);
	while (logline_next_recipient(&rest, &address))
		add(out, "to", address);
	add(out, "orig", line->original);
	add(out, "client", line->client);
	add(out, "login", line->login);
	add(out, "mid", line->message_id);
	add(out, "from", line->sender);
	if (line->recipient_count > 0)
		buf_printf(out, " n=%u", line->recipient_count);
	add(out, "by", line->agent);
	add(out, "at", line->relay_host);
	add(out, "address", line->relay_address);
	if (line->relay_port > 0)
		buf_printf(out, " port=%u", line->relay_port);
	if (line->delay_sec != -1)
		buf_printf(out, " delay=%lld", (long long)line->delay_sec);
	add(out, "dsn", line->status);
	add(out, line->is_reply ? "reply" : "text", line->text);
	if (line->cut)
		buf_printf(out, " cut");
	return buf_cstr(out);
}

static struct logline_reader reader;

static void
parse(const char *front, struct str text, struct logline *line_r, struct str *whole_r)
{
	struct buf buf = { 0 };

	buf_printf(&buf, "%s%.*s", front, STR_ARGS(text));
	*whole_r = exact_bytes(buf.data, buf.len);
	buf_free(&buf);
	reader.now = NOW;
	logline_parse(*whole_r, &reader, line_r);
}

/* Lines behind a front that is always the same, and what is read of them. */
struct line_case {
	const char *text, *want;
};

static void
run(const char *front, const struct line_case *cases, size_t count)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct logline line;
		struct str whole;

		parse(front, str_of(cases[i].text), &line, &whole);
		check_text(describe(&line, &out), cases[i].want, cases[i].text);
		drop(whole);
	}
	buf_free(&out);
}

/* Where a log may lie, and so what stands in front. */
static void
test_fronts(void **state)
{
#define REST "postfix/smtpd[1]: 809DCA881A0: client=a[192.0.2.1]"
	static const struct {
		const char *text, *host, *program, *instance, *id;
		int64_t time;
		enum log_kind kind;
	} cases[] = {
		/* maillog_file, syslog's traditional form, /dev/log itself */
		{ "Nov 20 15:02:18 mta " REST, "mta", "postfix/smtpd", "postfix", "809DCA881A0",
		    INT64_C(1795186938), LOG_CLIENT },
		{ "Nov  2 15:02:18 mta " REST, "mta", "postfix/smtpd", "postfix", "809DCA881A0",
		    INT64_C(1793631738), LOG_CLIENT },
		{ "<22>Nov 20 15:02:18 " REST, "", "postfix/smtpd", "postfix", "809DCA881A0",
		    INT64_C(1795186938), LOG_CLIENT },
		/* rsyslog, and what is made of the journal */
		{ "2026-11-20T15:02:18.305843+00:00 mta " REST, "mta", "postfix/smtpd", "postfix",
		    "809DCA881A0", INT64_C(1795186938), LOG_CLIENT },
		{ "2026-11-20T15:02:18Z mta.example.net " REST, "mta.example.net",
		    "postfix/smtpd", "postfix", "809DCA881A0", INT64_C(1795186938), LOG_CLIENT },
		{ "2026-11-20T15:02:18.3+01:00 mta " REST, "mta", "postfix/smtpd", "postfix",
		    "809DCA881A0", INT64_C(1795183338), LOG_CLIENT },
		{ "2026-11-20T15:02:18-0530 mta " REST, "mta", "postfix/smtpd", "postfix",
		    "809DCA881A0", INT64_C(1795206738), LOG_CLIENT },
		{ "<22>2026-11-20T15:02:18Z " REST, "", "postfix/smtpd", "postfix",
		    "809DCA881A0", INT64_C(1795186938), LOG_CLIENT },
		/* names: of an instance, of a service, and both */
		{ "Nov 20 15:02:18 mta postfix-out/smtpd[9]: 4jWKM80VHLz1cMh5: client=a[192.0.2.1]",
		    "mta", "postfix-out/smtpd", "postfix-out", "4jWKM80VHLz1cMh5",
		    INT64_C(1795186938), LOG_CLIENT },
		{ "Nov 20 15:02:18 mta postfix/submission/smtpd[9]: 809DCA881A0: client=a[192.0.2.1]",
		    "mta", "postfix/submission/smtpd", "postfix", "809DCA881A0",
		    INT64_C(1795186938), LOG_CLIENT },
		{ "Nov 20 15:02:18 mta sendmail[9]: 6AKFbc00023987: done; delay=00:00:01, ntries=1",
		    "mta", "sendmail", "sendmail", "6AKFbc00023987", INT64_C(1795186938),
		    LOG_REMOVED },
		{ "Nov 20 15:02:18 mta sm-mta[9]: 6AKFbc00023987: done; delay=00:00:01, ntries=1",
		    "mta", "sm-mta", "sendmail", "6AKFbc00023987", INT64_C(1795186938),
		    LOG_REMOVED },
		{ "Nov 20 15:02:18 sendmail[9]: 6AKFbc00023987: done; delay=00:00:01, ntries=1",
		    "", "sendmail", "sendmail", "6AKFbc00023987", INT64_C(1795186938),
		    LOG_REMOVED },
		/* others' */
		{ "Nov 20 15:02:18 mta dovecot: imap-login: Login: user=<a>", "mta", "dovecot", "", "",
		    INT64_C(1795186938), LOG_UNKNOWN },
		{ "Nov 20 15:02:18 mta kernel", "mta", "", "", "", INT64_C(1795186938), LOG_UNKNOWN },
		{ "Nov 20 15:02:18", "", "", "", "", 0, LOG_UNKNOWN },
		{ "Nov 20 15:02 mta " REST, "", "", "", "", 0, LOG_UNKNOWN },
		{ "Foo 20 15:02:18 mta " REST, "", "", "", "", 0, LOG_UNKNOWN },
		{ "2026-11-20T15:02:18 mta " REST, "", "", "", "", 0, LOG_UNKNOWN },
		{ "2026-13-20T15:02:18Z mta " REST, "", "", "", "", 0, LOG_UNKNOWN },
		{ "<22222>Nov 20 15:02:18 " REST, "", "", "", "", 0, LOG_UNKNOWN },
		{ "--- last message repeated 2 times ---", "", "", "", "", 0, LOG_UNKNOWN },
		{ "", "", "", "", "", 0, LOG_UNKNOWN },
	};
#undef REST

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logline line;
		struct str whole;

		parse("", str_of(cases[i].text), &line, &whole);
		check(line.time == cases[i].time, "%s: %lld", cases[i].text, (long long)line.time);
		check(is(line.host, cases[i].host), "%s", cases[i].text);
		check(is(line.program, cases[i].program), "%s", cases[i].text);
		check(is(line.instance, cases[i].instance), "%s", cases[i].text);
		check(is(line.queue_id, cases[i].id), "%s", cases[i].text);
		check(line.kind == cases[i].kind, "%s: %s", cases[i].text, kinds[line.kind]);
		drop(whole);
	}
}

/* A stamp without a year is of the past, or of a clock that is a little ahead.
   What is remembered of one minute is not taken for another one. */
static void
test_years(void **state)
{
	static const struct {
		const char *now, *stamp, *want;
	} cases[] = {
		{ "2026-11-25 00:00", "Nov 24 23:59:59", "2026-11-24 23:59:59" },
		{ "2026-11-25 00:00", "Nov 25 12:00:00", "2026-11-25 12:00:00" },
		{ "2026-11-25 00:00", "Nov 26 00:00:00", "2026-11-26 00:00:00" },
		{ "2026-11-25 00:00", "Nov 27 00:00:00", "2025-11-27 00:00:00" },
		{ "2026-01-01 00:00", "Dec 31 23:59:59", "2025-12-31 23:59:59" },
		{ "2026-01-01 00:00", "Jan  1 00:00:05", "2026-01-01 00:00:05" },
		{ "2026-06-01 00:00", "Dec 31 23:59:59", "2025-12-31 23:59:59" },
		{ "2024-03-01 00:00", "Feb 29 10:00:00", "2024-02-29 10:00:00" },
		/* Our clock is behind that of the log, over New Year. */
		{ "2025-12-31 23:59", "Jan  1 00:00:05", "2026-01-01 00:00:05" },
	};
	char got[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logline_reader fresh = { 0 };
		struct tm tm = { 0 };
		char text[64];
		int64_t stamp;
		time_t time;

		assert_non_null(strptime(cases[i].now, "%Y-%m-%d %H:%M", &tm));
		fresh.now = (int64_t)timegm(&tm);
		snprintf(text, sizeof(text), "%s mta x", cases[i].stamp);
		assert_int_equal(logline_stamp(str_of(text), &fresh, &stamp), 15);
		time = (time_t)stamp;
		gmtime_r(&time, &tm);
		strftime(got, sizeof(got), "%Y-%m-%d %H:%M:%S", &tm);
		check_text(got, cases[i].want, cases[i].stamp);
	}
}

static void
test_one_minute_after_another(void **state)
{
	static const char *const lines[] = {
		"Nov 20 15:02:18 mta a/b: x", "Nov 20 15:02:59 mta a/b: x", "Nov 20 15:03:00 mta a/b: x",
		"2026-11-20T15:03:00Z mta a/b: x", "2026-11-20T15:03:01+00:00 mta a/b: x",
		"2026-11-20T16:03:02+01:00 mta a/b: x", "2026-11-20T15:03:03Z mta a/b: x",
		"Nov 20 15:03:04 mta a/b: x",
	};
	static const int64_t want[] = { 18, 59, 60, 60, 61, 62, 63, 64 };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct logline line;
		struct str whole;

		parse("", str_of(lines[i]), &line, &whole);
		check(line.time == INT64_C(1795186920) + want[i], "%s", lines[i]);
		drop(whole);
	}
}

#define SMTP "to=<a@x.test>, relay=mx.x.test[192.0.2.9]:25, delay=0.9, delays=0/0/0/0.9, "
#define NONE "to=<a@x.test>, relay=none, delay=30, delays=0/0/30/0, "
#define READ "id[809DCA881A0] to[a@x.test] by[smtp] at[mx.x.test] address[192.0.2.9] port=25 delay=0 "
#define READ_NONE "id[809DCA881A0] to[a@x.test] by[smtp] delay=30 "

/* All forms of the words of smtp(8). */
static void
test_smtp(void **state)
{
	static const struct line_case cases[] = {
		{ SMTP "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)",
		    "delivery sent " READ "dsn[2.0.0] text[250 2.0.0 Ok: queued as X]" },
		{ SMTP "dsn=5.1.1, status=bounced (host mx.x.test[192.0.2.9] said: 550 5.1.1 no "
		    "(in reply to RCPT TO command))", "delivery bounced " READ "dsn[5.1.1] "
		    "text[host mx.x.test[192.0.2.9] said: 550 5.1.1 no (in reply to RCPT TO command)]" },
		{ SMTP "dsn=4.2.1, status=deferred (host mx.x.test[192.0.2.9] said: 450 4.2.1 busy "
		    "(in reply to RCPT TO command))", "delivery deferred " READ "dsn[4.2.1] "
		    "text[host mx.x.test[192.0.2.9] said: 450 4.2.1 busy (in reply to RCPT TO command)]" },
		{ SMTP "dsn=4.7.1, status=deferred (host mx.x.test[192.0.2.9] refused to talk to me: "
		    "554 5.7.1 no)", "delivery deferred " READ "dsn[4.7.1] "
		    "text[host mx.x.test[192.0.2.9] refused to talk to me: 554 5.7.1 no]" },
		{ SMTP "dsn=5.0.0, status=bounced (host mx.x.test[192.0.2.9] refused to talk to me: "
		    "550 no)", "delivery bounced " READ "dsn[5.0.0] "
		    "text[host mx.x.test[192.0.2.9] refused to talk to me: 550 no]" },
		{ SMTP "dsn=4.4.2, status=deferred (lost connection with mx.x.test[192.0.2.9] while "
		    "sending end of data -- message may be sent more than once)", "delivery deferred "
		    READ "dsn[4.4.2] text[lost connection with mx.x.test[192.0.2.9] while sending end "
		    "of data -- message may be sent more than once]" },
		{ SMTP "dsn=4.4.2, status=deferred (conversation with mx.x.test[192.0.2.9] timed out "
		    "while receiving the initial server greeting)", "delivery deferred " READ
		    "dsn[4.4.2] text[conversation with mx.x.test[192.0.2.9] timed out while receiving "
		    "the initial server greeting]" },
		{ SMTP "dsn=4.7.5, status=deferred (Cannot start TLS: handshake failure)",
		    "delivery deferred " READ "dsn[4.7.5] text[Cannot start TLS: handshake failure]" },
		{ SMTP "dsn=4.7.0, status=deferred (TLS is required, but host mx.x.test[192.0.2.9] "
		    "refused to start TLS: 454 4.7.0 later)", "delivery deferred " READ "dsn[4.7.0] "
		    "text[TLS is required, but host mx.x.test[192.0.2.9] refused to start TLS: 454 "
		    "4.7.0 later]" },
		{ NONE "dsn=4.4.1, status=deferred (connect to mx.x.test[192.0.2.9]:25: Connection "
		    "timed out)", "delivery deferred " READ_NONE "dsn[4.4.1] "
		    "text[connect to mx.x.test[192.0.2.9]:25: Connection timed out]" },
		{ NONE "dsn=5.4.4, status=bounced (Host or domain name not found. Name service error "
		    "for name=x.test type=A: Host not found)", "delivery bounced " READ_NONE "dsn[5.4.4] "
		    "text[Host or domain name not found. Name service error for name=x.test type=A: "
		    "Host not found]" },
		{ NONE "dsn=4.4.3, status=deferred (Host or domain name not found. Name service error "
		    "for name=x.test type=MX: Host not found, try again)", "delivery deferred "
		    READ_NONE "dsn[4.4.3] text[Host or domain name not found. Name service error for "
		    "name=x.test type=MX: Host not found, try again]" },
		{ NONE "dsn=5.1.0, status=bounced (Domain x.test does not accept mail (nullMX))",
		    "delivery bounced " READ_NONE "dsn[5.1.0] "
		    "text[Domain x.test does not accept mail (nullMX)]" },
		{ NONE "dsn=5.4.6, status=bounced (mail for x.test loops back to myself)",
		    "delivery bounced " READ_NONE "dsn[5.4.6] text[mail for x.test loops back to "
		    "myself]" },
		/* soft_bounce; probes of address verification */
		{ SMTP "dsn=4.1.1, status=SOFTBOUNCE (host mx.x.test[192.0.2.9] said: 550 5.1.1 no)",
		    "delivery deferred " READ "dsn[4.1.1] "
		    "text[host mx.x.test[192.0.2.9] said: 550 5.1.1 no]" },
		{ SMTP "dsn=5.1.1, status=undeliverable (550 no)",
		    "delivery probe " READ "dsn[5.1.1] text[550 no]" },
		{ SMTP "dsn=2.1.5, status=deliverable (250 2.1.5 Ok)",
		    "delivery probe " READ "dsn[2.1.5] text[250 2.1.5 Ok]" },
		/* fields that came later, and that nobody knows yet */
		{ "to=<a@x.test>, relay=mx.x.test[192.0.2.9]:25, conn_use=2, delay=0.9, "
		    "delays=0/0/0/0.9, tls=may:none, new=thing, dsn=2.0.0, status=sent (ok)",
		    "delivery sent " READ "dsn[2.0.0] text[ok]" },
		{ "to=<a@x.test>, orig_to=<alias@own.test>, relay=mx.x.test[2001:db8::9]:25, delay=1, "
		    "dsn=2.0.0, status=sent (ok)", "delivery sent id[809DCA881A0] to[a@x.test] "
		    "orig[alias@own.test] by[smtp] at[mx.x.test] address[2001:db8::9] port=25 delay=1 "
		    "dsn[2.0.0] text[ok]" },
		/* An alias of one word; an address that Postfix could not read. */
		{ "to=<postmaster@own.test>, orig_to=<postmaster>, relay=none, delay=0, dsn=2.0.0, "
		    "status=sent (ok)", "delivery sent id[809DCA881A0] to[postmaster@own.test] "
		    "orig[postmaster] by[smtp] delay=0 dsn[2.0.0] text[ok]" },
		{ "to=<a@x.test}>, orig_to=<list@own.test>, relay=none, delay=0, dsn=5.1.3, "
		    "status=bounced (bad address syntax)", "delivery bounced id[809DCA881A0] "
		    "to[a@x.test}] orig[list@own.test] by[smtp] delay=0 dsn[5.1.3] "
		    "text[bad address syntax]" },
		/* What is not whole, or no delivery. */
		{ SMTP "dsn=5.1.1, status=bounced (host mx.x.test[192.0.2.9] said: 550 5.1.1 very lo",
		    "delivery bounced " READ "dsn[5.1.1] text[host mx.x.test[192.0.2.9] said: 550 5.1.1 "
		    "very lo] cut" },
		{ SMTP "dsn=5.1.1, status=bounced (", "delivery bounced " READ "dsn[5.1.1] cut" },
		{ SMTP "dsn=5.1.1, status=bounced ()", "delivery bounced " READ "dsn[5.1.1]" },
		{ SMTP "dsn=5.1.1, status=bounced", "unknown " READ "dsn[5.1.1]" },
		{ SMTP "dsn=5.1.1, status=strange (ok)", "unknown " READ "dsn[5.1.1]" },
		{ SMTP "dsn=5.1.1", "unknown " READ },
		{ "to=<a@x.test>, relay=mx.x.te", "unknown id[809DCA881A0] to[a@x.test] by[smtp]" },
		{ "to=<a@x.test>", "unknown id[809DCA881A0]" },
		{ "to=<a@x.te", "unknown id[809DCA881A0]" },
		{ "to=<", "unknown id[809DCA881A0]" },
		{ "to=a@x.test, relay=none, delay=0, dsn=2.0.0, status=sent (ok)",
		    "unknown id[809DCA881A0]" },
		{ "host mx.x.test[192.0.2.9] said: 450 4.2.1 to=<b@x.test>, status=bounced (no)",
		    "nothing id[809DCA881A0]" },
		{ "enabling PIX workarounds: disable_esmtp for mx.x.test[192.0.2.9]:25",
		    "nothing id[809DCA881A0]" },
	};
	/* The port and the words of a line that breaks off stand as they are. */
	struct line_case trimmed[COUNT(cases)];

	(void)state;
	memcpy(trimmed, cases, sizeof(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *copy = strdup(cases[i].want);
		size_t len = strlen(copy);

		if (copy[len - 1] == ' ')
			copy[len - 1] = '\0';
		trimmed[i].want = copy;
	}
	run("Nov 20 15:02:18 mta postfix/smtp[1]: 809DCA881A0: ", trimmed, COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++)
		free((char *)trimmed[i].want);
}

/* The other delivery agents. */
static void
test_agents(void **state)
{
	static const struct line_case cases[] = {
		{ "lmtp[1]: 809DCA881A0: to=<a@x.test>, relay=mta.x.test[private/dovecot-lmtp], delay=0.1, "
		    "dsn=2.0.0, status=sent (250 2.0.0 <a@x.test> Saved)", "delivery sent "
		    "id[809DCA881A0] to[a@x.test] by[lmtp] at[mta.x.test] address[private/dovecot-lmtp] "
		    "delay=0 dsn[2.0.0] text[250 2.0.0 <a@x.test> Saved]" },
		{ "local[1]: 809DCA881A0: to=<no@x.test>, relay=local, delay=0.1, dsn=5.1.1, "
		    "status=bounced (unknown user: \"no\")", "delivery bounced id[809DCA881A0] "
		    "to[no@x.test] by[local] delay=0 dsn[5.1.1] text[unknown user: \"no\"]" },
		{ "virtual[1]: 809DCA881A0: to=<no@x.test>, relay=virtual, delay=0.1, dsn=5.2.2, "
		    "status=bounced (maildir delivery failed: error writing message: Disk quota exceeded)",
		    "delivery bounced id[809DCA881A0] to[no@x.test] by[virtual] delay=0 dsn[5.2.2] "
		    "text[maildir delivery failed: error writing message: Disk quota exceeded]" },
		{ "pipe[1]: 809DCA881A0: to=<a@x.test>, relay=filter, delay=0.1, dsn=2.0.0, "
		    "status=sent (delivered via filter service)", "delivery sent id[809DCA881A0] "
		    "to[a@x.test] by[pipe] delay=0 dsn[2.0.0] text[delivered via filter service]" },
		{ "error[1]: 809DCA881A0: to=<a@x.test>, relay=none, delay=99, dsn=5.1.1, "
		    "status=bounced (suppressed by bouncemilter (user-unknown))", "delivery bounced "
		    "id[809DCA881A0] to[a@x.test] by[error] delay=99 dsn[5.1.1] "
		    "text[suppressed by bouncemilter (user-unknown)]" },
		{ "error[1]: 809DCA881A0: to=<a@x.test>, relay=none, delay=99, dsn=4.4.1, "
		    "status=deferred (delivery temporarily suspended: connect to mx[192.0.2.9]:25: "
		    "Connection refused)", "delivery suspended id[809DCA881A0] to[a@x.test] by[error] "
		    "delay=99 dsn[4.4.1] text[delivery temporarily suspended: connect to "
		    "mx[192.0.2.9]:25: Connection refused]" },
		{ "discard[1]: 809DCA881A0: to=<a@x.test>, relay=none, delay=0.1, dsn=2.0.0, "
		    "status=sent (a.test)", "delivery sent id[809DCA881A0] to[a@x.test] by[discard] "
		    "delay=0 dsn[2.0.0] text[a.test]" },
		{ "relay/smtp[1]: 809DCA881A0: to=<a@x.test>, relay=hub[192.0.2.1]:25, delay=0.1, "
		    "dsn=2.0.0, status=sent (ok)", "delivery sent id[809DCA881A0] to[a@x.test] "
		    "by[smtp] at[hub] address[192.0.2.1] port=25 delay=0 dsn[2.0.0] text[ok]" },
		{ "smtpd[1]: connect from unknown[192.0.2.1]", "nothing" },
		{ "smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <a@x.test>: x; "
		    "from=<b@x.test> to=<a@x.test> proto=ESMTP helo=<c>", "nothing" },
		{ "smtp[1]: connect to 192.0.2.1[192.0.2.1]:25: Connection refused", "nothing" },
		{ "smtp[1]: warning: to=<a@x.test>, relay=none, delay=0, dsn=5.0.0, status=bounced (x)",
		    "nothing" },
		{ "postsuper[1]: fatal: usage: postsuper", "nothing" },
		{ "newdaemon[1]: 809DCA881A0: to=<a@x.test>, relay=none, delay=0, dsn=5.0.0, "
		    "status=bounced (x)", "unknown id[809DCA881A0]" },
	};

	(void)state;
	run("Nov 20 15:02:18 mta postfix/", cases, COUNT(cases));
}

/* What is known of a message besides its deliveries. */
static void
test_messages(void **state)
{
	static const struct line_case cases[] = {
		{ "smtpd[1]: 5F36FA881B8: client=mail.x.test[192.0.2.7]",
		    "client id[5F36FA881B8] client[192.0.2.7]" },
		{ "smtpd[1]: 5F36FA881B8: client=unknown[2001:db8::1], sasl_method=PLAIN, "
		    "sasl_username=jo@x.test", "client id[5F36FA881B8] client[2001:db8::1] "
		    "login[jo@x.test]" },
		{ "smtpd[1]: 5F36FA881B8: client=a[192.0.2.7], sasl_method=LOGIN, sasl_username=jo, "
		    "sasl_sender=x@x.test, orig_queue_id=1234567, orig_client=b[192.0.2.8]",
		    "client id[5F36FA881B8] client[192.0.2.7] login[jo]" },
		{ "smtpd[1]: 5F36FA881B8: client=a[192.0.2.7], sasl_username=client=[192.0.2.9], "
		    "sasl_username=boss", "client id[5F36FA881B8] client[192.0.2.7] "
		    "login[client=[192.0.2.9]]" },
		{ "pickup[1]: 7B373A881DA: uid=0 from=<app@x.test>", "client id[7B373A881DA]" },
		{ "cleanup[1]: 7B373A881DA: message-id=<1@x.test>",
		    "message-id id[7B373A881DA] mid[<1@x.test>]" },
		{ "cleanup[1]: 7B373A881DA: message-id=<x>, to=<v@x.test>, status=bounced (no)>",
		    "message-id id[7B373A881DA] mid[<x>, to=<v@x.test>, status=bounced (no)>]" },
		{ "cleanup[1]: 7B373A881DA: message-id=", "message-id id[7B373A881DA]" },
		{ "cleanup[1]: 7B373A881DA: warning: header Subject: message-id=<2@x.test> from a",
		    "nothing id[7B373A881DA]" },
		{ "qmgr[1]: 7B373A881DA: from=<a@x.test>, size=360, nrcpt=4 (queue active)",
		    "sender id[7B373A881DA] from[a@x.test] n=4" },
		{ "qmgr[1]: 7B373A881DA: from=<>, size=360, nrcpt=1 (queue active)",
		    "sender id[7B373A881DA] n=1" },
		{ "qmgr[1]: 7B373A881DA: from=<\"x>, size=1, nrcpt=9 (\"@x.test>, size=360, nrcpt=1 "
		    "(queue active)", "sender id[7B373A881DA] from[\"x>, size=1, nrcpt=9 (\"@x.test] "
		    "n=1" },
		{ "qmgr[1]: 7B373A881DA: from=<\"x>, status=expired, returned to sender\"@x.test>, "
		    "size=360, nrcpt=1 (queue active)", "sender id[7B373A881DA] "
		    "from[\"x>, status=expired, returned to sender\"@x.test] n=1" },
		{ "qmgr[1]: 7B373A881DA: from=<a@x.test>, status=expired, returned to sender",
		    "expired id[7B373A881DA] from[a@x.test]" },
		{ "qmgr[1]: 7B373A881DA: removed", "removed id[7B373A881DA]" },
		{ "qmgr[1]: 7B373A881DA: removed (canceled)", "nothing id[7B373A881DA]" },
		{ "qmgr[1]: 7B373A881DA: status=deferred (bounce failed)", "nothing id[7B373A881DA]" },
		{ "qmgr[1]: 7B373A881DA: skipped, still being delivered", "nothing id[7B373A881DA]" },
		{ "bounce[1]: 7B373A881DA: sender non-delivery notification: 86F95A881EE",
		    "nothing id[7B373A881DA]" },
	};

	(void)state;
	run("Nov 20 15:02:18 mta postfix/", cases, COUNT(cases));
}

/* What a stranger wrote is where he wrote it, and nothing else. */
static void
test_hostile(void **state)
{
	static const struct line_case cases[] = {
		/* a server's reply */
		{ SMTP "dsn=4.0.0, status=deferred (host mx.x.test[192.0.2.9] said: 450 x), "
		    "to=<victim@example.com>, relay=none, dsn=5.1.1, status=bounced (550 5.1.1 no)",
		    "delivery deferred " READ "dsn[4.0.0] text[host mx.x.test[192.0.2.9] said: 450 x), "
		    "to=<victim@example.com>, relay=none, dsn=5.1.1, status=bounced (550 5.1.1 no]" },
		{ SMTP "dsn=5.1.1, status=bounced (host mx.x.test[192.0.2.9] said: 550 5.1.1 x), "
		    "to=<victim@example.com>, relay=none, dsn=2.0.0, status=sent (ok)",
		    "delivery bounced " READ "dsn[5.1.1] text[host mx.x.test[192.0.2.9] said: 550 5.1.1 "
		    "x), to=<victim@example.com>, relay=none, dsn=2.0.0, status=sent (ok]" },
		/* local parts in quotes */
		{ "to=<\"we>ird, status=sent\"@remote.test>, relay=none, delay=1, dsn=5.1.1, "
		    "status=bounced (no)", "delivery bounced id[809DCA881A0] "
		    "to[\"we>ird, status=sent\"@remote.test] by[smtp] delay=1 dsn[5.1.1] text[no]" },
		{ "to=<\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net>, relay=none, delay=1, "
		    "dsn=5.1.1, status=bounced (no)", "delivery bounced id[809DCA881A0] "
		    "to[\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net] by[smtp] delay=1 "
		    "dsn[5.1.1] text[no]" },
		{ "to=<\"x\\\">, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net>, relay=none, "
		    "delay=1, dsn=5.1.1, status=bounced (no)", "delivery bounced id[809DCA881A0] "
		    "to[\"x\\\">, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net] by[smtp] "
		    "delay=1 dsn[5.1.1] text[no]" },
		{ "to=<\"x>, orig_to=<victim\"@example.net>, relay=none, delay=1, dsn=5.1.1, "
		    "status=bounced (no)", "delivery bounced id[809DCA881A0] "
		    "to[\"x>, orig_to=<victim\"@example.net] by[smtp] delay=1 dsn[5.1.1] text[no]" },
		{ "to=<a@x.test>, orig_to=<\"b>, relay=evil[192.0.2.66]:25, dsn=2.0.0, status=sent (ok)"
		    "\"@own.test>, relay=none, delay=1, dsn=5.1.1, status=bounced (no)",
		    "delivery bounced id[809DCA881A0] to[a@x.test] orig[\"b>, relay=evil[192.0.2.66]:25, "
		    "dsn=2.0.0, status=sent (ok)\"@own.test] by[smtp] delay=1 dsn[5.1.1] text[no]" },
		/* Before 3.5 Postfix logs no quotes: "x>,<victim"@example.com. */
		{ "to=<x>,<victim@example.com>, relay=none, delay=1, dsn=5.1.1, status=bounced (no)",
		    "unknown id[809DCA881A0] to[x] to[victim@example.com]" },
		{ "to=<a\"b@x.test>, relay=none, delay=1, dsn=5.1.1, status=bounced (no)",
		    "delivery bounced id[809DCA881A0] to[a\"b@x.test] by[smtp] delay=1 dsn[5.1.1] "
		    "text[no]" },
		/* a queue id and a program in the reply */
		{ SMTP "dsn=5.1.1, status=bounced (550 no mta postfix/qmgr[1]: 809DCA881A0: removed)",
		    "delivery bounced " READ "dsn[5.1.1] "
		    "text[550 no mta postfix/qmgr[1]: 809DCA881A0: removed]" },
	};

	(void)state;
	run("Nov 20 15:02:18 mta postfix/smtp[1]: 809DCA881A0: ", cases, COUNT(cases));
}

#define SM "delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30095, "
#define SM_RELAY "relay=mx.x.test. [192.0.2.9], "
#define SM_READ "by[smtp] at[mx.x.test] address[192.0.2.9] delay=1 "

static void
test_sendmail(void **state)
{
	static const struct line_case cases[] = {
		{ "from=<a@x.test>, size=95, class=0, nrcpts=2, msgid=<1@x.test>, proto=ESMTP, daemon=MTA, "
		    "relay=client.test [192.0.2.7]", "message id[6AKFbc00023987] client[192.0.2.7] "
		    "mid[<1@x.test>] from[a@x.test] n=2" },
		{ "from=<>, size=95, class=0, nrcpts=1, msgid=<1@x.test>, relay=localhost",
		    "message id[6AKFbc00023987] mid[<1@x.test>] n=1" },
		{ "from=root, size=95, class=0, nrcpts=1, msgid=<1@x.test>, relay=root@localhost",
		    "message id[6AKFbc00023987] mid[<1@x.test>] from[root] n=1" },
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=2.0.0, stat=Sent (Ok: queued as X)",
		    "delivery sent id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[2.0.0] text[Sent (Ok: queued as X)]" },
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=5.1.1, reply=550 5.1.1 <b@x.test>: no such user, "
		    "stat=User unknown", "delivery bounced id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[5.1.1] reply[550 5.1.1 <b@x.test>: no such user]" },
		/* Of several lines of a reply, the first. */
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=5.1.1, reply=550-5.1.1 <b@x.test>: no such user, "
		    "stat=User unknown", "delivery bounced id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[5.1.1] reply[550-5.1.1 <b@x.test>: no such user]" },
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=4.2.1, reply=450 4.2.1 busy, stat=Deferred: "
		    "450 4.2.1 busy", "delivery deferred id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[4.2.1] reply[450 4.2.1 busy]" },
		{ "to=<b@x.test>, ctladdr=<a@x.test> (1000/1000), delay=2+03:04:05, xdelay=00:00:01, "
		    "mailer=esmtp, pri=30095, " SM_RELAY "dsn=4.0.0, stat=Deferred: Connection timed out "
		    "with mx.x.test.", "delivery deferred id[6AKFbc00023987] to[b@x.test] by[smtp] "
		    "at[mx.x.test] address[192.0.2.9] delay=183845 dsn[4.0.0] "
		    "text[Connection timed out with mx.x.test.]" },
		{ "to=b, delay=00:00:01, mailer=local, pri=1, dsn=5.1.1, stat=User unknown",
		    "delivery bounced id[6AKFbc00023987] to[b] by[local] delay=1 dsn[5.1.1] "
		    "text[User unknown]" },
		{ "to=<b@x.test>, delay=00:00:00, mailer=esmtp, pri=30095, stat=queued",
		    "nothing id[6AKFbc00023987] to[b@x.test] by[smtp] delay=0" },
		/* lists; one too long for a line goes on in the next */
		{ "to=<b@x.test>,<c@x.test>, " SM SM_RELAY "dsn=2.0.0, stat=Sent (ok)",
		    "delivery sent id[6AKFbc00023987] to[b@x.test] to[c@x.test] " SM_READ
		    "dsn[2.0.0] text[Sent (ok)]" },
		{ "to=b@x.test,c@x.test, " SM SM_RELAY "dsn=2.0.0, stat=Sent (ok)",
		    "delivery sent id[6AKFbc00023987] to[b@x.test] to[c@x.test] " SM_READ
		    "dsn[2.0.0] text[Sent (ok)]" },
		{ "to=<b@x.test>,<c@x.test> [more], " SM SM_RELAY "dsn=2.0.0, stat=Sent (ok)",
		    "delivery sent id[6AKFbc00023987] to[b@x.test] to[c@x.test] " SM_READ
		    "dsn[2.0.0] text[Sent (ok)]" },
		{ "to=b@x.test,c@x.test [more], " SM SM_RELAY "dsn=2.0.0, stat=Sent (ok)",
		    "delivery sent id[6AKFbc00023987] to[b@x.test] to[c@x.test] " SM_READ
		    "dsn[2.0.0] text[Sent (ok)]" },
		/* quotes, in brackets and bare, at the front and not */
		{ "to=<\"x>,<v@example.com>, dsn=5.1.1, stat=Sent (ok)\"@x.test>,<c@x.test>, " SM
		    SM_RELAY "dsn=2.0.0, stat=Sent (ok)", "delivery sent id[6AKFbc00023987] "
		    "to[\"x>,<v@example.com>, dsn=5.1.1, stat=Sent (ok)\"@x.test] to[c@x.test] "
		    SM_READ "dsn[2.0.0] text[Sent (ok)]" },
		{ "to=<a.\"x>,<v@example.com>, dsn=5.1.1, stat=Sent (ok)\"@x.test>, " SM
		    SM_RELAY "dsn=2.0.0, stat=Sent (ok)", "delivery sent id[6AKFbc00023987] "
		    "to[a.\"x>,<v@example.com>, dsn=5.1.1, stat=Sent (ok)\"@x.test] "
		    SM_READ "dsn[2.0.0] text[Sent (ok)]" },
		{ "to=\"x,v@example.com, dsn=5.1.1, stat=User unknown\"@x.test, " SM
		    SM_RELAY "dsn=2.0.0, stat=Sent (ok)", "delivery sent id[6AKFbc00023987] "
		    "to[\"x,v@example.com, dsn=5.1.1, stat=User unknown\"@x.test] "
		    SM_READ "dsn[2.0.0] text[Sent (ok)]" },
		/* what imitates the end of the line */
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=5.1.1, reply=550 5.1.1 no, stat=Sent (ok), stat="
		    "User unknown", "delivery bounced id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[5.1.1] reply[550 5.1.1 no]" },
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=4.1.1, reply=450 no, dsn=5.1.1, to=<v@example.com>, "
		    "stat=Deferred: 450 no", "delivery deferred id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[4.1.1] reply[450 no, dsn=5.1.1, to=<v@example.com>]" },
		{ "to=<b@x.test>, " SM SM_RELAY "dsn=5.1.1, reply=550 5.1.1 very lon",
		    "delivery bounced id[6AKFbc00023987] to[b@x.test] " SM_READ
		    "dsn[5.1.1] reply[550 5.1.1 very lon] cut" },
		/* A login is not told here: what looks like one is the client's. */
		{ "from=<a@x.test>, size=95, class=0, nrcpts=2, msgid=<1, authid=boss, relay=y [192.0.2.1], "
		    "x@x.test>, proto=ESMTP, daemon=MTA, relay=client.test [192.0.2.7]",
		    "message id[6AKFbc00023987] client[192.0.2.7] mid[<1] from[a@x.test] n=2" },
		/* A sender is cut at 200 bytes, also in the middle of its quotes. */
		{ "from=<\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaa, size=95, class=0, nrcpts=2, msgid=<1@x.test>, relay=c "
		    "[192.0.2.7]", "message id[6AKFbc00023987] client[192.0.2.7] mid[<1@x.test>] "
		    "from[<\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaa] n=2" },
		/* the rest */
		{ "6AKFbc00024023: DSN: User unknown", "nothing id[6AKFbc00023987]" },
		{ "6AKFbc00024023: return to sender: Cannot send message for 5 days",
		    "expired id[6AKFbc00023987]" },
		{ "6AKFbc00024023: sender notify: Cannot send message for 5 days",
		    "expired id[6AKFbc00023987]" },
		{ "6AKFbc00024023: sender notify: Warning: could not send message for past 4 hours",
		    "nothing id[6AKFbc00023987]" },
		{ "done; delay=00:00:01, ntries=1", "removed id[6AKFbc00023987]" },
		{ "Milter: to=<b@x.test>, reject=550 5.1.1 no", "nothing id[6AKFbc00023987]" },
		{ "ruleset=check_rcpt, arg1=<b@x.test>, relay=c [192.0.2.1], reject=550 5.1.1 no",
		    "nothing id[6AKFbc00023987]" },
		{ "to=<b@x.test", "unknown id[6AKFbc00023987] to[<b@x.test] by[smtp]" },
		{ "to=", "unknown id[6AKFbc00023987] by[smtp]" },
		{ "from=", "message id[6AKFbc00023987]" },
		/* \ooo is a byte that is not ASCII, \\ a backslash */
		{ "to=<j\\303\\266@x.test>, " SM SM_RELAY "dsn=5.1.1, reply=550 5.1.1 a\\\\b, stat=x",
		    "delivery bounced id[6AKFbc00023987] to[j\xc3\xb6@x.test] " SM_READ
		    "dsn[5.1.1] reply[550 5.1.1 a\\b]" },
	};

	(void)state;
	run("Nov 20 15:02:18 mta sm-mta[1]: 6AKFbc00023987: ", cases, COUNT(cases));
}

/* What syslog cut may end in the middle of a character; and a line that nobody
   would write is read as far as one could be. */
static void
test_cut_lines(void **state)
{
	static const char front[] = "Nov 20 15:02:18 mta postfix/smtp[1]: 809DCA881A0: " SMTP
	    "dsn=5.2.2, status=bounced (host mx.x.test[192.0.2.9] said: 550 5.2.2 Postfach voll \xc3";
	struct str whole = exact_bytes(front, sizeof(front) - 1);
	char *big = malloc(1024 * 1024);
	struct logline line;

	(void)state;
	logline_parse(whole, &reader, &line);
	assert_int_equal(line.kind, LOG_DELIVERY);
	assert_true(line.cut);
	assert_int_equal((unsigned char)line.text.data[line.text.len - 1], 0xc3);
	drop(whole);
	memset(big, 'x', 1024 * 1024);
	memcpy(big, front, sizeof(front) - 1);
	whole = (struct str){ big, 1024 * 1024 };
	logline_parse(whole, &reader, &line);
	assert_int_equal(line.kind, LOG_DELIVERY);
	assert_true(line.cut);
	assert_true(line.text.data + line.text.len <= big + LOGLINE_MOST);
	free(big);
}

/* Every beginning of a line is read without a look behind its end. */
static void
test_every_beginning(void **state)
{
	static const char *const lines[] = {
		"<22>2026-11-20T15:02:18.3+01:00 mta postfix/x/smtp[1]: 809DCA881A0: to=<\"a\\\"b\"@x.test>, "
		"orig_to=<\"c d\"@x.test>, relay=mx[192.0.2.9]:25, delay=1.5, dsn=5.1.1, status=bounced (x)",
		"Nov  2 15:02:18 sm-mta[1]: 6AKFbc00023987: to=<\"a\\\"b\"@x.test>,<c@x.test> [more], "
		"delay=1+00:00:01, mailer=esmtp, relay=mx. [192.0.2.9], dsn=5.1.1, reply=550\\011x, stat=y",
		"Nov 20 15:02:18 mta postfix/qmgr[1]: 809DCA881A0: from=<\"a>\"@x.test>, size=1, nrcpt=2 (q)",
		"Nov 20 15:02:18 mta postfix/smtpd[1]: 809DCA881A0: client=a[192.0.2.1], sasl_username=x, y",
		"Nov 20 15:02:18 sendmail[1]: 6AKFbc00023987: from=<\"a>\"@x.test>, nrcpts=1, msgid=<x>, "
		"relay=a [192.0.2.1]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		for (size_t len = 0; len <= strlen(lines[i]); len++) {
			struct str whole = exact_bytes(lines[i], len), rest, address;
			struct logline line;

			logline_parse(whole, &reader, &line);
			rest = line.recipients;
			while (logline_next_recipient(&rest, &address))
				;
			drop(whole);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fronts), cmocka_unit_test(test_years),
		cmocka_unit_test(test_one_minute_after_another), cmocka_unit_test(test_smtp),
		cmocka_unit_test(test_agents), cmocka_unit_test(test_messages),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_cut_lines), cmocka_unit_test(test_every_beginning),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("parse-logline", tests, NULL, NULL);
}
