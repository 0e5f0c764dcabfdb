#include "proof-zone.h"

#include <pthread.h>

#include "proof/spf.h"

#define TREE_WIDTH 9
#define TREE_DEPTH 4

static struct dns *dns;
static struct spf *spf;

static const char *const policies[][2] = {
	{ "pass.test", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all" },
	{ "softfail.test", "v=spf1 ip4:192.0.2.0/24 ~all" },
	{ "neutral.test", "v=spf1 ip4:192.0.2.0/24 ?all" },
	{ "silence.test", "v=spf1 ip4:192.0.2.0/24" },
	{ "upper.test", "V=SPF1 IP4:192.0.2.0/24 -ALL" },
	{ "include.test", "v=spf1 include:pass.test -all" },
	{ "includenone.test", "v=spf1 include:text.test -all" },
	{ "includefail.test", "v=spf1 include:down.test -all" },
	{ "redirect.test", "v=spf1 redirect=pass.test" },
	{ "redirectall.test", "v=spf1 redirect=pass.test ~all" },
	{ "redirectnone.test", "v=spf1 redirect=nowhere.test" },
	{ "ring1.test", "v=spf1 include:ring2.test -all" },
	{ "ring2.test", "v=spf1 include:ring1.test -all" },
	{ "self.test", "v=spf1 include:self.test -all" },
	{ "void.test", "v=spf1 a:v1.test a:v2.test a:v3.test a:v4.test a:v5.test +all" },
	{ "void4.test", "v=spf1 a:v1.test a:v2.test a:v3.test a:v4.test +all" },
	{ "broken.test", "v=spf1 ip4:300.1.2.3 -all" },
	{ "unknown.test", "v=spf1 frobnicate:x -all" },
	{ "twice.test", "v=spf1 +all" },
	{ "twice.test", "v=spf1 -all" },
	{ "text.test", "some other text" },
	{ "amid.test", "google-site-verification=x" },
	{ "amid.test", "v=spf1 ip4:192.0.2.1 -all" },
	{ "next.test", "v=spf10 +all" },
	{ "exp.test", "v=spf1 -all exp=explain.test" },
	{ "exptext.test", "v=spf1 exp-text=go%{S}away -all" },
	{ "modifier.test", "v=spf1 x-rate=%{d}/12 +all" },
	{ "explain.test", "%{i} is not one of us" },
	{ "a.test", "v=spf1 a/24 -all" },
	{ "mx.test", "v=spf1 mx -all" },
	{ "nomail.test", "v=spf1 mx mx mx mx mx mx ~all" },
	{ "ptr.test", "v=spf1 ptr:test -all" },
	{ "exists.test", "v=spf1 exists:%{ir}.%{l}.list.test -all" },
	{ "helo.test", "v=spf1 exists:%{h}.known.test -all" },
	{ "local.test", "v=spf1 exists:%{l}.known.test -all" },
	{ "client.test", "v=spf1 exists:%{p}.known.test -all" },
	{ "slow.test", "v=spf1 a:mute.test +all" },
	{ "downa.test", "v=spf1 a:down.test +all" },
	{ "xn--bcher-kva.test", "v=spf1 ip4:192.0.2.1 -all" },
};

static const char *const lines[] = {
	"a.test. A 192.0.2.77", "a.test. AAAA 2001:db8::77", "mx.test. MX 10 host.test.",
	"nomail.test. MX 0 .",
	"host.test. A 192.0.2.1", "host.test. AAAA 2001:db8::1",
	"1.2.0.192.in-addr.arpa. PTR host.test.",
	"1.2.0.192.user.list.test. A 127.0.0.2", "mail.example.org.known.test. A 127.0.0.2",
	"host.test.known.test. A 127.0.0.2", "down.test. FAIL", "mute.test. SILENT",
};

/* A tree of includes, whose leaves are one and the same. */
static void
write_tree(const struct zone *zone, const char *name, unsigned depth)
{
	char policy[SPF_RECORD_BYTES] = "v=spf1", below[200] = "neutral.test";
	size_t len = strlen(policy);

	for (unsigned i = 0; i < TREE_WIDTH; i++) {
		if (depth > 1) {
			snprintf(below, sizeof(below), "%u.%s", i, name);
			write_tree(zone, below, depth - 1);
		}
		len += (size_t)snprintf(policy + len, sizeof(policy) - len, " include:%s", below);
	}
	snprintf(policy + len, sizeof(policy) - len, " ?all");
	zone_txt(zone, name, policy);
}

/* What ends libspf2 of Debian 12: macros and a long literal behind them. */
static void
write_long(const struct zone *zone, const char *name, unsigned macros, unsigned literal)
{
	char *policy = calloc(1, 64 + 4 * macros + literal), *to = policy;

	to += sprintf(to, "v=spf1 exists:");
	for (unsigned i = 0; i < macros; i++)
		to += sprintf(to, "%%{d}");
	memset(to, 'a', literal);
	strcpy(to + literal, ".test -all");
	zone_txt(zone, name, policy);
	free(policy);
}

static void
write_many(const struct zone *zone, const char *name, unsigned terms)
{
	char policy[SPF_RECORD_BYTES] = "v=spf1";
	size_t len = strlen(policy);

	for (unsigned i = 0; i < terms; i++)
		len += (size_t)snprintf(policy + len, sizeof(policy) - len, " ip4:192.0.2.%u", i);
	snprintf(policy + len, sizeof(policy) - len, " -all");
	zone_txt(zone, name, policy);
}

static int
setup(void **state)
{
	struct zone zone;

	(void)state;
	zone_begin(&zone);
	for (size_t i = 0; i < COUNT(policies); i++)
		zone_txt(&zone, policies[i][0], policies[i][1]);
	for (size_t i = 0; i < COUNT(lines); i++)
		fprintf(zone.file, "%s\n", lines[i]);
	for (unsigned i = 0; i < 12; i++)
		fprintf(zone.file, "200.2.0.192.in-addr.arpa. PTR p%u.test.\n"
		    "p%u.test. A 203.0.113.9\n", i, i);
	write_tree(&zone, "tree.test", TREE_DEPTH);
	write_long(&zone, "long.test", 12, 4001);
	write_long(&zone, "longer.test", 127, 5000);
	write_long(&zone, "limit.test", 0, SPF_RECORD_BYTES);
	write_many(&zone, "many.test", 62);
	write_many(&zone, "toomany.test", 80);
	dns = zone_end(&zone);
	spf = spf_new(dns);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	spf_free(spf);
	dns_free(dns);
	return 0;
}

struct spf_case {
	const char *address, *helo, *sender, *want;
};

static const struct spf_case cases[] = {
	{ "192.0.2.1", "h.test", "user@pass.test", "pass" },
	{ "198.51.100.1", "h.test", "user@pass.test", "fail" },
	{ "2001:db8::5", "h.test", "user@pass.test", "pass" },
	{ "2001:db9::5", "h.test", "user@pass.test", "fail" },
	{ "::ffff:192.0.2.1", "h.test", "user@pass.test", "pass" },
	{ "192.0.2.1", "h.test", "user@PASS.Test", "pass" },
	{ "192.0.2.1", "h.test", "user@pass.test.", "pass" },
	{ "198.51.100.1", "h.test", "user@softfail.test", "softfail" },
	{ "198.51.100.1", "h.test", "user@neutral.test", "neutral" },
	{ "198.51.100.1", "h.test", "user@silence.test", "neutral" },
	{ "192.0.2.1", "h.test", "user@upper.test", "pass" },
	{ "192.0.2.1", "h.test", "user@amid.test", "pass" },
	{ "192.0.2.1", "h.test", "user@b\xc3\xbc" "cher.test", "pass" },
	/* no policy */
	{ "192.0.2.1", "h.test", "user@text.test", "none" },
	{ "192.0.2.1", "h.test", "user@next.test", "none" },
	{ "192.0.2.1", "h.test", "user@host.test", "none" },
	{ "192.0.2.1", "h.test", "user@nowhere.test", "none" },
	/* nobody to ask about */
	{ "127.0.0.1", "h.test", "user@pass.test", "none" },
	{ "127.1.2.3", "h.test", "user@pass.test", "none" },
	{ "::1", "h.test", "user@pass.test", "none" },
	{ "::ffff:127.0.0.1", "h.test", "user@pass.test", "none" },
	{ "unknown", "h.test", "user@pass.test", "none" },
	{ "", "h.test", "user@pass.test", "none" },
	{ "192.0.2.1", "h.test", "user", "none" },
	{ "192.0.2.1", "h.test", "user@localhost", "none" },
	{ "192.0.2.1", "h.test", "user@[192.0.2.1]", "none" },
	/* the null sender: HELO */
	{ "192.0.2.1", "pass.test", "", "pass" },
	{ "198.51.100.1", "pass.test", "", "fail" },
	{ "192.0.2.1", "[192.0.2.1]", "", "none" },
	{ "192.0.2.1", "localhost", "", "none" },
	{ "192.0.2.1", "", "", "none" },
	{ "192.0.2.1", "a b.test", "", "none" },
	{ "192.0.2.1", "", "user@pass.test", "pass" },
	/* terms */
	{ "192.0.2.1", "h.test", "user@include.test", "pass" },
	{ "198.51.100.1", "h.test", "user@include.test", "fail" },
	{ "192.0.2.1", "h.test", "user@includenone.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@redirect.test", "pass" },
	{ "198.51.100.1", "h.test", "user@redirect.test", "fail" },
	{ "192.0.2.1", "h.test", "user@redirectall.test", "softfail" },
	{ "192.0.2.1", "h.test", "user@redirectnone.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@a.test", "pass" },
	{ "2001:db8::77", "h.test", "user@a.test", "pass" },
	{ "198.51.100.1", "h.test", "user@a.test", "fail" },
	{ "192.0.2.1", "h.test", "user@mx.test", "pass" },
	{ "2001:db8::1", "h.test", "user@mx.test", "pass" },
	{ "192.0.2.2", "h.test", "user@mx.test", "fail" },
	{ "192.0.2.1", "h.test", "user@nomail.test", "softfail" },
	{ "192.0.2.1", "h.test", "user@ptr.test", "pass" },
	{ "192.0.2.2", "h.test", "user@ptr.test", "fail" },
	{ "192.0.2.200", "h.test", "user@ptr.test", "fail" },
	{ "192.0.2.1", "h.test", "user@exists.test", "pass" },
	{ "192.0.2.1", "h.test", "other@exists.test", "fail" },
	{ "192.0.2.1", "mail.example.org", "user@helo.test", "pass" },
	{ "192.0.2.1", "h.test", "user@helo.test", "fail" },
	{ "192.0.2.1", "h.test", "mail.example.org@local.test", "pass" },
	{ "192.0.2.1", "h.test", "\xc3\xbc\xff%s@local.test", "fail" },
	{ "192.0.2.1", "h.test", "user@client.test", "pass" },
	{ "192.0.2.1", "h.test", "user@modifier.test", "pass" },
	{ "192.0.2.1", "h.test", "user@exp.test", "fail" },
	{ "192.0.2.1", "h.test", "user@exptext.test", "fail" },
	{ "192.0.2.61", "h.test", "user@many.test", "pass" },
	{ "198.51.100.1", "h.test", "user@many.test", "fail" },
	/* errors */
	{ "192.0.2.1", "h.test", "user@toomany.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@broken.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@unknown.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@twice.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@ring1.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@self.test", "permerror" },
	{ "198.51.100.1", "h.test", "user@tree.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@void.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@void4.test", "pass" },
	{ "192.0.2.1", "h.test", "user@long.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@longer.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@limit.test", "permerror" },
	{ "192.0.2.1", "h.test", "user@down.test", "temperror" },
	{ "192.0.2.1", "h.test", "user@downa.test", "temperror" },
	{ "192.0.2.1", "h.test", "user@includefail.test", "temperror" },
};

static void
ask(const struct spf_case *test, int64_t deadline_msec, struct arena *arena,
    struct spf_result *result_r)
{
	spf_check(spf, test->address, test->helo, test->sender, deadline_msec, arena, result_r);
}

static void
test_answers(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct spf_result result;
		bool error;

		ask(&cases[i], soon(), *state, &result);
		check_text(spf_answer_name(result.answer), cases[i].want, cases[i].sender);
		error = strstr(cases[i].want, "error") != NULL;
		check((result.why[0] != '\0') == error, "%s: \"%s\"", cases[i].sender, result.why);
		check(result.lookups <= SPF_LOOKUPS_MOST, "%s", cases[i].sender);
	}
}

static void
test_bounds(void **state)
{
	static const struct {
		const char *sender, *why;
		unsigned lookups;
	} bounds[] = {
		{ "user@tree.test", "too many DNS questions", SPF_LOOKUPS_MOST },
		{ "user@void.test", "too many DNS questions without an answer", 6 },
		{ "user@long.test", "a policy record is too long", 1 },
		{ "user@longer.test", "a TXT record is too long", 1 },
		{ "user@limit.test", "a policy record is too long", 1 },
		{ "user@down.test", "DNS fails", 1 },
		{ "user@twice.test", "there are several policy records", 1 },
		{ "user@toomany.test", "a policy record has too many terms", 1 },
		{ "user@exp.test", "", 1 },
		{ "user@redirectall.test", "", 1 },
	};

	for (size_t i = 0; i < COUNT(bounds); i++) {
		struct spf_case test = { "198.51.100.1", "h.test", bounds[i].sender, "" };
		struct spf_result result;

		/* Twice: a check leaves nothing to the next one. */
		for (int turn = 0; turn < 2; turn++) {
			ask(&test, soon(), *state, &result);
			check_text(result.why, bounds[i].why, bounds[i].sender);
			check(result.lookups == bounds[i].lookups, "%s: %u", bounds[i].sender,
			    result.lookups);
		}
	}
}

static void
test_deadline(void **state)
{
	struct spf_case test = { "192.0.2.1", "h.test", "user@slow.test", "" };
	struct spf_result result;

	ask(&test, clock_monotonic_msec() + 50, *state, &result);
	assert_int_equal(result.answer, SPF_ANSWER_TEMPERROR);
	assert_string_equal(result.why, "no DNS answer in time");
	assert_int_equal(result.lookups, 2);
	/* Nothing is asked any more. */
	test.sender = "user@pass.test";
	ask(&test, clock_monotonic_msec(), *state, &result);
	assert_int_equal(result.answer, SPF_ANSWER_TEMPERROR);
	assert_int_equal(result.lookups, 0);
}

static void
test_domain_and_record(void **state)
{
	struct spf_case test = { "192.0.2.1", "pass.test", "user@Include.test", "" };
	struct spf_result result;

	ask(&test, soon(), *state, &result);
	assert_string_equal(result.domain, "include.test");
	assert_string_equal(result.record, "v=spf1 include:pass.test -all");
	test.sender = "";
	ask(&test, soon(), *state, &result);
	assert_string_equal(result.domain, "pass.test");
	assert_string_equal(result.record, policies[0][1]);
	test.sender = "user@long.test";
	ask(&test, soon(), *state, &result);
	assert_int_equal(strlen(result.record), SPF_RECORD_BYTES);
	test.address = "127.0.0.1";
	ask(&test, soon(), *state, &result);
	assert_string_equal(result.domain, "long.test");
	assert_string_equal(result.record, "");
	test.sender = "user";
	ask(&test, soon(), *state, &result);
	assert_string_equal(result.domain, "");
}

static void
test_long_sender(void **state)
{
	struct spf_case test = { "192.0.2.1", "h.test", "", "" };
	char sender[3000] = "", *to = sender;
	struct spf_result result;

	memset(to, 'a', 1000);
	strcpy(to + 1000, "@local.test");
	test.sender = sender;
	ask(&test, soon(), *state, &result);
	assert_int_equal(result.answer, SPF_ANSWER_FAIL);
	memset(to, 'a', 2000);
	strcpy(to + 2000, "@local.test");
	ask(&test, soon(), *state, &result);
	assert_int_equal(result.answer, SPF_ANSWER_NONE);
}

static void *
check_all(void *wrong)
{
	struct arena *arena = arena_new();

	for (unsigned turn = 0; turn < 20; turn++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct spf_result result;

			ask(&cases[i], soon(), arena, &result);
			if (strcmp(spf_answer_name(result.answer), cases[i].want) != 0)
				++*(unsigned *)wrong;
			arena_reset(arena);
		}
	}
	arena_free(arena);
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	unsigned wrong[COUNT(threads)] = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_all, &wrong[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_answers),
		test_with_arena(test_bounds),
		test_with_arena(test_deadline),
		test_with_arena(test_domain_and_record),
		test_with_arena(test_long_sender),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("proof-spf", tests, setup, teardown);
}
