#include "store/publish.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "store/journal.h"
#include "store/position.h"

#define RETRY_MSEC 1000 /* after a failure, and to notice what a tool did */

/* Every new CDB file makes smtpd and trivial-rewrite of Postfix start anew. */
#define CDB_PAUSE_MSEC 5000
#define CDB_SHARE 10 /* and one that takes long to make is made less often */

/* At the end, for a lock: long enough for a busy Postfix, and no longer, because
   no session is answered meanwhile. */
#define STOP_WAIT_MSEC 1000

int
publish_position(struct store_txn *txn, uint64_t *sequence_r, const char **error_r)
{
	return position_get(txn, TABLE_LMDB, sequence_r, error_r);
}

int
publish_reset(struct store *store, const char **error_r)
{
	return position_forget(store, TABLE_BOTH, error_r);
}

/* M and N; M is 0 also where events behind M are not there any more. */
static int
read_bounds(struct store *store, enum table_type type, uint64_t *published_r,
    uint64_t *last_r, const char **error_r)
{
	struct store_txn *txn;
	uint64_t first = 0;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = position_get(txn, type, published_r, error_r);
	if (ret == 0)
		ret = journal_bounds(txn, STORE_JOURNAL, &first, last_r, error_r);
	store_abort(txn);
	if (ret == 0 && *published_r + 1 < first)
		*published_r = 0;
	return ret;
}

/* The addresses that a page of the journal changed. Their standing may have
   changed since: it is read when it is published. Returns how many. */
static unsigned
changed_addresses(const struct pages_row *rows, unsigned count, struct arena *arena,
    const char *addresses[PAGES_ROWS])
{
	unsigned changed = 0;

	for (unsigned i = 0; i < count; i++) {
		struct journal_event event;

		if (journal_scan(&rows[i], arena, &event) == -1)
			continue;
		if ((event.verdict.decision == DECISION_SUPPRESS ||
		    event.verdict.decision == DECISION_LIFT) && event.bounce.recipient[0] != '\0')
			addresses[changed++] = event.bounce.recipient;
	}
	return changed;
}

/* All of the standing. An M of which nothing follows any more is forgotten
   first, so that an end in the middle leaves none that the tables had once.
   Returns 1 or -1. */
static int
publish_standing(struct store *store, struct tables *tables, enum table_type type,
    uint64_t published, uint64_t last, const char **error_r)
{
	if ((published == 0 && position_forget(store, type, error_r) == -1) ||
	    table_publish_all(tables, type, store, error_r) == -1 ||
	    position_save(store, type, published, last, error_r) == -1)
		return -1;
	return 1;
}

static int
publish_page(struct store *store, struct tables *tables, const struct pages_row *rows,
    unsigned count, uint64_t *published, const char **error_r)
{
	struct arena *arena = arena_new();
	const char *addresses[PAGES_ROWS];
	unsigned changed = changed_addresses(rows, count, arena, addresses);
	int ret = 0;

	if (changed > 0)
		ret = table_publish(tables, store, addresses, changed, error_r);
	arena_free(arena);
	if (ret == 0)
		ret = position_save(store, TABLE_LMDB, *published,
		    store_scan_number(rows[count - 1].key), error_r);
	*published = store_scan_number(rows[count - 1].key);
	return ret;
}

/* LMDB: the addresses of each event. */
static int
catch_up_lmdb(struct store *store, struct tables *tables, uint64_t *seen, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	const struct pages_row *rows;
	struct pages *pages;
	uint64_t published, last;
	unsigned count;
	int ret;

	(void)seen;
	if (read_bounds(store, TABLE_LMDB, &published, &last, error_r) == -1)
		return -1;
	if (published >= last)
		return 0;
	if (published == 0)
		return publish_standing(store, tables, TABLE_LMDB, 0, last, error_r);
	pages = pages_new(store, STORE_JOURNAL, store_number(published + 1, bytes));
	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		if (publish_page(store, tables, rows, count, &published, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	pages_free(pages);
	return ret == -1 ? -1 : 1;
}

/* Does any event behind *seen concern a table? Moves *seen to the last one that
   was looked at. Returns 1, 0 or -1. */
static int
look_for_change(struct store *store, uint64_t *seen, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct pages *pages = pages_new(store, STORE_JOURNAL, store_number(*seen + 1, bytes));
	const char *addresses[PAGES_ROWS];
	const struct pages_row *rows;
	unsigned count, changed = 0;
	int ret = 1;

	while (changed == 0 && (ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		struct arena *arena = arena_new();

		changed = changed_addresses(rows, count, arena, addresses);
		*seen = store_scan_number(rows[count - 1].key);
		arena_free(arena);
	}
	pages_free(pages);
	return ret;
}

/* CDB: all, if any event behind M concerns a table. *seen, if not NULL, is the
   last event that is known to concern none. */
static int
catch_up_cdb(struct store *store, struct tables *tables, uint64_t *seen, const char **error_r)
{
	uint64_t published, last, from;
	int ret = 1;

	if (read_bounds(store, TABLE_CDB, &published, &last, error_r) == -1)
		return -1;
	if (published >= last)
		return 0;
	if (seen != NULL && published != 0) {
		from = *seen > published ? *seen : published;
		ret = look_for_change(store, &from, error_r);
		if (ret == 0)
			*seen = from;
	}
	if (ret != 1)
		return ret;
	return publish_standing(store, tables, TABLE_CDB, published, last, error_r);
}

/* How the tables of each type catch up: returns 1 if something was written, 0
   if there was nothing, -1; and how long to leave them alone then. */
static const struct kind {
	int (*catch_up)(struct store *store, struct tables *tables, uint64_t *seen,
	    const char **error_r);
	int64_t pause_msec;
	int64_t share; /* of the time */
} kinds[TABLE_BOTH] = {
	[TABLE_LMDB] = { catch_up_lmdb, 0, 0 },
	[TABLE_CDB] = { catch_up_cdb, CDB_PAUSE_MSEC, CDB_SHARE },
};

int
publish_catch_up(struct store *store, struct tables *tables, const char **error_r)
{
	for (unsigned type = 0; type < TABLE_BOTH; type++) {
		if (table_is_used(tables, type) &&
		    kinds[type].catch_up(store, tables, NULL, error_r) == -1)
			return -1;
	}
	return 0;
}

/* The thread of a type. */
struct worker {
	struct publisher *publisher;
	const struct kind *kind;
	pthread_t thread;
	bool wanted; /* guarded by the lock of the publisher */
};

struct publisher {
	struct store *store;
	struct tables *tables;
	struct worker workers[TABLE_BOTH];
	unsigned worker_count;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool paused;
	bool stopping;
};

static void
wait_until(struct publisher *publisher, int64_t msec)
{
	struct timespec until = clock_timespec(msec);

	pthread_cond_timedwait(&publisher->changed, &publisher->lock, &until);
}

/* Wait until there is something to do, but not less than until a time, so that
   all wake-ups in between are answered at once. Returns false when it is the
   end. */
static bool
wait_for_work(struct worker *worker, int64_t not_before, bool *paused_r)
{
	struct publisher *publisher = worker->publisher;
	int64_t until = clock_monotonic_msec() + RETRY_MSEC;
	bool stopping;

	pthread_mutex_lock(&publisher->lock);
	if (until < not_before)
		until = not_before;
	while (!publisher->stopping &&
	    clock_monotonic_msec() < (worker->wanted ? not_before : until))
		wait_until(publisher, worker->wanted ? not_before : until);
	worker->wanted = false;
	stopping = publisher->stopping;
	*paused_r = publisher->paused;
	pthread_mutex_unlock(&publisher->lock);
	return !stopping;
}

static void *
run(void *argument)
{
	struct worker *worker = argument;
	struct publisher *publisher = worker->publisher;
	const struct kind *kind = worker->kind;
	bool failing = false, more = true, paused;
	int64_t began, now, not_before = 0;
	uint64_t seen = 0;
	const char *error;
	int ret;

	while (more) {
		more = wait_for_work(worker, not_before, &paused);
		if (paused)
			continue;
		began = clock_monotonic_msec();
		ret = kind->catch_up(publisher->store, publisher->tables, &seen, &error);
		now = clock_monotonic_msec();
		if (ret != 0) {
			int64_t pause = (now - began) * kind->share;

			not_before = now + (pause > kind->pause_msec ? pause : kind->pause_msec);
		}
		if (ret != -1) {
			if (failing)
				msg_info("the tables are up to date again");
			failing = false;
		} else if (!failing) {
			/* Said once; it is tried again until it works. */
			msg_alert("cannot publish, the tables stay as they are: %s", error);
			failing = true;
		}
	}
	return NULL;
}

struct publisher *
publish_start(struct store *store, struct tables *tables, bool paused)
{
	struct publisher *publisher = calloc(1, sizeof(*publisher));

	if (publisher == NULL)
		msg_out_of_memory();
	publisher->store = store;
	publisher->tables = tables;
	publisher->paused = paused;
	pthread_mutex_init(&publisher->lock, NULL);
	clock_condition_init(&publisher->changed);
	for (unsigned type = 0; type < TABLE_BOTH; type++) {
		struct worker *worker = &publisher->workers[publisher->worker_count];

		if (!table_is_used(tables, type))
			continue;
		*worker = (struct worker){ publisher, &kinds[type], .wanted = true };
		publisher->worker_count++;
		if (pthread_create(&worker->thread, NULL, run, worker) != 0)
			msg_out_of_memory();
	}
	return publisher;
}

/* Call it with the lock. */
static void
wake_all(struct publisher *publisher)
{
	for (unsigned i = 0; i < publisher->worker_count; i++)
		publisher->workers[i].wanted = true;
	pthread_cond_broadcast(&publisher->changed);
}

void
publish_wake(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	wake_all(publisher);
	pthread_mutex_unlock(&publisher->lock);
}

void
publish_pause(struct publisher *publisher, bool paused)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->paused = paused;
	wake_all(publisher);
	pthread_mutex_unlock(&publisher->lock);
}

void
publish_stop(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->stopping = true;
	wake_all(publisher);
	pthread_mutex_unlock(&publisher->lock);
	table_limit_waiting(publisher->tables, STOP_WAIT_MSEC);
	for (unsigned i = 0; i < publisher->worker_count; i++)
		pthread_join(publisher->workers[i].thread, NULL);
	pthread_cond_destroy(&publisher->changed);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher);
}
