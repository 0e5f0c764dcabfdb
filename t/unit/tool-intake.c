#include "support.h"

#include <unistd.h>

#include "base/jsonline.h"
#include "tool/mbox.h"
#include "tool/stream.h"

static void
test_separator(void **state)
{
	static const struct {
		const char *line;
		bool want;
	} cases[] = {
		{ "From x Mon Jan  1 00:00:00 2024\n", true },
		{ "From x Mon Jan  1 00:00:00 2024\r\n", true },
		{ "From x Mon Jan 1 0:00 2024", true },
		{ "From MAILER-DAEMON Thu Apr  9 16:51:04 EST 2007\n", true },
		{ "From MAILER-DAEMON Thu Apr  9 16:51:04 2007 +0900\n", true },
		{ "From \"a b\"@x.example Thu Apr  9 16:51:04 2007\n", true },
		{ "From x@x.example Sat, 6 Dec 2014 13:46:11 +0000 (UTC)\n", true },
		{ "From jan Mon Jan  1 00:00:00 2024\n", true },
		{ "From x Mon Jan  1 00:00:00\n", false },
		{ "From x Mon Jan  1 2024\n", false },
		{ "From x Mon  1 00:00:00 2024\n", false },
		{ "From x Mon Jan  1 00:00:00 2024 you may come\n", false },
		{ "From x Mon Jan  1 0:0:0:0 2024\n", false },
		{ "From x Mon Jan  1 000:00 2024\n", false },
		{ "From Jan to May 2024, from 10:00 on\n", false },
		{ "From: x Mon Jan  1 00:00:00 2024\n", false },
		{ ">From x Mon Jan  1 00:00:00 2024\n", false },
		{ "from x Mon Jan  1 00:00:00 2024\n", false },
		{ " From x Mon Jan  1 00:00:00 2024\n", false },
		{ "From \n", false }, { "From ", false }, { "From", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str line = exact(cases[i].line);

		check(mbox_is_separator(line) == cases[i].want, "%s", cases[i].line);
		drop(line);
	}
}

static void
test_lines_of_mbox(void **state)
{
	static const struct {
		const char *line, *unquoted;
		bool empty;
	} cases[] = {
		{ ">From x\n", "From x\n", false }, { ">>From x\n", ">From x\n", false },
		{ "From x\n", "From x\n", false }, { "> From x\n", "> From x\n", false },
		{ ">From", ">From", false }, { ">", ">", false }, { ">>>", ">>>", false },
		{ "\n", "\n", true }, { "\r\n", "\r\n", true }, { "\r", "\r", true },
		{ "x", "x", false }, { " ", " ", false }, { " \n", " \n", false },
		{ "\n\n", "\n\n", false }, { "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str line = exact(cases[i].line);

		check(is(mbox_unquote(line), cases[i].unquoted), "%s", cases[i].line);
		check(mbox_is_empty(line) == cases[i].empty, "%s", cases[i].line);
		drop(line);
	}
}

static void
test_json(void **state)
{
	static const char want[] = "{\"a\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\xc3\xa9\","
	    "\"b\":null,\"c\":\"\",\"list\":[],\"d\":[1,{\"x\":\"550\",\"y\":null},\"z\"],"
	    "\"e\":18446744073709551615}\n";
	struct buf out = { 0 };
	struct jsonline json;

	(void)state;
	jsonline_begin(&json, &out);
	jsonline_text(&json, "a", "\"\\\b\f\n\r\t\x01\x1f\x7f/\xc3\xa9");
	jsonline_text_or_null(&json, "b", "");
	jsonline_text(&json, "c", "");
	jsonline_open(&json, "list", '[');
	jsonline_close(&json, ']');
	jsonline_open(&json, "d", '[');
	jsonline_number(&json, NULL, 1);
	jsonline_open(&json, NULL, '{');
	jsonline_code(&json, "x", 550);
	jsonline_code(&json, "y", 0);
	jsonline_close(&json, '}');
	jsonline_text(&json, NULL, "z");
	jsonline_close(&json, ']');
	jsonline_number(&json, "e", UINT64_MAX);
	jsonline_end(&json);
	check_text(buf_cstr(&out), want, "every kind");
	buf_free(&out);
}

static void
count_call(void *context)
{
	++*(unsigned *)context;
}

/* Lines come whole however they are written, but for those that do not fit. */
static void
test_stream(void **state)
{
	static const char text[] = "one\n\ntwo\nend";
	struct stream *stream = calloc(1, sizeof(*stream));
	struct stream_line line;
	struct buf got = { 0 };
	unsigned idle = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	stream_init(stream, fds[0], count_call, &idle);
	for (size_t from = 0; from < sizeof(text) - 1; from += 5) {
		size_t len = sizeof(text) - 1 - from < 5 ? sizeof(text) - 1 - from : 5;

		assert_int_equal(write(fds[1], text + from, len), len);
	}
	close(fds[1]);
	while (stream_line(stream, '\n', &line)) {
		check(line.is_front, "%.*s", STR_ARGS(line.text));
		buf_add(&got, line.text);
		buf_add_byte(&got, '|');
	}
	check_text(buf_cstr(&got), "one\n|\n|two\n|end|", text);
	check(idle == 0, "nobody was waited for");
	check(stream->bytes == sizeof(text) - 1, "%zu bytes", (size_t)stream->bytes);
	close(fds[0]);
	buf_free(&got);
	free(stream);
}

static void
test_long_line(void **state)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	size_t size = 2 * STREAM_BYTES + 10, pieces = 0, fronts = 0, bytes = 0;
	FILE *file = tmpfile();
	struct stream_line line;

	(void)state;
	for (size_t i = 0; i < size; i++)
		fputc(i == size - 6 ? '\n' : 'x', file);
	rewind(file);
	stream_init(stream, fileno(file), NULL, NULL);
	while (stream_line(stream, '\n', &line)) {
		pieces++;
		fronts += line.is_front;
		bytes += line.text.len;
	}
	check(pieces == 4 && fronts == 2 && bytes == size, "%zu pieces, %zu lines, %zu bytes",
	    pieces, fronts, bytes);
	fclose(file);
	free(stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_separator), cmocka_unit_test(test_lines_of_mbox),
		cmocka_unit_test(test_json), cmocka_unit_test(test_stream),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests_name("tool-intake", tests, NULL, NULL);
}
