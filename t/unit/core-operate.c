#include "store-support.h"

#include "operate.h"

static struct config config;
static char listed[4096];

static void
list(const char *address, const struct standing_entry *entry)
{
	size_t len = strlen(listed);

	snprintf(listed + len, sizeof(listed) - len, "%s %s\n", address,
	    category_name(entry->category));
}

static void
note_damage(const char *address)
{
	size_t len = strlen(listed);

	snprintf(listed + len, sizeof(listed) - len, "%s\n", address);
}

/* An event as the pipeline records it. */
static void
record(struct store *store, const char *address, enum category category,
    enum decision decision, int64_t time)
{
	struct verdict verdict;
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, address, time);
	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	assert_done(store_begin(store, &txn, &error));
	assert_done(record_event(txn, &bounce, &verdict, &sequence, &error));
	assert_done(store_commit(txn, &error));
}

static struct standing
standing_of(struct store *store, const char *address)
{
	struct standing standing;
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin_read(store, &txn, &error));
	assert_done(standing_get(txn, address, &standing, &error));
	store_abort(txn);
	return standing;
}

static bool
is_suppressed(struct store *store, const char *address)
{
	return standing_of(store, address).suppressed[TABLE_MAIN].event != 0;
}

static bool
is_held(struct store *store, const char *address)
{
	return standing_of(store, address).held[TABLE_MAIN].event != 0;
}

static int
query(struct store *store, enum operate_action action, bool dry_run, int64_t since,
    int64_t until, const enum category *category)
{
	const struct operate_query asked = {
		.since = since, .until = until, .address = "",
		.any_category = category == NULL,
		.category = category == NULL ? CATEGORY_UNKNOWN : *category,
	};
	const char *error = "";
	int count;

	listed[0] = '\0';
	count = operate_query(store, &config, &asked, action, dry_run, "because", list, &error);
	assert_int_not_equal(count, -1);
	return count;
}

static void
test_add_and_remove(void **state)
{
	struct store *store = open_store(*state);
	const char *error;

	assert_int_equal(operate_add(store, &config, "a@example.com", CATEGORY_MANUAL, "asked",
	    &error), 1);
	assert_int_equal(operate_add(store, &config, "a@example.com", CATEGORY_MANUAL, "asked",
	    &error), 0);
	assert_true(is_suppressed(store, "a@example.com"));
	assert_int_equal(operate_remove(store, "a@example.com", "asked", &error), 1);
	assert_int_equal(operate_remove(store, "a@example.com", "asked", &error), 0);
	assert_false(is_suppressed(store, "a@example.com"));
	store_close(store);
}

/* Removing ends all there is: both tables, and what is held. */
static void
test_remove_ends_everything(void **state)
{
	struct store *store = open_store(*state);
	struct standing standing;
	const char *error;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1001);
	assert_int_equal(operate_add(store, &config, "a@example.com", CATEGORY_COMPLAINT, "x",
	    &error), 1);
	assert_int_equal(operate_remove(store, "a@example.com", "asked", &error), 3);
	standing = standing_of(store, "a@example.com");
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		assert_int_equal(standing.suppressed[i].event, 0);
		assert_int_equal(standing.held[i].event, 0);
	}
	store_close(store);
}

static void
test_held_is_released_or_discarded(void **state)
{
	const enum category full = CATEGORY_MAILBOX_FULL;
	struct store *store = open_store(*state);

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1000);
	record(store, "b@example.com", CATEGORY_MAILBOX_FULL, DECISION_HOLD, 2000);
	record(store, "c@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 3000);
	assert_int_equal(query(store, OPERATE_RELEASE, true, 0, 0, NULL), 3);
	assert_true(is_held(store, "a@example.com"));
	assert_int_equal(query(store, OPERATE_DISCARD, false, 0, 0, &full), 1);
	assert_string_equal(listed, "b@example.com mailbox-full\n");
	assert_false(is_held(store, "b@example.com"));
	assert_false(is_suppressed(store, "b@example.com"));
	assert_int_equal(query(store, OPERATE_RELEASE, false, 0, 3000, NULL), 1);
	assert_true(is_suppressed(store, "a@example.com"));
	assert_false(is_held(store, "a@example.com"));
	assert_true(is_held(store, "c@example.com"));
	store_close(store);
}

static void
test_undo(void **state)
{
	struct store *store = open_store(*state);
	const char *error;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 2000);
	record(store, "c@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 3000);
	assert_int_equal(operate_add(store, &config, "m@example.com", CATEGORY_MANUAL, "x", &error),
	    1);
	assert_int_equal(query(store, OPERATE_UNDO, true, 2000, 3000, NULL), 1);
	assert_true(is_suppressed(store, "b@example.com"));
	assert_int_equal(query(store, OPERATE_UNDO, false, 2000, 0, NULL), 2);
	assert_string_equal(listed, "b@example.com user-unknown\nc@example.com user-unknown\n");
	assert_true(is_suppressed(store, "a@example.com"));
	assert_false(is_suppressed(store, "b@example.com"));
	assert_false(is_suppressed(store, "c@example.com"));
	assert_true(is_suppressed(store, "m@example.com"));
	store_close(store);
}

static void
test_verify(void **state)
{
	struct store *store = open_store(*state);
	struct standing standing, changed;
	struct store_txn *txn;
	char address[64];
	const char *error;
	bool complete;

	listed[0] = '\0';
	for (int i = 0; i < 2500; i++) {
		snprintf(address, sizeof(address), "r%d@example.com", i % 1500);
		record(store, address, CATEGORY_USER_UNKNOWN, i % 3 == 0 ? DECISION_SUPPRESS :
		    DECISION_LIFT, 1000 + i);
	}
	assert_int_equal(operate_verify(store, &complete, note_damage, &error), 0);
	assert_true(complete);
	/* A standing that its events do not make. */
	assert_done(store_begin(store, &txn, &error));
	assert_done(standing_get(txn, "r7@example.com", &standing, &error));
	changed = standing;
	changed.counts[CATEGORY_USER_UNKNOWN]++;
	assert_done(standing_put(txn, "r7@example.com", &standing, &changed, &error));
	assert_done(store_commit(txn, &error));
	assert_int_equal(operate_verify(store, &complete, note_damage, &error), 1);
	assert_string_equal(listed, "r7@example.com\n");
	/* A standing that is missing. */
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(store_delete(txn, STORE_STANDING,
	    (struct str){ "\0r7@example.com", 15 }, &error), 1);
	assert_done(store_commit(txn, &error));
	assert_int_equal(operate_verify(store, &complete, note_damage, &error), 1);
	assert_string_equal(listed, "r7@example.com\nr7@example.com\n");
	/* Without the beginning of the journal there is nothing to compare. */
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, 1001, UINT64_MAX, 10, &error), 1);
	assert_done(store_commit(txn, &error));
	assert_int_equal(operate_verify(store, &complete, note_damage, &error), 0);
	assert_false(complete);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_add_and_remove), T(test_remove_ends_everything),
		T(test_held_is_released_or_discarded), T(test_undo), T(test_verify),
	};

	policy_init(&config.policy);
	return cmocka_run_group_tests_name("operate", tests, NULL, NULL);
}
