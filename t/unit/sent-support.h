/*
 * What the tests of the ledger share: one that is open in a directory of its
 * own for each test, and shorthands for calls that must not fail.
 */
#ifndef T_UNIT_SENT_SUPPORT_H
#define T_UNIT_SENT_SUPPORT_H

#include "store-support.h"

#include "base/clock.h"
#include "store/sent.h"

#define NOON INT64_C(1700049600) /* 2023-11-15T12:00:00Z */
#define MIDNIGHT (NOON - CLOCK_DAY_SEC / 2)
#define DAY CLOCK_DAY_SEC
#define KEEP (10 * INT64_C(86400))
#define PUT_MOST 5000

static struct sent sent;
static struct arena *arena;

static inline void
open_ledger(const char *directory, uint64_t size_bytes, bool read_only)
{
	enum store_error kind;
	const char *error;

	assert_done(sent_open(directory, size_bytes, read_only, &sent, &kind, &error));
}

static inline int
setup(void **state)
{
	if (make_directory(state) == -1)
		return -1;
	open_ledger(*state, STORE_BYTES, false);
	arena = arena_new();
	return 0;
}

static inline int
teardown(void **state)
{
	sent_close(&sent);
	arena_free(arena);
	return remove_directory(state);
}

/* One message to r0@remote.test, r1@remote.test, ... from s0@own.test, ..., as one
   transaction. Returns 0, or -1 with nothing written. */
static inline int
put_many(const char *message_id, unsigned count, int64_t time, unsigned recipients,
    const char **error_r)
{
	static struct sent_mail mails[PUT_MOST];
	static char texts[PUT_MOST][2][32];
	struct store_txn *txn;

	for (unsigned i = 0; i < count; i++) {
		snprintf(texts[i][0], sizeof(texts[i][0]), "r%u@remote.test", i);
		snprintf(texts[i][1], sizeof(texts[i][1]), "s%u@own.test", i);
		mails[i] = (struct sent_mail){ .time = time, .message_id = message_id,
			.recipient = texts[i][0], .sender = texts[i][1], .queue_id = "4XyZabcdef",
			.recipients = recipients };
	}
	if (store_begin(sent.store, &txn, error_r) == -1)
		return -1;
	if (sent_put(&sent, txn, mails, count, error_r) == -1) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

static inline void
put(const char *message_id, const char *recipient, int64_t time, unsigned recipients)
{
	struct sent_mail mail = { .time = time, .message_id = message_id, .recipient = recipient,
		.sender = "app@own.test", .queue_id = "4XyZabcdef", .recipients = recipients };
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(sent.store, &txn, &error));
	assert_done(sent_put(&sent, txn, &mail, 1, &error));
	assert_done(store_commit(txn, &error));
}

/* Returns 0, or -1: also for a process that must not assert. */
static inline int
try_find(const char *message_id, const char *recipient, int64_t now, struct sent_found *found_r,
    const char **error_r)
{
	struct store_txn *txn;
	int ret;

	if (store_begin_read(sent.store, &txn, error_r) == -1)
		return -1;
	ret = sent_find(&sent, txn, message_id, recipient, now, KEEP, arena, found_r, error_r);
	store_abort(txn);
	return ret;
}

static inline struct sent_found
find(const char *message_id, const char *recipient, int64_t now)
{
	struct sent_found found;
	const char *error;

	assert_done(try_find(message_id, recipient, now, &found, &error));
	return found;
}

static inline bool
has_domain(const char *domain, int64_t now)
{
	struct store_txn *txn;
	const char *error;
	int ret;

	assert_done(store_begin_read(sent.store, &txn, &error));
	assert_done(ret = sent_has_domain(txn, domain, now, KEEP, &error));
	store_abort(txn);
	return ret == 1;
}

static inline unsigned
count_rows(enum store_table table)
{
	struct store_txn *txn;
	const char *error;
	uint64_t count;

	assert_done(store_begin_read(sent.store, &txn, &error));
	assert_done(store_count(txn, table, &count, &error));
	store_abort(txn);
	return (unsigned)count;
}

static inline unsigned
prune(int64_t now, unsigned most)
{
	struct store_txn *txn;
	const char *error;
	int deleted;

	assert_done(store_begin(sent.store, &txn, &error));
	assert_done(deleted = sent_prune(txn, now, KEEP, most, &error));
	assert_done(store_commit(txn, &error));
	return (unsigned)deleted;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
