#include "housekeeping.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/msg.h"
#include "config.h"
#include "metrics.h"
#include "record.h"
#include "store/breaker.h"
#include "store/rates.h"
#include "store/seen.h"

#define LIFT_MOST 1000      /* in one transaction */
#define CLEAN_EVERY_SEC 60
#define METRICS_EVERY_SEC 30
#define CLEAN_ROWS 10000    /* of each table in one transaction */

/* What ends because time passed is gone for good, and a clock that leaps may have
   gone wrong: it gets time to be set right. */
#define LEAP_MSEC (3600 * INT64_C(1000))
#define DISTRUST_MSEC (600 * INT64_C(1000))

struct housekeeping {
	const struct pipeline_parts *parts;
	int64_t next_cleaning, next_metrics;
	int64_t clock_base_msec;   /* the clock less the monotonic one, at the last tick */
	int64_t distrusted_msec;   /* until then, on the monotonic clock */
	struct metrics_addresses addresses;
	bool metrics_failed; /* and it was said */
	/* Belongs to the writer thread. */
	uint8_t seen_position[HMAC_DIGEST_BYTES];
	/* A job is on its way: the next tick need not send another. */
	atomic_bool lifting, cleaning, forgetting;
	/* The last one did all it may at a time: there is more of the ledger to go. */
	atomic_bool more;
};

struct chore {
	struct job job;
	struct housekeeping *housekeeping;
	struct config *config;
	int64_t now; /* at the tick: the clock may leap before it is done */
	atomic_bool *running;
};

struct housekeeping *
housekeeping_new(const struct pipeline_parts *parts)
{
	struct housekeeping *housekeeping = calloc(1, sizeof(*housekeeping));

	if (housekeeping == NULL)
		msg_out_of_memory();
	housekeeping->parts = parts;
	housekeeping->clock_base_msec = clock_now_msec() - clock_monotonic_msec();
	return housekeeping;
}

void
housekeeping_free(struct housekeeping *housekeeping)
{
	free(housekeeping);
}

/* Both suppressions of an address may have ended; each is an event. */
static int
lift_address(struct store_txn *txn, const char *address, int64_t now, const char **error_r)
{
	struct standing standing;

	if (standing_get(txn, address, &standing, error_r) == -1)
		return -1;
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		const struct standing_entry *entry = &standing.suppressed[i];
		struct verdict verdict;

		if (entry->event == 0 || entry->until == 0 || entry->until > now)
			continue;
		verdict_init(&verdict);
		verdict.category = entry->category;
		verdict.decision = DECISION_LIFT;
		verdict.table = i;
		verdict.reason = "its term has ended";
		if (record_change(txn, SOURCE_CLOCK, now, address, &verdict, "", error_r) == -1)
			return -1;
	}
	return 0;
}

static int
lift_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	int64_t now = ((struct chore *)base)->now;
	int ret = 1;

	for (unsigned i = 0; ret == 1 && i < LIFT_MOST; i++) {
		struct arena *arena = arena_new();
		const char *address;

		ret = standing_take_expired(txn, now, arena, &address, error_r);
		if (ret == 1 && lift_address(txn, address, now, error_r) == -1)
			ret = -1;
		arena_free(arena);
	}
	return ret == -1 ? -1 : 0;
}

static void
lift_committed(struct job *base)
{
	publish_wake(((struct chore *)base)->housekeeping->parts->publisher);
}

static int
clean_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct chore *chore = (struct chore *)base;
	const struct config *config = chore->config;
	int64_t now = chore->now;
	uint64_t published;

	/* What is not published yet is still needed; where nothing is published,
	   all of the standing will be, when that changes. CDB tables are always
	   made of all of it. */
	if (publish_position(txn, &published, error_r) == -1)
		return -1;
	if (config->mode == MODE_OBSERVE || config->table_type == TABLE_CDB)
		published = UINT64_MAX;
	if (config->retention_sec > 0 && journal_prune(txn, STORE_JOURNAL,
		now - config->retention_sec, published, CLEAN_ROWS, error_r) == -1)
		return -1;
	if (journal_prune(txn, STORE_UNVERIFIED, now - config->retention_unverified_sec,
		UINT64_MAX, CLEAN_ROWS, error_r) == -1)
		return -1;
	if (rates_prune(txn, now - RATES_KEEP_SEC, CLEAN_ROWS, error_r) == -1)
		return -1;
	if (breaker_prune(txn, now, CLEAN_ROWS, error_r) == -1)
		return -1;
	return seen_prune(txn, now, CLEAN_ROWS, chore->housekeeping->seen_position, error_r) == -1 ?
	    -1 : 0;
}

/* Days that are over go from the ledger. */
static int
forget_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct chore *chore = (struct chore *)base;
	int deleted = sent_prune(txn, chore->now, chore->config->retention_sent_sec, CLEAN_ROWS,
	    error_r);

	chore->housekeeping->more = deleted == CLEAN_ROWS;
	return deleted == -1 ? -1 : 0;
}

static void
chore_release(struct job *base)
{
	struct chore *chore = (struct chore *)base;

	*chore->running = false;
	config_put(chore->config);
	free(chore);
}

static void
post_chore(struct housekeeping *housekeeping, struct writer *writer, int64_t now,
    atomic_bool *running, int (*apply)(struct job *, struct store_txn *, const char **),
    void (*committed)(struct job *))
{
	struct chore *chore;

	if (atomic_exchange(running, true))
		return;
	chore = calloc(1, sizeof(*chore));
	if (chore == NULL)
		msg_out_of_memory();
	chore->job = (struct job){ .apply = apply, .committed = committed,
		.release = chore_release };
	chore->housekeeping = housekeeping;
	chore->config = config_get();
	chore->now = now;
	chore->running = running;
	writer_post(writer, &chore->job);
}

static bool
something_expired(const struct housekeeping *housekeeping, int64_t now)
{
	struct arena *arena = arena_new();
	const char *address, *error;
	struct store_txn *txn;
	int ret = store_begin_read(housekeeping->parts->store, &txn, &error);

	if (ret == 0) {
		ret = standing_next_expired(txn, now, arena, &address, &error);
		store_abort(txn);
	}
	arena_free(arena);
	return ret == 1;
}

/* For node_exporter. What is wrong with it is said once. */
static void
write_metrics(struct housekeeping *housekeeping)
{
	struct config *config = config_get();
	const char *error;
	bool failed = metrics_write(housekeeping->parts->store, config, &housekeeping->addresses,
	    &error) == -1;

	if (failed && !housekeeping->metrics_failed)
		msg_error("alert-textfile: %s", error);
	housekeeping->metrics_failed = failed;
	config_put(config);
}

/* Did the clock go on as the monotonic one did, and for long enough? */
static bool
clock_is_trusted(struct housekeeping *housekeeping, int64_t now_msec, int64_t monotonic_msec)
{
	int64_t before_msec = housekeeping->clock_base_msec + monotonic_msec;
	int64_t step_msec = now_msec - before_msec;
	bool trusted = monotonic_msec >= housekeeping->distrusted_msec;
	char before[CLOCK_TEXT_BYTES], after[CLOCK_TEXT_BYTES];

	housekeeping->clock_base_msec = now_msec - monotonic_msec;
	/* Nothing ends too early by a clock that goes back; only, while it is not
	   trusted, nobody knows whether that was the last time it is set. */
	if (step_msec <= LEAP_MSEC && (trusted || step_msec >= -LEAP_MSEC))
		return trusted;
	if (trusted)
		msg_warning("the clock leapt from %s to %s: no suppression ends and nothing is "
		    "deleted for %d minutes, or longer if it is set again",
		    clock_print(before_msec / 1000, before), clock_print(now_msec / 1000, after),
		    (int)(DISTRUST_MSEC / 60000));
	housekeeping->distrusted_msec = monotonic_msec + DISTRUST_MSEC;
	return false;
}

/* What cannot be taken back. */
static void
end_terms(struct housekeeping *housekeeping, int64_t now, bool due)
{
	const struct pipeline_parts *parts = housekeeping->parts;

	if (something_expired(housekeeping, now))
		post_chore(housekeeping, parts->writer, now, &housekeeping->lifting, lift_apply,
		    lift_committed);
	if (parts->sent != NULL && (due || housekeeping->more))
		post_chore(housekeeping, parts->sent_writer, now, &housekeeping->forgetting,
		    forget_apply, NULL);
	if (due)
		post_chore(housekeeping, parts->writer, now, &housekeeping->cleaning, clean_apply,
		    NULL);
}

void
housekeeping_tick(struct housekeeping *housekeeping)
{
	const struct pipeline_parts *parts = housekeeping->parts;
	int64_t now_msec = clock_now_msec(), monotonic_msec = clock_monotonic_msec();
	int64_t passed = monotonic_msec / 1000;
	bool due = passed >= housekeeping->next_cleaning;

	if (clock_is_trusted(housekeeping, now_msec, monotonic_msec))
		end_terms(housekeeping, now_msec / 1000, due);
	if (passed >= housekeeping->next_metrics) {
		housekeeping->next_metrics = passed + METRICS_EVERY_SEC;
		write_metrics(housekeeping);
	}
	if (!due)
		return;
	housekeeping->next_cleaning = passed + CLEAN_EVERY_SEC;
	store_clear_dead_readers(parts->store);
	if (parts->sent != NULL)
		store_clear_dead_readers(parts->sent->store);
}
