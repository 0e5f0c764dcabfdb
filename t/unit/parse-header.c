#include "support.h"

#include "base/buf.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/line.h"

static void
test_line(void **state)
{
	static const char *const cases[][2] = {
		{ "a\nb\n", "a|b|" }, { "a\r\nb", "a|b|" }, { "\n\r\n", "||" }, { "", "" },
		{ "a\rb\n", "a\rb|" }, { "a\r", "a|" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i][0]), rest = text, line;
		char got[64] = "";

		while (line_next(&rest, &line))
			snprintf(got + strlen(got), 32, "%.*s|", STR_ARGS(line));
		check_text(got, cases[i][1], cases[i][0]);
		drop(text);
	}
	assert_true(line_is_blank(STR(" \t\r")));
	assert_false(line_is_blank(STR(" x")));
}

static void
test_split(void **state)
{
	static const struct {
		const char *message, *headers, *body;
	} cases[] = {
		{ "A: 1\nB: 2\n\nbody\n", "A: 1\nB: 2\n", "body\n" },
		{ "A: 1\r\n\r\nbody", "A: 1\r\n", "body" },
		{ "A: 1\nno blank line", "A: 1\nno blank line", "" },
		{ "\nbody", "", "body" }, { "\r\nbody", "", "body" }, { "", "", "" },
		{ "A: 1\n\n", "A: 1\n", "" },
		{ "From x@example.com Fri Nov 20\nA: 1\n\nb", "A: 1\n", "b" },
		{ ">From x@example.com Fri Nov 20\nA: 1\n\nb", "A: 1\n", "b" },
		{ "From: x\n\nb", "From: x\n", "b" },
		{ "A: 1\n \nB: 2\n\nbody", "A: 1\n \nB: 2\n", "body" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str message = exact(cases[i].message), headers, body;

		header_split(message, &headers, &body);
		check(is(headers, cases[i].headers), "%s", cases[i].message);
		check(is(body, cases[i].body), "%s", cases[i].message);
		drop(message);
	}
}

/* All fields, unfolded: "name=value;". */
static void
test_next(void **state)
{
	static const char *const cases[][2] = {
		{ "A: 1\nB:2\n", "A=1;B=2;" },
		{ "A: 1\n 2\n\t3\nB: x", "A=1 2 3;B=x;" },
		{ "A: 1\r\n 2\r\n", "A=1 2;" },
		{ "A : 1\n", "A=1;" },
		{ "junk\nA: 1\n: no name\nB: 2\n", "A=1;B=2;" },
		{ " leading fold\nA: 1\n", "A=1;" },
		{ "A:\n folded at once\n", "A=folded at once;" },
		{ "A: 1\n\nB: 2\n", "A=1;B=2;" },
		{ "A: x:y\n", "A=x:y;" }, { "A:", "A=;" }, { "", "" }, { "\n\n", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i][0]), rest = text, value;
		struct header header;
		char got[128] = "";

		while (header_next(&rest, &header)) {
			value = header_unfold(header.value, *state);
			snprintf(got + strlen(got), 64, "%.*s=%.*s;", STR_ARGS(header.name),
			    STR_ARGS(value));
		}
		check_text(got, cases[i][1], cases[i][0]);
		drop(text);
	}
}

static void
test_find(void **state)
{
	struct str headers = exact("Subject: one\nsubject: two\nX: =?utf-8?q?a=C3=A4?=\n b\n"),
	    value;

	assert_int_equal(header_find(headers, STR("SUBJECT"), &value), 1);
	assert_true(is(str_trim(value), "one"));
	assert_int_equal(header_find(headers, STR("Subj"), &value), 0);
	assert_int_equal(value.len, 0);
	assert_string_equal(header_text(headers, STR("X"), 100, *state), "a\xc3\xa4 b");
	assert_string_equal(header_text(headers, STR("X"), 2, *state), "a");
	assert_string_equal(header_text(headers, STR("Y"), 100, *state), "");
	drop(headers);
}

static void
test_unfold_limit(void **state)
{
	struct buf value = { 0 };

	for (int i = 0; i < 3000; i++)
		buf_add(&value, STR("folded\n "));
	assert_true(header_unfold(buf_str(&value), *state).len <= LIMITS_FIELD_BYTES);
	buf_free(&value);
}

static void
test_parameter(void **state)
{
	static const struct {
		const char *value, *name, *want; /* NULL: none */
	} cases[] = {
		{ "multipart/report; boundary=abc", "boundary", "abc" },
		{ "multipart/report; BOUNDARY=\"a b;c\"; x=1", "boundary", "a b;c" },
		{ "multipart/report; boundary=\"a\\\"b\"", "boundary", "a\"b" },
		{ "multipart/report; boundary=\"open", "boundary", "open" },
		{ "multipart/report; boundary=\"open\\", "boundary", "open\\" },
		{ "multipart/report; x=\"y; boundary=no\"; boundary=yes", "boundary", "yes" },
		{ "multipart/report; junk; boundary = abc ;", "boundary", "abc" },
		{ "multipart/report;boundary*=us-ascii'en'a%20b", "boundary", "a b" },
		{ "multipart/report; boundary*0=\"ab\"; boundary*1=cd", "boundary", "abcd" },
		{ "multipart/report; boundary*1=cd; boundary*0*=''a%62", "boundary", "abcd" },
		{ "multipart/report; boundary*=a%2", "boundary", "a%2" },
		{ "multipart/report; boundary*=a%zz", "boundary", "a%zz" },
		{ "multipart/report; report-type=delivery-status", "boundary", NULL },
		{ "multipart/report", "boundary", NULL }, { "", "boundary", NULL },
		{ "multipart/report; boundary", "boundary", NULL },
		{ ";;;=;boundary=", "x", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str value = exact(cases[i].value), got;
		int ret = header_parameter(value, str_of(cases[i].name), *state, &got);

		check(ret == (cases[i].want != NULL), "%s", cases[i].value);
		if (ret == 1)
			check(is(got, cases[i].want), "%s: %.*s", cases[i].value, STR_ARGS(got));
		drop(value);
	}
}

/* A field full of quoted strings must not cost more than its own size. */
static void
test_parameter_memory(void **state)
{
	struct buf value = { 0 };
	struct str got;

	buf_add(&value, STR("multipart/report"));
	while (value.len < LIMITS_FIELD_BYTES)
		buf_add(&value, STR(";a=\"\""));
	assert_int_equal(header_parameter(buf_str(&value), STR("boundary"), *state, &got), 0);
	assert_true(arena_used(*state) < 16 * LIMITS_FIELD_BYTES);
	buf_free(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_split),
		test_with_arena(test_next),
		test_with_arena(test_find),
		test_with_arena(test_unfold_limit),
		test_with_arena(test_parameter),
		test_with_arena(test_parameter_memory),
	};

	return cmocka_run_group_tests_name("parse-header", tests, NULL, NULL);
}
