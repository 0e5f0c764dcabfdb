#include "proof-zone.h"

static const char *const zone_lines[] = {
	"; a comment", "# another", "", "  \t ", "\r",
	"a.test A 192.0.2.1",
	"A.Test. 60 IN A 192.0.2.2 ; of the same name",
	"a.test IN 30 aaaa 2001:DB8:0::1#comment",
	"  a.test mx 20 Second.Test.",
	"a.test\tMX\t10\tfirst.test\r",
	"a.test MX 20 third.test",
	"a.test TXT \"v=DKIM1; k=rsa # no comment\" \"joined\" ; a comment",
	"a.test TXT \"\\\"quoted\\\" \\\\ \\065\\000\\255 a\\b\"",
	"a.test TXT \"\"",
	"null.test MX 0 .",
	"1.2.0.192.in-addr.arpa PTR Host.Test.",
	"alias.test CNAME next.test.", "next.test CNAME a.test",
	"dangling.test CNAME none.test",
	"loop.test CNAME loop.test",
	"broken.test FAIL", "broken.test A 192.0.2.9",
	"to-broken.test CNAME broken.test",
	"quiet.test SILENT",
	"_x._spf.a+b=c.test TXT \"odd\"",
	"c1.test CNAME c2.test", "c2.test CNAME c3.test", "c3.test CNAME c4.test",
	"c4.test CNAME c5.test", "c5.test CNAME c6.test", "c6.test CNAME c7.test",
	"c7.test CNAME c8.test", "c8.test CNAME c9.test", "c9.test A 192.0.2.9",
	"c0.test CNAME c1.test",
};

static struct dns *
zone_of(const char *const *lines, size_t count)
{
	struct zone zone;

	zone_begin(&zone);
	for (size_t i = 0; i < count; i++)
		fprintf(zone.file, "%s\n", lines[i]);
	return zone_end(&zone);
}

/* An answer in one line: "found 192.0.2.1, 192.0.2.2". */
static const char *
ask(struct dns *dns, enum dns_type type, const char *name, int64_t deadline_msec,
    struct arena *arena)
{
	static const char *const names[] = { "found", "no name", "no data", "failed" };
	struct dns_answer got;
	const char *text;

	dns_lookup(dns, type, name, deadline_msec, arena, &got);
	text = names[got.status];
	for (unsigned i = 0; i < got.count; i++)
		text = type == DNS_MX ?
		    arena_printf(arena, "%s%s %u %s", text, i == 0 ? "" : ",",
			got.records[i].preference, got.records[i].text) :
		    arena_printf(arena, "%s%s %s", text, i == 0 ? "" : ",", got.records[i].text);
	return got.cut ? arena_printf(arena, "%s cut", text) : text;
}

static void
test_answers(void **state)
{
	static const struct {
		enum dns_type type;
		const char *name, *want;
	} cases[] = {
		{ DNS_A, "a.test", "found 192.0.2.1, 192.0.2.2" },
		{ DNS_A, "A.TEST.", "found 192.0.2.1, 192.0.2.2" },
		{ DNS_AAAA, "a.test", "found 2001:db8::1" },
		{ DNS_MX, "a.test", "found 10 first.test, 20 second.test, 20 third.test" },
		{ DNS_MX, "null.test", "found 0 " },
		{ DNS_TXT, "a.test", "found v=DKIM1; k=rsa # no commentjoined, "
		    "\"quoted\" \\ A \377 ab, " },
		{ DNS_PTR, "1.2.0.192.in-addr.arpa", "found host.test" },
		{ DNS_PTR, "a.test", "no data" },
		{ DNS_A, "none.test", "no name" },
		{ DNS_A, "test", "no name" },
		{ DNS_A, "b.a.test", "no name" },
		{ DNS_A, "alias.test", "found 192.0.2.1, 192.0.2.2" },
		{ DNS_PTR, "alias.test", "no data" },
		{ DNS_A, "dangling.test", "no name" },
		{ DNS_A, "loop.test", "failed" },
		{ DNS_A, "broken.test", "failed" },
		{ DNS_TXT, "broken.test", "failed" },
		{ DNS_A, "to-broken.test", "failed" },
		{ DNS_TXT, "_x._spf.a+b=c.test", "found odd" },
		{ DNS_A, "c1.test", "found 192.0.2.9" },
		{ DNS_A, "c0.test", "failed" },
		{ DNS_A, "a..test", "no name" },
	};
	struct dns *dns = zone_of(zone_lines, COUNT(zone_lines));

	/* The second time from the cache. */
	for (size_t i = 0; i < 2 * COUNT(cases); i++)
		check_text(ask(dns, cases[i % COUNT(cases)].type, cases[i % COUNT(cases)].name, soon(),
		    *state), cases[i % COUNT(cases)].want, cases[i % COUNT(cases)].name);
	dns_free(dns);
}

static void
test_silent(void **state)
{
	struct dns *dns = zone_of(zone_lines, COUNT(zone_lines));
	int64_t deadline = clock_monotonic_msec() + 300;

	check_text(ask(dns, DNS_A, "quiet.test", deadline, *state), "failed", "quiet.test");
	assert_true(clock_monotonic_msec() >= deadline);
	/* It is known for a while: a second report does not wait at all. */
	check_text(ask(dns, DNS_A, "quiet.test", INT64_MAX, *state), "failed", "quiet.test");
	/* Too late to ask; and that is no failure of the name. */
	check_text(ask(dns, DNS_A, "c9.test", 0, *state), "failed", "c9.test");
	check_text(ask(dns, DNS_A, "c9.test", soon(), *state), "found 192.0.2.9", "c9.test");
	dns_free(dns);
}

static void
test_bounds(void **state)
{
	struct arena *arena = *state;
	char *longest = arena_alloc(arena, DNS_RECORD_BYTES + 2);
	struct dns_answer got;
	struct zone zone;
	struct dns *dns;

	zone_begin(&zone);
	memset(longest, 'x', DNS_RECORD_BYTES);
	zone_txt(&zone, "long.test", longest);
	zone_txt(&zone, "longer.test", longest);
	longest[DNS_RECORD_BYTES] = 'x';
	zone_txt(&zone, "longer.test", longest);
	zone_txt(&zone, "only.test", longest);
	for (unsigned i = 0; i < 100; i++)
		fprintf(zone.file, "many.test MX %u h%u.test\n", 100 - i, 100 - i);
	dns = zone_end(&zone);

	dns_lookup(dns, DNS_TXT, "long.test", soon(), arena, &got);
	assert_int_equal(got.count, 1);
	assert_int_equal(strlen(got.records[0].text), DNS_RECORD_BYTES);
	assert_false(got.cut);
	dns_lookup(dns, DNS_TXT, "longer.test", soon(), arena, &got);
	assert_int_equal(got.count, 1);
	assert_true(got.cut);
	check_text(ask(dns, DNS_TXT, "only.test", soon(), arena), "found cut", "only.test");
	dns_lookup(dns, DNS_MX, "many.test", soon(), arena, &got);
	assert_int_equal(got.count, DNS_RECORDS_MOST);
	assert_true(got.cut);
	for (unsigned i = 0; i < got.count; i++) {
		assert_int_equal(got.records[i].preference, i + 1);
		check_text(got.records[i].text, arena_printf(arena, "h%u.test", i + 1), "many.test");
	}
	dns_free(dns);
}

/* What is wrong is said with its line, which is the third. */
static void
test_errors(void **state)
{
	static const char *const cases[][2] = {
		{ "a.test B 1", "\"B\" is no type: write A, AAAA, CNAME, MX, PTR, TXT, FAIL or SILENT" },
		{ "a.test", "\"\" is no type: write A, AAAA, CNAME, MX, PTR, TXT, FAIL or SILENT" },
		{ "a.test IN 5 IN A 192.0.2.1", "\"IN\" is no type: write A, AAAA, CNAME, MX, PTR, TXT, "
		    "FAIL or SILENT" },
		{ "a.test 2147483648 A 192.0.2.1", "\"2147483648\" is no type: write A, AAAA, CNAME, MX, "
		    "PTR, TXT, FAIL or SILENT" },
		{ "a.test A 192.0.2", "\"192.0.2\" is no IPv4 address: write it as 192.0.2.1" },
		{ "a.test A", "\"\" is no IPv4 address: write it as 192.0.2.1" },
		{ "a.test AAAA 192.0.2.1", "\"192.0.2.1\" is no IPv6 address: write it as 2001:db8::1" },
		{ "a.test MX host.test", "\"host.test\" is no preference: write MX, a number from 0 to "
		    "65535, and the host" },
		{ "a.test MX 65536 host.test", "\"65536\" is no preference: write MX, a number from 0 to "
		    "65535, and the host" },
		{ "a.test MX 10", "\"\" is no name: write whole names, such as www.example.com" },
		{ "a.test PTR .", "\".\" is no name: write whole names, such as www.example.com" },
		{ "@ A 192.0.2.1", "\"@\" is no name: write whole names, such as www.example.com" },
		{ "a..test A 192.0.2.1", "\"a..test\" is no name: write whole names, such as "
		    "www.example.com" },
		{ "$ORIGIN test.", "$ORIGIN is not known here: write whole names, and a time to live "
		    "into each record" },
		{ "a.test TXT v=spf1", "a TXT record has no string: write it in quotes" },
		{ "a.test TXT", "a TXT record has no string: write it in quotes" },
		{ "a.test TXT \"v=spf1", "a string has no closing quote: write a record on one line" },
		{ "a.test TXT \"v=spf1\\\"", "a string has no closing quote: write a record on one line" },
		{ "a.test TXT \"a\\", "a string has no closing quote: write a record on one line" },
		{ "a.test TXT \"\\256\"", "\"\\256\" is no byte: write \\000 to \\255" },
		{ "a.test TXT \"a\" b", "\"b\" is left over behind the value" },
		{ "a.test A 192.0.2.1 192.0.2.2", "\"192.0.2.2\" is left over behind the value" },
		{ "a.test FAIL A", "\"A\" is left over behind the value" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *error = "", *want;
		struct zone zone;
		struct dns *dns;

		zone_begin(&zone);
		fprintf(zone.file, "; a comment\nb.test A 192.0.2.1\n%s\n", cases[i][0]);
		fclose(zone.file);
		want = arena_printf(*state, "%s:3: %s", zone.path, cases[i][1]);
		check(dns_new(zone.path, "", &dns, &error) == -1, "%s", cases[i][0]);
		check_text(error, want, cases[i][0]);
		unlink(zone.path);
	}
}

static void
test_files(void **state)
{
	struct dns *dns = zone_of(NULL, 0);
	const char *error = "";

	/* A file without records has no names. */
	check_text(ask(dns, DNS_A, "a.test", soon(), *state), "no name", "empty");
	dns_free(dns);
	dns_free(NULL);
	assert_int_equal(dns_new("/nonexistent/zone", "", &dns, &error), -1);
	assert_string_equal(error, "/nonexistent/zone: there is no such file");
	assert_int_equal(dns_new("/", "", &dns, &error), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_answers),
		test_with_arena(test_silent),
		test_with_arena(test_bounds),
		test_with_arena(test_errors),
		test_with_arena(test_files),
	};

	return cmocka_run_group_tests_name("proof-zone", tests, NULL, NULL);
}
