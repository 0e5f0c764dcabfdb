#include "support.h"

#include "base/clock.h"

#define NOON INT64_C(1795176000) /* 2026-11-20T12:00:00Z */

static void
test_print(void **state)
{
	static const struct {
		int64_t time;
		const char *want;
	} cases[] = {
		{ 0, "" }, { -1, "" }, { 1, "1970-01-01T00:00:01Z" },
		{ NOON, "2026-11-20T12:00:00Z" }, { INT64_C(253402300799), "9999-12-31T23:59:59Z" },
		{ INT64_C(253402300800), "" }, { INT64_MAX, "" }, { INT64_MIN, "" },
	};
	char text[CLOCK_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_text(clock_print(cases[i].time, text), cases[i].want, "time");
}

/* What a person may type, and what is refused. */
static void
test_scan(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: none of them */
	} cases[] = {
		{ "2026-11-20T12:00:00Z", NOON }, { "2026-11-20t12:00:00z", NOON },
		{ "2026-11-20 12:00:00Z", NOON }, { "2026-11-20T13:00:00+01:00", NOON },
		{ "2026-11-20T07:00:00-0500", NOON }, { "2026-11-20T12:00:00.999Z", NOON },
		{ "2026-11-20", NOON - 43200 }, { "2h", NOON - 7200 }, { "0", NOON },
		{ "1d", NOON - 86400 }, { "2026-11-20T12:00:00", -1 }, { "2026-11-20T12:00:00Zx", -1 },
		{ "2026-11-20T12:00:00+01", -1 }, { "2026-11-20T12:00:00+2400", -1 },
		{ "2026-11-20T12:00:00+0160", -1 }, { "2026-02-30", -1 }, { "2026-13-01", -1 },
		{ "2026-11-20x", -1 }, { "yesterday", -1 }, { "", -1 }, { "2", -1 },
		{ "2026-11-20T25:00:00Z", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		int64_t got = -1;

		if (clock_scan(text, NOON, &got) == -1)
			got = -1;
		check(got == cases[i].want, "%s: %lld", cases[i].text, (long long)got);
		drop(text);
	}
}

static void
test_scan_header(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "Fri, 20 Nov 2026 12:00:00 +0000 (UTC)", NOON },
		{ " Fri, 20 Nov 2026 13:00:00 +0100", NOON },
		{ "20 Nov 2026 12:00 GMT", NOON },
		{ "Fri,  20 Nov 2026 07:00:00 -0500", NOON },
		{ "Fri, 20 Nov 2026 12:00:00 UT", NOON },
		{ "Fri, 20 Nov 2026 12:00:00 EST", -1 }, { "Fri, 20 Nov 2026 12:00:00", -1 },
		{ "20 Nov", -1 }, { "31 Jun 2026 12:00:00 +0000", -1 }, { "", -1 },
		{ "Fri, 20 Nov 2026 12:00:00 +0", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		int64_t got = -1;

		if (clock_scan_header(text, &got) == -1)
			got = -1;
		check(got == cases[i].want, "%s: %lld", cases[i].text, (long long)got);
		drop(text);
	}
}

static void
test_scan_span(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "0", 0 }, { "30s", 30 }, { "15m", 900 }, { "12h", 43200 }, { "365d", 31536000 },
		{ "999999999d", INT64_C(999999999) * 86400 }, { "9999999999d", -1 },
		{ "1", -1 }, { "s", -1 }, { "5 mins", -1 }, { "5M", -1 }, { "-1s", -1 }, { "", -1 },
		{ "1w", -1 }, { "1.5h", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		int64_t got = -1;

		if (clock_scan_span(text, &got) == -1)
			got = -1;
		check(got == cases[i].want, "%s: %lld", cases[i].text, (long long)got);
		drop(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_header),
		cmocka_unit_test(test_scan_span),
	};

	return cmocka_run_group_tests_name("base-clock", tests, NULL, NULL);
}
