#include "support.h"

#include "base/buf.h"
#include "bounce.h"
#include "parse/entries.h"
#include "parse/limits.h"
#include "parse/mention.h"

/* "address=words; address=words" of all entries; "==" if they are shared. */
static void
print(const struct entries *entries, struct buf *out)
{
	for (unsigned i = 0; i < entries->count; i++)
		buf_printf(out, "%s%s%s%.*s", i == 0 ? "" : "; ", entries->list[i].address,
		    entries->list[i].shared ? "==" : "=", STR_ARGS(entries->list[i].words));
}

static void
test_find(void **state)
{
	static const struct {
		const char *notice, *want;
	} cases[] = {
		/* lines that begin with the address */
		{ "<a@x.example>:\nno such user\n", "a@x.example=no such user" },
		{ "<A@X.Example>: no\n\nbye", "a@x.example=no\nbye" },
		{ "\"a@x.example\":\nSMTP error\nno", "a@x.example=SMTP error no" },
		{ "  a@x.example\n    host said\n    no", "a@x.example=host said no" },
		{ "a@x.example: 550 no\nb@x.example: 551 moved\n",
		    "a@x.example=550 no; b@x.example=551 moved" },
		{ "-- a@x.example\n\nno", "a@x.example=no" },
		{ "\xe2\x80\xa2 a@x.example\nno", "a@x.example=no" },
		{ "a@x.example, b@x.example\n\nno", "a@x.example=no; b@x.example=no" },
		{ "a@x.example\nb@x.example\n\nno", "a@x.example==no; b@x.example==no" },
		{ "a@x.example\nb@x.example: 550 no\n\nc@x.example: full",
		    "a@x.example==550 no; b@x.example==550 no; c@x.example=full" },
		/* but not of who stands apart */
		{ "<a@x.example>:\n\n<b@x.example>: 550 no\n", "a@x.example=; b@x.example=550 no" },
		{ "<a@x.example> (expanded from <b@x.example>): 550 no\n\n<c@x.example>: full",
		    "a@x.example=550 no; c@x.example=full" },
		{ "<a@x.example> (expanded\n    from <b@x.example>): no\n", "a@x.example=(expanded from <b@x.example>): no" },
		{ "<a@x.example>\n(expanded from <b@x.example>)\nno", "a@x.example=no" },
		/* nor of who is not in the transcript */
		{ "<a@x.example>\n<b@x.example>\n-----\n>>> RCPT TO:<b@x.example>\n<<< 550 no",
		    "a@x.example=; b@x.example=talking to : >>> RCPT TO: 550 no" },
		{ "a@x.example [User unknown]", "a@x.example=[User unknown]" },
		{ "Recipient: <a@x.example>\nno", "a@x.example=no" },
		/* the reason stands before it */
		{ "---- Reasons ----\nnot listed\n\na@x.example\n---- End ----\n",
		    "a@x.example=not listed" },
		/* a rule ends what is said; behind it are technical details */
		{ "* a@x.example\n=====\nDetails\n=====\nno gateway", "a@x.example=Details\nno gateway" },
		/* who is named deeper in the words is named by a stranger */
		{ "<a@x.example>: host said: 550\n    <victim@x.example>: user unknown\n",
		    "a@x.example=host said: 550 <victim@x.example>: user unknown" },
		{ "<a@x.example>:\nRemote host said: 550-no\n550-<victim@x.example>: user unknown\n"
		    "550 <victim@x.example>: user unknown\n",
		    "a@x.example=Remote host said: 550-no 550-<victim@x.example>: user unknown 550 "
		    "<victim@x.example>: user unknown" },
		{ "a@x.example\n  host: 550-no\n  <victim@x.example>\n", "a@x.example=host: 550-no <victim@x.example>" },
		/* no line begins so: the summary of a session, then its commands */
		{ ">>> DATA\n<<< 550 go away\n554 <a@x.example>... Service unavailable",
		    "a@x.example=talking to : >>> DATA: 550 go away" },
		{ ">>> RCPT TO:<a@x.example>\n<<< 550 no\n", "a@x.example=talking to : >>> RCPT TO: 550 no" },
		{ "554 <a@x.example>... Service unavailable",
		    "a@x.example=554 <a@x.example>... Service unavailable" },
		/* the server's words count more than the MTA's summary, which is no reply */
		{ "<a@x.example>\n\n>>> RCPT TO:<a@x.example>\n<<< 550 5.7.1 blocked\n"
		    "550 <a@x.example>... User unknown\n",
		    "a@x.example=talking to : >>> RCPT TO: 550 5.7.1 blocked" },
		{ "<a@x.example>\n (reason: 550 5.7.1 blocked)\n\n>>> RCPT TO:<a@x.example>\n<<< 550 no\n",
		    "a@x.example=talking to : >>> RCPT TO: 550 no" },
		{ ">>> RCPT TO:<a@x.example>\n<<< 250 ok\n", "" },
		/* sentences that tell of a failure */
		{ "We could not deliver your mail to <a@x.example>.\nIt is full.",
		    "a@x.example=We could not deliver your mail to <a@x.example>. It is full." },
		{ "Your mail to a@x.example was fine.", "" },
		{ "could not be delivered\nto nobody <a@x.example>.", "a@x.example=to nobody <a@x.example>." },
		{ "Delivery failed. For further assistance contact <a@x.example>.", "" },
		/* labels, when all else is silent: what is said stands before them */
		{ "No such user here\n\nDetails:\nMAIL FROM: me@y.example\nRCPT TO: a@x.example",
		    "a@x.example=No such user here\nDetails: MAIL FROM: me@y.example" },
		/* the report's own addresses fail in no sentence */
		{ "could not be delivered, dear me@y.example", "" },
		{ "me@y.example\nno", "me@y.example=no" },
		/* helpers count only alone */
		{ "a@x.example\nno\n\npostmaster@x.example\n", "a@x.example=no\npostmaster@x.example" },
		{ "postmaster@x.example\nno\n", "postmaster@x.example=no" },
		/* somebody quotes somebody */
		{ "a@x.example wrote:\n> no", "" },
		{ "", "" }, { "@", "" }, { "a@b", "" }, { "<<<<<<", "" }, { ">>>>> @@@@@", "" },
	};
	static const char *const others[] = { "me@y.example", NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str notice = exact(cases[i].notice);
		struct buf out = { 0 };
		struct entries entries;

		entries_find(notice, others, *state, &entries);
		print(&entries, &out);
		check_text(buf_cstr(&out), cases[i].want, cases[i].notice);
		buf_free(&out);
		drop(notice);
	}
}

/* More recipients and lines than are read: cut, and said so. */
static void
test_limits(void **state)
{
	static const char *const others[] = { NULL };
	struct buf text = { 0 };
	struct entries entries;

	for (unsigned i = 0; i < 5 * LIMITS_RECIPIENTS; i++)
		buf_printf(&text, "<user%u@x.example>: no\n", i);
	entries_find(buf_str(&text), others, *state, &entries);
	assert_int_equal(entries.count, LIMITS_RECIPIENTS);
	assert_int_equal(entries.limits & LIMIT_RECIPIENTS, LIMIT_RECIPIENTS);
	buf_clear(&text);
	for (unsigned i = 0; i < 5000; i++)
		buf_add(&text, STR("\n"));
	buf_add(&text, STR("<user@x.example>: no\n"));
	entries_find(buf_str(&text), others, *state, &entries);
	assert_int_equal(entries.count, 0);
	assert_int_equal(entries.limits, LIMIT_TEXT);
	buf_free(&text);
}

static void
test_get(void **state)
{
	static const char *const others[] = { NULL };
	struct entries entries;

	entries_find(STR("<Jo@x.example>: one\n<ann@x.example>: two\n"), others, *state, &entries);
	assert_string_equal(entries_get(&entries, "ANN@x.example")->address, "ann@x.example");
	assert_null(entries_get(&entries, "bob@x.example"));
	assert_null(entries_get(&entries, ""));
}

static void
test_mention(void **state)
{
	static const struct {
		const char *line, *want;
		size_t start, end;
	} cases[] = {
		{ "to <a@x.example>.", "a@x.example", 3, 16 },
		{ "to a@x.example.", "a@x.example", 3, 14 },
		{ "a@x.example", "a@x.example", 0, 11 },
		{ "\"a@x.example\":", "a@x.example", 0, 13 },
		{ "(a@x.example)", "a@x.example", 0, 13 },
		{ "mailto:a@x.example?x", "a@x.example", 7, 18 },
		{ "rfc822;a@x.example", "a@x.example", 7, 18 },
		{ "\"a b\"@x.example", "\"a b\"@x.example", 0, 15 },
		{ "a+b=c@x.example", "a+b=c@x.example", 0, 15 },
		{ "@x.example a@y.example", "a@y.example", 11, 22 },
		{ "a@x and b@y.example", "b@y.example", 8, 19 },
		{ "user=a@x.example", "user=a@x.example", 0, 16 },
		{ "--a@x.example", "a@x.example", 2, 13 },
		{ "a@192.0.2.1", NULL, 0, 0 }, { "a@x", NULL, 0, 0 }, { "no", NULL, 0, 0 },
		{ "", NULL, 0, 0 }, { "@", NULL, 0, 0 }, { "\"@", NULL, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str line = exact(cases[i].line);
		struct mention mention;
		int ret = mention_find(line, 0, *state, &mention);

		check(ret == (cases[i].want != NULL), "%s", cases[i].line);
		if (ret == 1) {
			check_text(mention.address, cases[i].want, cases[i].line);
			check(mention.start == cases[i].start && mention.end == cases[i].end,
			    "%s: %zu to %zu", cases[i].line, mention.start, mention.end);
		}
		drop(line);
	}
}

static int
set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_get, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mention, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("parse-entries", tests, NULL, NULL);
}
