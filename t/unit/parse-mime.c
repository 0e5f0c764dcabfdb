#include "support.h"

#include "base/buf.h"
#include "bounce.h"
#include "parse/limits.h"
#include "parse/mime.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"

/* The parts as "depth:type(content)", "!" behind an enclosed one. */
static void
print(const struct mime *mime, struct arena *arena, struct buf *out)
{
	for (unsigned i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];
		unsigned limits = 0;
		struct str content = mime_content(part, 100, arena, &limits);
		bool leaf = strncmp(part->type, "text/", 5) == 0;

		buf_printf(out, "%u:%s(%.*s)%s ", part->depth, part->type,
		    leaf ? (int)content.len : 0, content.data, part->enclosed ? "!" : "");
	}
}

static void
test_parts(void **state)
{
	static const struct {
		const char *message, *want;
	} cases[] = {
		{ "Subject: x\n\nbody", "0:text/plain(body) " }, { "", "0:text/plain() " },
		{ "Content-Type: TEXT/Html (odd)\n\nx", "0:text/html(x) " },
		{ "Content-Type:\n\nx", "0:text/plain(x) " },
		{ MIXED "pre\n--b\n\none\n--b\n\ntwo\n--b--\nepi", "0:multipart/mixed() "
		    "1:text/plain(one) 1:text/plain(two) " },
		{ MIXED "--b\r\n\r\none\r\n--b--\r\n", "0:multipart/mixed() 1:text/plain(one) " },
		{ MIXED "--b \t\n\none\n--b--", "0:multipart/mixed() 1:text/plain(one) " },
		/* the last delimiter is missing, or all are */
		{ MIXED "--b\n\none", "0:multipart/mixed() 1:text/plain(one) cut " },
		{ MIXED "--b\n\none\n--b\n", "0:multipart/mixed() 1:text/plain(one) cut " },
		{ MIXED "no delimiter", "0:multipart/mixed() " },
		{ "Content-Type: multipart/mixed\n\n--b\n\none\n--b--", "0:multipart/mixed() " },
		/* the header names no boundary, or another one */
		{ "Content-Type: multipart/mixed\nboundary=b\n\n--b\nContent-Type: text/x\n\none\n--b--",
		    "0:multipart/mixed() 1:text/x(one) " },
		{ "Content-Type: multipart/mixed; boundary=a\n\n--b\ncontent-type: text/x\n\none\n--b--",
		    "0:multipart/mixed() 1:text/x(one) " },
		/* a longer line is no delimiter */
		{ MIXED "--b\n\n--bb\n--b--", "0:multipart/mixed() 1:text/plain(--bb) " },
		{ MIXED "--b\n--b--", "0:multipart/mixed() 1:text/plain() " },
		/* nested, and a boundary that begins like the outer one */
		{ MIXED "--b\nContent-Type: multipart/mixed; boundary=bc\n\n--bc\n\nin\n--bc--\n--b\n\nout\n--b--",
		    "0:multipart/mixed() 1:multipart/mixed() 2:text/plain(in) 1:text/plain(out) " },
		{ MIXED "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nopen\n--b\n\nout\n--b--",
		    "0:multipart/mixed() 1:multipart/mixed() 2:text/plain(open) 1:text/plain(out) " },
		/* what is enclosed is somebody else's */
		{ MIXED "--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b--",
		    "0:multipart/mixed() 1:message/rfc822() 2:text/plain(inner)! " },
		{ MIXED "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
		    "U3ViamVjdDogeAoKaW5uZXI=\n--b--",
		    "0:multipart/mixed() 1:message/rfc822() 2:text/plain(inner)! " },
		/* in a digest, what does not say what it is is a message */
		{ "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ninner\n--b\n"
		    "Content-Type: text/plain\n\nx\n--b--", "0:multipart/digest() 1:message/rfc822() "
		    "2:text/plain(inner)! 1:text/plain(x) " },
		{ "Content-Type: text\n\nx", "0:text/plain(x) " },
		{ "Content-Transfer-Encoding: Quoted-Printable\n\na=3Db", "0:text/plain(a=b) " },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str message = exact(cases[i].message);
		struct buf out = { 0 };
		struct mime mime;

		mime_parse(message, *state, &mime);
		print(&mime, *state, &out);
		buf_add(&out, mime.limits == LIMIT_CUT ? STR("cut ") : STR_EMPTY);
		check_text(buf_cstr(&out), cases[i].want, cases[i].message);
		check((mime.limits & ~(unsigned)LIMIT_CUT) == 0, "%s", cases[i].message);
		buf_free(&out);
		drop(message);
	}
}

static void
test_find(void **state)
{
	struct str message = exact(MIXED "--b\nContent-Type: message/rfc822\n\n"
	    "Content-Type: text/x-inner\n\nx\n--b\nContent-Type: text/x-outer\n\ny\n--b--");
	struct mime mime;

	mime_parse(message, *state, &mime);
	assert_int_equal(mime.count, 4);
	assert_null(mime_find(&mime, "text/x-inner"));
	assert_ptr_equal(mime_find(&mime, "text/x-outer"), &mime.parts[3]);
	drop(message);
}

static void
test_text(void **state)
{
	struct str message = exact("Content-Type: text/plain; charset=iso-8859-1\n\n\xe4");
	unsigned limits = 0;
	struct mime mime;

	mime_parse(message, *state, &mime);
	assert_true(is(mime_text(&mime.parts[0], 10, *state, &limits), "\xc3\xa4"));
	assert_int_equal(limits, 0);
	drop(message);
}

static void
test_content_limit(void **state)
{
	static const struct {
		const char *encoding, *body;
		size_t limit, want;
		unsigned limits;
	} cases[] = {
		{ "7bit", "abcdef", 6, 6, 0 }, { "7bit", "abcdef", 5, 5, LIMIT_SIZE },
		{ "base64", "YWJjZGVm", 6, 6, 0 }, { "base64", "YWJjZGVm", 3, 3, LIMIT_SIZE },
		{ "quoted-printable", "=61=62", 2, 2, 0 }, { "quoted-printable", "=61=62=63", 2, 2, LIMIT_SIZE },
		{ "x-unknown", "abc", 9, 3, 0 }, { "7bit", "", 9, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = { 0 };
		unsigned limits = 0;
		struct str content;
		struct mime mime;

		buf_printf(&text, "Content-Transfer-Encoding: %s\n\n%s", cases[i].encoding,
		    cases[i].body);
		mime_parse(buf_str(&text), *state, &mime);
		content = mime_content(&mime.parts[0], cases[i].limit, *state, &limits);
		check(content.len == cases[i].want, "case %zu: %zu", i, content.len);
		check(limits == cases[i].limits, "case %zu: %u", i, limits);
		buf_free(&text);
	}
}

/* Depth, parts and header bytes: read up to the limit, and flagged. */
static void
test_bombs(void **state)
{
	struct buf text = { 0 };
	struct mime mime;

	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	mime_parse(buf_str(&text), *state, &mime);
	assert_int_equal(mime.limits, LIMIT_DEPTH | LIMIT_CUT);
	assert_int_equal(mime.count, LIMITS_MIME_DEPTH + 1);
	buf_clear(&text);
	for (int i = 0; i < 10000; i++)
		buf_add(&text, STR("Content-Type: message/rfc822\n\n"));
	mime_parse(buf_str(&text), *state, &mime);
	assert_int_equal(mime.limits, LIMIT_DEPTH);
	buf_clear(&text);
	buf_add(&text, STR(MIXED));
	for (int i = 0; i < 10000; i++)
		buf_add(&text, STR("--b\n\nx\n"));
	mime_parse(buf_str(&text), *state, &mime);
	assert_int_equal(mime.limits, LIMIT_PARTS);
	assert_int_equal(mime.count, LIMITS_MIME_PARTS);
	buf_clear(&text);
	for (int i = 0; i < 10000; i++)
		buf_add(&text, STR("Received: x\n"));
	mime_parse(buf_str(&text), *state, &mime);
	assert_int_equal(mime.limits, LIMIT_HEADER);
	assert_int_equal(mime.parts[0].headers.len, LIMITS_HEADER_BLOCK_BYTES);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_parts),
		test_with_arena(test_find),
		test_with_arena(test_text),
		test_with_arena(test_content_limit),
		test_with_arena(test_bombs),
	};

	return cmocka_run_group_tests_name("parse-mime", tests, NULL, NULL);
}
