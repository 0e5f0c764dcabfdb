#include "pipeline_expect.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/header.h"

#define POLL_USEC 100000
#define RECENT_SEC 3600 /* clocks differ, and queues take their time */

struct store_txn *
pipeline_expect_nothing(struct pipeline *pipeline)
{
	const struct sent *sent = pipeline->parts.sent;
	struct store_txn *txn = NULL;
	const char *error;

	if (sent != NULL && store_begin_read(sent->store, &txn, &error) == -1) {
		msg_warning("a report is read without the ledger: %s", error);
		txn = NULL;
	}
	return txn;
}

static bool
has_message(const struct pipeline *pipeline, struct store_txn *txn, const char *message_id,
    int64_t now, int64_t keep_sec)
{
	struct arena *arena = arena_new();
	struct sent_found found;
	const char *error;
	bool has = sent_find(pipeline->parts.sent, txn, message_id, "", now, keep_sec, arena, &found,
	    &error) == 0 && found.recipients > 0;

	arena_free(arena);
	return has;
}

/* May the message have left a moment ago? */
static bool
is_recent(struct str headers, int64_t now)
{
	struct arena *arena = arena_new();
	struct str value;
	int64_t date;
	bool recent = header_find(headers, STR("Date"), &value) == 1 &&
	    clock_scan_header(header_unfold(value, arena), &date) == 0 && date > now - RECENT_SEC;

	arena_free(arena);
	return recent;
}

struct store_txn *
pipeline_expect(struct pipeline *pipeline, const char *message_id, struct str returned_headers,
    int64_t now, int64_t keep_sec, bool *cut_short_r)
{
	struct store_txn *txn = pipeline_expect_nothing(pipeline);
	int64_t taken, end_msec;
	bool has;

	if (txn == NULL || message_id[0] == '\0' || !is_recent(returned_headers, now))
		return txn;
	has = has_message(pipeline, txn, message_id, now, keep_sec);
	if (has)
		return txn;
	end_msec = clock_monotonic_msec();
	taken = patience_take(&pipeline->patience, EXPECT_MSEC, end_msec);
	end_msec += taken;
	while (txn != NULL && !has && clock_monotonic_msec() < end_msec) {
		store_abort(txn);
		usleep(POLL_USEC);
		txn = pipeline_expect_nothing(pipeline);
		has = txn != NULL && has_message(pipeline, txn, message_id, now, keep_sec);
	}
	patience_give_back(&pipeline->patience, clock_left_msec(end_msec));
	*cut_short_r |= !has && taken < EXPECT_MSEC;
	return txn;
}
