/*
 * The log lane, through a real store: what lines tell and the position behind
 * them are one transaction; nothing is counted twice, and nothing of it is
 * counted while the store cannot take all of it.
 */
#include "pipeline-support.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pipeline.h"
#include "store/counters.h"
#include "store/journal.h"
#include "store/logmark.h"
#include "store/rates.h"
#include "store/standing.h"

struct lane {
	struct machine machine;
	struct pipeline_log *log;
	struct arena *arena;
	int64_t now;
};

static int
set_up(void **state)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	machine_open(&lane->machine, "own-domains = { \"own.test\" }\n"
	    "trusted-reporters = { \"192.0.2.9\" }\nmax-suppressions = 0\n"
	    "relays = { \"127.0.0.1\" }\nlog { file = \"/nonexistent\" }\n");
	lane->log = pipeline_log_new(lane->machine.pipeline);
	lane->arena = arena_new();
	lane->now = clock_now();
	*state = lane;
	return 0;
}

static int
tear_down(void **state)
{
	struct lane *lane = *state;

	pipeline_log_free(lane->log);
	machine_close(&lane->machine);
	arena_free(lane->arena);
	free(lane);
	return 0;
}

/* Add lines that were written so many days ago; each is given without its time. */
static void
add_to(struct lane *lane, struct pipeline_log *log, int days_ago, const char *text)
{
	struct str rest = str_of(text), line;
	char stamp[CLOCK_TEXT_BYTES];
	struct buf lines = { 0 };

	clock_print(lane->now - 60 - days_ago * CLOCK_DAY_SEC, stamp);
	while (str_next_piece(&rest, '\n', &line))
		buf_printf(&lines, "%s mta %.*s\n", stamp, STR_ARGS(line));
	pipeline_log_add(log, buf_str(&lines));
	buf_free(&lines);
}

static void
add(struct lane *lane, int days_ago, const char *text)
{
	add_to(lane, lane->log, days_ago, text);
}

static uint64_t
counter(struct lane *lane, const char *name)
{
	struct store_txn *txn;
	uint64_t count = 0;
	struct str value;
	const char *error;
	int ret;

	assert_done(store_begin_read(lane->machine.parts.store, &txn, &error));
	ret = store_get(txn, STORE_COUNTERS, str_of(name), &value, &error);
	assert_int_not_equal(ret, -1);
	if (ret == 1)
		count = store_scan_number(value);
	store_abort(txn);
	return count;
}

/* Of one kind at one provider, in all hours. */
static uint64_t
rate(struct lane *lane, const char *domain, const char *provider, const char *kind)
{
	struct pages *pages = pages_new(lane->machine.parts.store, STORE_RATES, STR_EMPTY);
	const struct pages_row *rows;
	uint64_t sum = 0;
	const char *error;
	unsigned count;

	while (pages_next(pages, &rows, &count, &error) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct rates_row row;

			assert_int_equal(rates_scan(&rows[i], &row), 0);
			if (strcmp(row.domain, domain) == 0 && strcmp(row.provider, provider) == 0 &&
			    strcmp(row.kind, kind) == 0)
				sum += row.count;
		}
	}
	pages_free(pages);
	return sum;
}

/* The journal, a line for each event. */
static const char *
journal(struct lane *lane)
{
	struct journal_event event;
	struct store_txn *txn;
	struct buf out = { 0 };
	const char *text, *error;

	assert_done(store_begin_read(lane->machine.parts.store, &txn, &error));
	for (uint64_t i = 1; journal_get(txn, STORE_JOURNAL, i, lane->arena, &event, &error) == 1; i++)
		buf_printf(&out, "%s %s %s %s %s\n", words_name(&source_words, event.bounce.source),
		    words_name(&outcome_words, event.bounce.outcome), event.bounce.recipient,
		    category_name(event.verdict.category),
		    words_name(&decision_words, event.verdict.decision));
	store_abort(txn);
	text = arena_strdup(lane->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static const char *
position(struct lane *lane)
{
	const char *text = "", *error;

	assert_int_not_equal(pipeline_log_position(lane->log, lane->arena, &text, &error), -1);
	return text;
}

#define FROM(id) "postfix/cleanup[1]: " id ": message-id=<" id "@own.test>\n" \
	"postfix/qmgr[1]: " id ": from=<list@own.test>, size=1, nrcpt=1 (queue active)\n"
#define TO(id, to, rest) "postfix/smtp[1]: " id ": to=<" to ">, relay=mx.x.test[192.0.2.9]:25, delay=30, " rest "\n"
#define SENT "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
#define BOUNCED "dsn=5.1.1, status=bounced (host mx.x.test[192.0.2.9] said: 550 5.1.1 user unknown " \
	"(in reply to RCPT TO command))"
#define BUSY "dsn=4.2.2, status=deferred (host mx.x.test[192.0.2.9] said: 452 4.2.2 mailbox full " \
	"(in reply to RCPT TO command))"
#define FULL "dsn=5.2.2, status=bounced (host mx.x.test[192.0.2.9] said: 552 5.2.2 mailbox full " \
	"(in reply to RCPT TO command))"
#define ATTEMPTS(what) "attempts_total{outcome=\"" what "\"}"

static void
test_one_batch(void **state)
{
	struct lane *lane = *state;

	assert_string_equal(position(lane), "");
	assert_true(pipeline_log_is_empty(lane->log));
	add(lane, 0, FROM("A00001") TO("A00001", "a@x.test", BOUNCED) TO("A00001", "b@x.test", SENT)
	    TO("A00001", "c@x.test", BUSY) "dovecot: imap: x\n"
	    "postfix/smtp[1]: A00001: to=<d@x.test>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, " SENT "\n"
	    "postfix/lmtp[1]: A00001: to=<e@x.test>, relay=mta[private/lmtp], delay=1, " SENT "\n"
	    TO("A00001", "f@own.test", SENT));
	assert_false(pipeline_log_is_empty(lane->log));
	assert_true(pipeline_log_is_due(lane->log, 0));
	assert_string_equal(journal(lane), "");
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_true(pipeline_log_is_empty(lane->log));
	assert_string_equal(position(lane), "one");
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown suppress\n"
	    "log deferred c@x.test mailbox-full count\n");
	assert_int_equal(counter(lane, ATTEMPTS("failed")), 1);
	assert_int_equal(counter(lane, ATTEMPTS("delivered")), 1);
	assert_int_equal(counter(lane, ATTEMPTS("deferred")), 1);
	assert_int_equal(counter(lane, "handoffs_total{outcome=\"delivered\"}"), 3);
	assert_int_equal(counter(lane, "log_notices_total{kind=\"lines\"}"), 9);
	assert_int_equal(counter(lane, "log_unknown_lines_total{program=\"dovecot\"}"), 1);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_ATTEMPTS), 3);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_DELIVERED), 1);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_DEFERRED), 1);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_BOUNCED), 1);
	assert_int_equal(rate(lane, "own.test", "x.test", "550 5.1.1"), 1);
	assert_int_equal(rate(lane, "own.test", "x.test", "452 4.2.2"), 1);
}

/* Nothing can be written to the disk, as if it were full. */
static void
fill_disk(bool full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
damage(struct lane *lane, bool repair)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(lane->machine.parts.store, &txn, &error));
	if (repair)
		assert_done(store_delete(txn, STORE_STANDING, STR("\0z@x.test"), &error));
	else
		assert_done(store_put(txn, STORE_STANDING, STR("\0z@x.test"), STR("first x\n"), &error));
	assert_done(store_commit(txn, &error));
}

/* Something in the middle of the batch cannot be done: then nothing of it is,
   until all of it can be. */
static void
test_all_or_nothing(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, FROM("A00001") TO("A00001", "a@x.test", SENT));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	add(lane, 0, FROM("A00002") TO("A00002", "a@x.test", BOUNCED) TO("A00002", "z@x.test", BOUNCED)
	    TO("A00002", "b@x.test", SENT));
	for (unsigned i = 0; i < 2; i++) {
		fill_disk(true);
		assert_int_equal(pipeline_log_commit(lane->log, "two"), -1);
		fill_disk(false);
		assert_string_equal(position(lane), "one");
		assert_string_equal(journal(lane), "");
		assert_int_equal(counter(lane, ATTEMPTS("delivered")), 1);
		assert_int_equal(counter(lane, ATTEMPTS("failed")), 0);
		assert_int_equal(rate(lane, "own.test", "x.test", RATES_ATTEMPTS), 1);
		assert_int_equal(counter(lane, "log_notices_total{kind=\"lines\"}"), 3);
	}
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(position(lane), "two");
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown suppress\n"
	    "log failed z@x.test user-unknown suppress\n");
	assert_int_equal(counter(lane, ATTEMPTS("delivered")), 2);
	assert_int_equal(counter(lane, ATTEMPTS("failed")), 2);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_ATTEMPTS), 4);
	assert_int_equal(counter(lane, "log_notices_total{kind=\"lines\"}"), 8);
}

#define FROM2(id) "postfix/cleanup[1]: " id ": message-id=<" id "@own.test>\n" \
	"postfix/qmgr[1]: " id ": from=<list@own.test>, size=1, nrcpt=2 (queue active)\n"
#define BUSY_EOD "dsn=4.2.2, status=deferred (host mx.x.test[192.0.2.9] said: 452 4.2.2 mailbox full " \
	"(in reply to end of DATA command))"

/* The first deferral was about the whole transaction and did not count; that the
   mailbox then is full does. */
static void
test_after_an_exempt_deferral(void **state)
{
	struct lane *lane = *state;

	for (int day = 3; day > 0; day--) {
		char text[2048];

		snprintf(text, sizeof(text), FROM2("A0000%d") TO("A0000%d", "a@x.test", BUSY_EOD)
		    TO("A0000%d", "a@x.test", FULL), day, day, day, day, day);
		add(lane, day, text);
	}
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_int_equal(counter(lane, "decisions_total{decision=\"exempt\"}"), 3);
	assert_int_equal(counter(lane, "decisions_total{decision=\"suppress\"}"), 1);
}

/* What an old line says of a delivery is no news to newer failures. */
static void
test_an_old_delivery(void **state)
{
	struct lane *lane = *state;

	add(lane, 3, FROM("A00001") TO("A00001", "a@x.test", FULL));
	add(lane, 2, FROM("A00002") TO("A00002", "a@x.test", FULL));
	add(lane, 20, FROM("A00003") TO("A00003", "a@x.test", SENT));
	add(lane, 1, FROM("A00004") TO("A00004", "a@x.test", FULL));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_int_equal(counter(lane, "decisions_total{decision=\"reset\"}"), 0);
	assert_int_equal(counter(lane, "decisions_total{decision=\"suppress\"}"), 1);
}

/* A clock that does not know the year, and mail without a Message-ID. */
static void
test_times_and_ids_of_no_use(void **state)
{
	static const char early[] = "1969-12-31T23:00:00Z mta postfix/smtp[1]: A00001: to=<a@x.test>, "
	    "relay=mx.x.test[192.0.2.9]:25, delay=30, " FULL "\n";
	struct lane *lane = *state;

	pipeline_log_add(lane->log, str_of(early));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	for (int day = 3; day > 0; day--) {
		char text[2048];

		snprintf(text, sizeof(text), "postfix/cleanup[1]: B0000%d: message-id=<>\n"
		    TO("B0000%d", "b@x.test", FULL), day, day);
		add(lane, day, text);
	}
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(position(lane), "two");
	assert_int_equal(counter(lane, "events_total{category=\"mailbox-full\"}"), 5);
	assert_int_equal(counter(lane, "repeated_reports_total"), 0);
	assert_int_equal(counter(lane, "decisions_total{decision=\"suppress\"}"), 1);
}

/* An event that cannot be recorded holds up nobody else's. */
static void
test_one_that_cannot_be(void **state)
{
	struct lane *lane = *state;

	damage(lane, false);
	add(lane, 0, FROM("A00002") TO("A00002", "a@x.test", BOUNCED) TO("A00002", "z@x.test", BOUNCED)
	    TO("A00002", "b@x.test", BOUNCED));
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(position(lane), "two");
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown suppress\n"
	    "log failed b@x.test user-unknown suppress\n");
	assert_int_equal(counter(lane, "refused_events_total"), 1);
	assert_int_equal(counter(lane, ATTEMPTS("failed")), 3);
}

/* A batch is sent to the writer and nobody waits for it any more; it was committed
   when it is sent again. A twin stands for that commit. */
static void
test_the_same_batch_twice(void **state)
{
	static const char lines[] = FROM("A00001") TO("A00001", "z@x.test", BOUNCED)
	    TO("A00001", "b@x.test", SENT);
	struct lane *lane = *state;
	struct pipeline_log *twin = pipeline_log_new(lane->machine.pipeline);

	add(lane, 0, lines);
	add_to(lane, twin, 0, lines);
	fill_disk(true);
	assert_int_equal(pipeline_log_commit(lane->log, "one"), -1);
	fill_disk(false);
	assert_int_equal(pipeline_log_commit(twin, "one"), 0);
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_int_equal(counter(lane, ATTEMPTS("failed")), 1);
	assert_int_equal(counter(lane, ATTEMPTS("delivered")), 1);
	assert_int_equal(counter(lane, "log_notices_total{kind=\"lines\"}"), 4);
	assert_int_equal(counter(lane, "repeated_reports_total"), 0);
	assert_string_equal(journal(lane), "log failed z@x.test user-unknown suppress\n");
	pipeline_log_free(twin);
}

/* A message that is tried again is one failure; so is what the log and a report
   tell, in either order. */
static void
test_retries(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, FROM("A00001") TO("A00001", "a@x.test", BUSY));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	add(lane, 0, TO("A00001", "a@x.test", BUSY) TO("A00001", "a@x.test", BUSY));
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(journal(lane), "log deferred a@x.test mailbox-full count\n");
	assert_int_equal(counter(lane, "retries_total"), 2);
	assert_int_equal(counter(lane, ATTEMPTS("deferred")), 3);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_DEFERRED), 3);
}

static void
report(struct lane *lane, const char *recipient, const char *message_id)
{
	const struct pipeline_origin origin = {
		.source = SOURCE_NET, .client = "192.0.2.9", .daemon_name = "", .host_name = "mta",
		.helo = "", .envelope_recipient = "", .envelope_sender = "",
	};
	const char *text = arena_printf(lane->arena,
	    "From: MAILER-DAEMON@relay.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "
	    "report-type=delivery-status; boundary=\"b\"\r\n\r\n"
	    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.test\r\n\r\n"
	    "Final-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx.x.test\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n"
	    "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: %s\r\n\r\n--b--\r\n",
	    recipient, message_id);

	assert_int_equal(pipeline_report(lane->machine.pipeline, str_of(text), &origin), PIPELINE_RECORDED);
}

static void
test_log_and_report(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, FROM("A00001") TO("A00001", "a@x.test", BOUNCED));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	report(lane, "a@x.test", "<A00001@own.test>");
	report(lane, "b@x.test", "<A00002@own.test>");
	add(lane, 0, FROM("A00002") TO("A00002", "b@x.test", BOUNCED));
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown suppress\n"
	    "net failed b@x.test user-unknown suppress\n");
	assert_int_equal(counter(lane, "repeated_reports_total"), 2);
	assert_int_equal(counter(lane, ATTEMPTS("failed")), 2);
	assert_int_equal(rate(lane, "own.test", "x.test", RATES_BOUNCED), 1);
}

/* A log that is read a second time, at other positions: its failures are known. */
static void
test_read_again(void **state)
{
	static const char lines[] = FROM("A00001") TO("A00001", "a@x.test", BOUNCED)
	    TO("A00001", "b@x.test", BUSY);
	struct lane *lane = *state;

	add(lane, 0, lines);
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	add(lane, 0, lines);
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown suppress\n"
	    "log deferred b@x.test mailbox-full count\n");
	assert_int_equal(counter(lane, "repeated_reports_total"), 1);
	assert_int_equal(counter(lane, "retries_total"), 1);
}

/* Several failures together: each stays what it was, and what follows is an
   event of its own. A delivery in between begins anew. */
static void
test_threshold(void **state)
{
	struct lane *lane = *state;

	add(lane, 9, FROM("A00001") TO("A00001", "a@x.test", FULL));
	add(lane, 8, FROM("A00002") TO("A00002", "a@x.test", FULL));
	add(lane, 7, FROM("A00003") TO("A00003", "a@x.test", SENT));
	add(lane, 6, FROM("A00004") TO("A00004", "a@x.test", FULL));
	add(lane, 5, FROM("A00005") TO("A00005", "a@x.test", FULL));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_string_equal(journal(lane), "log failed a@x.test mailbox-full count\n"
	    "log failed a@x.test mailbox-full count\nlog delivered a@x.test unknown reset\n"
	    "log failed a@x.test mailbox-full count\nlog failed a@x.test mailbox-full count\n");
	add(lane, 4, FROM("A00006") TO("A00006", "a@x.test", FULL));
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_non_null(strstr(journal(lane), "log failed a@x.test mailbox-full count\n"
	    "threshold none a@x.test mailbox-full suppress\n"));
	/* Suppressed: a delivery, of what was in the queue, is on the record. */
	add(lane, 3, TO("A00007", "a@x.test", SENT));
	assert_int_equal(pipeline_log_commit(lane->log, "three"), 0);
	assert_non_null(strstr(journal(lane), "suppress\nlog delivered a@x.test unknown reset\n"));
}

/* What our own table said, read back, is nobody's failure. */
static void
test_own_refusal(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, FROM("A00001") "postfix/error[1]: A00001: to=<a@x.test>, relay=none, delay=1, "
	    "dsn=5.1.1, status=bounced (suppressed by bouncemilter (user-unknown))\n");
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_string_equal(journal(lane), "");
	assert_int_equal(counter(lane, "notices_total{kind=\"own-refusal\"}"), 1);
}

/* Sendmail calls any 550 "User unknown"; that is believed where the server says
   it, too. */
static void
test_sendmail_sums_up(void **state)
{
	static const char from[] = "sm-mta[1]: 6AKFbc00000001: from=<list@own.test>, size=1, class=0, "
		"nrcpts=1, msgid=<1@own.test>, relay=localhost [127.0.0.1]\n";
	static const char to[] = "sm-mta[1]: 6AKFbc00000001: to=<%s@x.test>, delay=00:00:01, "
		"xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.x.test. [192.0.2.9], dsn=5.1.1, "
		"%sstat=User unknown\n";
	struct lane *lane = *state;

	add(lane, 0, from);
	add(lane, 0, arena_printf(lane->arena, to, "a", ""));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_string_equal(journal(lane), "log failed a@x.test user-unknown exempt\n");
	add(lane, 0, from);
	add(lane, 0, arena_printf(lane->arena, to, "b", "reply=550 <b@x.test>... User unknown, "));
	assert_int_equal(pipeline_log_commit(lane->log, "two"), 0);
	assert_non_null(strstr(journal(lane), "log failed b@x.test user-unknown suppress\n"));
}

/* A gap is counted also where the position did not move. */
static void
test_count(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, TO("A00001", "a@x.test", SENT));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	pipeline_log_count(lane->log, "log_gaps_total");
	assert_true(pipeline_log_is_due(lane->log, 0));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	assert_int_equal(counter(lane, "log_gaps_total"), 1);
	assert_int_equal(counter(lane, ATTEMPTS("delivered")), 1);
}

/* Deliveries wait for company, a failure does not. */
static void
test_due(void **state)
{
	struct lane *lane = *state;

	add(lane, 0, "postfix/smtpd[1]: connect from x[192.0.2.1]\n");
	assert_true(pipeline_log_is_empty(lane->log));
	assert_false(pipeline_log_is_due(lane->log, 0));
	add(lane, 0, TO("A00001", "a@x.test", SENT));
	assert_false(pipeline_log_is_empty(lane->log));
	assert_false(pipeline_log_is_due(lane->log, 0));
	for (unsigned i = 0; i < 5000; i++)
		add(lane, 0, TO("A00001", "a@x.test", SENT));
	assert_true(pipeline_log_is_due(lane->log, 0));
	assert_int_equal(pipeline_log_commit(lane->log, "one"), 0);
	add(lane, 0, TO("A00001", "a@x.test", BUSY));
	assert_true(pipeline_log_is_due(lane->log, 0));
	assert_false(pipeline_log_is_due(lane->log, 60000));
}

/* After a restart the lines before the position are known again, and count for
   nothing. */
static void
test_recall(void **state)
{
	struct lane *lane = *state;
	struct pipeline_log *log = pipeline_log_new(lane->machine.pipeline);
	struct buf lines = { 0 };
	char stamp[CLOCK_TEXT_BYTES];

	clock_print(lane->now - 60, stamp);
	buf_printf(&lines, "%s mta postfix/qmgr[1]: A00001: from=<list@own.test>, size=1, nrcpt=1 (queue "
	    "active)\n%s mta postfix/smtp[1]: A00001: to=<a@x.test>, relay=none, delay=1, dsn=4.4.1, "
	    "status=deferred (connect to mx[192.0.2.9]:25: refused)\n", stamp, stamp);
	pipeline_log_recall(log, buf_str(&lines));
	assert_true(pipeline_log_is_empty(log));
	add_to(lane, log, 0, "postfix/qmgr[1]: A00001: from=<list@own.test>, status=expired, returned to "
	    "sender\n");
	assert_int_equal(pipeline_log_commit(log, "one"), 0);
	assert_string_equal(journal(lane), "log expired a@x.test message-expired count\n");
	assert_int_equal(counter(lane, ATTEMPTS("deferred")), 0);
	assert_int_equal(counter(lane, "log_notices_total{kind=\"lines\"}"), 1);
	buf_free(&lines);
	pipeline_log_free(log);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_one_batch), T(test_the_same_batch_twice), T(test_all_or_nothing),
		T(test_one_that_cannot_be), T(test_retries), T(test_after_an_exempt_deferral),
		T(test_an_old_delivery), T(test_times_and_ids_of_no_use),
		T(test_log_and_report), T(test_read_again), T(test_threshold), T(test_own_refusal),
		T(test_sendmail_sums_up), T(test_count), T(test_due), T(test_recall),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("pipeline-log", tests, NULL, NULL);
}
