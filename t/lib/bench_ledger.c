/*
 * bench_ledger: how fast the ledger of sent mail is, and how large.
 *
 *   bench_ledger fill DIRECTORY ROWS    rows over ten days, look-ups, pruning
 *   bench_ledger days DIRECTORY ROWS    so many rows a day for thirty days
 *
 * The rows are made of their numbers: five messages to six recipients, a
 * recipient of about 24 bytes, a sender of 30, a queue id of 12.
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

#define DAYS 10
#define DAYS_LONG 30
#define KEEP_SEC (DAYS * CLOCK_DAY_SEC)
#define BEGIN INT64_C(1788220800) /* the begin of a day */
#define BATCH 1000
#define SIZE_BYTES (UINT64_C(64) * 1024 * 1024 * 1024)
#define LOOKUPS 200000
#define PAUSE_USEC 5000 /* between two transactions that prune */

static struct sent sent;
static const char *directory;
static const char *error;
static atomic_bool ending;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Numbers that look like chance, and are the same every time (splitmix64). */
static uint64_t
mix(uint64_t number)
{
	number += 0x9e3779b97f4a7c15;
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
	number = (number ^ number >> 27) * 0x94d049bb133111eb;
	return number ^ number >> 31;
}

struct texts {
	char message_id[64], recipient[64], sender[64], queue_id[16];
};

static void
make_mail(uint64_t row, int64_t time, struct texts *texts, struct sent_mail *mail)
{
	uint64_t place = row % 6, message = row / 6 * 5 + (place < 5 ? place : 4);
	uint64_t random = mix(row);
	/* Most mail goes to few providers, the rest to very many domains. */
	unsigned domain = (unsigned)(random % 100 < 60 ? random % 10 : random % 20000);

	snprintf(texts->message_id, sizeof(texts->message_id), "<%016llx.%llu@mail.example.com>",
	    (unsigned long long)mix(message), (unsigned long long)message);
	snprintf(texts->recipient, sizeof(texts->recipient), "u%08llx@domain%05u.test",
	    (unsigned long long)(random >> 32), domain);
	snprintf(texts->sender, sizeof(texts->sender), "bounce%08llu@news.example.com",
	    (unsigned long long)row % 100000000);
	snprintf(texts->queue_id, sizeof(texts->queue_id), "4%011llX",
	    (unsigned long long)row);
	*mail = (struct sent_mail){ .time = time, .message_id = texts->message_id,
		.recipient = texts->recipient, .sender = texts->sender,
		.queue_id = texts->queue_id, .recipients = place < 4 ? 1 : 2 };
}

static void
begin(struct store_txn **txn_r)
{
	if (store_begin(sent.store, txn_r, &error) == -1)
		errx(1, "%s", error);
}

static void
commit(struct store_txn *txn)
{
	if (store_commit(txn, &error) == -1)
		errx(1, "%s", error);
}

/* So many rows from a number on, evenly over a span of time. Returns the longest
   transaction in seconds. */
static double
put_rows(uint64_t first, uint64_t count, int64_t time, int64_t span)
{
	static struct texts texts[BATCH];
	struct sent_mail mails[BATCH];
	double longest = 0;

	for (uint64_t done = 0; done < count; done += BATCH) {
		unsigned batch = count - done < BATCH ? (unsigned)(count - done) : BATCH;
		double since = now();
		struct store_txn *txn;

		for (unsigned i = 0; i < batch; i++)
			make_mail(first + done + i,
			    time + (int64_t)((double)(done + i) / (double)count * (double)span),
			    &texts[i], &mails[i]);
		begin(&txn);
		if (sent_put(&sent, txn, mails, batch, &error) == -1)
			errx(1, "%s", error);
		commit(txn);
		since = now() - since;
		if (since > longest)
			longest = since;
	}
	return longest;
}

static double
file_bytes(void)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sent.lmdb", directory);
	return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void
fill(uint64_t rows)
{
	uint64_t a_day = rows / DAYS;

	for (uint64_t day = 0; day < DAYS; day++) {
		double since = now(), longest = put_rows(day * a_day, a_day,
		    BEGIN + (int64_t)day * CLOCK_DAY_SEC, CLOCK_DAY_SEC);

		if (day == 0 || day == DAYS / 2 || day == DAYS - 1)
			printf("  day %2u: %38.0f rows put a second, longest transaction %.0f ms\n",
			    (unsigned)day + 1, (double)a_day / (now() - since), longest * 1000);
	}
	printf("  %-46s %.0f\n", "bytes a row in the file", file_bytes() / (double)rows);
}

static void
look_up(uint64_t rows, bool there)
{
	int64_t at = BEGIN + KEEP_SEC;
	struct arena *arena = arena_new();
	struct store_txn *txn;
	unsigned found_count = 0;
	double since = now();

	if (store_begin_read(sent.store, &txn, &error) == -1)
		errx(1, "%s", error);
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		struct sent_found found;
		struct sent_mail mail;
		struct texts texts;

		make_mail(mix(i) % rows + (there ? 0 : rows), 0, &texts, &mail);
		if (sent_find(&sent, txn, mail.message_id, mail.recipient, at, KEEP_SEC, arena,
			&found, &error) == -1)
			errx(1, "%s", error);
		found_count += found.matches && strcmp(found.sender, mail.sender) == 0;
		arena_reset(arena);
	}
	printf("  %-46s %.0f\n", there ? "look-ups a second, found" : "look-ups a second, not found",
	    LOOKUPS / (now() - since));
	store_abort(txn);
	arena_free(arena);
	if (found_count != (there ? LOOKUPS : 0))
		errx(1, "%u of %u were found", found_count, LOOKUPS);
}

struct waits {
	double longest, sum;
	unsigned count;
};

/* A small transaction again and again; how long each takes. */
static void *
write_little(void *argument)
{
	struct waits *waits = argument;

	for (uint64_t i = 0; !ending; i++) {
		const char *reason;
		struct store_txn *txn;
		struct sent_mail mail;
		struct texts texts;
		double since;

		make_mail((UINT64_C(1) << 40) + i, BEGIN + KEEP_SEC, &texts, &mail);
		since = now();
		if (store_begin(sent.store, &txn, &reason) == -1 ||
		    sent_put(&sent, txn, &mail, 1, &reason) == -1 ||
		    store_commit(txn, &reason) == -1)
			errx(1, "%s", reason);
		since = now() - since;
		waits->longest = since > waits->longest ? since : waits->longest;
		waits->sum += since;
		waits->count++;
		usleep(1000);
	}
	return NULL;
}

/* Delete what is older than that, with somebody who writes beside it. */
static void
prune(unsigned most, int64_t at)
{
	struct waits waits = { 0 };
	double longest = 0, busy = 0;
	uint64_t deleted = 0;
	pthread_t thread;
	int count;

	ending = false;
	if (pthread_create(&thread, NULL, write_little, &waits) != 0)
		errx(1, "cannot start a thread");
	do {
		double since = now();
		struct store_txn *txn;

		begin(&txn);
		since = now();
		count = most == 0 ? 0 : sent_prune(txn, at, KEEP_SEC, most, &error);
		if (count == -1)
			errx(1, "%s", error);
		commit(txn);
		since = now() - since;
		longest = since > longest ? since : longest;
		busy += since;
		deleted += (unsigned)count;
		usleep(most == 0 ? 2000000 : PAUSE_USEC);
	} while (most != 0 && (unsigned)count == most);
	ending = true;
	pthread_join(thread, NULL);
	if (most != 0)
		printf("  pruning by %5u: %31.0f rows a second, longest transaction %.0f ms\n",
		    most, (double)deleted / busy, longest * 1000);
	printf("  %-46s %.1f ms, longest %.0f ms\n",
	    most == 0 ? "a small transaction alone" : "  a small transaction beside it",
	    waits.sum / waits.count * 1000, waits.longest * 1000);
}

/* Each size gets a day of its own to delete. */
static void
prune_days(void)
{
	static const unsigned sizes[] = { 0, 10000, 5000, 2000, 1000 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		prune(sizes[i], BEGIN + KEEP_SEC + i * CLOCK_DAY_SEC);
}

static void
run_days(uint64_t rows)
{
	for (unsigned day = 0; day < DAYS_LONG; day++) {
		int64_t begins = BEGIN + (int64_t)day * CLOCK_DAY_SEC;
		struct store_txn *txn;
		int count;

		/* Housekeeping comes round while mail goes out. */
		for (unsigned part = 0; part < 10; part++) {
			put_rows(day * rows + part * rows / 10, rows / 10,
			    begins + part * CLOCK_DAY_SEC / 10, CLOCK_DAY_SEC / 10);
			do {
				begin(&txn);
				count = sent_prune(txn, begins, KEEP_SEC, 1000, &error);
				if (count == -1)
					errx(1, "%s", error);
				commit(txn);
			} while (count == 1000);
		}
		if (day + 1 >= DAYS && (day + 1) % 4 == 2)
			printf("  the file after day %2u: %22.1f MB\n", day + 1,
			    file_bytes() / 1e6);
	}
}

int
main(int argc, char **argv)
{
	enum store_error kind;
	uint64_t rows;

	if (argc != 4)
		errx(2, "usage: bench_ledger fill|days DIRECTORY ROWS");
	msg_open("bench_ledger", false);
	setvbuf(stdout, NULL, _IOLBF, 0);
	directory = argv[2];
	rows = strtoull(argv[3], NULL, 10);
	if (sent_open(directory, SIZE_BYTES, false, &sent, &kind, &error) == -1)
		errx(1, "%s", error);
	if (strcmp(argv[1], "days") == 0) {
		run_days(rows);
	} else {
		fill(rows);
		look_up(rows, true);
		look_up(rows, false);
		prune_days();
	}
	sent_close(&sent);
	return 0;
}
