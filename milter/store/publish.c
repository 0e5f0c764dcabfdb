#include "store/publish.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "store/journal.h"

#define RETRY_MSEC 1000 /* after a failure, and to notice what a tool did */

static const struct str position_key = { "published", 9 };

int
publish_position(struct store_txn *txn, uint64_t *sequence_r, const char **error_r)
{
	struct str value;
	int ret = store_get(txn, STORE_META, position_key, &value, error_r);

	*sequence_r = ret == 1 ? store_scan_number(value) : 0;
	return ret == -1 ? -1 : 0;
}

/* Change M from what it was when publishing began; another process may have
   published further meanwhile, or found a table to be new. */
static int
save_position(struct store *store, uint64_t before, uint64_t sequence, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct store_txn *txn;
	uint64_t have;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	if (publish_position(txn, &have, error_r) == -1 ||
	    (have == before && store_put(txn, STORE_META, position_key,
		store_number(sequence, bytes), error_r) == -1)) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

int
publish_reset(struct store *store, const char **error_r)
{
	struct store_txn *txn;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	if (store_delete(txn, STORE_META, position_key, error_r) == -1) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

/* M and N; M is 0 also where events behind M are not there any more. */
static int
read_bounds(struct store *store, uint64_t *published_r, uint64_t *last_r, const char **error_r)
{
	struct store_txn *txn;
	uint64_t first = 0;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = publish_position(txn, published_r, error_r);
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
		ret = save_position(store, *published, store_scan_number(rows[count - 1].key),
		    error_r);
	*published = store_scan_number(rows[count - 1].key);
	return ret;
}

int
publish_catch_up(struct store *store, struct tables *tables, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	const struct pages_row *rows;
	struct pages *pages;
	uint64_t published, last;
	unsigned count;
	int ret;

	if (read_bounds(store, &published, &last, error_r) == -1)
		return -1;
	if (published >= last)
		return 0;
	if (published == 0) {
		if (publish_reset(store, error_r) == -1 ||
		    table_publish_all(tables, store, error_r) == -1)
			return -1;
		return save_position(store, 0, last, error_r);
	}
	pages = pages_new(store, STORE_JOURNAL, store_number(published + 1, bytes));
	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		if (publish_page(store, tables, rows, count, &published, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	pages_free(pages);
	return ret;
}

struct publisher {
	struct store *store;
	struct tables *tables;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool wanted;
	bool paused;
	bool stopping;
};

/* Wait until there is something to do. Returns false when it is the end. */
static bool
wait_for_work(struct publisher *publisher, bool *paused_r)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_MSEC / 1000;
	pthread_mutex_lock(&publisher->lock);
	if (!publisher->wanted && !publisher->stopping)
		pthread_cond_timedwait(&publisher->changed, &publisher->lock, &until);
	publisher->wanted = false;
	stopping = publisher->stopping;
	*paused_r = publisher->paused;
	pthread_mutex_unlock(&publisher->lock);
	return !stopping;
}

static void *
run(void *argument)
{
	struct publisher *publisher = argument;
	bool failing = false, more = true, paused;
	const char *error;

	while (more) {
		more = wait_for_work(publisher, &paused);
		if (paused)
			continue;
		if (publish_catch_up(publisher->store, publisher->tables, &error) == 0) {
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
	pthread_condattr_t monotonic;

	if (publisher == NULL)
		msg_out_of_memory();
	publisher->store = store;
	publisher->tables = tables;
	publisher->paused = paused;
	publisher->wanted = true;
	pthread_mutex_init(&publisher->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&publisher->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&publisher->thread, NULL, run, publisher) != 0)
		msg_out_of_memory();
	return publisher;
}

void
publish_wake(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->wanted = true;
	pthread_cond_signal(&publisher->changed);
	pthread_mutex_unlock(&publisher->lock);
}

void
publish_pause(struct publisher *publisher, bool paused)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->paused = paused;
	pthread_mutex_unlock(&publisher->lock);
	publish_wake(publisher);
}

void
publish_stop(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->stopping = true;
	pthread_cond_signal(&publisher->changed);
	pthread_mutex_unlock(&publisher->lock);
	pthread_join(publisher->thread, NULL);
	pthread_cond_destroy(&publisher->changed);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher);
}
