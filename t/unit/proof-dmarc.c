#include "proof-zone.h"

#include <pthread.h>

#include "proof/dmarc.h"
#include "proof/taglist.h"

static struct dns *dns;

static const char *const records[][2] = {
	{ "own.example", "v=DMARC1; p=reject; sp=none" },
	{ "amid.example", "some other text" },
	{ "amid.example", "v=DMARC1; p=quarantine" },
	{ "amid.example", "v=spf1 -all" },
	{ "twice.example", "v=DMARC1; p=none" },
	{ "twice.example", "v=DMARC1; p=reject" },
	{ "twice.own.example", "v=DMARC1; p=none" },
	{ "twice.own.example", "v=DMARC1; p=none" },
	{ "text.example", "some other text" },
	{ "next.example", "v=DMARC10; p=none" },
	{ "next.example", "v=DMARC2; p=none" },
	{ "broken.own.example", "v=DMARC1" },
	{ "comma.example", "v=DMARC1, p=none" },
	{ "lower.example", "v=dmarc1; p=none" },
	{ "shop.co.uk", "v=DMARC1; p=reject" },
	{ "co.uk", "v=DMARC1; p=none" },
	{ "strict.example", "v=DMARC1; p=none; aspf=s; adkim=s; pct=20" },
};

static int
setup(void **state)
{
	struct zone zone;
	char name[100];

	(void)state;
	zone_begin(&zone);
	for (size_t i = 0; i < COUNT(records); i++) {
		snprintf(name, sizeof(name), "_dmarc.%s", records[i][0]);
		zone_txt(&zone, name, records[i][1]);
	}
	fprintf(zone.file, "_dmarc.down.example. FAIL\n_dmarc.mute.example. SILENT\n"
	    "_dmarc.news.down.example. A 192.0.2.1\n"
	    "_dmarc.alias.example. CNAME _dmarc.own.example.\n"
	    "_dmarc.huge.example. TXT \"v=DMARC1; p=none; rua=\"");
	for (unsigned i = 0; i < 20; i++)
		fprintf(zone.file, " \"%0250u\"", 0);
	fprintf(zone.file, "\n");
	dns = zone_end(&zone);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dns_free(dns);
	return 0;
}

/* --- the text of a record ------------------------------------------------------- */

static void
test_read(void **state)
{
	static const struct {
		const char *text, *policy, *inherited;
		bool strict_spf, strict_dkim;
		unsigned percent;
	} cases[] = {
		{ "v=DMARC1; p=none", "none", "none", false, false, 100 },
		{ "v=DMARC1;p=reject;", "reject", "reject", false, false, 100 },
		{ " v = DMARC1 ;\tp = Quarantine ; ", "quarantine", "quarantine", false, false,
		    100 },
		{ "v=DMARC1; p=reject; sp=none", "reject", "none", false, false, 100 },
		{ "v=DMARC1; sp=REJECT; p=none", "none", "reject", false, false, 100 },
		{ "v=DMARC1; p=none; aspf=s", "none", "none", true, false, 100 },
		{ "v=DMARC1; p=none; adkim=s; pct=0", "none", "none", false, true, 0 },
		{ "v=DMARC1; p=none; aspf=r; adkim=r; pct=50", "none", "none", false, false, 50 },
		{ "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org!10m; "
		    "ruf=mailto:c@example.org; fo=1:d:s; rf=afrf; ri=3600", "none", "none", false,
		    false, 100 },
		/* What is new, or no tag at all, is passed over. */
		{ "v=DMARC1; p=none; np=reject; psd=n; t=y", "none", "none", false, false, 100 },
		{ "v=DMARC1; p=none; x", "none", "none", false, false, 100 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct dmarc_record record = { .why = "" };

		for (int inherited = 0; inherited < 2; inherited++) {
			check(dmarc_read(text, inherited, *state, &record) == 1, "%s: %s",
			    cases[i].text, record.why);
			check_text(words_name(&dmarc_policy_words, record.policy),
			    inherited ? cases[i].inherited : cases[i].policy, cases[i].text);
			check(record.strict_spf == cases[i].strict_spf, "%s", cases[i].text);
			check(record.strict_dkim == cases[i].strict_dkim, "%s", cases[i].text);
			check(record.percent == cases[i].percent, "%s", cases[i].text);
			check_text(record.text, cases[i].text, cases[i].text);
		}
		drop(text);
	}
}

static void
test_malformed(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "it does not begin with v=DMARC1;" },
		{ "p=none", "it does not begin with v=DMARC1;" },
		{ "v=dmarc1; p=none", "it does not begin with v=DMARC1;" },
		{ "v=DMARC1, p=none", "it does not begin with v=DMARC1;" },
		{ "v=DMARC1 p=none", "it does not begin with v=DMARC1;" },
		{ "v=DMARC1", "it has no p=" },
		{ "v=DMARC1; rua=mailto:a@example.org", "it has no p=" },
		{ "v=DMARC1; sp=none", "it has no p=" },
		{ "v=DMARC1; p=", "p= is not none, quarantine or reject" },
		{ "v=DMARC1; p=monitor", "p= is not none, quarantine or reject" },
		/* libopendmarc would take this for reject. */
		{ "v=DMARC1; p=rej", "p= is not none, quarantine or reject" },
		{ "v=DMARC1; p=none sp=none", "p= is not none, quarantine or reject" },
		{ "v=DMARC1; p=none; sp=n", "sp= is not none, quarantine or reject" },
		{ "v=DMARC1; p=reject; p=none", "a tag stands twice" },
		{ "v=DMARC1; p=none; rua=mailto:a@b.example; RUA=mailto:c@d.example",
		    "a tag stands twice" },
		{ "v=DMARC1; p=none; aspf=x", "a tag has a value that it cannot have" },
		{ "v=DMARC1; p=none; adkim=strictly", "a tag has a value that it cannot have" },
		{ "v=DMARC1; p=none; pct=101", "a tag has a value that it cannot have" },
		{ "v=DMARC1; p=none; pct=x", "pct= is no number" },
		{ "p=none; v=DMARC1", "it does not begin with v=DMARC1;" },
		{ "v=DMARC1; p=none; V=DMARC1", "a tag stands twice" },
		{ "v=DMARC1; p=none; \x01=x", "it is not ASCII" },
		{ "v=DMARC1; p=none; rua=\xc3\xbc", "it is not ASCII" },
		{ "v=DMARC1; p=none\x7f", "it is not ASCII" },
		{ "v=DMARC1; p=none\n", "it is not ASCII" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct dmarc_record record = { .why = "" };

		check(dmarc_read(text, false, *state, &record) == 0, "%s", cases[i].text);
		check_text(record.why, cases[i].why, cases[i].text);
		drop(text);
	}
}

static void
test_long(void **state)
{
	char text[DMARC_RECORD_BYTES + 2] = "v=DMARC1; p=none; rua=";
	size_t len = strlen(text);
	struct dmarc_record record = { .why = "" };

	memset(text + len, 'a', sizeof(text) - 1 - len);
	assert_int_equal(dmarc_read((struct str){ text, DMARC_RECORD_BYTES }, false, *state,
		&record), 1);
	assert_int_equal(dmarc_read((struct str){ text, DMARC_RECORD_BYTES + 1 }, false, *state,
		&record), 0);
	assert_string_equal(record.why, "it is too long");
	for (size_t i = len; i < DMARC_RECORD_BYTES; i++)
		text[i] = ',';
	assert_int_equal(dmarc_read((struct str){ text, DMARC_RECORD_BYTES }, false, *state,
		&record), 1);
}

/* --- the look-up ----------------------------------------------------------------- */

static void
test_find(void **state)
{
	static const struct {
		const char *domain;
		enum dmarc_state state;
		const char *name, *policy;
		bool inherited;
	} cases[] = {
		{ "own.example", DMARC_FOUND, "own.example", "reject", false },
		{ "OWN.example", DMARC_FOUND, "OWN.example", "reject", false },
		{ "news.own.example", DMARC_FOUND, "own.example", "none", true },
		{ "a.b.c.own.example", DMARC_FOUND, "own.example", "none", true },
		{ "amid.example", DMARC_FOUND, "amid.example", "quarantine", false },
		{ "alias.example", DMARC_FOUND, "alias.example", "reject", false },
		{ "strict.example", DMARC_FOUND, "strict.example", "none", false },
		{ "shop.co.uk", DMARC_FOUND, "shop.co.uk", "reject", false },
		{ "www.shop.co.uk", DMARC_FOUND, "shop.co.uk", "reject", true },
		/* What the registry says is not about those below it. */
		{ "other.co.uk", DMARC_MISSING, "other.co.uk", "", false },
		{ "nowhere.example", DMARC_MISSING, "nowhere.example", "", false },
		{ "a.nowhere.example", DMARC_MISSING, "nowhere.example", "", true },
		{ "text.example", DMARC_MISSING, "text.example", "", false },
		{ "next.example", DMARC_MISSING, "next.example", "", false },
		/* Several end the search, also where the organisation has one. */
		{ "twice.example", DMARC_SEVERAL, "twice.example", "", false },
		{ "twice.own.example", DMARC_SEVERAL, "twice.own.example", "", false },
		{ "broken.own.example", DMARC_MALFORMED, "broken.own.example", "", false },
		{ "comma.example", DMARC_MALFORMED, "comma.example", "", false },
		{ "lower.example", DMARC_MALFORMED, "lower.example", "", false },
		{ "huge.example", DMARC_MALFORMED, "huge.example", "", false },
		{ "down.example", DMARC_UNKNOWN, "down.example", "", false },
		{ "news.down.example", DMARC_UNKNOWN, "down.example", "", false },
		{ "no name.example", DMARC_MISSING, "no name.example", "", false },
		{ "", DMARC_MISSING, "", "", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dmarc_record record;

		dmarc_find(dns, cases[i].domain, soon(), *state, &record);
		check(record.state == cases[i].state, "%s: %d", cases[i].domain, record.state);
		check_text(record.name, arena_printf(*state, "_dmarc.%s", cases[i].name),
		    cases[i].domain);
		check((record.why[0] != '\0') == (record.state == DMARC_MALFORMED), "%s: %s",
		    cases[i].domain, record.why);
		if (record.state != DMARC_FOUND)
			continue;
		check_text(words_name(&dmarc_policy_words, record.policy), cases[i].policy,
		    cases[i].domain);
		check(record.inherited == cases[i].inherited, "%s", cases[i].domain);
	}
}

static void
test_deadline(void **state)
{
	struct dmarc_record record;

	dmarc_find(dns, "mute.example", clock_monotonic_msec() + 50, *state, &record);
	assert_int_equal(record.state, DMARC_UNKNOWN);
	dmarc_find(dns, "strict.example", clock_monotonic_msec(), *state, &record);
	/* Unless it was asked before. */
	assert_true(record.state == DMARC_UNKNOWN || record.state == DMARC_FOUND);
}

static void
test_alignment(void **state)
{
	static const struct {
		const char *domain, *from;
		bool relaxed, strict;
	} cases[] = {
		{ "example.org", "example.org", true, true },
		{ "Example.ORG", "example.org", true, true },
		{ "news.example.org", "example.org", true, false },
		{ "example.org", "news.example.org", true, false },
		{ "a.example.org", "b.example.org", true, false },
		{ "example.com", "example.org", false, false },
		{ "badexample.org", "example.org", false, false },
		{ "example.org.test", "example.org", false, false },
		{ "a.co.uk", "b.co.uk", false, false },
		{ "mail.a.co.uk", "a.co.uk", true, false },
		{ "org", "example.org", false, false },
		{ "", "example.org", false, false }, { "example.org", "", false, false },
		{ "", "", false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		check(dmarc_is_aligned(cases[i].domain, cases[i].from, false, *state) ==
		    cases[i].relaxed, "%s, %s", cases[i].domain, cases[i].from);
		check(dmarc_is_aligned(cases[i].domain, cases[i].from, true, *state) ==
		    cases[i].strict, "%s, %s", cases[i].domain, cases[i].from);
	}
}

static void
test_taglist(void **state)
{
	static const struct {
		const char *list, *value; /* of p; NULL: there is none */
		bool again;
	} cases[] = {
		{ "p=x", "x", false }, { " P = x y ; q=", "x y", false }, { "p=", "", false },
		{ "p=a=b", "a=b", false }, { ";;p=1;;p=2;", "1", true }, { "p", NULL, false },
		{ "", NULL, false }, { "=p;pp=1;p p=1", NULL, false }, { "q=p=1;p=2", "2", false },
		{ "v=1;\r\n\tp=x\r\n\t", "x", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str list = exact(cases[i].list), value;
		bool again;

		check(taglist_find(list, STR("p"), &value, &again) == (cases[i].value != NULL),
		    "%s", cases[i].list);
		check(str_equal(value, str_of(cases[i].value == NULL ? "" : cases[i].value)),
		    "%s", cases[i].list);
		check(again == cases[i].again, "%s", cases[i].list);
		drop(list);
	}
}

static void *
read_often(void *wrong)
{
	struct arena *arena = arena_new();

	for (unsigned i = 0; i < 2000; i++) {
		struct dmarc_record good = { .why = "" }, bad = { .why = "" };

		if (dmarc_read(STR("v=DMARC1; p=reject; aspf=s; rua=mailto:a@example.org; pct=7"),
			false, arena, &good) == 0 || good.percent != 7 || !good.strict_spf ||
		    dmarc_read(STR("v=DMARC1; p=none; pct=700"), false, arena, &bad) == 1)
			++*(unsigned *)wrong;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void
test_threads(void **state)
{
	unsigned wrong[4] = { 0 };
	pthread_t threads[COUNT(wrong)];

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &wrong[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_read),
		test_with_arena(test_malformed),
		test_with_arena(test_long),
		test_with_arena(test_find),
		test_with_arena(test_deadline),
		test_with_arena(test_alignment),
		test_with_arena(test_taglist),
		test_with_arena(test_threads),
	};

	return cmocka_run_group_tests_name("proof-dmarc", tests, setup, teardown);
}
