#include "support.h"

#include "parse/decode.h"

struct sample {
	const char *text, *want;
};

static void
run(const struct sample *samples, size_t count, struct arena *arena,
    struct str (*decode)(struct str, struct arena *))
{
	for (size_t i = 0; i < count; i++) {
		struct str text = exact(samples[i].text);
		struct str got = decode(text, arena);

		check(is(got, samples[i].want), "%s\n got: %.*s\nwant: %s", samples[i].text,
		    STR_ARGS(got), samples[i].want);
		drop(text);
	}
}

static void
test_base64(void **state)
{
	static const struct sample samples[] = {
		{ "aGVsbG8=", "hello" }, { "aGVsbG8", "hello" }, { "aGVs\r\nbG8=\r\n", "hello" },
		{ "aGVs!!bG8=", "hello" }, { "aGk=aGk=", "hihi" }, { "aGVsbG8gd29ybGQ=", "hello world" },
		{ "", "" }, { "=", "" }, { "a", "" }, { "====", "" },
	};

	run(samples, COUNT(samples), *state, decode_base64);
}

static void
test_quoted_printable(void **state)
{
	static const struct sample samples[] = {
		{ "a=3Db", "a=b" }, { "a=3db", "a=b" }, { "a=\nb", "ab" }, { "a=\r\nb", "ab" },
		{ "a= \t\r\nb", "ab" }, { "a=", "a" }, { "a=3", "a=3" }, { "a=zz", "a=zz" },
		{ "a= b", "a= b" }, { "=C3=A4", "\xc3\xa4" }, { "", "" }, { "==3D", "==" },
		{ "a=\r", "a" },
	};

	run(samples, COUNT(samples), *state, decode_quoted_printable);
}

static void
test_words(void **state)
{
	static const struct sample samples[] = {
		{ "=?utf-8?q?a_b=C3=A4?=", "a b\xc3\xa4" }, { "=?UTF-8?B?aGk=?=", "hi" },
		{ "=?iso-8859-1?Q?=E4?=", "\xc3\xa4" }, { "=?utf-8*de?q?x?=", "x" },
		{ "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" }, { "=?utf-8?q?a?=\n =?utf-8?q?b?= c", "ab c" },
		{ "a =?utf-8?q?b?= c", "a b c" }, { "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "=?utf-8?q?a", "=?utf-8?q?a" }, { "=?", "=?" }, { "=?=?=?", "=?=?=?" },
		{ "=?utf-8?q?\?=", "" }, { "=?\?q?a?=", "a" }, { "", "" },
		{ "=?no-such-charset?q?=FF?=", "\xc3\xbf" },
	};

	run(samples, COUNT(samples), *state, decode_words);
}

/* Only what an ASCII text must encode: an extension stays as it is. */
static void
test_xtext(void **state)
{
	static const struct sample samples[] = {
		{ "jo+2Btag@example.com", "jo+tag@example.com" }, { "a+3Db", "a=b" },
		{ "jo+ab@example.com", "jo+ab@example.com" }, { "jo+AB@example.com", "jo+AB@example.com" },
		{ "jo+41@example.com", "jo+41@example.com" }, { "jo+2b@x", "jo+2b@x" },
		{ "a+20b", "a b" }, { "a+2", "a+2" }, { "a+", "a+" }, { "", "" },
	};

	run(samples, COUNT(samples), *state, decode_xtext);
}

static void
test_utf8_address(void **state)
{
	static const struct sample samples[] = {
		{ "j\\x{f6}rg@example.com", "j\xc3\xb6rg@example.com" }, { "\\x{1F600}", "\xf0\x9f\x98\x80" },
		{ "\\x{}", "\\x{}" }, { "\\x{f6", "\\x{f6" }, { "\\x{zz}", "\\x{zz}" },
		{ "\\x{110000}", "\\x{110000}" }, { "\\x{D800}", "\\x{D800}" }, { "\\x{1234567}", "\\x{1234567}" },
		{ "plain", "plain" }, { "", "" },
	};

	run(samples, COUNT(samples), *state, decode_utf8_address);
}

static void
test_hex(void **state)
{
	(void)state;
	assert_int_equal(decode_hex('0', '0'), 0);
	assert_int_equal(decode_hex('f', 'F'), 255);
	assert_int_equal(decode_hex('g', '0'), -1);
	assert_int_equal(decode_hex('0', '\0'), -1);
	assert_int_equal(decode_hex('\0', '0'), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_base64),
		test_with_arena(test_quoted_printable),
		test_with_arena(test_words),
		test_with_arena(test_xtext),
		test_with_arena(test_utf8_address),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests_name("parse-decode", tests, NULL, NULL);
}
