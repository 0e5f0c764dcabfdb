#include "support.h"

#include "base/buf.h"
#include "parse/logjoin.h"

#define NOW INT64_C(1795564800) /* 2026-11-25T00:00:00Z */
#define P "Nov 24 15:02:18 mta postfix/"
#define S "Nov 24 15:02:18 mta sm-mta[1]: 6AKFbc00023987: "
#define SMTP P "smtp[1]: "
#define RELAY "relay=mx.x.test[192.0.2.9]:25, delay=60, "
#define SAID "(host mx.x.test[192.0.2.9] said: "
#define RCPT " (in reply to RCPT TO command))"
#define EOD " (in reply to end of DATA command))"

static void
add(struct buf *out, const char *name, const char *value)
{
	if (value[0] != '\0')
		buf_printf(out, " %s=%s", name, value);
}

/* One line for each event: what the rest of the program works with. */
static void
describe(const struct bounce *bounce, struct buf *out)
{
	buf_printf(out, "%s %s", words_name(&outcome_words, bounce->outcome), bounce->recipient);
	add(out, "status", bounce->status);
	add(out, "orig", bounce->original_recipient);
	add(out, "from", bounce->sender);
	add(out, "mid", bounce->message_id);
	add(out, "client", bounce->client);
	add(out, "login", bounce->login);
	add(out, "stage", bounce->stage == STAGE_UNKNOWN ? "" :
	    words_name(&stage_words, bounce->stage));
	if (bounce->together > 1)
		buf_printf(out, " together=%u", bounce->together);
	if (bounce->about == ABOUT_RECIPIENT)
		buf_printf(out, " named");
	buf_printf(out, "\n");
}

/* Feed lines; the events come out as text, the numbers in the result. */
static const char *
feed(struct logjoin *join, const char *lines, struct logjoin_result *result, struct buf *out)
{
	struct arena *arena = arena_new();
	struct str rest = str_of(lines), line;

	buf_clear(out);
	logjoin_begin(result);
	while (str_next_piece(&rest, '\n', &line)) {
		struct str exactly = exact_bytes(line.data, line.len);

		logjoin_line(join, exactly, NOW, arena, result);
		drop(exactly);
	}
	for (struct logjoin_event *event = result->first; event != NULL; event = event->next) {
		assert_int_equal(event->bounce.source, SOURCE_LOG);
		describe(&event->bounce, out);
	}
	arena_free(arena);
	return buf_cstr(out);
}

struct join_case {
	const char *name, *lines, *want;
};

static void
run(const struct join_case *cases, size_t count)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct logjoin *join = logjoin_new(LOGJOIN_BYTES);
		struct logjoin_result result;

		check_text(feed(join, cases[i].lines, &result, &out), cases[i].want, cases[i].name);
		logjoin_free(join);
	}
	buf_free(&out);
}

static void
test_join(void **state)
{
	static const struct join_case cases[] = {
		{ "all that is known of a message",
		    P "smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7], sasl_method=PLAIN, sasl_username=jo\n"
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "qmgr[1]: 5F36FA881B8: from=<list@own.test>, size=505, nrcpt=1 (queue active)\n"
		    SMTP "5F36FA881B8: to=<A@X.test>, orig_to=<all@own.test>, " RELAY "dsn=5.1.1, "
		    "status=bounced " SAID "550 5.1.1 <a@x.test>: no" RCPT "\n",
		    "failed a@x.test status=5.1.1 orig=all@own.test from=list@own.test mid=<1@own.test> "
		    "client=192.0.2.7 login=jo stage=rcpt named\n" },
		{ "nothing known",
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID
		    "550 5.1.1 no" RCPT "\n", "failed a@x.test status=5.1.1 stage=rcpt\n" },
		{ "of a delivery only who, which message and where",
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "qmgr[1]: 5F36FA881B8: from=<list@own.test>, size=505, nrcpt=1 (queue active)\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=2.0.0, status=sent (250 2.0.0 Ok)\n",
		    "delivered a@x.test from=list@own.test mid=<1@own.test>\n" },
		{ "two messages by turns",
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "cleanup[1]: 6F36FA881B8: message-id=<2@own.test>\n"
		    P "qmgr[1]: 6F36FA881B8: from=<b@own.test>, size=505, nrcpt=1 (queue active)\n"
		    P "qmgr[1]: 5F36FA881B8: from=<a@own.test>, size=505, nrcpt=1 (queue active)\n"
		    SMTP "6F36FA881B8: to=<a@x.test>, " RELAY "dsn=4.2.1, status=deferred " SAID "450 no" RCPT
		    "\n" SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=4.2.1, status=deferred " SAID
		    "450 no" RCPT "\n",
		    "deferred a@x.test status=4.2.1 from=b@own.test mid=<2@own.test> stage=rcpt\n"
		    "deferred a@x.test status=4.2.1 from=a@own.test mid=<1@own.test> stage=rcpt\n" },
		{ "the same queue id at two instances and two hosts",
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    "Nov 24 15:02:18 mta postfix-out/cleanup[1]: 5F36FA881B8: message-id=<2@own.test>\n"
		    "Nov 24 15:02:18 mtb postfix/cleanup[1]: 5F36FA881B8: message-id=<3@own.test>\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced (550 no)\n"
		    "Nov 24 15:02:18 mta postfix-out/smtp[1]: 5F36FA881B8: to=<a@x.test>, " RELAY
		    "dsn=5.1.1, status=bounced (550 no)\n"
		    "Nov 24 15:02:18 mtb postfix/smtp[1]: 5F36FA881B8: to=<a@x.test>, " RELAY
		    "dsn=5.1.1, status=bounced (550 no)\n",
		    "failed a@x.test status=5.1.1 mid=<1@own.test> together=2\n"
		    "failed a@x.test status=5.1.1 mid=<2@own.test> together=2\n"
		    "failed a@x.test status=5.1.1 mid=<3@own.test> together=2\n" },
		{ "a service with a name of its own is of the same instance",
		    P "submission/smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7]\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID "550 no" RCPT
		    "\n", "failed a@x.test status=5.1.1 client=192.0.2.7 stage=rcpt\n" },
		{ "a queue id is used again",
		    P "smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7]\n"
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "qmgr[1]: 5F36FA881B8: from=<a@own.test>, size=505, nrcpt=1 (queue active)\n"
		    P "qmgr[1]: 5F36FA881B8: removed\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID "550 no" RCPT
		    "\n", "failed a@x.test status=5.1.1 stage=rcpt\n" },
		{ "... and nobody saw that the first message left",
		    P "smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7], sasl_username=jo\n"
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "qmgr[1]: 5F36FA881B8: from=<a@own.test>, size=505, nrcpt=1 (queue active)\n"
		    SMTP "5F36FA881B8: to=<b@x.test>, " RELAY "dsn=4.2.1, status=deferred " SAID "450 no" RCPT
		    "\n" P "smtpd[1]: 5F36FA881B8: client=d.test[192.0.2.8]\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID "550 no" RCPT
		    "\n" P "qmgr[1]: 5F36FA881B8: from=<>, status=expired, returned to sender\n",
		    "deferred b@x.test status=4.2.1 from=a@own.test mid=<1@own.test> client=192.0.2.7 "
		    "login=jo stage=rcpt\n"
		    "failed a@x.test status=5.1.1 client=192.0.2.8 stage=rcpt\n" },
		{ "... by a report of our own, which has no client",
		    P "smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7]\n"
		    P "cleanup[1]: 5F36FA881B8: message-id=<1@own.test>\n"
		    P "cleanup[1]: 5F36FA881B8: message-id=<2@own.test>\n"
		    SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID "550 no" RCPT
		    "\n", "failed a@x.test status=5.1.1 mid=<2@own.test> stage=rcpt\n" },
		{ "Sendmail",
		    S "from=<a@own.test>, size=95, class=0, nrcpts=2, msgid=<1@own.test>, proto=ESMTP, "
		    "daemon=MTA, relay=c.test [192.0.2.7]\n"
		    S "to=<a@x.test>,<b@x.test>, delay=00:00:01, mailer=esmtp, relay=mx. [192.0.2.9], "
		    "dsn=5.1.1, reply=550 5.1.1 <a@x.test>: no, stat=User unknown\n",
		    "failed a@x.test status=5.1.1 from=a@own.test mid=<1@own.test> client=192.0.2.7 "
		    "together=2 named\n"
		    "failed b@x.test status=5.1.1 from=a@own.test mid=<1@own.test> client=192.0.2.7 "
		    "together=2\n" },
		{ "Sendmail's guess is no status",
		    S "to=<a@x.test>, delay=00:00:01, mailer=esmtp, relay=mx. [192.0.2.9], "
		    "dsn=5.1.1, reply=550 no, stat=User unknown\n",
		    "failed a@x.test status=5.0.0 together=2\n" },
	};

	(void)state;
	run(cases, COUNT(cases));
}

#define DEFER(id, to) SMTP id ": to=<" to "@x.test>, " RELAY "dsn=4.2.1, status=deferred " SAID \
	"450 4.2.1 <" to "@x.test>: busy" RCPT "\n"
#define SUSPEND(id, to) P "error[1]: " id ": to=<" to "@x.test>, relay=none, delay=60, dsn=4.4.1, " \
	"status=deferred (delivery temporarily suspended: connect to mx[192.0.2.9]:25: refused)\n"
#define ROUND(id) P "qmgr[1]: " id ": from=<a@own.test>, size=505, nrcpt=3 (queue active)\n"
#define EXPIRED(id) "Nov 24 18:00:00 mta postfix/qmgr[1]: " id ": from=<a@own.test>, status=expired, " \
	"returned to sender\n"
#define FROM " from=a@own.test"
#define S_TO(list, code) S "to=" list ", delay=1+00:00:01, mailer=esmtp, relay=mx. [192.0.2.9], dsn=" code \
	".2.1, reply=" code "50 " code ".2.1 x, stat=Deferred: x\n"
#define S_SENT(list) S "to=" list ", delay=1+00:00:01, mailer=esmtp, relay=mx. [192.0.2.9], dsn=2.0.0, " \
	"stat=Sent (ok)\n"
#define S_EXPIRED S "6AKFbc00024023: sender notify: Cannot send message for 5 days\n"

static void
test_expiry(void **state)
{
	static const struct join_case cases[] = {
		{ "several recipients, by attempt and without one",
		    ROUND("5F36FA881B8") DEFER("5F36FA881B8", "a") SUSPEND("5F36FA881B8", "b")
		    DEFER("5F36FA881B8", "c") EXPIRED("5F36FA881B8"),
		    "deferred a@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "deferred c@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "expired c@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "expired b@x.test status=4.4.1" FROM " together=3\n"
		    "expired a@x.test status=4.2.1" FROM " stage=rcpt named\n" },
		{ "who was delivered in an earlier round does not expire",
		    ROUND("5F36FA881B8") DEFER("5F36FA881B8", "a") DEFER("5F36FA881B8", "b")
		    ROUND("5F36FA881B8") SMTP "5F36FA881B8: to=<a@x.test>, " RELAY
		    "dsn=2.0.0, status=sent (ok)\n" DEFER("5F36FA881B8", "b")
		    ROUND("5F36FA881B8") DEFER("5F36FA881B8", "b") EXPIRED("5F36FA881B8"),
		    "deferred a@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "deferred b@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "delivered a@x.test" FROM " together=3\n"
		    "deferred b@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "deferred b@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "expired b@x.test status=4.2.1" FROM " stage=rcpt named\n" },
		{ "once", ROUND("5F36FA881B8") DEFER("5F36FA881B8", "a") EXPIRED("5F36FA881B8")
		    EXPIRED("5F36FA881B8"),
		    "deferred a@x.test status=4.2.1" FROM " stage=rcpt named\n"
		    "expired a@x.test status=4.2.1" FROM " stage=rcpt named\n" },
		{ "of another message", ROUND("5F36FA881B8") DEFER("5F36FA881B8", "a")
		    EXPIRED("6F36FA881B8"),
		    "deferred a@x.test status=4.2.1" FROM " stage=rcpt named\n" },
		{ "only suspended", ROUND("5F36FA881B8") SUSPEND("5F36FA881B8", "a")
		    EXPIRED("5F36FA881B8"), "expired a@x.test status=4.4.1" FROM " together=3\n" },
		/* Sendmail does not say when a round begins: who was named last counts. */
		{ "Sendmail, the same recipients again and again",
		    S_TO("<a@x.test>,<b@x.test>", "4") S_TO("<a@x.test>,<b@x.test>", "4") S_EXPIRED,
		    "deferred a@x.test status=4.2.1 together=2\ndeferred b@x.test status=4.2.1 together=2\n"
		    "deferred a@x.test status=4.2.1 together=2\ndeferred b@x.test status=4.2.1 together=2\n"
		    "expired a@x.test status=4.2.1 together=2\nexpired b@x.test status=4.2.1 together=2\n" },
		{ "Sendmail, in changing company",
		    S_TO("<a@x.test>,<b@x.test>,<c@x.test>", "4") S_SENT("<b@x.test>")
		    S_TO("<c@x.test>", "4") S_EXPIRED,
		    "deferred a@x.test status=4.2.1 together=3\ndeferred b@x.test status=4.2.1 together=3\n"
		    "deferred c@x.test status=4.2.1 together=3\ndelivered b@x.test\n"
		    "deferred c@x.test status=4.2.1 together=2\n"
		    "expired c@x.test status=4.2.1 together=2\n"
		    "expired a@x.test status=4.2.1 together=3\n" },
		{ "Sendmail, nobody waits any more", S_TO("<a@x.test>", "4") S_SENT("<a@x.test>") S_EXPIRED,
		    "deferred a@x.test status=4.2.1 together=2\ndelivered a@x.test\n" },
		{ "Sendmail, refused for good before", S_TO("<a@x.test>", "4") S_TO("<a@x.test>", "5") S_EXPIRED,
		    "deferred a@x.test status=4.2.1 together=2\nfailed a@x.test status=5.2.1 together=2\n" },
	};

	(void)state;
	run(cases, COUNT(cases));
}

/* It expired when the queue manager says so, not when it was tried last; it
   came when the delay began. */
static void
test_times(void **state)
{
	struct logjoin *join = logjoin_new(LOGJOIN_BYTES);
	struct arena *arena = arena_new();
	struct str rest = STR(DEFER("5F36FA881B8", "a") EXPIRED("5F36FA881B8")
	    "Nov 26 15:00:00 mta postfix/smtp[1]: 5F36FA881B8: to=<a@x.test>, relay=none, delay=5, "
	    "dsn=5.0.0, status=bounced (x)\n"), line;
	struct logjoin_result result;
	struct logjoin_event *event;

	(void)state;
	logjoin_begin(&result);
	while (str_next_piece(&rest, '\n', &line))
		logjoin_line(join, line, NOW, arena, &result);
	assert_int_equal(result.count, 3);
	event = result.first;
	assert_int_equal(event->bounce.time, INT64_C(1795532538)); /* 15:02:18 */
	assert_int_equal(event->bounce.arrival, event->bounce.time - 60);
	assert_int_equal(event->next->bounce.time, INT64_C(1795543200)); /* 18:00:00 */
	assert_int_equal(event->next->bounce.arrival, event->bounce.time - 60);
	/* A day and more ahead of us, that is of last year. */
	assert_true(event->next->next->bounce.time < NOW);
	arena_free(arena);
	logjoin_free(join);
}

/* Whom a reply may be about: RCPT TO is about one, the rest about everybody. */
static void
test_together(void **state)
{
#define ONE(command) P "qmgr[1]: 5F36FA881B8: from=<>, size=505, nrcpt=3 (queue active)\n" SMTP \
	"5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced "
	static const struct join_case cases[] = {
		{ "RCPT", ONE() SAID "550 5.1.1 no" RCPT "\n", "failed a@x.test status=5.1.1 stage=rcpt\n" },
		{ "end of data", ONE() SAID "550 5.1.1 no" EOD "\n",
		    "failed a@x.test status=5.1.1 stage=eod together=3\n" },
		{ "end of data, named", ONE() SAID "550 5.1.1 <A@x.test>: no" EOD "\n",
		    "failed a@x.test status=5.1.1 stage=eod together=3 named\n" },
		{ "end of data, another one named", ONE() SAID "550 5.1.1 <aa@x.test>: no" EOD "\n",
		    "failed a@x.test status=5.1.1 stage=eod together=3\n" },
		{ "MAIL FROM", ONE() SAID "550 5.1.1 no (in reply to MAIL FROM command))\n",
		    "failed a@x.test status=5.1.1 stage=mail together=3\n" },
		{ "no command", ONE() "(host mx.x.test[192.0.2.9] refused to talk to me: 554 no)\n",
		    "failed a@x.test status=5.1.1 stage=connect together=3\n" },
		{ "cut before the command", ONE() SAID "550 5.1.1 no (in reply to RC\n",
		    "failed a@x.test status=5.1.1 together=3\n" },
		{ "nobody knows how many", SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, "
		    "status=bounced " SAID "550 5.1.1 no" EOD "\n",
		    "failed a@x.test status=5.1.1 stage=eod together=2\n" },
		{ "alone", P "qmgr[1]: 5F36FA881B8: from=<>, size=505, nrcpt=1 (queue active)\n" SMTP
		    "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=5.1.1, status=bounced " SAID "550 5.1.1 no" EOD
		    "\n", "failed a@x.test status=5.1.1 stage=eod\n" },
		{ "connection lost", SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=4.4.2, "
		    "status=deferred (lost connection with mx.x.test[192.0.2.9] while sending RCPT TO)\n",
		    "deferred a@x.test status=4.4.2 stage=rcpt\n" },
		{ "server's own status, not the summary", SMTP "5F36FA881B8: to=<a@x.test>, " RELAY
		    "dsn=4.7.1, status=deferred (host mx.x.test[192.0.2.9] refused to talk to me: 554 5.7.1 no)\n",
		    "deferred a@x.test status=5.7.1 stage=connect together=2\n" },
	};
#undef ONE

	(void)state;
	run(cases, COUNT(cases));
}

/* What a stranger wrote stays one clean line, of limited length. */
static void
test_hostile(void **state)
{
	struct logjoin *join = logjoin_new(LOGJOIN_BYTES);
	struct arena *arena = arena_new();
	struct logjoin_result result;
	struct buf text = { 0 };
	const struct bounce *bounce;

	(void)state;
	buf_printf(&text, P "cleanup[1]: 5F36FA881B8: message-id=<a\tb\x01" "c\xff%05000d>", 0);
	logjoin_begin(&result);
	logjoin_line(join, buf_str(&text), NOW, arena, &result);
	buf_clear(&text);
	buf_printf(&text, SMTP "5F36FA881B8: to=<\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@Example.NET>, "
	    RELAY "dsn=5.1.1, status=bounced " SAID "550 5.1.1 a\x1b[31mb\xc3" RCPT);
	logjoin_line(join, buf_str(&text), NOW, arena, &result);
	assert_int_equal(result.count, 1);
	bounce = &result.first->bounce;
	assert_string_equal(bounce->recipient,
	    "\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net");
	assert_int_equal(bounce->outcome, OUTCOME_FAILED);
	for (const char *p = bounce->message_id; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ');
	assert_in_range(strlen(bounce->message_id), 10, 600);
	for (const char *p = bounce->text; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ');
	/* An address that nobody could have is none, and the outcome is counted. */
	logjoin_begin(&result);
	logjoin_line(join, STR(SMTP "5F36FA881B8: to=<no address>, relay=none, delay=1, dsn=5.1.3, "
	    "status=bounced (bad address syntax)"), NOW, arena, &result);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.first->bounce.recipient, "");
	buf_free(&text);
	arena_free(arena);
	logjoin_free(join);
}

static void
test_notices(void **state)
{
	struct logjoin *join = logjoin_new(LOGJOIN_BYTES);
	struct logjoin_result result;
	struct buf out = { 0 };

	(void)state;
	feed(join, SUSPEND("5F36FA881B8", "a") SUSPEND("5F36FA881B8", "b")
	    EXPIRED("7F36FA881B8")
	    SMTP "5F36FA881B8: to=<p@x.test>, " RELAY "dsn=2.1.5, status=deliverable (250 2.1.5 Ok)\n"
	    P "qmgr[1]: 5F36FA881B8: removed\n"
	    "Nov 24 15:02:18 mta dovecot: imap: x\n" "Nov 24 15:02:18 mta dovecot: imap: y\n"
	    "Nov 24 15:02:18 mta kernel: x\n" P "newthing[1]: x\n" "\n" "no log at all\n"
	    "\xff\xfe\n", &result, &out);
	assert_string_equal(buf_cstr(&out), "");
	assert_int_equal(result.notices[LOGJOIN_LINES], 12);
	assert_int_equal(result.notices[LOGJOIN_SUSPENDED], 2);
	assert_int_equal(result.notices[LOGJOIN_PROBES], 1);
	assert_int_equal(result.notices[LOGJOIN_FORGOTTEN], 1);
	assert_string_equal(logjoin_program(join, 0), "dovecot");
	assert_int_equal(result.unknown[0], 2);
	assert_string_equal(logjoin_program(join, 2), "postfix/newthing");
	assert_string_equal(logjoin_program(join, 3), "(none)");
	assert_int_equal(result.unknown[3], 3);
	assert_string_equal(logjoin_program(join, 4), "");
	buf_free(&out);
	logjoin_free(join);
}

/* More programs than there is room for are counted together. */
static void
test_many_unknown_programs(void **state)
{
	struct logjoin *join = logjoin_new(LOGJOIN_BYTES);
	struct logjoin_result result;
	struct buf lines = { 0 }, out = { 0 };
	uint64_t count = 0;

	(void)state;
	buf_printf(&lines, "Nov 24 15:02:18 mta x\"},y{z=\"\\: x\n");
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&lines, "Nov 24 15:02:18 mta %u-program-with-quite-a-long-name: x\n", i);
	feed(join, buf_cstr(&lines), &result, &out);
	assert_string_equal(logjoin_program(join, 0), "x???y?z???");
	assert_string_equal(logjoin_program(join, LOGJOIN_PROGRAMS - 1), "(others)");
	for (unsigned i = 0; i < LOGJOIN_PROGRAMS; i++)
		count += result.unknown[i];
	assert_int_equal(count, 101);
	/* Also when more come later. */
	feed(join, "Nov 24 15:02:18 mta later: x\n", &result, &out);
	assert_int_equal(result.unknown[LOGJOIN_PROGRAMS - 1], 1);
	buf_free(&lines);
	buf_free(&out);
	logjoin_free(join);
}

/* A queue that is larger than the memory for it: of old messages the details
   are forgotten, but no outcome is. */
static void
test_room(void **state)
{
	struct logjoin *join = logjoin_new((size_t)64 * 1024);
	struct arena *arena = arena_new();
	struct logjoin_result result;
	unsigned named = 0;
	char text[512];

	(void)state;
	logjoin_begin(&result);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), P "qmgr[1]: %010X: from=<s%u@own.test>, size=1, nrcpt=1 (q)",
		    i, i);
		logjoin_line(join, str_of(text), NOW, arena, &result);
	}
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), SMTP "%010X: to=<r%u@x.test>, " RELAY
		    "dsn=4.2.1, status=deferred " SAID "450 busy" RCPT, 19999 - i, 19999 - i);
		logjoin_line(join, str_of(text), NOW, arena, &result);
	}
	assert_int_equal(result.count, 20000);
	for (struct logjoin_event *event = result.first; event != NULL; event = event->next)
		named += event->bounce.sender[0] != '\0';
	assert_in_range(named, 50, 2000);
	assert_string_equal(result.first->bounce.sender, "s19999@own.test");
	assert_string_equal(result.first->bounce.recipient, "r19999@x.test");
	arena_free(arena);
	logjoin_free(join);
}

/* One message with very many recipients does not drive all others out. */
static void
test_one_large_message(void **state)
{
	struct logjoin *join = logjoin_new((size_t)256 * 1024);
	struct arena *arena = arena_new();
	struct logjoin_result result;
	char text[512];

	(void)state;
	logjoin_begin(&result);
	logjoin_line(join, STR(P "qmgr[1]: 5F36FA881B8: from=<small@own.test>, size=1, nrcpt=1 (q)"), NOW,
	    arena, &result);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), SMTP "6F36FA881B8: to=<r%u@x.test>, " RELAY
		    "dsn=4.2.1, status=deferred " SAID "450 busy" RCPT, i);
		logjoin_line(join, str_of(text), NOW, arena, &result);
	}
	assert_int_equal(result.count, 20000);
	logjoin_begin(&result);
	logjoin_line(join, STR(SMTP "5F36FA881B8: to=<a@x.test>, " RELAY "dsn=2.0.0, status=sent (ok)"), NOW,
	    arena, &result);
	assert_string_equal(result.first->bounce.sender, "small@own.test");
	/* Some of the large one are still known to expire. */
	logjoin_begin(&result);
	logjoin_line(join, STR(P "qmgr[1]: 6F36FA881B8: from=<a@own.test>, status=expired, returned to "
	    "sender"), NOW, arena, &result);
	assert_in_range(result.count, 50, 20000);
	arena_free(arena);
	logjoin_free(join);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join), cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_times), cmocka_unit_test(test_together),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_notices),
		cmocka_unit_test(test_many_unknown_programs), cmocka_unit_test(test_room),
		cmocka_unit_test(test_one_large_message),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("parse-logjoin", tests, NULL, NULL);
}
