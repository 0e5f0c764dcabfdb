/*
 * Of whom the words of a failure speak.
 */
#include "support.h"

#include "parse/about.h"

static const struct {
	const char *words;
	enum about want; /* from news@list.ours.test to jo@corp.test */
} cases[] = {
	{ "", ABOUT_NOBODY }, { "user unknown", ABOUT_NOBODY }, { "@", ABOUT_NOBODY },
	/* the recipient, wherever he stands */
	{ "<jo@corp.test>: user unknown", ABOUT_RECIPIENT },
	{ "<JO@Corp.Test> unknown", ABOUT_RECIPIENT }, { "no such user: jo@corp.test.", ABOUT_RECIPIENT },
	{ "<ann@corp.test> <jo@corp.test>", ABOUT_RECIPIENT },
	{ "news@list.ours.test may not write to jo@corp.test", ABOUT_RECIPIENT },
	/* ... under another name */
	{ "<jo@mail.internal.test> unknown", ABOUT_RECIPIENT },
	{ "<jsmith@mail.corp.test> unknown", ABOUT_RECIPIENT },
	/* but not who only looks like him */
	{ "<banjo@corp.test> unknown", ABOUT_OTHER }, { "<ann@corp.test> unknown", ABOUT_OTHER },
	{ "x+jo@corp.test unknown", ABOUT_OTHER }, { "(ann@corp.test:550 unknown)", ABOUT_OTHER },
	/* who stands somewhere in a sentence may be anybody */
	{ "unknown, see ann@corp.test", ABOUT_NOBODY },
	{ "<postmaster@corp.test> knows why", ABOUT_NOBODY },
	{ "abuse@corp.test knows why", ABOUT_NOBODY },
	/* the sender */
	{ "<news@list.ours.test>: user unknown", ABOUT_SENDER },
	{ "user unknown: news@list.ours.test", ABOUT_SENDER },
	{ "<ann@corp.test> <news@list.ours.test>", ABOUT_SENDER },
	{ "domain list.ours.test does not exist", ABOUT_SENDER },
	{ "host mx.list.ours.test not found", ABOUT_SENDER },
	{ "list.ours.test.", ABOUT_SENDER }, { "no list.ours.test for corp.test", ABOUT_NOBODY },
	{ "blist.ours.test", ABOUT_NOBODY }, { "b-list.ours.test", ABOUT_NOBODY },
	{ "list.ours.tests", ABOUT_NOBODY }, { "list.ours.test.example", ABOUT_NOBODY },
	{ "x@list.ours.test", ABOUT_OTHER },
};

static struct bounce
bounce_of(const char *words)
{
	struct bounce bounce;

	bounce_init(&bounce);
	bounce.words = words;
	bounce.sender = "news@list.ours.test";
	bounce.recipient = "jo@corp.test";
	return bounce;
}

static void
test_words(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bounce bounce = bounce_of(cases[i].words);

		bounce.final_recipient = "jsmith@mail.corp.test";
		check_text(words_name(&about_words, about_whom(&bounce, *state)),
		    words_name(&about_words, cases[i].want), cases[i].words);
	}
}

/* A report tells of another organisation that he has his mail sent to. */
static void
test_forwarded(void **state)
{
	static const struct { const char *final; enum about want; } finals[] = {
		{ "jo@corp.test", ABOUT_NOBODY }, { "jsmith@mail.corp.test", ABOUT_NOBODY },
		{ "jo@gmail.test", ABOUT_NOBODY }, { "jsmith@gmail.test", ABOUT_OTHER },
		{ "jsmith", ABOUT_NOBODY }, { "", ABOUT_NOBODY },
	};

	for (size_t i = 0; i < COUNT(finals); i++) {
		struct bounce bounce = bounce_of("user unknown");

		bounce.final_recipient = finals[i].final;
		check_text(words_name(&about_words, about_whom(&bounce, *state)),
		    words_name(&about_words, finals[i].want), finals[i].final);
	}
}

/* What is not known is nobody. */
static void
test_unknown(void **state)
{
	struct bounce bounce = bounce_of("<ann@x.test> unknown");

	bounce.recipient = "";
	assert_int_equal(about_whom(&bounce, *state), ABOUT_NOBODY);
	bounce = bounce_of("<> unknown");
	bounce.sender = "";
	assert_int_equal(about_whom(&bounce, *state), ABOUT_NOBODY);
	bounce = bounce_of("");
	bounce.text = "550 <jo@corp.test> unknown";
	assert_int_equal(about_whom(&bounce, *state), ABOUT_RECIPIENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_words), test_with_arena(test_forwarded),
		test_with_arena(test_unknown),
	};

	return cmocka_run_group_tests_name("about", tests, NULL, NULL);
}
