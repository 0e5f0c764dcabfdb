/*
 * The daemon without libmilter: sessions, pipeline, writer, store and tables.
 */
#include "pipeline-support.h"

#include <unistd.h>

#include "config.h"
#include "parse/limits.h"
#include "source/session.h"
#include "store/journal.h"

struct parts {
	struct machine machine;
	struct session_pool pool;
};

static const char base_config[] =
    "mode = enforce\nenforce = table\nown-clients = { \"127.0.0.1\" }\n"
    "own-domains = { \"example.com\" }\ntrusted-reporters = { \"192.0.2.7\" }\n";

static void
configure(struct parts *parts, const char *more)
{
	machine_configure(&parts->machine, base_config, more);
}

static int
set_up(void **state)
{
	struct parts *parts = calloc(1, sizeof(*parts));

	machine_open(&parts->machine, base_config);
	parts->pool.pipeline = parts->machine.pipeline;
	*state = parts;
	return 0;
}

static int
tear_down(void **state)
{
	struct parts *parts = *state;

	machine_close(&parts->machine);
	assert_int_equal(parts->pool.buffered, 0);
	free(parts);
	return 0;
}

/* A report of Postfix about one recipient. */
static const char *
report(struct arena *arena, const char *recipient, const char *words, const char *id)
{
	return arena_printf(arena,
	    "Your message could not be delivered.\n"
	    "--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; mta.example.com\nX-Postfix-Queue-ID: Q%s\n"
	    "X-Postfix-Sender: rfc822; news@example.com\n"
	    "Arrival-Date: Fri, 20 Nov 2026 15:02:18 +0000 (UTC)\n\n"
	    "Final-Recipient: rfc822; %s\nOriginal-Recipient: rfc822;%s\nAction: failed\n"
	    "Status: 5.0.0\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; %s\n\n"
	    "--b\nContent-Type: message/rfc822\n\n"
	    "From: news@example.com\nMessage-ID: <%s@example.com>\n\nhello\n--b--\n",
	    id, recipient, recipient, words, id);
}

/* The macros of an MTA; the name is the one that its reports have. */
static struct session_macros
macros(const char *daemon_name, const char *login)
{
	return (struct session_macros){ daemon_name, "mta.example.com", login };
}

/* MAIL FROM with these macros. */
static enum session_answer
mail(struct session *session, const char *argument, const char *daemon_name, const char *login)
{
	const struct session_macros given = macros(daemon_name, login);

	return session_mail(session, (char *[]){ (char *)argument, NULL }, &given);
}

/* Send a body as a report. Port 0 and a bare address: the local lane. */
static enum session_answer
send_report(struct parts *parts, const char *client, unsigned port, const char *daemon,
    const char *body)
{
	struct session *session = session_new(&parts->pool, client, port);
	enum session_answer answer;

	assert_int_equal(mail(session, port == 0 ? "" : "<>", daemon, ""),
	    SESSION_CONTINUE);
	session_header(session, "Message-ID", "<report@mta.example.com>");
	session_header(session, "Content-Type",
	    "multipart/report; report-type=delivery-status;\n\tboundary=b");
	assert_int_equal(session_end_of_headers(session), SESSION_CONTINUE);
	session_body(session, STR("--b\n\n"));
	session_body(session, str_of(body));
	answer = session_end_of_message(session, "4X1");
	session_free(session);
	return answer;
}

static enum session_answer
send_local(struct parts *parts, const char *recipient, const char *words, const char *id)
{
	struct arena *arena = arena_new();
	enum session_answer answer = send_report(parts, "127.0.0.1", 0, "mta.example.com",
	    report(arena, recipient, words, id));

	arena_free(arena);
	return answer;
}

static uint64_t
events(struct parts *parts, enum store_table table)
{
	struct store_txn *txn;
	uint64_t count;
	const char *error;

	assert_done(store_begin_read(parts->machine.parts.store, &txn, &error));
	assert_done(store_count(txn, table, &count, &error));
	store_abort(txn);
	return count;
}

/* The last event; its strings are in the arena. */
static struct journal_event
last_event(struct parts *parts, struct arena *arena)
{
	struct journal_event event;
	struct store_txn *txn;
	uint64_t first, last;
	const char *error;

	assert_done(store_begin_read(parts->machine.parts.store, &txn, &error));
	assert_done(journal_bounds(txn, STORE_JOURNAL, &first, &last, &error));
	assert_int_equal(journal_get(txn, STORE_JOURNAL, last, arena, &event, &error), 1);
	store_abort(txn);
	return event;
}

static bool
is_suppressed(struct parts *parts, const char *address)
{
	enum category category;

	return pipeline_is_suppressed(parts->machine.pipeline, address, &category) == 1;
}

static void
test_a_dead_address_is_suppressed(void **state)
{
	struct parts *parts = *state;

	assert_int_equal(send_local(parts, "gone@example.net",
	    "550 5.1.1 <gone@example.net>: User unknown", "1"), SESSION_ACCEPT);
	assert_true(is_suppressed(parts, "<Gone@EXAMPLE.net>"));
	assert_false(is_suppressed(parts, "<other@example.net>"));
}

static void
test_a_live_mailbox_is_not(void **state)
{
	static const char *const words[] = {
		"550 5.7.1 <a@example.net>: blocked, see our policy",
		"550 5.7.26 unauthenticated mail is not accepted",
		"421 4.7.0 too many messages, slow down", "552 5.2.2 mailbox full",
		"550 something nobody has a rule for", "554 5.7.1 spam",
	};
	struct parts *parts = *state;
	char id[16];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(send_local(parts, "a@example.net", words[i], id), SESSION_ACCEPT);
		assert_false(is_suppressed(parts, "a@example.net"));
	}
	assert_int_equal(events(parts, STORE_JOURNAL), 6);
}

static void
test_the_same_report_twice_is_one_event(void **state)
{
	struct parts *parts = *state;

	for (int i = 0; i < 3; i++)
		send_local(parts, "gone@example.net", "550 5.1.1 User unknown", "1");
	assert_int_equal(events(parts, STORE_JOURNAL), 1);
	send_local(parts, "gone@example.net", "550 5.1.1 User unknown", "2");
	assert_int_equal(events(parts, STORE_JOURNAL), 2);
}

/* The first report was misread; the second one, with the remote host's own
   words, lifts what followed. */
static void
test_later_words_lift(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	struct journal_event event;

	send_local(parts, "a@example.net", "550 5.1.1 User unknown", "1");
	assert_true(is_suppressed(parts, "a@example.net"));
	send_local(parts, "a@example.net", "550 5.7.1 blocked using zen.spamhaus.org", "1");
	assert_false(is_suppressed(parts, "a@example.net"));
	event = last_event(parts, arena);
	assert_int_equal(event.verdict.decision, DECISION_LIFT);
	assert_string_equal(event.verdict.reason, "a later report has other words");
	arena_free(arena);
}

static void
test_who_may_tell_us(void **state)
{
	static const struct {
		const char *client;
		unsigned port;
		const char *daemon;
		bool acts;
	} cases[] = {
		{ "127.0.0.1", 0, "mta.example.com", true },   /* Postfix itself */
		{ "127.0.0.1", 0, "PICKUP", false },           /* sendmail(1) */
		{ "127.0.0.1", 4711, "mta.example.com", false }, /* SMTP on loopback */
		{ "192.0.2.7", 4711, "mta.example.com", true },  /* trusted reporter */
		{ "192.0.2.8", 4711, "mta.example.com", false }, /* a stranger */
		{ "", 0, "mta.example.com", false },             /* no connect step */
		{ "192.0.2.7", 0, "mta.example.com", true },     /* port 0 is not local */
		{ "192.0.2.8", 0, "mta.example.com", false },
	};
	struct parts *parts = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		char address[64], id[16];

		snprintf(address, sizeof(address), "gone%zu@example.net", i);
		snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(send_report(parts, cases[i].client, cases[i].port, cases[i].daemon,
		    report(arena, address, "550 5.1.1 User unknown", id)), SESSION_ACCEPT);
		assert_int_equal(is_suppressed(parts, address), cases[i].acts);
		arena_free(arena);
	}
}

static void
test_trust_local_all(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();

	configure(parts, "trust-local = all\n");
	send_report(parts, "127.0.0.1", 0, "PICKUP",
	    report(arena, "gone@example.net", "550 5.1.1 User unknown", "1"));
	assert_true(is_suppressed(parts, "gone@example.net"));
	arena_free(arena);
}

/* What a client typed as ORCPT must not be suppressed for what happened to
   another address, neither by our own MTA's report nor by a smarthost's. */
static void
test_the_address_that_we_had_sent_to(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	const char *body = report(arena, "x@target.example", "550 5.1.1 User unknown", "1");
	char *original = strstr(body, "Original-Recipient: rfc822;x@target.example");

	memcpy(original, "Original-Recipient: rfc822;us@victim.example", 44);
	original[44] = '\n';
	send_report(parts, "192.0.2.7", 25, "", body);
	assert_false(is_suppressed(parts, "us@victim.example"));
	assert_false(is_suppressed(parts, "x@target.example"));
	assert_string_equal(last_event(parts, arena).verdict.reason, "no certain address");
	/* Final-Recipient without a domain that mail can be sent to. */
	body = report(arena, "x@[203.0.113.5]", "550 5.1.1 User unknown", "2");
	original = strstr(body, "Original-Recipient: rfc822;");
	memcpy(original, "Original-Recipient: rfc822;a@victim.ex", 38);
	send_report(parts, "127.0.0.1", 0, "mta.example.com", body);
	assert_false(is_suppressed(parts, "a@victim.ex"));
	/* An alias of ours, which we expanded ourselves. */
	body = report(arena, "y@target.example", "550 5.1.1 User unknown", "3");
	original = strstr(body, "Original-Recipient: rfc822;y@target.example");
	memcpy(original, "Original-Recipient: rfc822;our@example.com ", 43);
	send_report(parts, "192.0.2.7", 25, "", body);
	assert_true(is_suppressed(parts, "y@target.example"));
	arena_free(arena);
}

static void
test_the_brake_holds(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	char address[64], id[16];

	configure(parts, "max-suppressions = 3/10m\n");
	for (int i = 0; i < 5; i++) {
		snprintf(address, sizeof(address), "gone%d@example.net", i);
		snprintf(id, sizeof(id), "%d", i);
		send_local(parts, address, "550 5.1.1 User unknown", id);
		assert_int_equal(is_suppressed(parts, address), i < 3);
	}
	assert_int_equal(last_event(parts, arena).verdict.decision, DECISION_HOLD);
	arena_free(arena);
}

/* Only a report from the network that is proven ours is ever sent back. */
static void
test_a_store_that_cannot_be_written(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	struct store_txn *txn;
	const char *error;

	configure(parts, "commit-timeout = 1s\ncommit-timeout-local = 1s\n");
	/* Somebody else is the writer and does not end. */
	assert_done(store_begin(parts->machine.parts.store, &txn, &error));
	assert_int_equal(send_report(parts, "192.0.2.7", 25, "",
	    report(arena, "a@example.net", "550 5.1.1 User unknown", "1")), SESSION_RETRY);
	assert_int_equal(send_local(parts, "a@example.net", "550 5.1.1 User unknown", "2"),
	    SESSION_ACCEPT);
	assert_int_equal(send_report(parts, "192.0.2.8", 25, "",
	    report(arena, "a@example.net", "550 5.1.1 User unknown", "3")), SESSION_ACCEPT);
	store_abort(txn);
	arena_free(arena);
}

static void
test_ordinary_mail(void **state)
{
	struct parts *parts = *state;
	struct session *own = session_new(&parts->pool, "127.0.0.1", 4711);
	struct session *stranger = session_new(&parts->pool, "192.0.2.9", 4711);
	struct session *local = session_new(&parts->pool, "127.0.0.1", 0);

	/* Our own client's mail is of no interest from MAIL on. */
	assert_int_equal(mail(own, "<a@example.com>", "", ""), SESSION_ACCEPT);
	assert_int_equal(mail(stranger, "<a@example.org>", "", "login"), SESSION_ACCEPT);
	assert_int_equal(mail(stranger, "<a@example.org>", "ORIGINATING", ""),
	    SESSION_ACCEPT);
	assert_int_equal(mail(local, "a@example.com", "", ""), SESSION_ACCEPT);
	/* A stranger's, from the end of its headers on. */
	assert_int_equal(mail(stranger, "<a@example.org>", "", ""), SESSION_CONTINUE);
	session_header(stranger, "Content-Type", "multipart/mixed; boundary=x");
	assert_int_equal(session_end_of_headers(stranger), SESSION_ACCEPT);
	assert_int_equal(parts->pool.buffered, 0);
	/* A null sender is read to the end, whoever it is. */
	assert_int_equal(mail(own, "<>", "", ""), SESSION_CONTINUE);
	assert_int_equal(session_end_of_headers(own), SESSION_CONTINUE);
	assert_int_equal(session_body(own, STR("I am away.\n")), SESSION_CONTINUE);
	assert_int_equal(session_end_of_message(own, "4X1"), SESSION_ACCEPT);
	session_free(own);
	session_free(stranger);
	session_free(local);
	assert_int_equal(events(parts, STORE_JOURNAL), 0);
}

static void
test_enforce_by_milter(void **state)
{
	struct parts *parts = *state;
	struct session *session = session_new(&parts->pool, "127.0.0.1", 4711);
	struct session *local = session_new(&parts->pool, "127.0.0.1", 0);
	const char *status, *words;

	send_local(parts, "gone@example.net", "550 5.1.1 User unknown", "1");
	configure(parts, "enforce = milter\n");
	assert_int_equal(mail(session, "<a@example.com>", "", ""), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(session, "<ok@example.net>"), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(session, "<GONE@example.net>"), SESSION_REFUSE);
	session_refusal(session, &status, &words);
	assert_string_equal(status, "5.1.1");
	assert_string_equal(words, "suppressed by bouncemilter (user-unknown)");
	/* An extension is another address here: the match is exact. */
	assert_int_equal(session_rcpt(session, "<gone+x@example.net>"), SESSION_CONTINUE);
	assert_int_equal(mail(local, "", "", ""), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(local, "gone@example.net"), SESSION_CONTINUE);
	configure(parts, "enforce = milter\nmode = observe\n");
	assert_int_equal(mail(session, "<a@example.com>", "", ""), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(session, "<gone@example.net>"), SESSION_CONTINUE);
	session_free(session);
	session_free(local);
}

/* What is too large is cut, read, and marked. */
static void
test_limits_show_in_the_event(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	size_t large = 2 * LIMITS_REPORT_BYTES;
	char *filler = arena_alloc(arena, large + 1);

	memset(filler, 'x', large);
	assert_int_equal(send_report(parts, "127.0.0.1", 0, "mta.example.com",
	    arena_printf(arena, "%s%s", report(arena, "gone@example.net",
	    "550 5.1.1 User unknown", "1"), filler)), SESSION_ACCEPT);
	assert_true(last_event(parts, arena).bounce.limits & LIMIT_SIZE);
	assert_true(is_suppressed(parts, "gone@example.net"));
	arena_free(arena);
}

static void
test_postmaster_copies_and_our_own_words_are_no_events(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();
	struct session *copy = session_new(&parts->pool, "192.0.2.7", 4711);

	mail(copy, "<double-bounce@mta.example.com>", "", "");
	session_header(copy, "Content-Type", "multipart/report; boundary=b");
	assert_int_equal(session_end_of_headers(copy), SESSION_CONTINUE);
	session_body(copy, STR("--b\n\n"));
	session_body(copy, str_of(report(arena, "gone@example.net", "550 5.1.1 x", "1")));
	assert_int_equal(session_end_of_message(copy, "4X1"), SESSION_ACCEPT);
	session_free(copy);
	send_local(parts, "gone@example.net",
	    "550 5.1.1 <gone@example.net>: Recipient address rejected: "
	    "suppressed by bouncemilter (user-unknown)", "2");
	assert_int_equal(events(parts, STORE_JOURNAL), 0);
	arena_free(arena);
}

static void
test_unproven_reports_have_a_ring_of_their_own(void **state)
{
	struct parts *parts = *state;
	struct arena *arena = arena_new();

	for (int i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		send_report(parts, "192.0.2.66", 4711, "",
		    report(arena, "victim@example.net", "550 5.1.1 User unknown", id));
	}
	for (int i = 0; i < 50 && events(parts, STORE_UNVERIFIED) < 20; i++)
		usleep(100000);
	assert_int_equal(events(parts, STORE_UNVERIFIED), 20);
	assert_int_equal(events(parts, STORE_JOURNAL), 0);
	assert_int_equal(events(parts, STORE_STANDING), 0);
	assert_int_equal(events(parts, STORE_SEEN), 0);
	arena_free(arena);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_a_dead_address_is_suppressed), T(test_a_live_mailbox_is_not),
		T(test_the_same_report_twice_is_one_event), T(test_later_words_lift),
		T(test_who_may_tell_us), T(test_trust_local_all),
		T(test_the_address_that_we_had_sent_to), T(test_the_brake_holds),
		T(test_a_store_that_cannot_be_written), T(test_ordinary_mail),
		T(test_enforce_by_milter), T(test_limits_show_in_the_event),
		T(test_postmaster_copies_and_our_own_words_are_no_events),
		T(test_unproven_reports_have_a_ring_of_their_own),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
