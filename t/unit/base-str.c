#include "support.h"

static void
test_sub(void **state)
{
	static const struct {
		const char *text;
		size_t from, to;
		const char *want;
	} cases[] = {
		{ "abc", 0, 3, "abc" }, { "abc", 1, 2, "b" }, { "abc", 1, 99, "bc" },
		{ "abc", 2, 1, "" }, { "abc", 99, 100, "" }, { "", 0, 1, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str s = exact(cases[i].text);

		check(is(str_sub(s, cases[i].from, cases[i].to), cases[i].want), "case %zu", i);
		drop(s);
	}
}

/* The empty slice may point nowhere. */
static void
test_null_slice(void **state)
{
	struct str null = { NULL, 0 }, rest = null, piece;
	size_t at;

	(void)state;
	assert_int_equal(str_sub(null, 0, 0).len, 0);
	assert_int_equal(str_sub(null, 1, 2).len, 0);
	assert_int_equal(str_trim(null).len, 0);
	assert_int_equal(str_find_byte(null, 'x', 0, &at), 0);
	assert_int_equal(str_find(null, STR("x"), 0, &at), 0);
	assert_int_equal(str_ifind(null, STR("x"), 0, &at), 0);
	assert_true(str_equal(null, STR_EMPTY));
	assert_true(str_iequal(null, STR_EMPTY));
	assert_false(str_next_word(&rest, &piece));
	assert_false(str_next_piece(&rest, ',', &piece));
}

static void
test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal, iequal, istarts, iends;
	} cases[] = {
		{ "abc", "abc", true, true, true, true },
		{ "ABC", "abc", false, true, true, true },
		{ "abc", "ab", false, false, true, false },
		{ "abc", "BC", false, false, false, true },
		{ "ab", "abc", false, false, false, false },
		{ "", "", true, true, true, true },
		{ "abc", "", false, false, true, true },
		{ "\xc4", "\xe4", false, false, false, false }, /* ASCII only */
		{ "[", "{", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str a = exact(cases[i].a), b = exact(cases[i].b);

		check(str_equal(a, b) == cases[i].equal, "case %zu", i);
		check(str_iequal(a, b) == cases[i].iequal, "case %zu", i);
		check(str_istarts(a, b) == cases[i].istarts, "case %zu", i);
		check(str_iends(a, b) == cases[i].iends, "case %zu", i);
		drop(a);
		drop(b);
	}
}

static void
test_name_matches(void **state)
{
	static const struct {
		const char *name, *pattern;
		bool want;
	} cases[] = {
		{ "mx.example.com", "mx.example.com", true },
		{ "MX.Example.com", "mx.example.COM", true },
		{ "mx.example.com", "example.com", false },
		{ "mx.example.com", ".example.com", true },
		{ "example.com", ".example.com", true },
		{ "badexample.com", ".example.com", false },
		{ "com", ".example.com", false },
		{ "", "", true }, { "x", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str name = exact(cases[i].name), pattern = exact(cases[i].pattern);

		check(str_name_matches(name, pattern) == cases[i].want, "%s %s", cases[i].name,
		    cases[i].pattern);
		drop(name);
		drop(pattern);
	}
}

static void
test_find(void **state)
{
	static const struct {
		const char *text, *needle;
		size_t from;
		int want, iwant; /* offset, -1 for none */
	} cases[] = {
		{ "hello world", "o", 0, 4, 4 }, { "hello world", "o", 5, 7, 7 },
		{ "hello", "LL", 0, -1, 2 }, { "hello", "lo", 3, 3, 3 },
		{ "hello", "lo", 4, -1, -1 }, { "hello", "", 2, 2, 2 },
		{ "hello", "hello!", 0, -1, -1 }, { "", "x", 0, -1, -1 },
		{ "hello", "h", 99, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text), needle = exact(cases[i].needle);
		size_t at;
		int got = str_find(text, needle, cases[i].from, &at) == 1 ? (int)at : -1;
		int igot = str_ifind(text, needle, cases[i].from, &at) == 1 ? (int)at : -1;

		check(got == cases[i].want, "case %zu", i);
		check(igot == cases[i].iwant, "case %zu", i);
		drop(text);
		drop(needle);
	}
}

static void
test_trim(void **state)
{
	static const char *const cases[][2] = {
		{ " \t\r\n a b \n", "a b" }, { "a", "a" }, { "  ", "" }, { "", "" },
		{ "\va", "\va" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str s = exact(cases[i][0]);

		check(is(str_trim(s), cases[i][1]), "case %zu", i);
		drop(s);
	}
}

/* The words, and the pieces, joined by "|". */
static void
test_next(void **state)
{
	static const struct {
		const char *text, *words, *pieces;
	} cases[] = {
		{ "a, b ,c", "a,|b|,c|", "a| b |c|" },
		{ "", "", "" }, { " ", "", " |" }, { ",", ",|", "|" }, { "a,", "a,|", "a|" },
		{ ",,a", ",,a|", "||a|" }, { "\ta\nb ", "a|b|", "\ta\nb |" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text), rest = text, part;
		char words[64] = "", pieces[64] = "";

		while (str_next_word(&rest, &part))
			snprintf(words + strlen(words), 32, "%.*s|", STR_ARGS(part));
		check(part.len == 0, "case %zu", i);
		for (rest = text; str_next_piece(&rest, ',', &part);)
			snprintf(pieces + strlen(pieces), 32, "%.*s|", STR_ARGS(part));
		check_text(words, cases[i].words, cases[i].text);
		check_text(pieces, cases[i].pieces, cases[i].text);
		drop(text);
	}
}

static void
test_number(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t want;
	} cases[] = {
		{ "0", 0, 0 }, { "007", 0, 7 }, { "999999999999999999", 0, UINT64_C(999999999999999999) },
		{ "1000000000000000000", -1, 0 }, { "", -1, 0 }, { "-1", -1, 0 }, { "+1", -1, 0 },
		{ " 1", -1, 0 }, { "1 ", -1, 0 }, { "1x", -1, 0 }, { "0x1", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		uint64_t number = 0;

		check(str_number(text, &number) == cases[i].ret, "%s", cases[i].text);
		check(number == cases[i].want, "%s", cases[i].text);
		drop(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_null_slice),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_name_matches),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests_name("base-str", tests, NULL, NULL);
}
