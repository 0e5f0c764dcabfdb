/*
 * bench_proof: how long it takes to prove a report from the network.
 *
 *   bench_proof prove|report CONFIG REPORT HELO FIRST COUNT THREADS [RATE]
 *
 * REPORT is a file. In it NUMBER stands for seven digits, from FIRST on, and
 * TOKEN for the token of that message. The ledger is filled before: message
 * <mNUMBER@example.net> to rNUMBER@remote.test for all numbers below ROWS; from
 * TOGETHER on each has a second recipient.
 *
 * "prove" measures pipeline_prove() alone, "report" the whole pipeline_report()
 * with its commit. With a RATE, all threads together take so many reports a
 * second, else as many as they can. Prints in microseconds the median and the
 * 99th percentile of the time that passed, the same without the time that the
 * thread waited for a processor (0 for "report"), and what share was proven; for
 * "report" the configuration has to have reject-unverified.
 */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/report.h"
#include "pipeline_proof.h"
#include "proofs.h"

#define ROWS 100000
#define TOGETHER 50000
#define BATCH 1000
#define WARM_UP 50
#define TEXT_BYTES 65536

static struct pipeline *pipeline;
static struct config *config;
static char report_text[TEXT_BYTES];
static struct pipeline_origin origin = {
	.source = SOURCE_NET, .client = "198.51.100.25", .daemon_name = "", .host_name = "",
	.envelope_sender = "", .envelope_recipient = "app@example.net",
};
static bool whole; /* "report" */
static unsigned first, count, threads, rate;
static atomic_uint next_number, proven;
static double *waits, *busy;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* How long this thread could have run, and no processor was free (Linux,
   Documentation/scheduler/sched-stats.rst). */
static double
now_queued(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "r");
	double queued;

	if (file == NULL || fscanf(file, "%*s %lf", &queued) != 1)
		errx(1, "/proc/thread-self/schedstat cannot be read");
	fclose(file);
	return queued / 1e3;
}

static void
fill_ledger(const struct sent *sent)
{
	const char *error;
	struct store_txn *txn;

	for (unsigned from = 0; from < ROWS; from += BATCH) {
		if (store_begin(sent->store, &txn, &error) == -1)
			errx(1, "%s", error);
		for (unsigned i = from; i < from + BATCH; i++) {
			char id[64], recipient[64];
			const struct sent_mail mail = {
				.time = clock_now() - i % 9 * CLOCK_DAY_SEC, .message_id = id,
				.recipient = recipient, .sender = "app@example.net",
				.queue_id = "4XyZ1234567", .recipients = i < TOGETHER ? 1 : 2,
			};

			snprintf(id, sizeof(id), "<m%07u@example.net>", i);
			snprintf(recipient, sizeof(recipient), "r%07u@remote.test", i);
			if (sent_put(sent, txn, &mail, 1, &error) == -1)
				errx(1, "%s", error);
		}
		if (store_commit(txn, &error) == -1)
			errx(1, "%s", error);
	}
}

static const char *
make_token(unsigned number, struct arena *arena)
{
	const char *recipient = arena_printf(arena, "r%07u@remote.test", number);
	const struct tag_mail mail = { .time = clock_now(), .recipients = &recipient, .count = 1,
		.message_id = arena_printf(arena, "<m%07u@example.net>", number) };

	return config->tag_keys == NULL ? "" : tag_make(config->tag_keys, &mail, arena);
}

/* The report of that number, in the arena. */
static struct str
print_report(unsigned number, struct arena *arena)
{
	const char *digits = arena_printf(arena, "%07u", number), *from = report_text, *next;
	const char *token = make_token(number, arena);
	struct buf text = { 0 };
	struct str message;

	for (; (next = strpbrk(from, "NT")) != NULL; from = next) {
		bool is_number = strncmp(next, "NUMBER", 6) == 0;
		bool is_token = strncmp(next, "TOKEN", 5) == 0;

		buf_add(&text, (struct str){ from, (size_t)(next - from) });
		buf_add(&text, is_number ? str_of(digits) : is_token ? str_of(token) :
		    (struct str){ next, 1 });
		next += is_number ? 6 : is_token ? 5 : 1;
	}
	buf_add(&text, str_of(from));
	message = str_of(arena_strdup(arena, buf_str(&text)));
	buf_free(&text);
	return message;
}

/* pipeline_prove() is measured without the reading before it. */
static bool
measure_proof(struct str message, struct arena *arena, double *wait_r, double *busy_r)
{
	struct verdict verdict;
	struct report report;
	bool cut_short = false;

	report_parse(message, REPORT_NULL_SENDER, arena, &report);
	if (report.count != 1)
		errx(1, "the report is about %u recipients", report.count);
	verdict_init(&verdict);
	*busy_r = now_queued();
	*wait_r = now();
	pipeline_prove(pipeline, config, &origin, message, &report, PROVING_OWN, arena, &verdict,
	    &cut_short);
	*wait_r = now() - *wait_r;
	*busy_r = *wait_r - (now_queued() - *busy_r);
	return verdict.proof != PROOF_NONE;
}

static bool
measure_report(struct str message, double *wait_r)
{
	enum pipeline_answer answer;

	*wait_r = now();
	answer = pipeline_report(pipeline, message, &origin);
	*wait_r = now() - *wait_r;
	return answer == PIPELINE_RECORDED;
}

/* Reports come when they want: a pause between nothing and twice the mean. */
static void
pause_some(unsigned *seed)
{
	if (rate > 0)
		usleep((useconds_t)(rand_r(seed) % (2000000ull * threads / rate)));
}

static void *
session(void *unused)
{
	unsigned seed = (unsigned)pthread_self(), i;

	(void)unused;
	while ((i = atomic_fetch_add(&next_number, 1)) < count) {
		struct arena *arena = arena_new();
		struct str message = print_report(first + i, arena);

		pause_some(&seed);
		proven += whole ? measure_report(message, &waits[i]) :
		    measure_proof(message, arena, &waits[i], &busy[i]);
		arena_free(arena);
	}
	return NULL;
}

static void
run_sessions(void)
{
	pthread_t *ids = calloc(threads, sizeof(*ids));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1024 * 1024);
	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], &attributes, session, NULL) != 0)
			errx(1, "cannot start a thread");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_attr_destroy(&attributes);
	free(ids);
}

static void
run(struct store *store)
{
	struct pipeline_parts parts = { .store = store, .publisher = publish_start(store, NULL, true),
		.writer = writer_start(store), .watch = watch_new() };
	struct sent_found found;
	struct proofs proofs;
	struct store_txn *txn;
	struct arena *arena = arena_new();
	enum store_error kind;
	const char *error;
	double unused;

	if (proofs_open(config, &proofs, &parts, &kind, &error) == -1 ||
	    pipeline_new(&parts, &pipeline, &error) == -1 ||
	    store_begin_read(proofs.sent.store, &txn, &error) == -1 ||
	    sent_find(&proofs.sent, txn, "<m0000000@example.net>", "", clock_now(),
		CLOCK_DAY_SEC, arena, &found, &error) == -1)
		errx(1, "%s", error);
	store_abort(txn);
	if (found.recipients == 0)
		fill_ledger(&proofs.sent);
	/* The cache of DNS, and that of pages. */
	for (unsigned i = 0; i < WARM_UP; i++)
		measure_proof(print_report(first + i, arena), arena, &unused, &unused);
	arena_free(arena);
	run_sessions();
	writer_stop(parts.writer);
	publish_stop(parts.publisher);
	pipeline_free(pipeline);
	proofs_close(&proofs);
	watch_free(parts.watch);
}

static int
by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_quantiles(double *values)
{
	qsort(values, count, sizeof(*values), by_number);
	printf("%.1f %.1f ", values[count / 2], values[count - count / 100 - 1]);
}

static void
read_report(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t len = file == NULL ? 0 : fread(report_text, 1, sizeof(report_text) - 1, file);

	if (len == 0 || len == sizeof(report_text) - 1)
		errx(1, "%s: cannot be read, or is too large", path);
	fclose(file);
}

int
main(int argc, char **argv)
{
	enum store_error kind;
	struct store *store;
	const char *error;

	if (argc != 8 && argc != 9)
		errx(2, "usage: bench_proof prove|report CONFIG REPORT HELO FIRST COUNT THREADS [RATE]");
	msg_open("bench_proof", false);
	whole = strcmp(argv[1], "report") == 0;
	read_report(argv[3]);
	origin.helo = argv[4];
	first = (unsigned)atoi(argv[5]);
	count = (unsigned)atoi(argv[6]);
	threads = (unsigned)atoi(argv[7]);
	rate = argc == 9 ? (unsigned)atoi(argv[8]) : 0;
	waits = calloc(count, sizeof(*waits));
	busy = calloc(count, sizeof(*busy));
	if (config_load(argv[2], &config, &error) == -1 ||
	    store_open(config->state_dir, config->store_size_bytes, false, &store, &kind,
		&error) == -1)
		errx(1, "%s", error);
	config_set_current(config);
	config = config_get();
	run(store);
	print_quantiles(waits);
	print_quantiles(busy);
	printf("%.3f\n", (double)proven / count);
	store_close(store);
	config_put(config);
	config_set_current(NULL);
	free(waits);
	free(busy);
	return 0;
}
