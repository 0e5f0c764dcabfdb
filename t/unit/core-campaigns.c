/*
 * Which campaign a message belongs to, remembered between threads, in bounded
 * memory.
 */
#include "support.h"

#include <pthread.h>

#include "campaigns.h"

#define PLACES 32768

static const char *
find(struct campaigns *campaigns, const char *message_id)
{
	static char name[CAMPAIGN_BYTES];

	return campaigns_find(campaigns, message_id, name);
}

static void
test_find(void **state)
{
	struct campaigns *campaigns = campaigns_new();
	char name[CAMPAIGN_BYTES];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_ptr_equal(campaigns_find(campaigns, "<1@x>", name), name);
	assert_string_equal(name, "");
	campaigns_note(campaigns, "<1@x>", "campaign spring");
	assert_string_equal(find(campaigns, "<1@x>"), "campaign spring");
	assert_string_equal(find(campaigns, "<2@x>"), "");
	assert_string_equal(find(campaigns, "<1@X>"), "");
	/* The newer word counts. */
	campaigns_note(campaigns, "<1@x>", "campaign summer");
	assert_string_equal(find(campaigns, "<1@x>"), "campaign summer");
	campaigns_free(campaigns);
}

/* What has no name is not mistaken for another. */
static void
test_empty(void **state)
{
	struct campaigns *campaigns = campaigns_new();

	(void)state;
	campaigns_note(campaigns, "", "campaign spring");
	assert_string_equal(find(campaigns, ""), "");
	campaigns_note(campaigns, "<1@x>", "campaign spring");
	campaigns_note(campaigns, "<1@x>", "");
	assert_string_equal(find(campaigns, "<1@x>"), "campaign spring");
	assert_string_equal(find(campaigns, ""), "");
	campaigns_free(campaigns);
}

static void
test_long_names(void **state)
{
	struct campaigns *campaigns = campaigns_new();
	char text[4 * CAMPAIGN_BYTES], id[4096];

	(void)state;
	memset(text, 'n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memset(id, 'i', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	campaigns_note(campaigns, id, text);
	assert_int_equal(strlen(find(campaigns, id)), CAMPAIGN_BYTES - 1);
	campaigns_free(campaigns);
}

/* More messages than places: each is found or not, and never with the campaign of
   another; the newest is found. */
static void
test_replaced(void **state)
{
	struct campaigns *campaigns = campaigns_new();
	char id[32], name[32];
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < 3 * PLACES; i++) {
		snprintf(id, sizeof(id), "<%u@x>", i);
		snprintf(name, sizeof(name), "campaign %u", i);
		campaigns_note(campaigns, id, name);
		assert_string_equal(find(campaigns, id), name);
	}
	for (unsigned i = 0; i < 3 * PLACES; i++) {
		const char *got;

		snprintf(id, sizeof(id), "<%u@x>", i);
		snprintf(name, sizeof(name), "campaign %u", i);
		got = find(campaigns, id);
		check(got[0] == '\0' || strcmp(got, name) == 0, "%s is of %s", id, got);
		found += got[0] != '\0';
	}
	/* A place that was used three times has the last one: 1 - e^-3 of them. */
	check(found > PLACES * 9 / 10 && found <= PLACES, "%u", found);
	campaigns_free(campaigns);
}

#define THREADS 4

struct worker {
	struct campaigns *campaigns;
	unsigned number;
	bool wrong;
};

static void *
work(void *argument)
{
	struct worker *worker = argument;

	for (unsigned i = 0; i < 20000; i++) {
		char id[32], name[CAMPAIGN_BYTES], got[CAMPAIGN_BYTES];

		snprintf(id, sizeof(id), "<%u@x>", i % 500);
		snprintf(name, sizeof(name), "campaign %u %048u", i % 500, i % 500);
		if (worker->number % 2 == 0)
			campaigns_note(worker->campaigns, id, name);
		campaigns_find(worker->campaigns, id, got);
		worker->wrong |= got[0] != '\0' && strncmp(got, name, CAMPAIGN_BYTES - 1) != 0;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct campaigns *campaigns = campaigns_new();
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ campaigns, i, false };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(workers[i].wrong);
	}
	campaigns_free(campaigns);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_long_names), cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("campaigns", tests, NULL, NULL);
}
