#include "store-support.h"

#include "operate.h"
#include "store/refold.h"
#include "store/undo.h"

static struct config config;
static char listed[256 * 1024];

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

/* What a server said, and which rule understood it. */
struct said {
	const char *host, *rule;
};

static const struct said by_default = { "mx.example.net", "" };

/* An event as the pipeline records it. */
static void
record_said(struct store *store, const char *address, enum category category,
    enum decision decision, int64_t time, const struct said *said)
{
	struct verdict verdict;
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, address, time);
	bounce.remote_mta = said->host;
	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	verdict.rule = said->rule;
	verdict.until = decision == DECISION_SUPPRESS || decision == DECISION_HOLD ?
	    time + 1000000 : 0;
	if (decision == DECISION_RESET)
		bounce.outcome = OUTCOME_DELIVERED;
	assert_done(store_begin(store, &txn, &error));
	assert_done(record_event(txn, &bounce, &verdict, &sequence, &error));
	assert_done(store_commit(txn, &error));
}

static void
record(struct store *store, const char *address, enum category category,
    enum decision decision, int64_t time)
{
	record_said(store, address, category, decision, time, &by_default);
}

/* A failure that makes a threshold, and what follows from it. */
static void
record_promotion(struct store *store, const char *address, enum category category,
    enum decision decision, int64_t time, const struct said *said)
{
	struct verdict verdict;
	struct store_txn *txn;
	const char *error;

	record_said(store, address, category, DECISION_COUNT, time, said);
	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	assert_done(store_begin(store, &txn, &error));
	assert_done(record_change(txn, SOURCE_THRESHOLD, time, address, &verdict, "3 messages",
	    &error));
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

/* All standings, in their text form. To be freed. */
static char *
snapshot(struct store *store)
{
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	struct buf text = { 0 };
	const char *error;
	unsigned count;

	while (pages_next(pages, &rows, &count, &error) == 1) {
		for (unsigned i = 0; i < count; i++)
			buf_printf(&text, "%s\n%.*s\n", rows[i].key.data + 1,
			    STR_ARGS(rows[i].value));
	}
	pages_free(pages);
	buf_add_byte(&text, '\0');
	return text.data;
}

/* Is it as in the snapshot? Which is freed. */
static void
is_as(struct store *store, char *before)
{
	char *now = snapshot(store);

	assert_string_equal(now, before);
	free(now);
	free(before);
}

static void
is_right(struct store *store)
{
	const char *error;
	bool complete;

	assert_int_equal(refold_compare(store, &complete, note_damage, &error), 0);
	assert_true(complete);
}

static struct operate_result
run(struct store *store, const struct operate_query *asked, enum operate_action action,
    bool dry_run)
{
	const struct operate_command command = { action, dry_run, "because", list };
	struct operate_result result;
	const char *error = "";

	listed[0] = '\0';
	assert_done(operate_query(store, &config, asked, &command, &result, &error));
	return result;
}

static unsigned
query(struct store *store, enum operate_action action, bool dry_run, int64_t since,
    int64_t until, const enum category *category)
{
	const struct operate_query asked = {
		.since = since, .until = until, .address = "", .provider = "", .rule = "",
		.any_category = category == NULL,
		.category = category == NULL ? CATEGORY_UNKNOWN : *category,
	};
	struct operate_result result = run(store, &asked, action, dry_run);

	assert_true((result.batch != 0) == (!dry_run && result.changed > 0));
	return result.changed;
}

/* How many are found by provider and rule. */
static unsigned
found(struct store *store, enum operate_action action, const char *provider, const char *rule)
{
	const struct operate_query asked = { .any_category = true, .address = "",
		.provider = provider, .rule = rule };

	return run(store, &asked, action, true).changed;
}

/* Undo all since a time; returns the batch. */
static uint64_t
undo_since(struct store *store, int64_t since)
{
	const struct operate_query asked = { .any_category = true, .address = "",
		.provider = "", .rule = "", .since = since };

	return run(store, &asked, OPERATE_UNDO, false).batch;
}

static struct operate_result
take_back(struct store *store, uint64_t batch)
{
	const struct operate_command command = { .reason = "was right", .each = list };
	struct operate_result result;
	const char *error = "";

	listed[0] = '\0';
	assert_done(operate_take_back(store, batch, &command, &result, &error));
	return result;
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

static const struct said google = { "gmail-smtp-in.l.google.com", "google-gone" };
static const struct said other_google = { "mx.googlemail.com", "google-full" };
static const struct said elsewhere = { "mx.elsewhere.test", "text-gone" };

static void
load_providers(const char *directory)
{
	char path[256];
	const char *error;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, PROVIDERS_FILE);
	file = fopen(path, "w");
	fputs("Google major google.com googlemail.com gmail.com\n", file);
	fclose(file);
	assert_done(providers_load(directory, "", &config.providers, &error));
}

static void
drop_providers(void)
{
	providers_free(config.providers);
	config.providers = NULL;
}

static void
test_provider_and_rule(void **state)
{
	struct store *store = open_store(*state);
	const char *error;

	load_providers(*state);
	record_said(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000,
	    &google);
	record_said(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1001,
	    &elsewhere);
	record_promotion(store, "c@example.com", CATEGORY_MAILBOX_FULL, DECISION_SUPPRESS, 1002,
	    &other_google);
	record_promotion(store, "d@example.com", CATEGORY_MAILBOX_FULL, DECISION_HOLD, 1003,
	    &google);
	record_said(store, "e@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1004, &elsewhere);
	assert_int_equal(operate_add(store, &config, "google.com@example.com",
	    CATEGORY_USER_UNKNOWN, "x", &error), 1);
	assert_int_equal(found(store, OPERATE_UNDO, "", ""), 6);
	assert_int_equal(found(store, OPERATE_UNDO, "google.com", ""), 3);
	assert_string_equal(listed, "a@example.com user-unknown\nc@example.com mailbox-full\n"
	    "d@example.com mailbox-full\n");
	assert_int_equal(found(store, OPERATE_UNDO, "Google", ""), 3);
	assert_int_equal(found(store, OPERATE_UNDO, "gOOGLE", ""), 3);
	assert_int_equal(found(store, OPERATE_UNDO, "GMail.com", ""), 3);
	assert_int_equal(found(store, OPERATE_UNDO, "elsewhere.test", ""), 2);
	assert_int_equal(found(store, OPERATE_UNDO, "nowhere.test", ""), 0);
	assert_int_equal(found(store, OPERATE_RELEASE, "google.com", ""), 1);
	assert_string_equal(listed, "d@example.com mailbox-full\n");
	assert_int_equal(found(store, OPERATE_UNDO, "", "google-gone"), 2);
	assert_int_equal(found(store, OPERATE_UNDO, "", "google-gon"), 0);
	assert_int_equal(found(store, OPERATE_UNDO, "", "google-*"), 3);
	assert_int_equal(found(store, OPERATE_UNDO, "", "google-gone*"), 2);
	assert_int_equal(found(store, OPERATE_UNDO, "", "*"), 6);
	assert_int_equal(found(store, OPERATE_UNDO, "Google", "text-*"), 0);
	assert_int_equal(found(store, OPERATE_UNDO, "Google", "google-full"), 1);
	/* Released by a person, it is still what the provider said. */
	assert_int_equal(query(store, OPERATE_RELEASE, false, 0, 0, NULL), 2);
	assert_int_equal(found(store, OPERATE_UNDO, "google.com", ""), 3);
	assert_int_equal(found(store, OPERATE_UNDO, "elsewhere.test", "text-gone"), 2);
	drop_providers();
	is_right(store);
	store_close(store);
}

/* What the journal does not tell any more is left alone, and counted. */
static void
test_pruned_journal(void **state)
{
	const struct operate_query asked = { .any_category = true, .address = "",
		.provider = "google.com", .rule = "" };
	struct store *store = open_store(*state);
	struct operate_result result;
	struct store_txn *txn;
	const char *error;

	for (int i = 0; i < 6; i++) {
		char address[32];

		snprintf(address, sizeof(address), "r%d@example.com", i);
		record_said(store, address, CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000 + i,
		    i % 2 == 0 ? &google : &elsewhere);
	}
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, 1003, UINT64_MAX, 10, &error), 3);
	assert_done(store_commit(txn, &error));
	result = run(store, &asked, OPERATE_UNDO, false);
	assert_int_equal(result.changed, 1);
	assert_string_equal(listed, "r4@example.com user-unknown\n");
	assert_int_equal(result.unknown, 3);
	assert_int_equal(result.batch, 7);
	/* Without such a filter nothing need be known. */
	assert_int_equal(query(store, OPERATE_UNDO, false, 0, 0, NULL), 5);
	store_close(store);
}

/* An undo is taken back, and that too: each time all is as it was, to the event. */
static void
test_undo_of_undo(void **state)
{
	struct store *store = open_store(*state);
	struct operate_result result;
	uint64_t batches[4];
	struct arena *arena = arena_new();
	struct journal_event event;
	struct store_txn *txn;
	const char *error;
	char *before, *mistake;

	record(store, "a@example.com", CATEGORY_MAILBOX_FULL, DECISION_COUNT, 900);
	record(store, "b@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 901);
	record(store, "c@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 902);
	before = snapshot(store);
	record_promotion(store, "a@example.com", CATEGORY_MAILBOX_FULL, DECISION_SUPPRESS, 1000,
	    &google);
	record(store, "c@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1001);
	record(store, "d@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1002);
	mistake = snapshot(store);
	batches[0] = undo_since(store, 1000);
	assert_int_equal(batches[0], 8);
	assert_string_equal(listed, "a@example.com mailbox-full\nc@example.com user-unknown\n"
	    "d@example.com user-unknown\n");
	assert_false(is_suppressed(store, "a@example.com"));
	assert_int_equal(standing_of(store, "a@example.com").failure_count, 0);
	assert_true(is_suppressed(store, "b@example.com"));
	assert_false(is_suppressed(store, "c@example.com"));
	assert_int_equal(standing_of(store, "c@example.com").held[TABLE_MAIN].since, 902);
	assert_false(is_held(store, "d@example.com"));
	is_right(store);
	batches[1] = take_back(store, batches[0]).batch;
	assert_int_equal(batches[1], 11);
	is_as(store, mistake);
	is_right(store);
	/* The events say so. */
	assert_done(store_begin_read(store, &txn, &error));
	assert_int_equal(journal_get(txn, STORE_JOURNAL, 12, arena, &event, &error), 1);
	store_abort(txn);
	assert_int_equal(event.verdict.decision, DECISION_SUPPRESS);
	assert_string_equal(event.verdict.reason, "by command, batch 11, takes back batch 8");
	assert_string_equal(event.bounce.text, "was right");
	mistake = snapshot(store);
	batches[2] = take_back(store, batches[1]).batch;
	assert_false(is_suppressed(store, "a@example.com"));
	is_right(store);
	batches[3] = take_back(store, batches[2]).batch;
	is_as(store, mistake);
	mistake = snapshot(store);
	assert_int_equal(batches[3], 17);
	/* What was taken back, and back again, can be taken back as at first. */
	result = take_back(store, batches[3]);
	assert_int_equal(result.changed, 3);
	result = take_back(store, batches[3]);
	assert_int_equal(result.changed, 0);
	assert_int_equal(result.already, 3);
	assert_int_equal(result.batch, 0);
	/* So can the first: all is once more as it had left it. Not so the third: that
	   was taken back, and what came then does not name it. */
	assert_int_equal(take_back(store, batches[0]).changed, 3);
	assert_int_equal(take_back(store, batches[0]).already, 3);
	assert_int_equal(take_back(store, batches[2]).overtaken, 3);
	is_as(store, mistake);
	is_right(store);
	free(before);
	arena_free(arena);
	store_close(store);
}

/* Before the mistake and after the undo: the entries are the same. */
static void
test_undo_is_exact(void **state)
{
	struct store *store = open_store(*state);
	char *before;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 900);
	record(store, "h@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 901);
	record(store, "i@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 902);
	before = snapshot(store);
	/* Held again and again, and at last suppressed; and released by a person. */
	record(store, "h@example.com", CATEGORY_MAILBOX_DISABLED, DECISION_HOLD, 1000);
	record(store, "h@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1001);
	record(store, "h@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1002);
	record(store, "i@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1003);
	assert_int_equal(query(store, OPERATE_RELEASE, false, 0, 0, NULL), 1);
	assert_true(is_suppressed(store, "i@example.com"));
	assert_true(undo_since(store, 1000) != 0);
	assert_false(is_suppressed(store, "h@example.com"));
	assert_int_equal(standing_of(store, "h@example.com").held[TABLE_MAIN].event, 2);
	assert_int_equal(standing_of(store, "h@example.com").held[TABLE_MAIN].until, 1000901);
	assert_int_equal(standing_of(store, "i@example.com").held[TABLE_MAIN].event, 3);
	assert_true(is_suppressed(store, "a@example.com"));
	is_right(store);
	free(before);
	store_close(store);
}

static void
test_release_and_discard_are_taken_back(void **state)
{
	struct store *store = open_store(*state);
	const enum category full = CATEGORY_MAILBOX_FULL;
	struct operate_query asked = { .any_category = true, .address = "", .provider = "",
		.rule = "" };
	struct operate_result released, discarded;
	char *before;

	record(store, "a@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 1000);
	record(store, "b@example.com", CATEGORY_MAILBOX_FULL, DECISION_COUNT, 1001);
	record(store, "b@example.com", CATEGORY_MAILBOX_FULL, DECISION_HOLD, 1002);
	record(store, "c@example.com", CATEGORY_COMPLAINT, DECISION_HOLD, 1003);
	before = snapshot(store);
	asked.any_category = false;
	asked.category = full;
	discarded = run(store, &asked, OPERATE_DISCARD, false);
	assert_int_equal(discarded.changed, 1);
	asked.any_category = true;
	released = run(store, &asked, OPERATE_RELEASE, false);
	assert_int_equal(released.changed, 2);
	assert_true(is_suppressed(store, "a@example.com"));
	assert_int_equal(take_back(store, released.batch).changed, 2);
	assert_false(is_suppressed(store, "a@example.com"));
	assert_true(is_held(store, "a@example.com"));
	assert_int_equal(take_back(store, discarded.batch).changed, 1);
	assert_string_equal(listed, "b@example.com mailbox-full\n");
	is_as(store, before);
	is_right(store);
	store_close(store);
}

/* What has changed since in another way is left alone; what was only counted
   since, is not lost. */
static void
test_overtaken(void **state)
{
	struct store *store = open_store(*state);
	struct operate_result result;
	uint64_t batch;
	const char *error;
	char *before;

	record(store, "count@example.com", CATEGORY_MAILBOX_FULL, DECISION_SUPPRESS, 1000);
	record(store, "deliver@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "hand@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "hold@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "new@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	record(store, "same@example.com", CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000);
	batch = undo_since(store, 1000);
	record(store, "count@example.com", CATEGORY_MAILBOX_FULL, DECISION_COUNT, 2000);
	record(store, "deliver@example.com", CATEGORY_UNKNOWN, DECISION_RESET, 2001);
	record(store, "hold@example.com", CATEGORY_USER_UNKNOWN, DECISION_HOLD, 2002);
	record(store, "new@example.com", CATEGORY_MAILBOX_DISABLED, DECISION_SUPPRESS, 2003);
	assert_int_equal(operate_add(store, &config, "hand@example.com", CATEGORY_MANUAL, "x",
	    &error), 1);
	assert_int_equal(operate_remove(store, "hand@example.com", "y", &error), 1);
	before = snapshot(store);
	result = take_back(store, batch);
	assert_int_equal(result.changed, 2);
	assert_int_equal(result.overtaken, 4);
	assert_int_equal(result.already, 0);
	assert_string_equal(listed, "count@example.com mailbox-full\n"
	    "same@example.com user-unknown\n");
	assert_true(is_held(store, "hold@example.com"));
	assert_int_equal(standing_of(store, "new@example.com").suppressed[TABLE_MAIN].category,
	    CATEGORY_MAILBOX_DISABLED);
	assert_int_equal(standing_of(store, "count@example.com").failure_count, 2);
	assert_int_equal(standing_of(store, "count@example.com").counts[CATEGORY_MAILBOX_FULL], 2);
	assert_int_equal(take_back(store, result.batch).changed, 2);
	is_as(store, before);
	is_right(store);
	store_close(store);
}

/* Between the reading of the batch and the change, others go on: here in the same
   store, before the last page. */
static struct store *meddled;

static void
meddle(const char *address, const struct standing_entry *entry)
{
	(void)entry;
	if (strcmp(address, "r0000@example.com") == 0)
		record(meddled, "r2400@example.com", CATEGORY_MAILBOX_DISABLED, DECISION_SUPPRESS,
		    5000);
}

/* Pages, one batch. */
static void
test_many(void **state)
{
	const struct operate_command command = { .reason = "", .each = meddle };
	struct store *store = meddled = open_store(*state);
	struct operate_result result;
	const char *error;
	char address[32];
	uint64_t batch;
	char *before;

	for (int i = 0; i < 2500; i++) {
		snprintf(address, sizeof(address), "r%04d@example.com", i);
		record(store, address, CATEGORY_USER_UNKNOWN, i % 2 == 0 ? DECISION_SUPPRESS :
		    DECISION_HOLD, 1000 + i);
	}
	before = snapshot(store);
	batch = undo_since(store, 1);
	assert_int_equal(batch, 2501);
	assert_int_equal(found(store, OPERATE_UNDO, "", ""), 0);
	assert_int_equal(take_back(store, batch).changed, 2500);
	is_as(store, before);
	batch = undo_since(store, 1);
	assert_done(operate_take_back(store, batch, &command, &result, &error));
	assert_int_equal(result.changed, 2499);
	assert_int_equal(result.overtaken, 1);
	is_right(store);
	store_close(store);
}

/* A batch that is not there, and one of which a part was deleted. */
static void
test_no_batch(void **state)
{
	const struct operate_command command = { .reason = "", .each = list };
	const struct operate_command look = { .dry_run = true, .reason = "", .each = list };
	struct store *store = open_store(*state);
	struct operate_result result;
	struct store_txn *txn;
	const char *error;
	char *before;

	for (int i = 0; i < 3; i++) {
		char address[32];

		snprintf(address, sizeof(address), "r%d@example.com", i);
		record(store, address, CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, 1000 + i);
	}
	assert_int_equal(undo_since(store, 1), 4);
	for (uint64_t batch = 1; batch < 9; batch++) {
		if (batch == 4)
			continue;
		assert_int_equal(operate_take_back(store, batch, &command, &result, &error), -1);
		assert_non_null(strstr(error, "there is no batch"));
		assert_int_equal(result.changed, 0);
	}
	before = snapshot(store);
	assert_done(operate_take_back(store, 4, &look, &result, &error));
	assert_int_equal(result.changed, 3);
	assert_int_equal(result.batch, 0);
	is_as(store, before);
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, INT64_MAX, 5, 100, &error), 5);
	assert_done(store_commit(txn, &error));
	result = take_back(store, 4);
	assert_true(result.pruned);
	assert_int_equal(result.changed, 1);
	assert_string_equal(listed, "r2@example.com user-unknown\n");
	assert_int_equal(operate_take_back(store, 2, &command, &result, &error), -1);
	assert_non_null(strstr(error, "was deleted"));
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
	assert_int_equal(refold_compare(store, &complete, note_damage, &error), 0);
	assert_true(complete);
	/* A standing that its events do not make. */
	assert_done(store_begin(store, &txn, &error));
	assert_done(standing_get(txn, "r7@example.com", &standing, &error));
	changed = standing;
	changed.counts[CATEGORY_USER_UNKNOWN]++;
	assert_done(standing_put(txn, "r7@example.com", &standing, &changed, &error));
	assert_done(store_commit(txn, &error));
	assert_int_equal(refold_compare(store, &complete, note_damage, &error), 1);
	assert_string_equal(listed, "r7@example.com\n");
	/* A standing that is missing. */
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(store_delete(txn, STORE_STANDING,
	    (struct str){ "\0r7@example.com", 15 }, &error), 1);
	assert_done(store_commit(txn, &error));
	assert_int_equal(refold_compare(store, &complete, note_damage, &error), 1);
	assert_string_equal(listed, "r7@example.com\nr7@example.com\n");
	/* Without the beginning of the journal there is nothing to compare. */
	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(journal_prune(txn, STORE_JOURNAL, 1001, UINT64_MAX, 10, &error), 1);
	assert_done(store_commit(txn, &error));
	assert_int_equal(refold_compare(store, &complete, note_damage, &error), 0);
	assert_false(complete);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_add_and_remove), T(test_remove_ends_everything),
		T(test_held_is_released_or_discarded), T(test_undo), T(test_provider_and_rule),
		T(test_pruned_journal), T(test_undo_of_undo), T(test_undo_is_exact),
		T(test_release_and_discard_are_taken_back), T(test_overtaken), T(test_many),
		T(test_no_batch), T(test_verify),
	};

	policy_init(&config.policy);
	return cmocka_run_group_tests_name("operate", tests, NULL, NULL);
}
