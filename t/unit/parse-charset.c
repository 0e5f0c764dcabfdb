#include "support.h"

#include "parse/charset.h"

static void
test_to_utf8(void **state)
{
	static const struct {
		const char *text, *charset, *want;
	} cases[] = {
		{ "abc", "", "abc" }, { "\xc3\xa4", "", "\xc3\xa4" }, { "\xe4", "", "\xc3\xa4" },
		{ "\xe4", "utf-8", "\xc3\xa4" }, { "\xe4", "US-ASCII", "\xc3\xa4" },
		{ "\x80", "ISO-8859-1", "\xe2\x82\xac" }, { "\xc3\xa4", "iso-8859-15", "\xc3\x83\xe2\x82\xac" },
		{ "\x1b$B$3\x1b(B", "ISO-2022-JP", "\xe3\x81\x93" },
		{ "\x82\xb1", "Shift_JIS", "\xe3\x81\x93" }, { "\xa4\xb3", "euc-jp", "\xe3\x81\x93" },
		{ "\xc4\xe3", "GB2312", "\xe4\xbd\xa0" }, { "\xd2", "KOI8-R", "\xd1\x80" },
		{ "a\xff" "b", "euc-jp", "a\xef\xbf\xbd" "b" },
		{ "\x81", "windows-1252", "\xef\xbf\xbd" },
		{ "\xe4", "../../../tmp/evil", "\xc3\xa4" }, { "", "utf-8", "" }, { "", "big5", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text), charset = exact(cases[i].charset);
		struct str got = charset_to_utf8(text, charset, *state);

		check(is(got, cases[i].want), "case %zu: %.*s", i, STR_ARGS(got));
		drop(text);
		drop(charset);
	}
}

/* Whatever the bytes and whatever the charset: valid UTF-8 comes out. */
static void
test_any_bytes(void **state)
{
	static const char *const names[] = {
		"", "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "gbk", "big5", "euc-kr",
		"windows-1251", "koi8-u", "iso-8859-6",
	};
	char bytes[64];

	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct arena *arena = arena_new();
		struct str text, got;
		size_t len = (size_t)rand() % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)rand();
		text = exact_bytes(bytes, len);
		got = charset_to_utf8(text, str_of(names[round % (int)COUNT(names)]), arena);
		check(charset_is_utf8(got), "round %d", round);
		check(charset_is_utf8(str_of(charset_clean_line(text, 40, arena))), "round %d", round);
		drop(text);
		arena_free(arena);
	}
	(void)state;
}

static void
test_clean_line(void **state)
{
	static const struct {
		const char *text;
		size_t limit;
		const char *want;
	} cases[] = {
		{ "  a \r\n\t b  ", 100, "a b" }, { "a\x01\x1b[0mb", 100, "a [0mb" },
		{ "a\xff" "b", 100, "a?b" }, { "a\x7f" "b", 100, "a?b" }, { "\xc3\xa4\xc3\xa4", 3, "\xc3\xa4" },
		{ "\xc3\xa4", 1, "" }, { "abc", 2, "ab" }, { "ab c", 3, "ab" }, { "abc", 0, "" },
		{ "", 10, "" }, { "x\xc2\x9by", 100, "x??y" }, { "x\xe2\x80\xa8y", 100, "x???y" },
		{ "a\xe2\x80\xae" "b\xe2\x81\xa9\xd8\x9c", 100, "a???b?????" },
		{ "\xed\xa0\x80", 100, "???" }, { "\xf4\x90\x80\x80", 100, "????" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);

		check_text(charset_clean_line(text, cases[i].limit, *state), cases[i].want,
		    cases[i].text);
		drop(text);
	}
	assert_string_equal(charset_clean_line(STR("a\0b"), 10, *state), "a b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_to_utf8),
		cmocka_unit_test(test_any_bytes),
		test_with_arena(test_clean_line),
	};

	return cmocka_run_group_tests_name("parse-charset", tests, NULL, NULL);
}
