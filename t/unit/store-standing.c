#include "store-support.h"

#include "store/brake.h"
#include "store/counters.h"
#include "store/journal.h"
#include "store/seen.h"
#include "store/standing.h"

#define NOON INT64_C(1700000000)

static struct verdict
verdict_of(enum category category, enum decision decision, int64_t until)
{
	struct verdict verdict;

	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	verdict.until = until;
	return verdict;
}

static void
test_fold(void **state)
{
	struct verdict suppress = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, NOON + 100);
	struct verdict lift = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_LIFT, 0);
	struct verdict hold = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_HOLD, NOON + 50);
	struct verdict discard = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_DISCARD, 0);
	struct standing standing = { 0 };
	struct bounce bounce, change;

	(void)state;
	make_bounce(&bounce, "a@example.com", NOON);
	bounce_init(&change);
	change.time = NOON + 10;
	standing_fold(&standing, 1, &bounce, &hold);
	assert_int_equal(standing.held[TABLE_MAIN].event, 1);
	assert_int_equal(standing.suppressed[TABLE_MAIN].event, 0);
	standing_fold(&standing, 2, &change, &suppress);
	assert_int_equal(standing.suppressed[TABLE_MAIN].event, 2);
	assert_int_equal(standing.suppressed[TABLE_MAIN].until, NOON + 100);
	assert_int_equal(standing.held[TABLE_MAIN].event, 0);
	standing_fold(&standing, 3, &change, &lift);
	assert_int_equal(standing.suppressed[TABLE_MAIN].event, 0);
	standing_fold(&standing, 4, &bounce, &hold);
	standing_fold(&standing, 5, &change, &discard);
	assert_int_equal(standing.held[TABLE_MAIN].event, 0);
	/* Only failures are counted, not what was done about them. */
	assert_int_equal(standing.counts[CATEGORY_USER_UNKNOWN], 2);
}

/* The two tables do not touch each other. */
static void
test_complaints_are_apart(void **state)
{
	struct verdict complaint = verdict_of(CATEGORY_COMPLAINT, DECISION_SUPPRESS, 0);
	struct verdict lift = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_LIFT, 0);
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	make_bounce(&bounce, "a@example.com", NOON);
	complaint.table = TABLE_COMPLAINT;
	standing_fold(&standing, 7, &bounce, &complaint);
	assert_int_equal(standing.suppressed[TABLE_COMPLAINT].event, 7);
	assert_int_equal(standing.suppressed[TABLE_MAIN].event, 0);
	standing_fold(&standing, 8, &bounce, &lift);
	assert_int_equal(standing.suppressed[TABLE_COMPLAINT].event, 7);
}

static void
test_text_form_is_read_back(void **state)
{
	struct verdict hold = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_HOLD, NOON + 50);
	struct verdict suppress = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, NOON + 100);
	struct standing standing = { 0 }, again;
	struct bounce bounce;
	struct buf text = { 0 }, text_again = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2 * POLICY_HISTORY_MOST; i++) {
		make_bounce(&bounce, "a@example.com", NOON + i);
		standing_fold(&standing, i + 1, &bounce, i % 2 ? &hold : &suppress);
	}
	standing_print(&standing, &text);
	assert_int_equal(standing_scan_text(buf_str(&text), &again), 0);
	standing_print(&again, &text_again);
	assert_string_equal(buf_cstr(&text), buf_cstr(&text_again));
	assert_int_equal(again.suppressed[TABLE_MAIN].until, NOON + 100);
	assert_int_equal(again.counts[CATEGORY_MAILBOX_FULL], POLICY_HISTORY_MOST);
	assert_int_equal(standing_scan_text(STR("suppressed main x 1 2 user-unknown\n"), &again), -1);
	assert_int_equal(standing_scan_text(STR("failed no-such-category 1\n"), &again), -1);
	buf_free(&text);
	buf_free(&text_again);
}

/* What is exempt is counted, but not held against the mailbox. */
static void
test_exempt_failures_count_for_no_threshold(void **state)
{
	struct verdict exempt = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_EXEMPT, 0);
	struct verdict count = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_COUNT, 0);
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	make_bounce(&bounce, "a@example.com", NOON);
	standing_fold(&standing, 1, &bounce, &exempt);
	assert_int_equal(standing.counts[CATEGORY_MAILBOX_FULL], 1);
	assert_int_equal(standing.failure_count, 0);
	standing_fold(&standing, 2, &bounce, &count);
	assert_int_equal(standing.failure_count, 1);
	assert_int_equal(standing.failures[0].failure.time, NOON);
	assert_int_equal(standing.failures[0].failure.event, 2);
	assert_int_equal(standing.failures[0].category, CATEGORY_MAILBOX_FULL);
	/* Nor does a message that had failed so before. */
	bounce.again = 1;
	standing_fold(&standing, 3, &bounce, &count);
	assert_int_equal(standing.counts[CATEGORY_MAILBOX_FULL], 3);
	assert_int_equal(standing.failure_count, 1);
}

/* A delivery ends what counts for thresholds; the numbers stay. */
static void
test_a_delivery_resets(void **state)
{
	struct verdict count = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_COUNT, 0);
	struct verdict soft = verdict_of(CATEGORY_USER_UNKNOWN_TEMP, DECISION_COUNT, 0);
	struct verdict reset = verdict_of(CATEGORY_UNKNOWN, DECISION_RESET, 0);
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	make_bounce(&bounce, "a@example.com", NOON);
	standing_fold(&standing, 1, &bounce, &count);
	standing_fold(&standing, 2, &bounce, &soft);
	assert_int_equal(standing.failure_count, 2);
	bounce.outcome = OUTCOME_DELIVERED;
	bounce.time = NOON + 5;
	standing_fold(&standing, 3, &bounce, &reset);
	assert_int_equal(standing.failure_count, 0);
	assert_int_equal(standing.counts[CATEGORY_MAILBOX_FULL], 1);
	assert_int_equal(standing.last, NOON);
}

/* A clock was far ahead when it failed: that was before the delivery. */
static void
test_a_delivery_resets_what_lies_ahead(void **state)
{
	static const int64_t ahead[] = { 1, 86400, 86401, INT64_C(400) * 86400 };
	struct verdict count = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_COUNT, 0);
	struct verdict reset = verdict_of(CATEGORY_UNKNOWN, DECISION_RESET, 0);
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		make_bounce(&bounce, "a@example.com", NOON + ahead[i]);
		standing_fold(&standing, i + 1, &bounce, &count);
	}
	bounce.outcome = OUTCOME_DELIVERED;
	bounce.time = NOON;
	standing_fold(&standing, 5, &bounce, &reset);
	assert_int_equal(standing.failure_count, 2);
	assert_int_equal(standing.failures[1].failure.time, NOON + 86400);
}

/* Many categories fail by turns: the memory has an end, and its order is that
   of the events. */
static void
test_many_categories(void **state)
{
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct verdict count = verdict_of(1 + i % 7, DECISION_COUNT, 0);

		make_bounce(&bounce, "a@example.com", NOON + i * 3600);
		standing_fold(&standing, i + 1, &bounce, &count);
	}
	assert_int_equal(standing.failure_count, STANDING_FAILURES);
	for (unsigned i = 1; i < standing.failure_count; i++)
		assert_true(standing.failures[i].failure.event >
		    standing.failures[i - 1].failure.event);
	assert_int_equal(standing.failures[STANDING_FAILURES - 1].failure.event, 1000);
}

/* A busy address fails a hundred times a day: its days are not forgotten. */
static void
test_days_of_a_busy_address(void **state)
{
	struct verdict count = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_COUNT, 0);
	const struct standing_failure *failures;
	struct standing standing = { 0 };
	struct bounce bounce;
	unsigned days = 1;

	(void)state;
	for (int64_t i = 0; i < 700; i++) {
		make_bounce(&bounce, "a@example.com", NOON + i * 864);
		standing_fold(&standing, (uint64_t)i + 1, &bounce, &count);
	}
	failures = standing.failures;
	assert_int_equal(standing.failure_count, POLICY_HISTORY_MOST);
	for (unsigned t = 1; t < POLICY_HISTORY_MOST; t++) {
		int64_t time = failures[t].failure.time, before = failures[t - 1].failure.time;

		assert_true(time > before);
		days += time / 86400 != before / 86400;
	}
	assert_in_range(days, 7, 8);
	assert_int_equal(failures[POLICY_HISTORY_MOST - 1].failure.time, NOON + 699 * 864);
}

/* Who lifts by hand says that the mailbox is good. */
static void
test_an_operators_lift_forgets(void **state)
{
	struct verdict count = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_COUNT, 0);
	struct verdict lift = verdict_of(CATEGORY_MAILBOX_FULL, DECISION_LIFT, 0);
	struct standing standing = { 0 };
	struct bounce bounce;

	(void)state;
	make_bounce(&bounce, "a@example.com", NOON);
	standing_fold(&standing, 1, &bounce, &count);
	bounce_init(&bounce);
	bounce.source = SOURCE_CLOCK;
	standing_fold(&standing, 2, &bounce, &lift);
	assert_int_equal(standing.failure_count, 1);
	bounce.source = SOURCE_OPERATOR;
	standing_fold(&standing, 3, &bounce, &lift);
	assert_int_equal(standing.failure_count, 0);
	assert_int_equal(standing.counts[CATEGORY_MAILBOX_FULL], 1);
}

static void
put(struct store *store, const char *address, const struct standing *after)
{
	struct standing before;
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(standing_get(txn, address, &before, &error));
	assert_done(standing_put(txn, address, &before, after, &error));
	assert_done(store_commit(txn, &error));
}

/* Returns the address that expires next, or "". */
static const char *
next_expired(struct store *store, int64_t now, struct arena *arena)
{
	const char *address = "", *error;
	struct store_txn *txn;

	assert_done(store_begin_read(store, &txn, &error));
	assert_done(standing_next_expired(txn, now, arena, &address, &error));
	store_abort(txn);
	return address;
}

static void
test_expiry_follows_the_standing(void **state)
{
	struct store *store = open_store(*state);
	struct arena *arena = arena_new();
	struct standing standing = { 0 };

	standing.suppressed[TABLE_MAIN] = (struct standing_entry){ 1, NOON, NOON + 100,
		CATEGORY_USER_UNKNOWN };
	put(store, "a@example.com", &standing);
	assert_string_equal(next_expired(store, NOON + 99, arena), "");
	assert_string_equal(next_expired(store, NOON + 100, arena), "a@example.com");
	/* Prolonged, and then ended for good. */
	standing.suppressed[TABLE_MAIN].until = NOON + 200;
	put(store, "a@example.com", &standing);
	assert_string_equal(next_expired(store, NOON + 199, arena), "");
	assert_string_equal(next_expired(store, NOON + 200, arena), "a@example.com");
	standing.suppressed[TABLE_MAIN].until = 0;
	put(store, "a@example.com", &standing);
	assert_string_equal(next_expired(store, NOON + 9999, arena), "");
	arena_free(arena);
	store_close(store);
}

static uint64_t
append(struct store *store, enum store_table table, int64_t time)
{
	struct verdict verdict = verdict_of(CATEGORY_USER_UNKNOWN, DECISION_COUNT, 0);
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, "a@example.com", time);
	assert_done(store_begin(store, &txn, &error));
	assert_done(journal_append(txn, table, &bounce, &verdict, &sequence, &error));
	assert_done(store_commit(txn, &error));
	return sequence;
}

static void
test_journal_has_no_gaps_and_is_pruned_at_its_old_end(void **state)
{
	struct store *store = open_store(*state);
	struct arena *arena = arena_new();
	struct journal_event event;
	struct store_txn *txn;
	uint64_t first, last;
	const char *error;

	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(append(store, STORE_JOURNAL, NOON + (int64_t)i), i);
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_get(txn, STORE_JOURNAL, 4, arena, &event, &error), 1);
	assert_string_equal(event.bounce.text, "550 5.1.1 no such user");
	assert_int_equal(journal_get(txn, STORE_JOURNAL, 11, arena, &event, &error), 0);
	/* Neither what is young, nor what is not published, nor too much. */
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, NOON + 9, 100, 3, &error), 3);
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, NOON + 9, 5, 100, &error), 2);
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, NOON + 9, 100, 100, &error), 3);
	assert_done(journal_bounds(txn, STORE_JOURNAL, &first, &last, &error));
	assert_int_equal(first, 9);
	assert_int_equal(last, 10);
	/* The newest stays, however old it is: sequences go on from it. */
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, INT64_MAX, UINT64_MAX, 100, &error), 1);
	assert_done(journal_bounds(txn, STORE_JOURNAL, &first, &last, &error));
	assert_int_equal(first, 10);
	store_abort(txn);
	arena_free(arena);
	store_close(store);
}

static int
is_seen(const struct seen *seen, struct store *store, const struct bounce *bounce)
{
	struct store_txn *txn;
	struct seen_keys keys;
	struct seen_row row;
	const char *error;
	int ret;

	assert_done(seen_make(seen, bounce, words_name(&outcome_words, bounce->outcome), &keys,
	    &error));
	assert_done(store_begin_read(store, &txn, &error));
	ret = seen_find(txn, &keys, &row, &error);
	store_abort(txn);
	assert_true(ret == 0 || (row.sequence == 42 && row.time == NOON));
	return ret;
}

static void
put_seen(const struct seen *seen, struct store *store, const struct bounce *bounce)
{
	struct store_txn *txn;
	struct seen_keys keys;
	const char *error;

	assert_done(seen_make(seen, bounce, words_name(&outcome_words, bounce->outcome), &keys,
	    &error));
	assert_done(store_begin(store, &txn, &error));
	assert_done(seen_put(txn, &keys, 42, &error));
	assert_done(store_commit(txn, &error));
}

/* An application may write one Message-ID into all that it sends. */
static void
test_one_message_id_for_all(void **state)
{
	struct store *store = open_store(*state);
	struct bounce bounce;
	struct seen seen;
	const char *error;

	assert_done(seen_open(store, &seen, &error));
	make_bounce(&bounce, "a@example.com", NOON);
	bounce.message_id = "<1@example.com>";
	bounce.arrival = NOON;
	put_seen(&seen, store, &bounce);
	bounce.arrival = NOON + 86400;
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	bounce.arrival++;
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	bounce.arrival = 0; /* not known */
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	seen_close(&seen);
	store_close(store);
}

/* A delivery ends what came before it and nothing else, also a suppression that
   waits for a person; an operator's discard forgets like his lift. */
static void
test_what_a_delivery_ends(void **state)
{
	struct standing standing = { 0 };
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		make_bounce(&bounce, "a@example.com", NOON + i * 100);
		bounce.outcome = OUTCOME_FAILED;
		verdict_init(&verdict);
		verdict.category = CATEGORY_MAILBOX_FULL;
		verdict.decision = i == 2 ? DECISION_HOLD : DECISION_COUNT;
		standing_fold(&standing, i, &bounce, &verdict);
	}
	assert_int_equal(standing.failure_count, 3);
	assert_int_equal(standing.held[TABLE_MAIN].event, 2);
	bounce.outcome = OUTCOME_DELIVERED;
	bounce.time = NOON + 150;
	verdict_init(&verdict);
	verdict.decision = DECISION_RESET;
	standing_fold(&standing, 4, &bounce, &verdict);
	assert_int_equal(standing.failure_count, 2);
	assert_int_equal(standing.held[TABLE_MAIN].event, 2);
	bounce.time = NOON + 200;
	standing_fold(&standing, 5, &bounce, &verdict);
	assert_int_equal(standing.failure_count, 1);
	assert_int_equal(standing.held[TABLE_MAIN].event, 0);
	verdict.category = CATEGORY_MAILBOX_FULL;
	verdict.decision = DECISION_DISCARD;
	bounce.outcome = OUTCOME_NONE;
	bounce.source = SOURCE_OPERATOR;
	standing_fold(&standing, 6, &bounce, &verdict);
	assert_int_equal(standing.failure_count, 0);
}

/* A month of lonely days leaves room for many attempts in an hour. */
static void
test_the_newest_are_kept(void **state)
{
	struct standing standing = { 0 };
	struct verdict verdict;
	struct bounce bounce;
	unsigned today = 0;

	(void)state;
	verdict_init(&verdict);
	verdict.category = CATEGORY_MAILBOX_FULL;
	for (unsigned i = 0; i < 60; i++) {
		make_bounce(&bounce, "a@example.com", i < 45 ? NOON + i * 86400 : NOON + 45 * 86400 + i);
		bounce.outcome = OUTCOME_FAILED;
		standing_fold(&standing, i + 1, &bounce, &verdict);
	}
	assert_int_equal(standing.failure_count, POLICY_HISTORY_MOST);
	for (unsigned i = 0; i < standing.failure_count; i++)
		today += standing.failures[i].failure.time >= NOON + 45 * 86400;
	assert_true(today >= 8);
}

static void
test_seen(void **state)
{
	struct store *store = open_store(*state);
	uint8_t position[HMAC_DIGEST_BYTES] = { 0 };
	struct bounce bounce;
	struct store_txn *txn;
	struct seen_keys keys, keys_again;
	struct seen seen, again;
	const char *error;

	assert_done(seen_open(store, &seen, &error));
	assert_done(seen_open(store, &again, &error));
	make_bounce(&bounce, "a@example.com", NOON);
	bounce.queue_id = "ABCDEF";
	bounce.message_id = "<1@example.com>";
	bounce.arrival = NOON - 60;
	/* The secret is that of the store. */
	assert_done(seen_make(&seen, &bounce, "failed", &keys, &error));
	assert_done(seen_make(&again, &bounce, "failed", &keys_again, &error));
	assert_int_equal(keys.count, 2);
	assert_memory_equal(keys.keys[0].digest, keys_again.keys[0].digest, HMAC_DIGEST_BYTES);
	seen_close(&again);
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	put_seen(&seen, store, &bounce);
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	/* By either key alone. */
	bounce.queue_id = "";
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	bounce.message_id = "<another@example.com>";
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	bounce.queue_id = "ABCDEF";
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	bounce.arrival += 5;
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	/* A short queue id comes again: another message. */
	bounce.arrival += 1;
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	/* Another recipient, another outcome. */
	bounce.message_id = "<1@example.com>";
	bounce.recipient = "b@example.com";
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	bounce.recipient = "a@example.com";
	bounce.outcome = OUTCOME_EXPIRED;
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	bounce.outcome = OUTCOME_FAILED;
	/* For ten days. */
	bounce.time = NOON + SEEN_KEEP_SEC;
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	bounce.time++;
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(seen_prune(txn, NOON + SEEN_KEEP_SEC, 100, position, &error), 0);
	assert_int_equal(seen_prune(txn, NOON + SEEN_KEEP_SEC + 1, 100, position, &error), 2);
	store_abort(txn);
	seen_close(&seen);
	store_close(store);
}

static void
test_a_report_without_ids_is_known_by_its_own(void **state)
{
	struct store *store = open_store(*state);
	struct bounce bounce;
	struct seen seen;
	const char *error;

	assert_done(seen_open(store, &seen, &error));
	make_bounce(&bounce, "a@example.com", NOON);
	bounce.report_id = "<report@example.net>";
	put_seen(&seen, store, &bounce);
	assert_int_equal(is_seen(&seen, store, &bounce), 1);
	/* Where there is a better id, the report's own says nothing. */
	bounce.message_id = "<1@example.com>";
	assert_int_equal(is_seen(&seen, store, &bounce), 0);
	seen_close(&seen);
	store_close(store);
}

static void
test_brake(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	unsigned count;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	for (int i = 0; i < 600; i++)
		assert_done(brake_add(txn, NOON + i, 600, &error));
	assert_done(brake_count(txn, NOON + 599, 600, &count, &error));
	assert_in_range(count, 540, 600);
	assert_done(brake_count(txn, NOON + 899, 600, &count, &error));
	assert_in_range(count, 240, 300);
	assert_done(brake_count(txn, NOON + 1300, 600, &count, &error));
	assert_int_equal(count, 0);
	/* A clock that was set back does not hold everything for ever. */
	assert_done(brake_count(txn, NOON - 86400, 600, &count, &error));
	assert_int_equal(count, 0);
	store_abort(txn);
	store_close(store);
}

static void
test_counters(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	struct str value;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(counters_add(txn, "events_total", "category", "user-unknown", 2, &error));
	assert_done(counters_add(txn, "events_total", "category", "user-unknown", 3, &error));
	assert_done(counters_add(txn, "reports_total", "", "", 1, &error));
	assert_int_equal(store_get(txn, STORE_COUNTERS,
	    STR("events_total{category=\"user-unknown\"}"), &value, &error), 1);
	assert_int_equal(store_scan_number(value), 5);
	assert_int_equal(store_get(txn, STORE_COUNTERS, STR("reports_total"), &value, &error), 1);
	store_abort(txn);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold), cmocka_unit_test(test_complaints_are_apart),
		cmocka_unit_test(test_text_form_is_read_back),
		cmocka_unit_test(test_exempt_failures_count_for_no_threshold),
		cmocka_unit_test(test_a_delivery_resets),
		cmocka_unit_test(test_a_delivery_resets_what_lies_ahead),
		cmocka_unit_test(test_many_categories),
		cmocka_unit_test(test_days_of_a_busy_address),
		cmocka_unit_test(test_an_operators_lift_forgets),
		T(test_expiry_follows_the_standing),
		T(test_journal_has_no_gaps_and_is_pruned_at_its_old_end),
		cmocka_unit_test(test_what_a_delivery_ends), cmocka_unit_test(test_the_newest_are_kept),
		T(test_one_message_id_for_all),
		T(test_seen), T(test_a_report_without_ids_is_known_by_its_own), T(test_brake),
		T(test_counters),
	};

	return cmocka_run_group_tests_name("standing", tests, NULL, NULL);
}
