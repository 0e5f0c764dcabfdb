#include "support.h"

#include "proof/dns_cache.h"

static struct dns_answer
found(struct arena *arena, const char *text)
{
	struct dns_answer answer = { .status = DNS_FOUND, .count = 1 };

	answer.records = arena_alloc(arena, sizeof(answer.records[0]));
	answer.records[0] = (struct dns_record){ text, 10 };
	return answer;
}

/* What is known at that time, "" for nothing. */
static const char *
known(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
    struct arena *arena)
{
	static const char *const names[] = { "found", "no name", "no data", "failed" };
	struct dns_answer got;

	if (!dns_cache_find(cache, type, name, now, arena, &got))
		return "";
	return got.count > 0 ? got.records[0].text : names[got.status];
}

static void
test_time(void **state)
{
	static const struct {
		enum dns_status status;
		uint32_t ttl_sec;
		int64_t sec;
	} cases[] = {
		{ DNS_FOUND, 0, 5 }, { DNS_FOUND, 5, 5 }, { DNS_FOUND, 100, 100 },
		{ DNS_FOUND, 3600, 3600 }, { DNS_FOUND, 86400, 3600 }, { DNS_FOUND, UINT32_MAX, 3600 },
		{ DNS_NO_NAME, 1, 60 }, { DNS_NO_DATA, 3600, 60 }, { DNS_FAILED, 3600, 5 },
	};
	struct dns_cache *cache = dns_cache_new();

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dns_answer answer = { .status = cases[i].status };
		const char *name = arena_printf(*state, "%zu.test", i);
		int64_t now = 1000, end = now + cases[i].sec * 1000;

		dns_cache_put(cache, DNS_A, name, &answer, cases[i].ttl_sec, now);
		check(*known(cache, DNS_A, name, now, *state) != '\0', "%s", name);
		check(*known(cache, DNS_A, name, end - 1, *state) != '\0', "%s", name);
		check_text(known(cache, DNS_A, name, end, *state), "", name);
	}
	dns_cache_free(cache);
}

static void
test_copies(void **state)
{
	struct dns_cache *cache = dns_cache_new();
	char text[] = "one", name[] = "a.test";
	struct dns_answer answer = found(*state, text), got;

	answer.cut = true;
	dns_cache_put(cache, DNS_MX, name, &answer, 60, 0);
	text[0] = name[0] = 'x';
	answer.records[0].preference = 0;
	assert_true(dns_cache_find(cache, DNS_MX, "a.test", 0, *state, &got));
	assert_int_equal(got.status, DNS_FOUND);
	assert_true(got.cut);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.records[0].text, "one");
	assert_int_equal(got.records[0].preference, 10);
	check_text(known(cache, DNS_A, "a.test", 0, *state), "", "another type");
	check_text(known(cache, DNS_MX, "x.test", 0, *state), "", "another name");
	dns_cache_free(cache);
	assert_string_equal(got.records[0].text, "one");
}

/* A failure does not take away what is known, and is taken away by what is. */
static void
test_failures(void **state)
{
	struct dns_cache *cache = dns_cache_new();
	struct dns_answer failed = { .status = DNS_FAILED }, one = found(*state, "one");
	struct dns_answer two = found(*state, "two");
	unsigned entries;
	size_t bytes;

	dns_cache_put(cache, DNS_A, "a.test", &failed, 0, 0);
	check_text(known(cache, DNS_A, "a.test", 1, *state), "failed", "failed");
	dns_cache_put(cache, DNS_A, "a.test", &one, 60, 1);
	check_text(known(cache, DNS_A, "a.test", 1, *state), "one", "found");
	dns_cache_put(cache, DNS_A, "a.test", &failed, 0, 2);
	check_text(known(cache, DNS_A, "a.test", 2, *state), "one", "failed again");
	dns_cache_put(cache, DNS_A, "a.test", &two, 60, 3);
	check_text(known(cache, DNS_A, "a.test", 3, *state), "two", "found again");
	dns_cache_put(cache, DNS_A, "a.test", &failed, 0, 60003);
	check_text(known(cache, DNS_A, "a.test", 60003, *state), "failed", "after its time");
	dns_cache_size(cache, &entries, &bytes);
	assert_int_equal(entries, 1);
	dns_cache_free(cache);
}

/* The oldest go; what was put again is young again. */
static void
test_entries_are_bounded(void **state)
{
	struct dns_cache *cache = dns_cache_new();
	struct dns_answer answer = { .status = DNS_NO_NAME };
	unsigned entries;
	char name[32];
	size_t bytes;

	for (unsigned i = 0; i < DNS_CACHE_ENTRIES; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		dns_cache_put(cache, DNS_A, name, &answer, 0, 0);
	}
	dns_cache_put(cache, DNS_A, "n0.test", &answer, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%u.test", i);
		dns_cache_put(cache, DNS_A, name, &answer, 0, 0);
	}
	dns_cache_size(cache, &entries, &bytes);
	assert_int_equal(entries, DNS_CACHE_ENTRIES);
	check_text(known(cache, DNS_A, "n0.test", 0, *state), "no name", "n0.test");
	check_text(known(cache, DNS_A, "n1.test", 0, *state), "", "n1.test");
	check_text(known(cache, DNS_A, "n100.test", 0, *state), "", "n100.test");
	check_text(known(cache, DNS_A, "n101.test", 0, *state), "no name", "n101.test");
	check_text(known(cache, DNS_A, "m99.test", 0, *state), "no name", "m99.test");
	dns_cache_free(cache);
}

static void
test_bytes_are_bounded(void **state)
{
	struct dns_cache *cache = dns_cache_new();
	struct dns_answer answer = { .status = DNS_FOUND, .count = DNS_RECORDS_MOST };
	size_t largest = DNS_RECORDS_MOST * (size_t)DNS_RECORD_BYTES, bytes;
	char *text = arena_alloc(*state, DNS_RECORD_BYTES + 1);
	unsigned entries;

	memset(text, 'x', DNS_RECORD_BYTES);
	answer.records = arena_alloc(*state, DNS_RECORDS_MOST * sizeof(answer.records[0]));
	for (unsigned i = 0; i < DNS_RECORDS_MOST; i++)
		answer.records[i].text = text;
	for (unsigned i = 0; i < 100; i++)
		dns_cache_put(cache, DNS_TXT, arena_printf(*state, "n%u.test", i), &answer, 60, 0);
	dns_cache_size(cache, &entries, &bytes);
	assert_true(bytes <= DNS_CACHE_BYTES);
	assert_in_range(entries, DNS_CACHE_BYTES / (largest + 8192), DNS_CACHE_BYTES / largest);
	check_text(known(cache, DNS_TXT, "n0.test", 0, *state), "", "the oldest");
	check_text(known(cache, DNS_TXT, "n99.test", 0, *state), text, "the last");
	dns_cache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_time),
		test_with_arena(test_copies),
		test_with_arena(test_failures),
		test_with_arena(test_entries_are_bounded),
		test_with_arena(test_bytes_are_bounded),
	};

	return cmocka_run_group_tests_name("proof-dnscache", tests, NULL, NULL);
}
