/* Whom the words of a refusal name. */
#include "support.h"

#include <time.h>

#include "base/msg.h"
#include "judge/identity.h"
#include "parse/limits.h"

static int
setup(void **state)
{
	(void)state;
	msg_open("judge-identity", false);
	return 0;
}

static void
test_address(void **state)
{
	static const char *const cases[][2] = {
		{ "your IP 192.0.2.1 is listed", "192.0.2.1" }, { "[192.0.2.1] is listed", "192.0.2.1" },
		{ "(192.0.2.1)", "192.0.2.1" }, { "ip:192.0.2.1.", "192.0.2.1" },
		{ "IP=192.0.2.1;", "192.0.2.1" }, { "192.0.2.1:25 refused", "192.0.2.1" },
		{ "see https://list.example/query?ip=192.0.2.1", "192.0.2.1" },
		{ "see https://list.example/192.0.2.1", "192.0.2.1" },
		{ "IPv6:2001:DB8::1 is listed", "2001:db8::1" }, { "[2001:db8::1]", "2001:db8::1" },
		{ "[IPv6:2001:db8::1]", "2001:db8::1" }, { "2001:db8::1.", "2001:db8::1" },
		{ "IP Netblock [192.0.2.0/24 36]", "192.0.2.0/24" },
		{ "from 192.0.2.1/query", "192.0.2.1" }, { "from 192.0.2.1/99999", "192.0.2.1" },
		{ "192.0.2.1 and 198.51.100.2", "192.0.2.1" },
		/* Not written as an address. */
		{ "", "" }, { "1.2.0.192.zen.list.example", "" }, { "version 4.96.1", "" },
		{ "192.0.2.1.list.example", "" }, { "host-192.0.2.1.example", "" }, { "999.0.2.1", "" },
		{ "192.0.2", "" }, { "5.7.1", "" }, { "::", "" }, { "a::b", "" }, { "10:20:30", "" },
		{ "192.0.2.1x", "" }, { "v192.0.2.1", "" }, { ":::::", "" }, { "....", "" }, { "192.0.2.1-", "192.0.2.1" },
		{ "\xe4\xbd\xa0" "192.0.2.1\xe5\xa5\xbd", "192.0.2.1" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str words = exact(cases[i][0]);

		check_text(identity_address(words, *state), cases[i][1], cases[i][0]);
		drop(words);
	}
}

static void
test_domain(void **state)
{
	static const char *const cases[][2] = {
		{ "domain example.com is listed", "example.com" }, { "Example.COM", "example.com" },
		{ "DKIM domain [example.com 35]", "example.com" },
		{ "rcpt.example said: other.example, [example.com]", "example.com" },
		{ "Sender address [a@example.com] blocked using dbl.spamhaus.org", "example.com" },
		{ "[192.0.2.1] <a@other.example> and example.com", "other.example" },
		{ "blocked using dbl.spamhaus.org; example.com", "example.com" },
		{ "see http://www.surbl.org/lookup/example.com", "example.com" },
		{ "the link http://shop.example.com/a.html", "shop.example.com" },
		{ "<jo@mine.example>: example.com", "example.com" }, { "xn--mller-kva.xn--p1ai", "xn--mller-kva.xn--p1ai" },
		{ "example.com.", "example.com" },
		{ "", "" }, { "5.7.1 192.0.2.1", "" }, { "e.g. i.e.", "" }, { "a..b", "" }, { ".example", "" },
		{ "help.html", "" }, { "mine.example", "" }, { "example.c0m", "" }, { "a.b:c.d", "" },
		{ "www.spamhaus.org", "" }, { "first.last@", "" }, { "- .. - . @ @@", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str words = exact(cases[i][0]), other = exact("mine.example");

		check_text(identity_domain(words, other, *state), cases[i][1], cases[i][0]);
		drop(words);
		drop(other);
	}
}

static void
test_of(void **state)
{
	static const struct {
		enum category category;
		const char *subcause, *want;
	} cases[] = {
		{ CATEGORY_IP_BLOCKLISTED, "", "192.0.2.1" },
		{ CATEGORY_IP_BLOCKLISTED, "spamhaus", "192.0.2.1" },
		{ CATEGORY_DOMAIN_BLOCKLISTED, "", "example.com" }, { CATEGORY_THROTTLED, "", "192.0.2.1" },
		{ CATEGORY_THROTTLED, "netblock", "192.0.2.1" },
		{ CATEGORY_THROTTLED, "dkim-domain", "example.com" }, { CATEGORY_USER_UNKNOWN, "", "" },
		{ CATEGORY_AUTH_FAILURE, "spf", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict;

		verdict_init(&verdict);
		verdict.category = cases[i].category;
		verdict.subcause = cases[i].subcause;
		check_text(identity_of(&verdict, STR("mine.example: 192.0.2.1 of example.com"),
		    STR("jo@mine.example"), *state), cases[i].want, cases[i].subcause);
	}
}

/* Texts that look like addresses all along take no longer than others. */
static void
test_hostile(void **state)
{
	static const char *const pieces[] = { "1.", "1:", "a.", "[", "1.1.1.1.", ":", "::", "a.b@", "192.0.2.1/", "- ", "\xff" };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		char text[LIMITS_REPLY_BYTES];
		struct timespec start, end;
		struct str words;

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = pieces[i][at % strlen(pieces[i])];
		words = exact_bytes(text, sizeof(text));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		for (unsigned round = 0; round < 20; round++) {
			identity_address(words, *state);
			identity_domain(words, STR("mine.example"), *state);
		}
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		check((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 < 100,
		    "\"%s\" is slow", pieces[i]);
		drop(words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_address),
		test_with_arena(test_domain),
		test_with_arena(test_of),
		test_with_arena(test_hostile),
	};

	return cmocka_run_group_tests_name("judge-identity", tests, setup, NULL);
}
