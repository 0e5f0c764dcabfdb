#include "sent-support.h"

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
	assert_int_equal(found.sibling_count, 8);
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
		assert_int_equal(found.recipients, 100);
		assert_int_equal(found.sibling_count, 8);
	}
	found = find("<m@own.test>", "nobody@remote.test", NOON);
	assert_false(found.matches);
	assert_int_equal(found.recipients, 100);
	assert_int_equal(found.sibling_count, 8);
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
	assert_int_equal(find("<n@own.test>", "", NOON + DAY).recipients, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_put_and_find), T(test_what_is_not_there), T(test_only),
		T(test_the_same_row_again), T(test_over_days), T(test_siblings),
		T(test_a_very_large_message), T(test_edges), T(test_midnight), T(test_domains),
		T(test_prune), T(test_prune_much),
	};

	return cmocka_run_group_tests_name("sent", tests, NULL, NULL);
}
