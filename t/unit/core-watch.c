/*
 * The watch between the pipeline and the store: what it hears of log lines and
 * reports, what becomes of its incidents, and that a restart changes nothing.
 */
#include "pipeline-support.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pipeline_event.h"
#include "pipeline_incident.h"
#include "pipeline_watch.h"
#include "store/breaker.h"
#include "store/counters.h"
#include "store/incidents.h"
#include "store/rates.h"

#define MINUTE 60
#define HOUR 3600

struct lane {
	struct machine machine;
	struct pipeline_log *log;
	struct arena *arena;
	unsigned number; /* of the last message, or commit */
};

static const char base_config[] = "own-domains = { \"own.test\" }\n"
    "trusted-reporters = { \"192.0.2.9\" }\nmax-suppressions = 0\n"
    "relays = { \"127.0.0.1\" }\nlog { file = \"/nonexistent\" }\n"
    "alert auth-first { enabled = no }\n";

static int
set_up(void **state)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	machine_open(&lane->machine, base_config);
	lane->log = pipeline_log_new(lane->machine.pipeline);
	pipeline_log_runs(lane->machine.pipeline, true);
	lane->arena = arena_new();
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

/* --- the daemon ------------------------------------------------------------ */

/* What is on its way to the store has arrived, or failed. */
static void
flush(struct lane *lane)
{
	settle(lane->machine.parts.writer, 60);
}

static void
tick(struct lane *lane)
{
	pipeline_incident_tick(lane->machine.pipeline, NULL);
	flush(lane);
}

/* The end of the daemon, and its next start; `msec` is what its clock differs by. */
static void
restart_with(struct lane *lane, int64_t msec)
{
	struct machine *machine = &lane->machine;
	const char *error;

	flush(lane);
	pipeline_log_free(lane->log);
	writer_stop(machine->parts.writer);
	pipeline_free(machine->pipeline);
	watch_free(machine->parts.watch);
	machine->parts.writer = writer_start(machine->parts.store);
	machine->parts.watch = watch_new();
	assert_done(pipeline_new(&machine->parts, &machine->pipeline, &error));
	machine->pipeline->watch_base_msec += msec;
	assert_done(pipeline_incident_recall(machine->pipeline, &error));
	lane->log = pipeline_log_new(machine->pipeline);
	pipeline_log_runs(machine->pipeline, true);
}

static void
restart(struct lane *lane)
{
	restart_with(lane, 0);
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

/* --- what the store has ---------------------------------------------------- */

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

#define OPENED(rule) "incidents_total{rule=\"" rule "\"}"

static bool
get(struct lane *lane, uint64_t id, struct incident *incident_r)
{
	struct store_txn *txn;
	const char *error;
	struct str text;
	int ret;

	assert_done(store_begin_read(lane->machine.parts.store, &txn, &error));
	ret = incidents_get(txn, id, &text, &error);
	assert_int_not_equal(ret, -1);
	if (ret == 1)
		assert_int_equal(incident_scan(text, lane->arena, incident_r), 0);
	store_abort(txn);
	return ret == 1;
}

/* How many there are of a rule; the newest of them is in *incident_r. */
static unsigned
find(struct lane *lane, enum watch_rule_id rule, struct incident *incident_r)
{
	struct incident incident;
	unsigned count = 0;

	incident_init(incident_r);
	for (uint64_t id = 1; id < 20; id++) {
		if (get(lane, id, &incident) && incident.rule == rule) {
			*incident_r = incident;
			count++;
		}
	}
	return count;
}

static bool
is_frozen(struct lane *lane, const char *provider)
{
	struct store_txn *txn;
	const char *error;
	int64_t since;
	int ret;

	assert_done(store_begin_read(lane->machine.parts.store, &txn, &error));
	ret = breaker_since(txn, provider, &since, &error);
	store_abort(txn);
	return ret == 1;
}

static void
put_incident(struct lane *lane, const struct incident *incident)
{
	struct buf text = { 0 };
	struct store_txn *txn;
	const char *error;

	incident_print(incident, &text);
	assert_done(store_begin(lane->machine.parts.store, &txn, &error));
	assert_done(incidents_put(txn, incident->id, buf_str(&text), &error));
	assert_done(store_commit(txn, &error));
	buf_free(&text);
}

static void
freeze_provider(struct lane *lane, const char *provider, int64_t since)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(lane->machine.parts.store, &txn, &error));
	assert_int_not_equal(breaker_freeze(txn, provider, since, &error), -1);
	assert_done(store_commit(txn, &error));
}

/* --- what comes in --------------------------------------------------------- */

/* Lines that were written so many seconds ago, each without its time. */
static void
add(struct lane *lane, int64_t age, const char *text)
{
	struct str rest = str_of(text), line;
	char stamp[CLOCK_TEXT_BYTES], place[32];
	struct buf lines = { 0 };

	clock_print(clock_now() - age, stamp);
	while (str_next_piece(&rest, '\n', &line))
		buf_printf(&lines, "%s mta %.*s\n", stamp, STR_ARGS(line));
	pipeline_log_add(lane->log, buf_str(&lines));
	buf_free(&lines);
	snprintf(place, sizeof(place), "%u", ++lane->number);
	assert_int_equal(pipeline_log_commit(lane->log, place), 0);
}

#define MX "mx.x.test[192.0.2.20]:25"
#define SAID(status, words) "dsn=" status ", status=bounced (host mx.x.test[192.0.2.20] said: 550 " \
	status " " words " (in reply to end of DATA command))"
#define NO_AUTH SAID("5.7.26", "not authenticated")
#define NO_DKIM SAID("5.7.20", "DKIM failed")
#define NOBODY "dsn=5.1.1, status=bounced (host mx.x.test[192.0.2.20] said: 550 5.1.1 user " \
	"unknown (in reply to RCPT TO command))"
#define LATER "dsn=4.7.26, status=deferred (host mx.x.test[192.0.2.20] said: 450 4.7.26 not " \
	"authenticated (in reply to end of DATA command))"
#define FILTER "dsn=5.7.26, status=bounced (host 127.0.0.1[127.0.0.1] said: 550 5.7.26 not " \
	"authenticated (in reply to end of DATA command))"
#define SENT "dsn=2.0.0, status=sent (250 2.0.0 Ok)"

/* One message to one recipient, and what became of it. */
static void
send_as(struct lane *lane, int64_t age, const char *id, const char *recipient, const char *relay,
    const char *outcome)
{
	add(lane, age, arena_printf(lane->arena,
	    "postfix/cleanup[1]: %s: message-id=<%s@own.test>\n"
	    "postfix/qmgr[1]: %s: from=<list@own.test>, size=1, nrcpt=1 (queue active)\n"
	    "postfix/smtp[1]: %s: to=<%s>, relay=%s, delay=1, %s\n", id, id, id, id, recipient, relay,
	    outcome));
}

static void
send_to(struct lane *lane, int64_t age, const char *recipient, const char *outcome)
{
	send_as(lane, age, arena_printf(lane->arena, "4B%05X", lane->number), recipient, MX, outcome);
}

/* To so many recipients, one message each. */
static void
send_many(struct lane *lane, int64_t age, unsigned first, unsigned count, const char *outcome)
{
	for (unsigned i = first; i < first + count; i++)
		send_to(lane, age, arena_printf(lane->arena, "r%u@x.test", i), outcome);
}

/* So many deliveries in one batch. */
static void
deliver(struct lane *lane, int64_t age, unsigned count)
{
	struct buf lines = { 0 };

	buf_printf(&lines, "postfix/qmgr[1]: 4C00001: from=<list@own.test>, size=1, nrcpt=1 "
	    "(queue active)\n");
	for (unsigned i = 0; i < count; i++)
		buf_printf(&lines, "postfix/smtp[1]: 4C00001: to=<d%u@x.test>, relay=" MX ", delay=1, "
		    SENT "\n", i);
	add(lane, age, buf_cstr(&lines));
	buf_free(&lines);
}

#define SIGNED(domain, selector) "DKIM-Signature: v=1; a=rsa-sha256; d=" domain "; s=" selector \
	"; h=from; bh=eA==; b=eA==\r\n"

static void
report(struct lane *lane, const char *client, const char *recipient, const char *message_id,
    const char *reply, const char *headers)
{
	const struct pipeline_origin origin = {
		.source = SOURCE_NET, .client = client, .daemon_name = "", .host_name = "mta", .helo = "",
		.envelope_recipient = "list@own.test", .envelope_sender = "",
	};
	const char *text = arena_printf(lane->arena,
	    "From: MAILER-DAEMON@relay.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "
	    "report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: "
	    "message/delivery-status\r\n\r\nReporting-MTA: dns; relay.test\r\nX-Postfix-Sender: "
	    "rfc822; list@own.test\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %.6s\r\n"
	    "Remote-MTA: dns; mx.x.test\r\nDiagnostic-Code: smtp; 550 %s\r\n\r\n"
	    "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%sMessage-ID: %s\r\nFrom: "
	    "news@shop.test\r\n\r\n--b--\r\n", recipient, reply, reply, headers, message_id);

	assert_int_equal(pipeline_report(lane->machine.pipeline, str_of(text), &origin),
	    PIPELINE_RECORDED);
	flush(lane);
}

static void
report_many(struct lane *lane, const char *client, unsigned first, unsigned count,
    const char *headers)
{
	for (unsigned i = first; i < first + count; i++)
		report(lane, client, arena_printf(lane->arena, "r%u@x.test", i),
		    arena_printf(lane->arena, "<n%u@own.test>", i), "5.7.26 not authenticated", headers);
}

/* --- what is seen ---------------------------------------------------------- */

static void
test_opens(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	send_many(lane, MINUTE, 0, 4, NO_DKIM);
	tick(lane);
	assert_false(get(lane, 1, &incident));
	send_many(lane, MINUTE, 4, 1, NO_DKIM);
	assert_false(get(lane, 1, &incident));
	tick(lane);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.rule, WATCH_AUTH);
	assert_string_equal(incident.domain, "own.test");
	assert_string_equal(incident.subcause, "dkim");
	assert_string_equal(incident.providers[0].name, "x.test");
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.messages, 5);
	assert_int_equal(incident.failures, 5);
	assert_int_equal(incident.attempts, 5);
	assert_in_range(incident.since, clock_now() - 5 * MINUTE, clock_now());
	assert_int_equal(incident.closed, 0);
	assert_int_equal(counter(lane, OPENED("auth")), 1);
	tick(lane);
	assert_int_equal(counter(lane, OPENED("auth")), 1);
	assert_false(get(lane, 2, &incident));
}

/* What was delivered makes the share small. */
static void
test_deliveries_count(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	deliver(lane, MINUTE, 1000);
	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	send_many(lane, MINUTE, 5, 40, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.attempts, 1045);
}

/* A retry within the hour is the same unit; later it is one more. */
static void
test_retries(void **state)
{
	struct lane *lane = *state;
	struct incident incident;
	uint64_t failures;

	for (unsigned i = 0; i < 6; i++)
		send_as(lane, 100 * MINUTE, arena_printf(lane->arena, "4D%05X", i),
		    arena_printf(lane->arena, "r%u@x.test", i), MX, LATER);
	/* An hour is over for the first; for the others it is not. */
	for (unsigned i = 1; i < 6; i++)
		send_as(lane, 50 * MINUTE, arena_printf(lane->arena, "4D%05X", i),
		    arena_printf(lane->arena, "r%u@x.test", i), MX, LATER);
	for (unsigned i = 0; i < 4; i++)
		send_as(lane, MINUTE, arena_printf(lane->arena, "4D%05X", i),
		    arena_printf(lane->arena, "r%u@x.test", i), MX, LATER);
	assert_int_equal(counter(lane, "retries_total"), 9);
	tick(lane);
	/* r0 to r3 now: they had been quiet, or were not news fifty minutes ago. */
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	send_many(lane, MINUTE, 6, 1, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.failures, 5);
	failures = incident.failures;
	for (unsigned i = 0; i < 5; i++)
		send_as(lane, 30, "4D00003", "r3@x.test", MX, LATER);
	send_many(lane, 30, 7, 20, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.failures, failures + 20);
	assert_int_equal(incident.severity, SEVERITY_CRITICAL);
	assert_int_equal(counter(lane, "retries_total"), 14);
}

/* The log and a report tell of the same failure, in either order. */
static void
test_two_lanes(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	for (unsigned i = 0; i < 4; i++) {
		const char *recipient = arena_printf(lane->arena, "r%u@x.test", i);
		const char *id = arena_printf(lane->arena, "4E%05X", i);
		const char *message_id = arena_printf(lane->arena, "<%s@own.test>", id);

		if (i % 2 == 0)
			report(lane, "192.0.2.9", recipient, message_id, "5.7.26 not authenticated", "");
		send_as(lane, 0, id, recipient, MX, NO_AUTH);
		if (i % 2 == 1)
			report(lane, "192.0.2.9", recipient, message_id, "5.7.26 not authenticated", "");
	}
	assert_int_equal(counter(lane, "repeated_reports_total"), 4);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	send_many(lane, 0, 4, 1, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.failures, 5);
}

/* Mail that does not leave the site is nobody's failure but our own. */
static void
test_not_outbound(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	for (unsigned i = 0; i < 10; i++) {
		const char *id = arena_printf(lane->arena, "4F%05X", i);

		send_as(lane, MINUTE, id, arena_printf(lane->arena, "r%u@own.test", i), MX, NO_AUTH);
		send_as(lane, MINUTE, id, arena_printf(lane->arena, "r%u@x.test", i),
		    "127.0.0.1[127.0.0.1]:10024", FILTER);
	}
	tick(lane);
	assert_false(get(lane, 1, &incident));
	send_many(lane, MINUTE, 100, 5, NO_AUTH);
	tick(lane);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.attempts, 5);
}

/* --- reports --------------------------------------------------------------- */

/* The headers that come back tell which key signed, and which mailing it was. */
static void
test_proven_reports(void **state)
{
	static const char headers[] = SIGNED("esp.test", "other") SIGNED("mail.own.test", "s1")
	    "X-Campaign-ID: spring\r\n";
	struct lane *lane = *state;
	struct incident incident;

	report_many(lane, "192.0.2.9", 0, 6, headers);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_string_equal(incident.domain, "own.test");
	assert_string_equal(incident.selector, "s1");
	assert_string_equal(incident.from_domain, "shop.test");
	assert_string_equal(incident.campaigns[0].name, "campaign spring");
	assert_int_equal(incident.campaigns[0].count, 6);
	assert_int_equal(find(lane, WATCH_FORGED, &incident), 0);
}

/* Of several signatures that of the sending domain, else the first. */
static void
test_other_signatures(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	report_many(lane, "192.0.2.9", 0, 5, "DKIM-Signature: broken\r\n" SIGNED("esp.test", "other")
	    SIGNED("shop.test", "third"));
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_string_equal(incident.selector, "other");
}

/* A stranger's are counted, as that, and what they bring is not looked at. */
static void
test_unproven_reports(void **state)
{
	static const char headers[] = SIGNED("own.test", "forged") "X-Campaign-ID: forged\r\n";
	struct lane *lane = *state;
	struct incident incident;

	report_many(lane, "203.0.113.5", 0, 20, headers);
	tick(lane);
	assert_false(get(lane, 1, &incident));
	report_many(lane, "203.0.113.5", 20, 1, headers);
	tick(lane);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.rule, WATCH_FORGED);
	assert_int_equal(incident.failures, 21);
	assert_int_equal(incident.severity, SEVERITY_WARNING);
	assert_string_equal(incident.domain, "");
	assert_string_equal(incident.selector, "");
	assert_string_equal(incident.from_domain, "");
	assert_string_equal(incident.campaigns[0].name, "");
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	assert_int_equal(counter(lane, OPENED("forged")), 1);
	/* Nor does it tell later, of our own failures. */
	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_string_equal(incident.selector, "");
	assert_string_equal(incident.campaigns[0].name, "");
}

/* A campaign is known of what the log tells, too. */
static void
test_campaign_of_log(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	for (unsigned i = 0; i < 5; i++) {
		const char *id = arena_printf(lane->arena, "4A%05X", i);

		pipeline_campaign(lane->machine.pipeline, arena_printf(lane->arena, "<%s@own.test>", id),
		    "list news.own.test");
		send_as(lane, MINUTE, id, arena_printf(lane->arena, "r%u@x.test", i), MX, NO_AUTH);
	}
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_string_equal(incident.campaigns[0].name, "list news.own.test");
	assert_int_equal(incident.campaigns[0].count, 5);
}

/* --- a restart ------------------------------------------------------------- */

/* Five recipients; the first one twice, so that it does not matter on which side of
   a second its first failure falls. */
static void
open_one(struct lane *lane)
{
	struct incident incident;

	send_many(lane, 4 * MINUTE, 0, 1, NO_AUTH);
	send_many(lane, 3 * MINUTE, 0, 5, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.id, 1);
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.notified, 1);
}

static void
test_restart(void **state)
{
	struct lane *lane = *state;
	struct incident incident, before;

	open_one(lane);
	assert_true(get(lane, 1, &before));
	for (unsigned i = 0; i < 3; i++) {
		restart(lane);
		tick(lane);
		assert_false(get(lane, 2, &incident));
		assert_true(get(lane, 1, &incident));
		assert_int_equal(incident.recipients, 5);
		assert_int_equal(incident.notified, 1);
		assert_int_equal(incident.since, before.since);
		assert_int_equal(counter(lane, OPENED("auth")), 1);
	}
	/* It goes on: twenty more, and it is critical. */
	send_many(lane, MINUTE, 5, 20, NO_AUTH);
	tick(lane);
	assert_false(get(lane, 2, &incident));
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.recipients, 25);
	assert_int_equal(incident.severity, SEVERITY_CRITICAL);
	assert_int_equal(incident.notified, 2);
	assert_int_equal(counter(lane, OPENED("auth")), 1);
}

/* The clock of the watch and that of the machine tick at different moments. */
static void
test_restart_in_another_phase(void **state)
{
	for (int msec = -900; msec <= 900; msec += 900) {
		struct incident incident;
		struct lane *lane;

		assert_int_equal(set_up(state), 0);
		lane = *state;
		send_many(lane, 3 * MINUTE, 0, 5, NO_AUTH);
		tick(lane);
		restart_with(lane, msec);
		send_many(lane, MINUTE, 5, 1, NO_AUTH);
		watch_diagnosed(lane->machine.parts.watch, 1, "to be kept at once");
		tick(lane);
		assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
		assert_int_equal(incident.recipients, 6);
		assert_int_equal(incident.failures, 6);
		tear_down(state);
	}
	set_up(state);
}

/* Four are no incident, before or after; the fifth makes one of all of them. */
static void
test_near_miss(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	send_many(lane, 2 * MINUTE, 0, 4, NO_AUTH);
	tick(lane);
	restart(lane);
	tick(lane);
	assert_false(get(lane, 1, &incident));
	send_many(lane, MINUTE, 4, 1, NO_AUTH);
	tick(lane);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.recipients, 5);
	assert_int_equal(incident.failures, 5);
	assert_int_equal(counter(lane, OPENED("auth")), 1);
}

/* What was delivered before is known from the rates. */
static void
test_share_after_restart(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	deliver(lane, MINUTE, 1000);
	restart(lane);
	send_many(lane, 1, 0, 5, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	/* And the failures of before it, without another attempt. */
	restart(lane);
	send_many(lane, 1, 5, 40, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.recipients, 45);
	assert_in_range(incident.attempts, 1, 1045);
}

/* A number is never given twice, not even to the next after a closed one. */
static void
test_ids(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	incident_init(&incident);
	incident.id = 11;
	incident.since = incident.opened = incident.newest = clock_now() - HOUR;
	incident.closed = clock_now() - MINUTE;
	incident.domain = "own.test";
	put_incident(lane, &incident);
	restart(lane);
	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	tick(lane);
	assert_true(get(lane, 12, &incident));
	assert_int_equal(incident.closed, 0);
}

/* Unproven reports are counted again from their own table. */
static void
test_forged_after_restart(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	report_many(lane, "203.0.113.5", 0, 20, "");
	restart(lane);
	tick(lane);
	assert_false(get(lane, 1, &incident));
	report_many(lane, "203.0.113.5", 20, 1, "");
	tick(lane);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.rule, WATCH_FORGED);
	assert_int_equal(incident.failures, 21);
}

/* What is usual is kept, and given back. */
static void
test_usual(void **state)
{
	struct lane *lane = *state;
	struct watch_usual *usuals;
	int64_t hour = clock_now() / HOUR;

	for (unsigned i = 0; i < 3; i++) {
		const struct watch_usual usual = { i == 0 ? WATCH_THROTTLE : WATCH_BREAKER,
			i == 0 ? "own.test" : "", i == 2 ? "y.test" : "x.test", 0.25 + i, hour - 1 };

		watch_recall_usual(lane->machine.parts.watch, &usual);
	}
	lane->machine.pipeline->usual_hour = 0;
	tick(lane);
	for (unsigned round = 0; round < 2; round++) {
		unsigned found = 0;

		restart(lane);
		assert_int_equal(watch_usuals(lane->machine.parts.watch, lane->arena, &usuals), 3);
		for (unsigned i = 0; i < 3; i++) {
			bool y = strcmp(usuals[i].provider, "y.test") == 0;

			assert_int_equal(usuals[i].hour, hour - 1);
			if (usuals[i].rule == WATCH_THROTTLE)
				found += usuals[i].value == 0.25 && strcmp(usuals[i].domain, "own.test") == 0;
			else
				found += usuals[i].value == (y ? 2.25 : 1.25) && usuals[i].domain[0] == '\0';
		}
		assert_int_equal(found, 3);
	}
}

/* --- a store that fails ---------------------------------------------------- */

static void
test_full_disk(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	fill_disk(true);
	tick(lane);
	for (unsigned i = 0; i < 5; i++) {
		watch_diagnosed(lane->machine.parts.watch, 1, arena_printf(lane->arena, "state %u", i));
		tick(lane);
	}
	assert_true(lane->machine.pipeline->keeping.count >= 5);
	fill_disk(false);
	assert_false(get(lane, 1, &incident));
	/* One after the other, in their order. */
	for (unsigned i = 0; i < 20; i++) {
		tick(lane);
		if (i < 3 && get(lane, 1, &incident))
			assert_string_not_equal(incident.diagnosis, "state 4");
	}
	assert_int_equal(lane->machine.pipeline->keeping.count, 0);
	assert_true(get(lane, 1, &incident));
	assert_int_equal(incident.rule, WATCH_AUTH);
	assert_string_equal(incident.diagnosis, "state 4");
	assert_int_equal(counter(lane, OPENED("auth")), 1);
}

/* That the store fails is an incident, too. */
static void
test_full_store(void **state)
{
	static char megabyte[1024 * 1024];
	struct lane *lane = *state;
	struct incident incident;
	struct store_txn *txn;
	const char *error;
	unsigned put = 0;

	assert_done(store_begin(lane->machine.parts.store, &txn, &error));
	while (put < 100 && store_put(txn, STORE_COUNTERS, str_of(arena_printf(lane->arena, "%u", put)),
	    (struct str){ megabyte, sizeof(megabyte) }, &error) == 0)
		put++;
	store_abort(txn);
	assert_true(put < 100 && store_is_failing(lane->machine.parts.store));
	tick(lane);
	tick(lane);
	assert_int_equal(find(lane, WATCH_SELF, &incident), 1);
	assert_string_equal(incident.condition, "store");
	assert_int_equal(incident.severity, SEVERITY_CRITICAL);
	assert_int_equal(counter(lane, OPENED("self")), 1);
}

/* It ends while the disk is full: nothing is told of twice, and nothing leaks. */
static void
test_stopped_with_full_disk(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	fill_disk(true);
	for (unsigned i = 0; i < 3; i++)
		tick(lane);
	restart(lane);
	fill_disk(false);
	tick(lane);
	/* The failures are in the journal: the next one opens it again. */
	send_many(lane, MINUTE, 5, 1, NO_AUTH);
	tick(lane);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.recipients, 6);
	assert_int_equal(counter(lane, OPENED("auth")), 1);
}

/* --- the clock ------------------------------------------------------------- */

/* What the watch has is moved; it goes on as if nothing had been. */
static void
test_clock_is_set(void **state)
{
	static const struct { int64_t step; const char *cause; } cases[] = {
		{ 2 * HOUR, "the clock was set forward by 7200 seconds" },
		{ -2 * HOUR, "the clock was set back by 7200 seconds" },
		{ 40 * 24 * HOUR, "the clock was set forward by 3456000 seconds" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct incident incident;
		struct lane *lane;

		assert_int_equal(set_up(state), 0);
		lane = *state;
		/* The time of before: the machine's clock is ahead of it, or behind. */
		lane->machine.pipeline->watch_base_msec -= cases[i].step * 1000 +
		    (cases[i].step > 0 ? 500 : -500);
		send_many(lane, 3 * MINUTE, 0, 4, NO_AUTH);
		tick(lane);
		assert_in_range(pipeline_watch_now(lane->machine.pipeline), clock_now() - 2,
		    clock_now() + 2);
		assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
		assert_int_equal(find(lane, WATCH_SELF, &incident), 1);
		assert_string_equal(incident.condition, "clock");
		assert_int_equal(incident.severity, SEVERITY_WARNING);
		assert_string_equal(incident.cause, cases[i].cause);
		/* Windows are of whole minutes. */
		send_many(lane, 0, 4, 1, NO_AUTH);
		tick(lane);
		assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
		assert_int_equal(incident.recipients, 5);
		assert_in_range(incident.since, clock_now() - 5 * MINUTE, clock_now());
		tear_down(state);
	}
	set_up(state);
}

/* A correction is no step. */
static void
test_clock_is_corrected(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	lane->machine.pipeline->watch_base_msec -= 50000;
	tick(lane);
	lane->machine.pipeline->watch_base_msec += 50000;
	tick(lane);
	assert_false(get(lane, 1, &incident));
}

/* --- the breaker ----------------------------------------------------------- */

static const char small_breaker[] = "alert breaker { count = 5 }\nalert hygiene { enabled = no }\n";

static void
free_provider(struct lane *lane, const char *provider)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(lane->machine.parts.store, &txn, &error));
	assert_int_equal(breaker_free(txn, provider, &error), 1);
	assert_done(store_commit(txn, &error));
}

/* The sixth is held, by the store, in the transaction of its event. */
static void
freeze(struct lane *lane)
{
	struct incident incident;

	machine_configure(&lane->machine, base_config, small_breaker);
	/* The batch at hand has the configuration of before. */
	add(lane, 1, "");
	send_many(lane, MINUTE, 0, 5, NOBODY);
	assert_false(is_frozen(lane, "x.test"));
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 0);
	send_many(lane, MINUTE, 5, 1, NOBODY);
	assert_int_equal(counter(lane, "decisions_total{decision=\"hold\"}"), 1);
	assert_true(is_frozen(lane, "x.test"));
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
	assert_string_equal(incident.provider, "x.test");
	assert_string_equal(incident.domain, "");
	assert_int_equal(incident.severity, SEVERITY_CRITICAL);
	assert_int_equal(counter(lane, OPENED("breaker")), 1);
}

/* A person frees the provider; that the incident goes on does not undo it. */
static void
test_freed_by_a_person(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	freeze(lane);
	free_provider(lane, "x.test");
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
	watch_diagnosed(lane->machine.parts.watch, incident.id, "again");
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
	assert_string_equal(incident.diagnosis, "again");
	assert_false(is_frozen(lane, "x.test"));
	/* Nor does a restart. */
	restart(lane);
	watch_diagnosed(lane->machine.parts.watch, incident.id, "and again");
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
	assert_string_equal(incident.diagnosis, "and again");
	assert_false(is_frozen(lane, "x.test"));
	assert_int_equal(counter(lane, OPENED("breaker")), 1);
}

/* The rule is switched off: nobody is held any more, and who was frozen is free. */
static void
test_breaker_switched_off(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	freeze(lane);
	machine_configure(&lane->machine, base_config, "alert breaker { enabled = no }\n");
	add(lane, 1, "");
	send_many(lane, MINUTE, 6, 1, NOBODY);
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
	assert_int_not_equal(incident.closed, 0);
	assert_false(is_frozen(lane, "x.test"));
	assert_int_equal(counter(lane, "decisions_total{decision=\"hold\"}"), 1);
	assert_int_equal(counter(lane, "decisions_total{decision=\"suppress\"}"), 6);
}

/* Frozen for three hours, which were quiet, and it takes mail: then it is free. */
static void
test_breaker_closes(void **state)
{
	struct lane *lane = *state;

	for (unsigned delivered = 9; delivered <= 10; delivered++) {
		struct incident incident;
		struct store_txn *txn;
		const char *error;

		incident_init(&incident);
		incident.id = 3;
		incident.rule = WATCH_BREAKER;
		incident.severity = incident.opened_as = SEVERITY_CRITICAL;
		incident.provider = "x.test";
		incident.since = incident.opened = incident.newest = clock_now() - 3 * HOUR;
		incident.notified = 1;
		put_incident(lane, &incident);
		freeze_provider(lane, "x.test", incident.since);
		assert_done(store_begin(lane->machine.parts.store, &txn, &error));
		assert_done(rates_add(txn, clock_now() - HOUR, "own.test", "x.test", RATES_DELIVERED,
		    delivered == 9 ? 9 : 1, &error));
		assert_done(store_commit(txn, &error));
		restart(lane);
		tick(lane);
		assert_true(get(lane, 3, &incident));
		assert_int_equal(incident.closed != 0, delivered == 10);
		assert_int_equal(is_frozen(lane, "x.test"), delivered == 9);
	}
}

/* Lanes are never in step: what comes late does not push out what is newer. */
static void
test_late_lane(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	report_many(lane, "192.0.2.9", 0, 4, "");
	send_many(lane, 2 * MINUTE, 4, 1, NO_AUTH);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_int_equal(incident.recipients, 5);
}

/* What the last tick brought is kept, though another job is under way. */
static void
test_last_tick(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	send_many(lane, MINUTE, 0, 5, NO_AUTH);
	pipeline_incident_tick(lane->machine.pipeline, NULL);
	watch_diagnosed(lane->machine.parts.watch, 1, "last");
	pipeline_incident_tick(lane->machine.pipeline, NULL);
	restart(lane);
	assert_true(get(lane, 1, &incident));
	assert_string_equal(incident.diagnosis, "last");
}

/* Behind SRS it is the same sender in the rates. */
static void
test_rewritten_sender(void **state)
{
	struct lane *lane = *state;
	struct incident incident;
	struct buf lines = { 0 };

	buf_printf(&lines, "postfix/qmgr[1]: 4C00001: from=<SRS0=abcd=XY=orig.test=u@fwd.test>, size=1, "
	    "nrcpt=1 (queue active)\n");
	for (unsigned i = 0; i < 1005; i++)
		buf_printf(&lines, "postfix/smtp[1]: 4C00001: to=<d%u@x.test>, relay=" MX ", delay=1, "
		    "%s\n", i, i < 1000 ? SENT : NO_AUTH);
	add(lane, MINUTE, buf_cstr(&lines));
	buf_free(&lines);
	tick(lane);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 0);
	restart(lane);
	lines = (struct buf){ 0 };
	buf_printf(&lines, "postfix/qmgr[1]: 4C00002: from=<SRS0=abcd=XY=orig.test=u@fwd.test>, size=1, "
	    "nrcpt=1 (queue active)\n");
	for (unsigned i = 0; i < 60; i++)
		buf_printf(&lines, "postfix/smtp[1]: 4C00002: to=<e%u@x.test>, relay=" MX ", delay=1, "
		    NO_AUTH "\n", i);
	add(lane, 1, buf_cstr(&lines));
	tick(lane);
	buf_free(&lines);
	assert_int_equal(find(lane, WATCH_AUTH, &incident), 1);
	assert_string_equal(incident.domain, "orig.test");
	/* What an hour had is spread over its minutes: a quarter of it at least. */
	assert_in_range(incident.attempts, 250, 1065);
}

/* The log ends for good: what needs it ends, too. */
static void
test_log_is_off(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	incident_init(&incident);
	incident.id = 3;
	incident.rule = WATCH_HYGIENE;
	incident.severity = SEVERITY_WARNING;
	incident.domain = "own.test";
	incident.since = incident.opened = incident.newest = clock_now() - 60 * HOUR;
	put_incident(lane, &incident);
	restart(lane);
	pipeline_log_runs(lane->machine.pipeline, false);
	tick(lane);
	assert_true(get(lane, 3, &incident));
	assert_int_not_equal(incident.closed, 0);
}

/* Names of a damaged row that are too many when they are read back. */
static void
test_damaged_incident(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	incident_init(&incident);
	incident.id = 3;
	incident.severity = SEVERITY_WARNING;
	incident.domain = "own.test";
	incident.since = incident.opened = incident.newest = clock_now() - MINUTE;
	for (unsigned i = 0; i < 3; i++)
		incident.providers[i] = (struct incident_count){ "GMX", 3 };
	incident.texts[0] = incident.texts[1] = "the same";
	put_incident(lane, &incident);
	restart(lane);
	watch_diagnosed(lane->machine.parts.watch, 3, "x");
	tick(lane);
	assert_true(get(lane, 3, &incident));
	assert_int_equal(incident.providers[0].count, 9);
	assert_string_equal(incident.providers[1].name, "");
	assert_string_equal(incident.texts[1], "");
}

/* A day's deliveries that ended the count of a failure are in the rates already. */
static void
test_resets_after_restart(void **state)
{
	struct lane *lane = *state;
	struct watch *watch = lane->machine.parts.watch;
	struct incident incident;

	(void)watch;
	incident_init(&incident);
	for (unsigned i = 0; i < 8; i++) {
		char recipient[32];

		snprintf(recipient, sizeof(recipient), "f%u@x.test", i);
		send_to(lane, 2 * MINUTE, recipient, "dsn=5.2.2, status=bounced (host mx.x.test[192.0.2.20] said: "
		    "552 5.2.2 mailbox full (in reply to RCPT TO command))");
		send_to(lane, MINUTE, recipient, SENT);
	}
	assert_int_equal(counter(lane, "decisions_total{decision=\"reset\"}"), 8);
	incident.id = 3;
	incident.rule = WATCH_BREAKER;
	incident.severity = SEVERITY_CRITICAL;
	incident.provider = "x.test";
	incident.since = incident.opened = incident.newest = clock_now() - 3 * HOUR;
	incident.opened_as = incident.severity;
	put_incident(lane, &incident);
	freeze_provider(lane, "x.test", clock_now() - 3 * HOUR);
	restart(lane);
	tick(lane);
	/* Eight were delivered, and not sixteen: it takes ten. */
	assert_true(get(lane, 3, &incident));
	assert_int_equal(incident.closed, 0);
}

/* Frozen, and killed before the incident was kept. */
static void
test_frozen_without_incident(void **state)
{
	struct lane *lane = *state;
	struct incident incident;

	freeze_provider(lane, "x.test", clock_now() - MINUTE);
	restart(lane);
	tick(lane);
	assert_int_equal(find(lane, WATCH_BREAKER, &incident), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_opens), T(test_deliveries_count), T(test_retries), T(test_two_lanes),
		T(test_not_outbound), T(test_proven_reports), T(test_other_signatures),
		T(test_unproven_reports), T(test_campaign_of_log), T(test_restart),
		cmocka_unit_test_teardown(test_restart_in_another_phase, tear_down), T(test_near_miss),
		T(test_share_after_restart), T(test_ids), T(test_forged_after_restart), T(test_usual),
		T(test_full_disk), T(test_full_store),
		T(test_stopped_with_full_disk),
		cmocka_unit_test_teardown(test_clock_is_set, tear_down), T(test_clock_is_corrected),
		T(test_freed_by_a_person), T(test_breaker_switched_off), T(test_breaker_closes),
		T(test_late_lane), T(test_last_tick), T(test_rewritten_sender), T(test_log_is_off),
		T(test_damaged_incident), T(test_resets_after_restart), T(test_frozen_without_incident),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("watch and store", tests, NULL, NULL);
}
