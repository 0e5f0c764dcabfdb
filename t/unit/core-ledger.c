/*
 * What goes into the ledger: mail of our own that has left, whoever hands it on,
 * and nothing that strangers have sent through us.
 */
#include "pipeline-support.h"

#include "base/buf.h"
#include "base/clock.h"
#include "outgoing.h"
#include "source/session.h"

struct lane {
	struct machine machine;
	struct pipeline_log *log;
	struct arena *arena;
};

static const char base_config[] = "own-domains = { \"own.test\" }\n"
    "own-clients = { \"192.0.2.0/24\", \"127.0.0.0/8\" }\nrelays = { \"127.0.0.1\" }\n";

static int
set_up_with(void **state, const char *config)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	machine_open(&lane->machine, config);
	lane->log = pipeline_log_new(lane->machine.pipeline);
	lane->arena = arena_new();
	*state = lane;
	return 0;
}

static int
set_up_log(void **state)
{
	char config[512];

	snprintf(config, sizeof(config), "%slog { file = \"/nonexistent\" }\n", base_config);
	return set_up_with(state, config);
}

static int
set_up_milter(void **state)
{
	char config[512];

	snprintf(config, sizeof(config), "%slog { none = yes }\n", base_config);
	return set_up_with(state, config);
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

/* How many recipients the ledger has for a message, and whether one of them is
   this one. */
static bool
is_in(struct lane *lane, const char *message_id, const char *recipient, unsigned *recipients_r)
{
	const struct sent *sent = &lane->machine.proofs.sent;
	struct sent_found found;
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin_read(sent->store, &txn, &error));
	assert_done(sent_find(sent, txn, message_id, recipient, clock_now(), CLOCK_DAY_SEC,
	    lane->arena, &found, &error));
	store_abort(txn);
	*recipients_r = found.recipients;
	return found.matches;
}

/* The lines of one message, without their time. */
static void
add(struct lane *lane, const char *text)
{
	struct str rest = str_of(text), line;
	char stamp[CLOCK_TEXT_BYTES];
	struct buf lines = { 0 };

	clock_print(clock_now() - 60, stamp);
	while (str_next_piece(&rest, '\n', &line))
		buf_printf(&lines, "%s mta %.*s\n", stamp, STR_ARGS(line));
	pipeline_log_add(lane->log, buf_str(&lines));
	buf_free(&lines);
	assert_int_equal(pipeline_log_commit(lane->log, "x"), 0);
}

#define CLIENT(id, client) "postfix/smtpd[1]: " id ": client=" client "\n"
#define PICKUP(id) "postfix/pickup[1]: " id ": uid=0 from=<app>\n"
#define MESSAGE(id, mid, count) "postfix/cleanup[1]: " id ": message-id=" mid "\n" \
	"postfix/qmgr[1]: " id ": from=<app@own.test>, size=1, nrcpt=" count " (queue active)\n"
#define SENT(id, agent, relay) "postfix/" agent "[1]: " id ": to=<u@remote.test>, relay=" relay \
	", delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n"
#define MX "mx.remote.test[198.51.100.9]:25"

static const struct {
	const char *name, *lines;
	unsigned recipients; /* 0: it is not there */
} logged[] = {
	{ "of an own client", CLIENT("4A00001", "app[192.0.2.5]") MESSAGE("4A00001", "<1@x>", "1")
	    SENT("4A00001", "smtp", MX), 1 },
	{ "of a login from anywhere",
	    CLIENT("4A00002", "u[203.0.113.5], sasl_method=PLAIN, sasl_username=joe")
	    MESSAGE("4A00002", "<1@x>", "3") SENT("4A00002", "smtp", MX), 3 },
	{ "by sendmail(1)", PICKUP("4A00003") MESSAGE("4A00003", "<1@x>", "1") SENT("4A00003", "smtp", MX), 1 },
	{ "to a smarthost", PICKUP("4A00004") MESSAGE("4A00004", "<1@x>", "1")
	    SENT("4A00004", "smtp", "out[127.0.0.1]:25"), 1 },
	{ "nobody saw it come", MESSAGE("4A00005", "<1@x>", "1") SENT("4A00005", "smtp", MX), 0 },
	{ "a stranger's, to an alias that forwards", CLIENT("4A00006", "s[203.0.113.5]")
	    MESSAGE("4A00006", "<1@x>", "1") SENT("4A00006", "smtp", MX), 0 },
	{ "a stranger's, through a content filter", CLIENT("4A00007", "s[203.0.113.5]")
	    MESSAGE("4A00007", "<1@x>", "1") SENT("4A00007", "smtp", "filter[127.0.0.1]:10024")
	    CLIENT("4A00008", "localhost[127.0.0.1]") MESSAGE("4A00008", "<1@x>", "1")
	    SENT("4A00008", "smtp", MX), 0 },
	{ "a stranger's, by .forward", CLIENT("4A00009", "s[203.0.113.5]") MESSAGE("4A00009", "<1@x>", "1")
	    MESSAGE("4A0000A", "<1@x>", "1") SENT("4A0000A", "smtp", MX), 0 },
	{ "into a mailbox here", PICKUP("4A0000B") MESSAGE("4A0000B", "<1@x>", "1")
	    SENT("4A0000B", "local", "local"), 0 },
	{ "of Sendmail", "sm-mta[1]: 4A0000C: from=<app@own.test>, size=1, class=0, nrcpts=2, "
	    "msgid=<1@x>, proto=ESMTP, daemon=MTA, relay=app [192.0.2.5]\n"
	    "sm-mta[1]: 4A0000C: to=<u@remote.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
	    "pri=1, relay=mx.remote.test. [198.51.100.9], dsn=2.0.0, stat=Sent (ok)\n", 2 },
	{ "of Sendmail, a stranger's", "sm-mta[1]: 4A0000D: from=<s@else.test>, size=1, class=0, "
	    "nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, relay=s.else.test [203.0.113.5]\n"
	    "sm-mta[1]: 4A0000D: to=<u@remote.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
	    "pri=1, relay=mx.remote.test. [198.51.100.9], dsn=2.0.0, stat=Sent (ok)\n", 0 },
};

static void
by_the_log(void **state)
{
	for (size_t i = 0; i < sizeof(logged) / sizeof(logged[0]); i++) {
		unsigned recipients;
		struct lane *lane;

		assert_int_equal(set_up_log(state), 0);
		lane = *state;
		add(lane, logged[i].lines);
		if (is_in(lane, "<1@x>", "u@remote.test", &recipients) != (logged[i].recipients > 0) ||
		    recipients != logged[i].recipients)
			fail_msg("%s: %u", logged[i].name, recipients);
		tear_down(state);
	}
}

/* One message by SMTP, from this client. Returns whether it was told to go on to
   its end. */
static bool
pass(struct lane *lane, struct session_pool *pool, const char *client, const char *message_id)
{
	const struct session_macros macros = { "", "mta.own.test", "" };
	struct session *session = session_new(pool, client, 4711);
	enum session_answer answer;

	(void)lane;
	answer = session_mail(session, (char *[]){ (char *)"<app@own.test>", NULL }, &macros);
	if (answer == SESSION_CONTINUE) {
		session_rcpt(session, "<u@remote.test>");
		session_header(session, "Message-ID", message_id);
		answer = session_end_of_headers(session);
	}
	if (answer == SESSION_CONTINUE)
		answer = session_end_of_message(session, "4X1");
	session_free(session);
	return answer == SESSION_ACCEPT;
}

static void
by_the_milter(void **state)
{
	struct lane *lane = *state;
	struct session_pool pool = { .pipeline = lane->machine.pipeline };
	unsigned recipients;

	assert_true(pass(lane, &pool, "192.0.2.5", " <own@x>"));
	assert_true(pass(lane, &pool, "203.0.113.5", " <theirs@x>"));
	/* Back from the content filter. */
	assert_true(pass(lane, &pool, "127.0.0.1", " <theirs@x>"));
	writer_stop(lane->machine.proofs.sent_writer);
	assert_true(is_in(lane, "<own@x>", "u@remote.test", &recipients));
	assert_int_equal(recipients, 1);
	assert_false(is_in(lane, "<theirs@x>", "u@remote.test", &recipients));
	lane->machine.proofs.sent_writer = writer_start(lane->machine.proofs.sent.store);
}

/* Where the milter refuses recipients it reads the headers of own mail too: that
   makes it nobody else's. */
static void
own_mail_is_not_foreign(void **state)
{
	struct lane *lane = *state;
	struct session_pool pool = { .pipeline = lane->machine.pipeline };

	machine_configure(&lane->machine, base_config,
	    "log { file = \"/nonexistent\" }\nenforce = milter\n");
	assert_true(pass(lane, &pool, "192.0.2.5", " <own@x>"));
	assert_false(pipeline_is_foreign(lane->machine.pipeline, "<own@x>"));
	assert_true(pass(lane, &pool, "203.0.113.5", " <theirs@x>"));
	assert_true(pipeline_is_foreign(lane->machine.pipeline, "<theirs@x>"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_log),
		cmocka_unit_test_setup_teardown(by_the_milter, set_up_milter, tear_down),
		cmocka_unit_test_setup_teardown(own_mail_is_not_foreign, set_up_log, tear_down),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
