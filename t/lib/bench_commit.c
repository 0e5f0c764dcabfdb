/*
 * bench_commit: how fast reports become durable events, with group commit and
 * without.
 *
 *   bench_commit group|single CONFIG COUNT SESSIONS
 *
 * "group": so many threads hand reports to the pipeline, as the callbacks of
 * the milter do, and each waits for its commit. "single": one thread parses
 * and judges the same reports and commits each by itself. Prints events a
 * second and the 99th percentile of the wait in milliseconds.
 */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/msg.h"
#include "judge/classify.h"
#include "parse/report.h"
#include "pipeline.h"
#include "proofs.h"
#include "record.h"
#include "store/counters.h"
#include "store/seen.h"

static const struct pipeline_origin origin = {
	.source = SOURCE_NET, .client = "192.0.2.9", .daemon_name = "", .helo = "", .envelope_recipient = "", .envelope_sender = "",
};

static struct pipeline *pipeline;
static atomic_uint next_number;
static unsigned count;
static double *waits;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct str
print_report(unsigned number, char *text, size_t size)
{
	int len = snprintf(text, size,
	    "From: MAILER-DAEMON@relay.test\nTo: app@example.com\n"
	    "Message-ID: <d%07u@relay.test>\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n"
	    "--b\nContent-Type: text/plain\n\n"
	    "<r%07u@remote.test>: host mx.remote.test[192.0.2.25] said:\n"
	    "    550 5.1.1 User unknown (in reply to RCPT TO command)\n\n"
	    "--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; relay.test\n"
	    "Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000 (UTC)\n\n"
	    "Final-Recipient: rfc822; r%07u@remote.test\n"
	    "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.remote.test\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
	    "--b\nContent-Type: text/rfc822-headers\n\n"
	    "From: app@example.com\nMessage-ID: <m%07u@example.com>\n\n--b--\n",
	    number, number, number, number);

	return (struct str){ text, (size_t)len };
}

static void *
session(void *unused)
{
	char text[2048];
	unsigned number;

	(void)unused;
	while ((number = atomic_fetch_add(&next_number, 1)) < count) {
		double since = now();

		if (pipeline_report(pipeline, print_report(number, text, sizeof(text)), &origin) !=
		    PIPELINE_RECORDED)
			errx(1, "report %u was not recorded", number);
		waits[number] = now() - since;
	}
	return NULL;
}

static void
run_group(struct store *store, unsigned sessions)
{
	pthread_t *threads = calloc(sessions, sizeof(*threads));
	struct pipeline_parts parts = { .store = store, .publisher = publish_start(store, NULL, true),
		.writer = writer_start(store), .watch = watch_new() };
	struct config *config = config_get();
	struct proofs proofs;
	enum store_error kind;
	pthread_attr_t attributes;
	const char *error;

	if (proofs_open(config, &proofs, &parts, &kind, &error) == -1 ||
	    pipeline_new(&parts, &pipeline, &error) == -1)
		errx(1, "%s", error);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1024 * 1024);
	for (unsigned i = 0; i < sessions; i++) {
		if (pthread_create(&threads[i], &attributes, session, NULL) != 0)
			errx(1, "cannot start a thread");
	}
	for (unsigned i = 0; i < sessions; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attributes);
	free(threads);
	writer_stop(parts.writer);
	publish_stop(parts.publisher);
	proofs_close(&proofs);
	pipeline_free(pipeline);
	watch_free(parts.watch);
	config_put(config);
}

/* What the pipeline does with a proven report, in a transaction of its own. */
static int
record_one(struct store *store, const struct seen *seen, struct bounce *bounce,
    struct verdict *verdict, const char **error_r)
{
	struct store_txn *txn;
	struct seen_keys keys;
	struct seen_row row;
	uint64_t sequence;

	if (seen_make(seen, bounce, words_name(&outcome_words, bounce->outcome), &keys,
		error_r) == -1 ||
	    store_begin(store, &txn, error_r) == -1)
		return -1;
	if (counters_add(txn, "reports_total", "proof", "relay", 1, error_r) == -1 ||
	    seen_find(txn, &keys, &row, error_r) == -1 ||
	    record_event(txn, bounce, verdict, &sequence, error_r) == -1 ||
	    seen_put(txn, &keys, sequence, error_r) == -1) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

static void
run_single(struct store *store)
{
	struct config *config = config_get();
	struct policy_history history = { 0 };
	const char *error;
	struct seen seen;
	char text[2048];

	if (seen_open(store, &seen, &error) == -1)
		errx(1, "%s", error);
	for (unsigned i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		struct verdict verdict;
		struct report report;
		double since = now();

		report_parse(print_report(i, text, sizeof(text)), 0, arena, &report);
		verdict_init(&verdict);
		verdict.proof = PROOF_RELAY;
		classify(config->rules, &report.bounces[0], arena, &verdict);
		policy_decide(&config->policy, &report.bounces[0], &history, &verdict);
		if (record_one(store, &seen, &report.bounces[0], &verdict, &error) == -1)
			errx(1, "%s", error);
		arena_free(arena);
		waits[i] = now() - since;
	}
	seen_close(&seen);
	config_put(config);
}

static int
by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	struct config *config;
	enum store_error kind;
	struct store *store;
	const char *error;
	double began;

	if (argc != 5)
		errx(2, "usage: bench_commit group|single CONFIG COUNT SESSIONS");
	msg_open("bench_commit", false);
	count = (unsigned)atoi(argv[3]);
	waits = calloc(count, sizeof(*waits));
	if (config_load(argv[2], &config, &error) == -1 ||
	    store_open(config->state_dir, config->store_size_bytes, false, &store, &kind,
		&error) == -1)
		errx(1, "%s", error);
	config_set_current(config);
	began = now();
	if (strcmp(argv[1], "group") == 0)
		run_group(store, (unsigned)atoi(argv[4]));
	else
		run_single(store);
	began = now() - began;
	qsort(waits, count, sizeof(*waits), by_number);
	printf("%.0f %.1f\n", count / began, waits[count - count / 100 - 1] * 1000);
	store_close(store);
	config_set_current(NULL);
	free(waits);
	return 0;
}
