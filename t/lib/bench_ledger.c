/*
 * bench_ledger: what the ledger of sent mail costs, in figures a line each,
 * "name value".
 *
 *   bench_ledger fill DIR ROWS STEP        rows over ten days, look-ups among
 *                                          them, and pruning in transactions of
 *                                          STEP rows, beside a thread that
 *                                          commits something small every 10 ms
 *   bench_ledger steady DIR ROWS_A_DAY     thirty days, ten of which are kept
 *
 * Rows are written in transactions of 1,000. DIR must be empty; sent.lmdb stays.
 */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "store/sent.h"

#define BATCH 1000
#define DAYS 10
#define STEADY_DAYS 30
#define STEADY_STEP 10000
#define TEXT_BYTES 64
#define MIDNIGHT INT64_C(1795219200) /* 2026-11-21T00:00:00Z */
#define LOOKUP_SEC 5
#define PRUNE_MOST 500               /* transactions */
#define ROW_MAP_BYTES 1024           /* of the map for a row, more than it takes */
#define DOMAINS 20000
#define COMMON_DOMAINS 20            /* with four of five recipients */

static struct sent sent;
static const char *directory;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Spreads the number of a row over all the bits (splitmix64), so that any row
   can be made again. */
static uint64_t
scatter(uint64_t number)
{
	number += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

struct texts {
	char message_id[TEXT_BYTES], recipient[TEXT_BYTES], sender[TEXT_BYTES],
	    queue_id[TEXT_BYTES];
};

/* A newsletter: each recipient has a message and a return path of its own. */
static void
make_mail(uint64_t number, int64_t time, struct texts *texts, struct sent_mail *mail_r)
{
	uint64_t random = scatter(number);
	unsigned domain = (unsigned)(random % 5 == 0 ? (random >> 8) % DOMAINS :
	    (random >> 8) % COMMON_DOMAINS);

	snprintf(texts->message_id, TEXT_BYTES, "<20261121.%016llx@app.example.net>",
	    (unsigned long long)random);
	snprintf(texts->recipient, TEXT_BYTES, "%09llx@d%05u.example",
	    (unsigned long long)(random >> 28), domain);
	snprintf(texts->sender, TEXT_BYTES, "app+%08x@lists.example.net", (unsigned)random);
	snprintf(texts->queue_id, TEXT_BYTES, "4XyZ%08x", (unsigned)number);
	*mail_r = (struct sent_mail){ .time = time, .message_id = texts->message_id,
		.recipient = texts->recipient, .sender = texts->sender,
		.queue_id = texts->queue_id, .recipients = 1 };
}

static void
open_ledger(uint64_t rows)
{
	uint64_t bytes = (64 << 20) + rows * ROW_MAP_BYTES;
	enum store_error kind;
	const char *error;

	if (sent_open(directory, bytes, false, &sent, &kind, &error) == -1)
		errx(1, "%s", error);
}

static struct store_txn *
begin(void)
{
	struct store_txn *txn;
	const char *error;

	if (store_begin(sent.store, &txn, &error) == -1)
		errx(1, "%s", error);
	return txn;
}

static void
commit(struct store_txn *txn)
{
	const char *error;

	if (store_commit(txn, &error) == -1)
		errx(1, "%s", error);
}

/* One transaction of rows of the same time. */
static void
put_batch(uint64_t first, unsigned count, int64_t time)
{
	static struct texts texts[BATCH];
	static struct sent_mail mails[BATCH];
	struct store_txn *txn = begin();
	const char *error;

	for (unsigned i = 0; i < count; i++)
		make_mail(first + i, time, &texts[i], &mails[i]);
	if (sent_put(&sent, txn, mails, count, &error) == -1)
		errx(1, "%s", error);
	commit(txn);
}

static double
megabytes(void)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sent.lmdb", directory);
	if (stat(path, &st) == -1)
		err(1, "%s", path);
	return (double)st.st_size / 1e6;
}

static int64_t
time_of_row(uint64_t number, uint64_t rows)
{
	return MIDNIGHT + (int64_t)((double)number / (double)rows * DAYS * CLOCK_DAY_SEC);
}

static void
fill(uint64_t rows)
{
	double began = now(), tenth = began;

	for (uint64_t i = 0; i < rows; i += BATCH) {
		if (i >= rows / 10 * 9 && tenth == began)
			tenth = now();
		put_batch(i, (unsigned)(rows - i < BATCH ? rows - i : BATCH), time_of_row(i, rows));
	}
	printf("insert %.0f\n", (double)rows / (now() - began));
	printf("insert_last_tenth %.0f\n", (double)rows / 10 / (now() - tenth));
	printf("bytes_a_row %.0f\n", megabytes() * 1e6 / (double)rows);
	printf("megabytes %.0f\n", megabytes());
}

/* --- look-ups ----------------------------------------------------------------- */

/* As a report is proven: a transaction each. Rows behind the last one are not there. */
static void
look_up(const char *name, uint64_t from, uint64_t rows, bool want)
{
	struct arena *arena = arena_new();
	double began = now();
	unsigned count = 0;

	while (count % 100 != 0 || now() - began < LOOKUP_SEC) {
		struct sent_found found;
		struct sent_mail mail;
		struct store_txn *txn;
		struct texts texts;
		const char *error;

		make_mail(from + scatter(count++) % rows, 0, &texts, &mail);
		if (store_begin_read(sent.store, &txn, &error) == -1 ||
		    sent_find(&sent, txn, mail.message_id, mail.recipient,
			MIDNIGHT + DAYS * CLOCK_DAY_SEC - 1, (DAYS - 1) * CLOCK_DAY_SEC, arena,
			&found, &error) == -1)
			errx(1, "%s", error);
		if (found.matches != want)
			errx(1, "%s was %sfound", mail.message_id, want ? "not " : "");
		store_abort(txn);
		arena_reset(arena);
	}
	printf("%s %.0f\n", name, count / (now() - began));
	arena_free(arena);
}

/* --- pruning ------------------------------------------------------------------- */

static atomic_bool stopped;

struct waits {
	double *seconds;
	unsigned count, room;
};

static void
note_wait(struct waits *waits, double seconds)
{
	if (waits->count == waits->room) {
		waits->room = waits->room == 0 ? 1024 : 2 * waits->room;
		waits->seconds = reallocarray(waits->seconds, waits->room, sizeof(double));
		if (waits->seconds == NULL)
			msg_out_of_memory();
	}
	waits->seconds[waits->count++] = seconds;
}

static int
by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_waits(const char *name, struct waits *waits)
{
	qsort(waits->seconds, waits->count, sizeof(double), by_number);
	printf("%s_median_ms %.1f\n", name, waits->seconds[waits->count / 2] * 1e3);
	printf("%s_p99_ms %.1f\n", name, waits->seconds[waits->count * 99 / 100] * 1e3);
	printf("%s_longest_ms %.1f\n", name, waits->seconds[waits->count - 1] * 1e3);
	free(waits->seconds);
}

static void
pause_msec(long msec)
{
	nanosleep(&(struct timespec){ .tv_nsec = msec * 1000000 }, NULL);
}

/* Somebody else who has little to write. */
static void *
commit_small(void *argument)
{
	struct waits *waits = argument;

	for (uint64_t i = 0; !stopped; i++) {
		double began = now();

		put_batch(UINT64_MAX / 2 + i, 1, MIDNIGHT + DAYS * CLOCK_DAY_SEC);
		note_wait(waits, now() - began);
		pause_msec(10);
	}
	return NULL;
}

static pthread_t
start_small(struct waits *waits)
{
	pthread_t thread;

	stopped = false;
	if (pthread_create(&thread, NULL, commit_small, waits) != 0)
		errx(1, "cannot start a thread");
	return thread;
}

/* All ten days, or as many of their rows as PRUNE_MOST transactions take. LMDB's
   lock does not queue; between two transactions others have their turn, as they
   have in the daemon, where one is made a second at most. */
static void
prune(unsigned step)
{
	const int64_t later = MIDNIGHT + (DAYS + 9) * CLOCK_DAY_SEC;
	struct waits own = { 0 }, alone = { 0 }, beside = { 0 };
	pthread_t thread = start_small(&alone);
	double busy = 0, rows = 0;
	int deleted = 1;

	sleep(2);
	stopped = true;
	pthread_join(thread, NULL);
	thread = start_small(&beside);
	for (unsigned i = 0; i < PRUNE_MOST && deleted > 0; i++) {
		struct store_txn *txn = begin();
		double began = now();
		const char *error;

		deleted = sent_prune(txn, later, 9 * CLOCK_DAY_SEC, step, &error);
		if (deleted == -1)
			errx(1, "%s", error);
		commit(txn);
		if ((unsigned)deleted == step)
			note_wait(&own, now() - began);
		busy += now() - began;
		rows += deleted;
		pause_msec(20);
	}
	stopped = true;
	pthread_join(thread, NULL);
	printf("prune %.0f\n", rows / busy);
	printf("prune_transactions %u\n", own.count);
	print_waits("prune", &own);
	print_waits("alone", &alone);
	print_waits("beside", &beside);
}

/* --- a constant rate -------------------------------------------------------------- */

static void
run_steady(uint64_t rows_a_day)
{
	for (unsigned day = 0; day < STEADY_DAYS; day++) {
		for (uint64_t i = 0; i < rows_a_day; i += BATCH) {
			int64_t time = MIDNIGHT + day * CLOCK_DAY_SEC +
			    (int64_t)(i * CLOCK_DAY_SEC / rows_a_day);
			struct store_txn *txn;
			const char *error;

			put_batch(day * rows_a_day + i, BATCH, time);
			txn = begin();
			if (sent_prune(txn, time, DAYS * CLOCK_DAY_SEC, STEADY_STEP, &error) == -1)
				errx(1, "%s", error);
			commit(txn);
		}
		printf("day%u %.1f\n", day + 1, megabytes());
	}
}

int
main(int argc, char **argv)
{
	uint64_t rows;

	if (argc < 4 || argc > 5)
		errx(2, "usage: bench_ledger fill DIR ROWS STEP | steady DIR ROWS_A_DAY");
	msg_open("bench_ledger", false);
	setvbuf(stdout, NULL, _IOLBF, 0);
	directory = argv[2];
	rows = strtoull(argv[3], NULL, 10);
	if (rows < BATCH)
		errx(2, "no less than %d rows", BATCH);
	open_ledger(argc == 5 ? rows : DAYS * rows);
	if (argc == 5) {
		fill(rows);
		look_up("hits", 0, rows, true);
		look_up("misses", rows, rows, false);
		prune((unsigned)atoi(argv[4]));
	} else {
		run_steady(rows);
	}
	sent_close(&sent);
	return 0;
}
