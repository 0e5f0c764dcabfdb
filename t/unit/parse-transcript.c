/*
 * What servers answered about whom, in the transcripts that notices show.
 */
#include "support.h"

#include "base/buf.h"
#include "parse/limits.h"
#include "parse/transcript.h"

#define MOST_LINES 2000

/* The notice as entries.c hands it on: trimmed lines, each in memory of its own. */
static unsigned
split(const char *notice, struct str *lines)
{
	struct str rest = str_of(notice), line;
	unsigned count = 0;

	while (count < MOST_LINES && str_next_piece(&rest, '\n', &line))
		lines[count++] = exact_bytes(line.data, line.len);
	return count;
}

static void
read_notice(const char *notice, struct arena *arena, struct transcript *transcript_r)
{
	static struct str lines[MOST_LINES];
	unsigned count = split(notice, lines);

	transcript_read(lines, count, arena, transcript_r);
	for (unsigned i = 0; i < count; i++)
		drop(lines[i]);
}

#define MX "... while talking to mx.x.example.:\n"
#define SAID "talking to mx.x.example: >>> "

static const struct { const char *notice, *want; } cases[] = {
	{ MX ">>> RCPT To:<a@x.example>\n<<< 550 5.7.1 Blocked\n550 5.1.1 <a@x.example>... User unknown",
	    "a@x.example=" SAID "RCPT To: 550 5.7.1 Blocked" },
	{ "While talking to mx.x.example:\n>>> RCPT To:<a@x.example>\n<<< 550 no",
	    "a@x.example=talking to mx.x.example: >>> RCPT To: 550 no" },
	/* Courier. */
	{ "mx.x.example [192.0.2.1]:\n>>> RCPT TO:<a@x.example>\n<<< 550 no",
	    "a@x.example=talking to mx.x.example [192.0.2.1]: >>> RCPT TO: 550 no" },
	{ MX "the x.example is down:\n>>> DATA\n<<< 550 no\n550 <a@x.example>... no",
	    "a@x.example=" SAID "DATA: 550 no" },
	/* Nobody says whom it talks to. */
	{ ">>> RCPT To:<A@X.Example>\n<<< 550 no", "a@x.example=talking to : >>> RCPT To: 550 no" },
	/* A reply of several lines; parameters of the command. */
	{ MX ">>> RCPT To:<a@x.example> NOTIFY=FAILURE\n<<< 550-one\n<<< 550 two\n<<< 503 three",
	    "a@x.example=" SAID "RCPT To: 550-one 550 two" },
	/* Others are accepted. */
	{ MX ">>> RCPT To:<a@x.example>\n<<< 250 ok\n>>> RCPT To:<b@x.example>\n<<< 450 later",
	    "b@x.example=" SAID "RCPT To: 450 later" },
	{ MX ">>> RCPT To:<a@x.example>\n<<< 250 ok\n550 <a@x.example>... User unknown", "" },
	/* A command that names nobody is about those whom the MTA lists. */
	{ MX ">>> DATA\n<<< 554 spam\n554 <a@x.example>... Service unavailable\n"
	    "554 <b@x.example>,<c@x.example>... Service unavailable",
	    "a@x.example=" SAID "DATA: 554 spam; b@x.example=" SAID "DATA: 554 spam; c@x.example="
	    SAID "DATA: 554 spam" },
	{ MX ">>> MAIL From:<me@y.example>\n<<< 550 relay\n554 <a@x.example>... Remote protocol error",
	    "a@x.example=" SAID "MAIL From: 550 relay" },
	/* Pipelined: each reply is followed by its recipient. */
	{ MX ">>> DATA\n<<< 550 no\n550 5.1.1 <a@x.example>... User unknown\n<<< 554 list\n"
	    "554 5.0.0 <b@x.example>... Service unavailable\n<<< 503 need RCPT",
	    "a@x.example=" SAID "DATA: 550 no; b@x.example=" SAID "DATA: 554 list" },
	/* The refusal of one recipient is nobody else's. */
	{ MX ">>> RCPT To:<a@x.example>\n<<< 550 no\n550 <b@x.example>... User unknown",
	    "a@x.example=" SAID "RCPT To: 550 no" },
	/* A stranger who is named in the words. */
	{ MX ">>> DATA\n<<< 550 <victim@x.example>... gone\n550 <a@x.example>... User unknown",
	    "a@x.example=" SAID "DATA: 550 <victim@x.example>... gone" },
	{ MX ">>> DATA\n<<< 550 no\n550 <a@x.example>... not <victim@x.example>... known",
	    "a@x.example=" SAID "DATA: 550 no" },
	/* Another host, another session, another paragraph. */
	{ MX ">>> DATA\n<<< 550 no\n421 mx.x.example (smtp)... Deferred\n554 <a@x.example>... error",
	    "a@x.example=" SAID "DATA: 550 no" },
	{ MX ">>> DATA\n<<< 550 no\n550 y.example (smtp)... Host unknown\n550 <a@y.example>... no",
	    "" },
	{ MX ">>> DATA\n<<< 550 no\n" MX "550 <a@x.example>... Host unknown", "" },
	{ MX ">>> DATA\n<<< 550 no\n\n550 <a@x.example>... Host unknown", "" },
	{ MX ">>> DATA\n<<< 550 no\n>>> QUIT\n550 <a@x.example>... Host unknown", "" },
	/* What is said to a good-bye is about nobody. */
	{ MX ">>> QUIT\n<<< 421 closing\n550 <a@x.example>... Host unknown", "" },
	{ MX ">>> RSET\n<<< 421 closing\n550 <a@x.example>... Host unknown", "" },
	/* The next exchanger is asked: what it says counts. */
	{ MX ">>> RCPT To:<a@x.example>\n<<< 450 later\n... while talking to mx2.x.example.:\n"
	    ">>> RCPT To:<a@x.example>\n<<< 550 gone",
	    "a@x.example=talking to mx2.x.example: >>> RCPT To: 550 gone" },
	/* A refusal to talk. */
	{ MX "<<< 554 not you\n554 <a@x.example>... Service unavailable",
	    "a@x.example=" SAID ": 554 not you" },
	{ "", "" }, { "<<<", "" }, { "<<< ", "" }, { "<<< 550", "" }, { ">>> RCPT To:", "" },
	{ "<<< 5\n<<< 55\n<<< 5500 x\n550 <a@x.example>... no", "" },
	{ ">>> RCPT To:<\n<<< 550-\n<<< 550-", "" }, { "550 ...", "" }, { "550 (...", "" },
	{ "<<< 550 no\n550", "" },
};

static void
test_answers(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct transcript transcript;
		struct buf out = { 0 };

		read_notice(cases[i].notice, *state, &transcript);
		for (unsigned j = 0; j < transcript.count; j++)
			buf_printf(&out, "%s%s=%.*s", j == 0 ? "" : "; ", transcript.list[j].address,
			    STR_ARGS(transcript.list[j].words));
		check_text(buf_cstr(&out), cases[i].want, cases[i].notice);
		buf_free(&out);
	}
}

static void
test_words(void **state)
{
	struct transcript transcript;

	read_notice(">>> RCPT To:<a@x.example>\n<<< 550 no", *state, &transcript);
	assert_true(str_equal(transcript_words(&transcript, "a@x.example"),
	    STR("talking to : >>> RCPT To: 550 no")));
	assert_int_equal(transcript_words(&transcript, "b@x.example").len, 0);
}

/* A notice without end takes little memory, and no more than so many recipients. */
static void
test_limits(void **state)
{
	struct buf notice = { 0 };
	struct transcript transcript;
	size_t before = arena_used(*state);

	buf_printf(&notice, "while talking to %0*d:\n>>> %0*d\n", LIMITS_ID_BYTES, 0,
	    LIMITS_ADDRESS_BYTES, 0);
	for (unsigned i = 0; i < MOST_LINES; i++)
		buf_printf(&notice, "<<< 550\n");
	read_notice(buf_cstr(&notice), *state, &transcript);
	assert_int_equal(transcript.count, 0);
	assert_true(arena_used(*state) - before < (size_t)MOST_LINES * 512);
	buf_clear(&notice);
	buf_printf(&notice, "<<< 550 no\n");
	for (unsigned i = 0; i < 3 * LIMITS_RECIPIENTS; i++)
		buf_printf(&notice, "550 <user%u@x.example>... no\n", i);
	read_notice(buf_cstr(&notice), *state, &transcript);
	assert_int_equal(transcript.count, LIMITS_RECIPIENTS);
	buf_free(&notice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_answers), test_with_arena(test_words), test_with_arena(test_limits),
	};

	return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
