/*
 * Everything that runs on threads, at once: sessions as libmilter's workers
 * drive them, the writer, the publisher, housekeeping, reload, and a store that
 * is opened anew in the middle of it; mail that leaves with a token, and
 * strangers' reports that take all of SPF, DKIM and the ledger. Under ThreadSanitizer a data race ends
 * the test (t/62-tsan.t).
 */
#include "pipeline-support.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "housekeeping.h"
#include "source/session.h"
#include "store/journal.h"
#include "store/table.h"

#define WORKERS 64
#define REPORTS 8 /* of each worker */
#define RELOADS 20

struct daemon {
	char *files, config[1024];
	struct machine machine;
	struct housekeeping *housekeeping;
	struct session_pool pool;
};

struct worker {
	pthread_t thread;
	struct daemon *daemon;
	unsigned number;
	unsigned recorded, marked;
};

static const char base_config[] =
    "own-clients = { \"127.0.0.1\" }\nown-domains = { \"example.com\" }\n"
    "trusted-reporters = { \"192.0.2.9\" }\nmax-suppressions = 0\nledger = milter\n"
    "log { none = yes }\n";

static const char zone[] =
    "mx.remote.test TXT \"v=spf1 ip4:198.51.100.7 -all\"\n"
    "remote.test MX 10 mx.remote.test\n"
    "s1._domainkey.example.com TXT \"v=DKIM1; p=\"\n";

static void
write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	fputs(text, file);
	fchmod(fileno(file), 0600);
	fclose(file);
}

static int
set_up(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	char proof[256];

	assert_int_equal(make_directory((void **)&daemon->files), 0);
	write_file(daemon->files, "zone", zone);
	write_file(daemon->files, "key",
	    "a 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
	snprintf(proof, sizeof(proof), "dns-zone = \"%s/zone\"\nkey-file = \"%s/key\"\n",
	    daemon->files, daemon->files);
	snprintf(daemon->config, sizeof(daemon->config), "%s%s", base_config, proof);
	machine_open(&daemon->machine, daemon->config);
	daemon->housekeeping = housekeeping_new(&daemon->machine.parts);
	daemon->pool.pipeline = daemon->machine.pipeline;
	*state = daemon;
	return 0;
}

static int
tear_down(void **state)
{
	struct daemon *daemon = *state;

	machine_close(&daemon->machine);
	housekeeping_free(daemon->housekeeping);
	remove_directory((void **)&daemon->files);
	free(daemon);
	return 0;
}

/* A report by the net lane from a trusted reporter, or from a stranger. */
static enum session_answer
send_report(struct daemon *daemon, unsigned number, bool trusted)
{
	struct session *session = session_new(&daemon->pool,
	    trusted ? "192.0.2.9" : "198.51.100.7", 40000);
	enum session_answer answer;
	char body[1024];
	int len;

	len = snprintf(body, sizeof(body),
	    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; relay.test\r\n\r\n"
	    "Final-Recipient: rfc822; r%u@remote.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	    "Diagnostic-Code: smtp; %s\r\n\r\n"
	    "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m%u@example.com>\r\n"
	    "From: app@example.com\r\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	    "\td=example.com; s=s1; h=From:Message-ID; bh=4ZQael5zj3IKUKx8F7HqrHXFmJU=; b=QUJD\r\n"
	    "\r\n--b--\r\n", number, number % 2 ? "550 5.1.1 User unknown" :
	    "550 5.7.26 This mail is unauthenticated", number);
	session_helo(session, "mx.remote.test");
	session_mail(session, (char *[]){ (char *)"<>", NULL },
	    &(struct session_macros){ "", "mta.example.com", "" });
	session_rcpt(session, "<app@example.com>");
	session_header(session, "Content-Type",
	    "multipart/report; report-type=delivery-status; boundary=\"b\"");
	session_end_of_headers(session);
	session_body(session, (struct str){ body, (size_t)len });
	answer = session_end_of_message(session, "4X1");
	session_free(session);
	return answer;
}

/* A message of our own, which gets a token and a row of the ledger. */
static bool
leaves_marked(struct daemon *daemon, unsigned number)
{
	struct session *session = session_new(&daemon->pool, "127.0.0.1", 40000);
	char id[64];
	bool marked;

	snprintf(id, sizeof(id), "<m%u@example.com>", number);
	session_mail(session, (char *[]){ (char *)"<app@example.com>", NULL },
	    &(struct session_macros){ "", "mta.example.com", "" });
	session_rcpt(session, "<r@remote.test>");
	session_header(session, "Message-ID", id);
	session_end_of_headers(session);
	marked = session_end_of_message(session, "4X1") == SESSION_ACCEPT &&
	    session_mark(session).header != NULL && session_mark(session).envelope_id != NULL;
	session_free(session);
	return marked;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;

	for (unsigned i = 0; i < REPORTS; i++) {
		unsigned number = worker->number * REPORTS + i;
		enum category category;

		worker->marked += leaves_marked(worker->daemon, number);
		if (send_report(worker->daemon, number, true) == SESSION_ACCEPT)
			worker->recorded++;
		send_report(worker->daemon, number, false);
		pipeline_is_suppressed(worker->daemon->machine.pipeline, "r1@remote.test", &category);
	}
	return NULL;
}

static unsigned
journal_length(struct store *store)
{
	struct store_txn *txn;
	const char *error;
	uint64_t count;

	assert_done(store_begin_read(store, &txn, &error));
	assert_done(store_count(txn, STORE_JOURNAL, &count, &error));
	store_abort(txn);
	return (unsigned)count;
}

static void
note_difference(const char *file, const char *key)
{
	print_error("%s: %s\n", file, key);
}

static void
test_all_at_once(void **state)
{
	struct daemon *daemon = *state;
	struct worker workers[WORKERS];
	unsigned recorded = 0, marked = 0;
	const char *error;

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .daemon = daemon, .number = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < RELOADS; i++) {
		machine_configure(&daemon->machine, daemon->config, i % 2 ? "enforce = both" : "keep = report");
		publish_pause(daemon->machine.parts.publisher, i % 2);
		housekeeping_tick(daemon->housekeeping);
		if (i % 5 == 0)
			assert_done(store_recover(daemon->machine.parts.store, &error));
		assert_true(writer_heartbeat_msec(daemon->machine.parts.writer) > 0);
	}
	publish_pause(daemon->machine.parts.publisher, false);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		recorded += workers[i].recorded;
		marked += workers[i].marked;
	}
	machine_drain(&daemon->machine);
	assert_int_equal(recorded, WORKERS * REPORTS);
	assert_int_equal(marked, WORKERS * REPORTS);
	assert_int_equal(journal_length(daemon->machine.parts.store), WORKERS * REPORTS);
	assert_int_equal(table_verify(daemon->machine.tables, daemon->machine.parts.store, note_difference, &error), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
