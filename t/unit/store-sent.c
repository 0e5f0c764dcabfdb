#include "store-support.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/sent.h"
#include "store/writer.h"

#define NOON INT64_C(1700049600) /* 2023-11-15T12:00:00Z */
#define MIDNIGHT (NOON - CLOCK_DAY_SEC / 2)
#define DAY CLOCK_DAY_SEC
#define KEEP (10 * INT64_C(86400))
#define PUT_MOST 5000

static struct sent sent;
static struct arena *arena;

static void
open_ledger(const char *directory, uint64_t size_bytes, bool read_only)
{
	enum store_error kind;
	const char *error;

	assert_done(sent_open(directory, size_bytes, read_only, &sent, &kind, &error));
}

static int
setup(void **state)
{
	if (make_directory(state) == -1)
		return -1;
	open_ledger(*state, STORE_BYTES, false);
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	sent_close(&sent);
	arena_free(arena);
	return remove_directory(state);
}

/* One message to r0@remote.test, r1@remote.test, ... from s0@own.test, ..., as one
   transaction. Returns 0, or -1 with nothing written. */
static int
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

static void
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
static int
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

static struct sent_found
find(const char *message_id, const char *recipient, int64_t now)
{
	struct sent_found found;
	const char *error;

	assert_done(try_find(message_id, recipient, now, &found, &error));
	return found;
}

static bool
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

static unsigned
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

static unsigned
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

/* --- what is found ------------------------------------------------------------- */

static void
test_put_and_find(void **state)
{
	struct sent_found found;

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 1);
	found = find("<m@own.test>", "a@remote.test", NOON + 60);
	assert_true(found.matches);
	assert_string_equal(found.sender, "app@own.test");
	assert_string_equal(found.queue_id, "4XyZabcdef");
	assert_int_equal(found.time, NOON);
	assert_int_equal(found.recipients, 1);
	assert_string_equal(found.only, "a@remote.test");
	assert_int_equal(found.sibling_count, 0);
}

static void
test_what_is_not_there(void **state)
{
	static const char *const ids[] = { "<other@own.test>", "m@own.test", "<m@own.tes", "" };

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 1);
	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct sent_found found = find(ids[i], "a@remote.test", NOON);

		assert_false(found.matches);
		assert_string_equal(found.sender, "");
		assert_string_equal(found.queue_id, "");
		assert_string_equal(found.only, "");
		assert_int_equal(found.recipients, 0);
		assert_int_equal(found.sibling_count, 0);
	}
}

/* A complaint may hide its recipient; another's is not the recipient's. */
static void
test_only(void **state)
{
	static const char *const asked[] = { "", "b@remote.test" };

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct sent_found found = find("<m@own.test>", asked[i], NOON);

		assert_false(found.matches);
		assert_string_equal(found.sender, "");
		assert_int_equal(found.recipients, 1);
		assert_string_equal(found.only, "a@remote.test");
		assert_int_equal(found.sibling_count, 1);
	}
	put("<m@own.test>", "b@remote.test", NOON, 0);
	assert_string_equal(find("<m@own.test>", "", NOON).only, "");
	assert_string_equal(find("<m@own.test>", "a@remote.test", NOON).only, "");
	assert_int_equal(find("<m@own.test>", "", NOON).recipients, 2);
}

static void
test_the_same_row_again(void **state)
{
	static const struct { unsigned put, want; } table[] = { { 0, 1 }, { 5, 5 }, { 2, 5 },
		{ 0, 5 }, { 9, 9 }, { 4000000000, 4000000000 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		put("<m@own.test>", "a@remote.test", NOON + i, table[i].put);
		assert_int_equal(find("<m@own.test>", "a@remote.test", NOON).recipients,
		    table[i].want);
		assert_int_equal(find("<m@own.test>", "a@remote.test", NOON).time, NOON + i);
	}
	assert_int_equal(count_rows(STORE_SENT), 1);
	assert_int_equal(count_rows(STORE_SENT_DOMAINS), 1);
}

static void
test_over_days(void **state)
{
	struct sent_found found;

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 0);
	put("<m@own.test>", "a@remote.test", NOON + DAY, 0);
	found = find("<m@own.test>", "a@remote.test", NOON + DAY);
	assert_int_equal(count_rows(STORE_SENT), 2);
	assert_int_equal(found.recipients, 1);
	assert_string_equal(found.only, "a@remote.test");
	assert_int_equal(found.sibling_count, 0);
	assert_int_equal(found.time, NOON + DAY);

	put("<m@own.test>", "b@remote.test", NOON + DAY, 0);
	put("<m@own.test>", "b@remote.test", NOON + 2 * DAY, 0);
	put("<m@own.test>", "c@remote.test", NOON + 3 * DAY, 2);
	found = find("<m@own.test>", "a@remote.test", NOON + 3 * DAY);
	assert_int_equal(found.recipients, 3);
	assert_string_equal(found.only, "");
	assert_int_equal(found.sibling_count, 2);
	assert_int_equal(found.time, NOON + DAY);
	put("<m@own.test>", "c@remote.test", NOON + 3 * DAY, 7);
	assert_int_equal(find("<m@own.test>", "a@remote.test", NOON + 3 * DAY).recipients, 7);
}

static void
test_siblings(void **state)
{
	struct sent_found found;
	const char *error;

	(void)state;
	assert_done(put_many("<m@own.test>", 12, NOON, 0, &error));
	found = find("<m@own.test>", "r3@remote.test", NOON);
	assert_true(found.matches);
	assert_string_equal(found.sender, "s3@own.test");
	assert_int_equal(found.recipients, 12);
	assert_string_equal(found.only, "");
	assert_int_equal(found.sibling_count, SENT_SIBLINGS_MOST);
	for (unsigned i = 0; i < found.sibling_count; i++) {
		assert_string_not_equal(found.siblings[i].recipient, "r3@remote.test");
		assert_string_equal(strchr(found.siblings[i].sender, '@'), "@own.test");
		assert_int_equal(atoi(found.siblings[i].sender + 1),
		    atoi(found.siblings[i].recipient + 1));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(found.siblings[i].recipient,
			    found.siblings[j].recipient);
	}
}

/* Whoever is asked for is found, wherever the digest puts the row; and the work
   has an end. */
static void
test_a_very_large_message(void **state)
{
	struct sent_found found;
	char recipient[32];
	const char *error;

	(void)state;
	assert_done(put_many("<m@own.test>", 5000, NOON, 0, &error));
	for (unsigned i = 0; i < 5000; i += 49) {
		snprintf(recipient, sizeof(recipient), "r%u@remote.test", i);
		found = find("<m@own.test>", recipient, NOON);
		assert_true(found.matches);
		assert_int_equal(atoi(found.sender + 1), i);
		assert_int_equal(found.recipients, SENT_COUNT_MOST);
		assert_int_equal(found.sibling_count, SENT_SIBLINGS_MOST);
	}
	found = find("<m@own.test>", "nobody@remote.test", NOON);
	assert_false(found.matches);
	assert_int_equal(found.recipients, SENT_COUNT_MOST);
	assert_int_equal(found.sibling_count, SENT_SIBLINGS_MOST);
	assert_done(put_many("<m@own.test>", 5000, NOON, 5000, &error));
	assert_int_equal(find("<m@own.test>", "", NOON).recipients, 5000);
}

/* --- days ---------------------------------------------------------------------- */

/* `now` when a row of noon is asked for, and whether it is kept and found. */
static const struct {
	int64_t now;
	bool found;
} edges[] = {
	{ NOON, true },
	{ MIDNIGHT + DAY + KEEP - 1, true },  /* keep_sec ago was the last second of its day */
	{ MIDNIGHT + DAY + KEEP, false },
	{ MIDNIGHT - 1, true },               /* it was sent tomorrow */
	{ MIDNIGHT - DAY, true },
	{ MIDNIGHT - DAY - 1, false },
};

static void
test_edges(void **state)
{
	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 1);
	for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		assert_int_equal(find("<m@own.test>", "a@remote.test", edges[i].now).matches,
		    edges[i].found);
		assert_int_equal(find("<m@own.test>", "", edges[i].now).recipients, edges[i].found);
		assert_int_equal(has_domain("remote.test", edges[i].now), edges[i].found);
	}
}

/* Midnight is where one day ends and the next begins, in UTC. */
static void
test_midnight(void **state)
{
	(void)state;
	put("<m@own.test>", "a@remote.test", MIDNIGHT - 1, 1);
	put("<n@own.test>", "a@remote.test", MIDNIGHT, 1);
	assert_int_equal(find("<m@own.test>", "a@remote.test", NOON).time, MIDNIGHT - 1);
	assert_int_equal(find("<n@own.test>", "a@remote.test", NOON).time, MIDNIGHT);
	assert_int_equal(prune(MIDNIGHT + KEEP, 10), 2);
	assert_false(find("<m@own.test>", "a@remote.test", NOON).matches);
	assert_true(find("<n@own.test>", "a@remote.test", NOON).matches);
	assert_true(has_domain("remote.test", NOON));
}

static void
test_domains(void **state)
{
	char recipient[600], *domain = recipient + 2;

	(void)state;
	put("<m@own.test>", "a@remote.test", NOON, 1);
	assert_true(has_domain("remote.test", NOON));
	assert_false(has_domain("emote.test", NOON));
	assert_false(has_domain("remote.tes", NOON));
	assert_false(has_domain("sub.remote.test", NOON));
	assert_false(has_domain("", NOON));

	/* Longer than a key may be: no domain, but no failure either. */
	memset(recipient, 'x', sizeof(recipient));
	memcpy(recipient, "a@", 2);
	recipient[2 + STORE_KEY_BYTES - 2] = '\0';
	put("<long@own.test>", recipient, NOON, 1);
	assert_true(has_domain(domain, NOON));
	recipient[2 + STORE_KEY_BYTES - 2] = 'x';
	recipient[sizeof(recipient) - 1] = '\0';
	put("<longer@own.test>", recipient, NOON, 1);
	assert_true(find("<longer@own.test>", recipient, NOON).matches);
	assert_false(has_domain(domain, NOON));
}

/* --- pruning ------------------------------------------------------------------- */

static void
test_prune(void **state)
{
	static const char *const ids[] = { "<0@own.test>", "<1@own.test>", "<2@own.test>" };
	const char *error;

	(void)state;
	/* The youngest first: order is by day, not by arrival. */
	for (int i = 2; i >= 0; i--)
		assert_done(put_many(ids[i], 25, NOON + i * DAY, 0, &error));
	assert_int_equal(prune(MIDNIGHT + DAY + KEEP - 1, 1000), 0);
	assert_int_equal(count_rows(STORE_SENT), 75);

	/* The first two days have ended long enough ago. */
	assert_int_equal(prune(MIDNIGHT + 2 * DAY + KEEP, 10), 10);
	assert_int_equal(find(ids[0], "", NOON).recipients, 15);
	assert_int_equal(find(ids[1], "", NOON + DAY).recipients, 25);
	assert_int_equal(prune(MIDNIGHT + 2 * DAY + KEEP, 15), 15);
	assert_int_equal(find(ids[0], "", NOON).recipients, 0);
	assert_int_equal(find(ids[1], "", NOON + DAY).recipients, 25);
	assert_int_equal(count_rows(STORE_SENT_DOMAINS), 3);

	/* 25 rows of the second day, and the domains of both. */
	assert_int_equal(prune(MIDNIGHT + 2 * DAY + KEEP, 26), 26);
	assert_int_equal(count_rows(STORE_SENT_DOMAINS), 2);
	assert_int_equal(prune(MIDNIGHT + 2 * DAY + KEEP, 26), 1);
	assert_int_equal(prune(MIDNIGHT + 2 * DAY + KEEP, 26), 0);
	assert_false(has_domain("remote.test", NOON));
	assert_int_equal(find(ids[2], "", NOON + 2 * DAY).recipients, 25);
	assert_int_equal(count_rows(STORE_SENT), 25);
	assert_int_equal(count_rows(STORE_SENT_DOMAINS), 1);
}

/* Many pages, and steps that end anywhere in one. */
static void
test_prune_much(void **state)
{
	const char *error;
	unsigned deleted = 0, step;

	(void)state;
	assert_done(put_many("<m@own.test>", 5000, NOON, 0, &error));
	assert_done(put_many("<n@own.test>", 5000, NOON + DAY, 0, &error));
	while ((step = prune(MIDNIGHT + DAY + KEEP, 333)) > 0) {
		deleted += step;
		assert_int_equal(count_rows(STORE_SENT) + count_rows(STORE_SENT_DOMAINS),
		    10002 - deleted);
	}
	assert_int_equal(deleted, 5001);
	assert_int_equal(find("<n@own.test>", "", NOON + DAY).recipients, SENT_COUNT_MOST);
}

/* --- trouble ------------------------------------------------------------------- */

/* Put something else into the row of a@remote.test. */
static void
damage(struct str value)
{
	struct store_cursor *cursor;
	struct str key, before;
	struct store_txn *txn;
	const char *error;
	char copy[64];
	int ret;

	assert_done(store_begin(sent.store, &txn, &error));
	assert_done(store_cursor_open(txn, STORE_SENT, &cursor, &error));
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &before, &error);
	while (ret == 1 && memmem(before.data, before.len, "a@remote.test", 13) == NULL)
		ret = store_cursor_next(cursor, &key, &before, &error);
	assert_int_equal(ret, 1);
	store_cursor_close(cursor);
	assert_true(key.len <= sizeof(copy));
	memcpy(copy, key.data, key.len);
	assert_done(store_put(txn, STORE_SENT, (struct str){ copy, key.len }, value, &error));
	assert_done(store_commit(txn, &error));
}

#define NUMBERS "\1\0\0\0\0\0\0\7" /* version, second, recipients */

static void
test_damaged_rows(void **state)
{
	const struct str values[] = {
		STR(""), STR("\1"), STR("\1\0\0\0"), STR(NUMBERS),
		STR(NUMBERS "\0"), STR(NUMBERS "a@remote.test"),
		STR(NUMBERS "a@remote.test\0"), STR(NUMBERS "a@remote.test\0s@own.test\0"),
		STR(NUMBERS "a@remote.test\0s@own.test\0id"),
		STR("\2\0\0\0\0\0\0\7a@remote.test\0s@own.test\0id\0"),
	};

	(void)state;
	put("<m@own.test>", "b@remote.test", NOON, 0);
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct sent_found found;

		put("<m@own.test>", "a@remote.test", NOON, 0);
		assert_true(find("<m@own.test>", "a@remote.test", NOON).matches);
		damage(values[i]);
		found = find("<m@own.test>", "a@remote.test", NOON);
		assert_false(found.matches);
		assert_int_equal(found.recipients, 1);
		assert_string_equal(found.only, "b@remote.test");
		assert_true(find("<m@own.test>", "b@remote.test", NOON).matches);
	}
	/* The values above are not refused for another reason. */
	put("<m@own.test>", "a@remote.test", NOON, 0);
	damage(STR(NUMBERS "a@remote.test\0s@own.test\0id\0"));
	assert_int_equal(find("<m@own.test>", "a@remote.test", NOON).recipients, 7);
	damage(STR("\1"));
	assert_int_equal(prune(MIDNIGHT + DAY + KEEP, 10), 3);
}

/* Messages of `count` recipients until there is no room. Returns how many
   messages got in, a thousand on each day. */
static unsigned
fill(unsigned count)
{
	unsigned messages = 0;
	char message_id[32];
	const char *error;

	do
		snprintf(message_id, sizeof(message_id), "<%u@own.test>", messages);
	while (put_many(message_id, count, NOON + messages * count / 1000 * DAY, 0, &error) == 0 &&
	    ++messages < 100000);
	assert_non_null(strstr(error, "sent.lmdb is full: raise ledger-size in bouncemilter.conf"));
	return messages;
}

static void
check_full(const char *directory, unsigned count, unsigned step)
{
	unsigned messages, deleted = 0;
	const char *error;
	int64_t later;
	char last[32];

	open_ledger(directory, 1024 * 1024, false);
	messages = fill(count);
	assert_int_equal(count_rows(STORE_SENT), messages * count);
	assert_true(messages * count > 4000);
	assert_true(find("<0@own.test>", "r0@remote.test", NOON).matches);
	snprintf(last, sizeof(last), "<%u@own.test>", messages - 1);
	later = NOON + (messages - 1) * count / 1000 * DAY;
	assert_true(find(last, "r0@remote.test", later).matches);

	/* Two days, and their domains. */
	while (deleted < 2002)
		deleted += prune(MIDNIGHT + 2 * DAY + KEEP, step);
	assert_int_equal(deleted, 2002);
	assert_done(put_many("<more@own.test>", count, later, 0, &error));
	assert_true(find("<more@own.test>", "r0@remote.test", later).matches);
	assert_true(find(last, "r0@remote.test", later).matches);
	assert_false(find("<0@own.test>", "r0@remote.test", NOON).matches);
}

/* The smaller the transactions before, the fewer pages are free: deleting needs
   some, too. */
static void
test_a_full_map(void **state)
{
	static const unsigned counts[] = { 1000, 100, 10, 1 }, steps[] = { 10000, 500, 7 };
	char directory[64];

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (unsigned j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			snprintf(directory, sizeof(directory), "%s/%u-%u", (char *)*state, i, j);
			assert_int_equal(mkdir(directory, 0700), 0);
			sent_close(&sent);
			check_full(directory, counts[i], steps[j]);
		}
	}
}

static int
apply_put(struct job *job, struct store_txn *txn, const char **error_r)
{
	struct sent_mail mail = { .time = NOON, .message_id = "<late@own.test>",
		.recipient = "a@remote.test", .sender = "", .queue_id = "" };

	(void)job;
	return sent_put(&sent, txn, &mail, 1, error_r);
}

static int
apply_prune(struct job *job, struct store_txn *txn, const char **error_r)
{
	(void)job;
	return sent_prune(txn, MIDNIGHT + DAY + KEEP, KEEP, 10000, error_r) == -1 ? -1 : 0;
}

static void
release(struct job *job)
{
	(void)job;
}

/* Rows come all the time: pruning must not fail together with them. */
static void
test_pruning_beside_rows(void **state)
{
	struct job jobs[3] = { { .apply = apply_put, .release = release },
		{ .apply = apply_prune, .release = release },
		{ .apply = apply_put, .release = release } };
	struct writer *writer;

	sent_close(&sent);
	open_ledger(*state, 1024 * 1024, false);
	fill(10);
	writer = writer_start(sent.store);
	for (unsigned i = 0; i < 3; i++)
		assert_true(writer_post(writer, &jobs[i]));
	writer_stop(writer);
	assert_false(find("<0@own.test>", "r0@remote.test", NOON).matches);
	assert_true(find("<late@own.test>", "a@remote.test", NOON).matches);
}

static void
read_first_key(const char *directory, char copy_r[64])
{
	struct store_cursor *cursor;
	struct str key, value;
	struct store_txn *txn;
	const char *error;

	sent_close(&sent);
	open_ledger(directory, STORE_BYTES, false);
	put("<m@own.test>", "a@remote.test", NOON, 1);
	assert_done(store_begin_read(sent.store, &txn, &error));
	assert_done(store_cursor_open(txn, STORE_SENT, &cursor, &error));
	assert_int_equal(store_cursor_seek(cursor, STR_EMPTY, &key, &value, &error), 1);
	assert_true(key.len == 18);
	memcpy(copy_r, key.data, key.len);
	store_cursor_close(cursor);
	store_abort(txn);
}

/* Nobody can look for messages whose digests are alike: each ledger has digests
   of its own, and keeps to them. */
static void
test_a_secret_of_its_own(void **state)
{
	char other[64], keys[3][64];

	snprintf(other, sizeof(other), "%s/other", (char *)*state);
	assert_int_equal(mkdir(other, 0700), 0);
	read_first_key(*state, keys[0]);
	read_first_key(other, keys[1]);
	read_first_key(*state, keys[2]);
	assert_memory_equal(keys[0], keys[1], 2);
	assert_memory_not_equal(keys[0] + 2, keys[1] + 2, 8);
	assert_memory_not_equal(keys[0] + 10, keys[1] + 10, 8);
	assert_memory_equal(keys[0], keys[2], 18);
}

/* --- several processes ----------------------------------------------------------- */

#define GROUP 10      /* recipients of a message, in one transaction */
#define MESSAGES 50

static void
print_id(unsigned round, unsigned number, char message_id[32])
{
	snprintf(message_id, 32, "<%u.%u@own.test>", round, number);
}

/* In a process that must not assert. Returns its exit status. */
static int
read_meanwhile(const char *directory, int ready)
{
	unsigned number = 0, waited = 0;
	struct sent_found found;
	enum store_error kind;
	char message_id[32];
	const char *error;

	alarm(60);
	if (sent_open(directory, STORE_BYTES, true, &sent, &kind, &error) == -1)
		return 1;
	while (number < MESSAGES) {
		print_id(0, number, message_id);
		if (try_find(message_id, "r7@remote.test", NOON, &found, &error) == -1)
			return 2;
		/* All of a transaction or nothing. */
		if (found.recipients != 0 && (found.recipients != GROUP || !found.matches))
			return 3;
		if (found.recipients == 0 && waited++ == 0 && write(ready, "", 1) != 1)
			return 4;
		number += found.recipients != 0;
	}
	return waited > 0 ? 0 : 5;
}

static void
test_another_process_reads(void **state)
{
	char message_id[32], byte;
	int ready[2], status;
	const char *error;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	/* An environment must not be carried through fork(). */
	sent_close(&sent);
	pid = fork();
	if (pid == 0)
		_exit(read_meanwhile(*state, ready[1]));
	assert_true(pid > 0);
	open_ledger(*state, STORE_BYTES, false);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	for (unsigned i = 0; i < MESSAGES; i++) {
		print_id(0, i, message_id);
		assert_done(put_many(message_id, GROUP, NOON, 0, &error));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Commits for ever, and tells after each one. */
static void
write_until_killed(const char *directory, unsigned round, int reports)
{
	enum store_error kind;
	char message_id[32];
	const char *error;

	alarm(60);
	if (sent_open(directory, STORE_BYTES, false, &sent, &kind, &error) == -1)
		return;
	for (unsigned i = 0;; i++) {
		print_id(round, i, message_id);
		if (put_many(message_id, GROUP, NOON, 0, &error) == -1 ||
		    write(reports, &i, sizeof(i)) != sizeof(i))
			return;
	}
}

/* Kill it after some reports, and somewhere in what it does next.
   Returns how many reports there were. */
static unsigned
run_and_kill(const char *directory, unsigned round)
{
	unsigned reported = 0, number;
	int reports[2], status;
	pid_t pid;

	assert_int_equal(pipe(reports), 0);
	pid = fork();
	if (pid == 0) {
		write_until_killed(directory, round, reports[1]);
		_exit(1);
	}
	assert_true(pid > 0);
	close(reports[1]);
	while (reported < 1 + round % 3 && read(reports[0], &number, sizeof(number)) > 0)
		assert_int_equal(number, reported++);
	usleep(round * 150);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(reports[0], &number, sizeof(number)) > 0)
		assert_int_equal(number, reported++);
	close(reports[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return reported;
}

static void
test_kill(void **state)
{
	char message_id[32];

	for (unsigned round = 0; round < 50; round++) {
		unsigned reported;

		sent_close(&sent);
		reported = run_and_kill(*state, round);
		open_ledger(*state, STORE_BYTES, false);
		assert_true(reported > 0);
		for (unsigned i = 0; i <= reported; i++) {
			unsigned recipients;

			print_id(round, i, message_id);
			recipients = find(message_id, "", NOON).recipients;
			/* The last one may be on the disk without a report, but not in part. */
			assert_true(recipients == GROUP || (i == reported && recipients == 0));
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_put_and_find), T(test_what_is_not_there), T(test_only),
		T(test_the_same_row_again), T(test_over_days), T(test_siblings),
		T(test_a_very_large_message), T(test_edges), T(test_midnight), T(test_domains),
		T(test_prune), T(test_prune_much), T(test_damaged_rows), T(test_a_full_map),
		T(test_pruning_beside_rows),
		T(test_a_secret_of_its_own), T(test_another_process_reads), T(test_kill),
	};

	return cmocka_run_group_tests_name("sent", tests, NULL, NULL);
}
