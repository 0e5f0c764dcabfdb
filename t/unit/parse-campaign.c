/*
 * Which of a sender's mailings a message belongs to, by what its headers say.
 */
#include "support.h"

#include "parse/campaign.h"
#include "parse/header.h"

static void
compare(const char *headers, const char *want, struct arena *arena)
{
	struct str copy = exact(headers);
	const char *got = campaign_of(copy, arena);

	check_text(got, want, headers);
	drop(copy);
}

static const struct { const char *headers, *want; } cases[] = {
	{ "", "" },
	{ "From: a@x.test\r\nTo: b@y.test\r\n", "" },
	{ "X-Campaign-ID: spring\r\n", "campaign spring" },
	{ "Feedback-ID: 7:cust:news:esp\r\n", "feedback-id 7:cust:news:esp" },
	{ "List-Id: <news.example.com>\r\n", "list news.example.com" },
	/* The one that says most, wherever it stands. */
	{ "X-Campaign-ID: c\r\nFeedback-ID: f\r\nList-Id: <l>\r\nSubject: s\r\n", "campaign c" },
	{ "Subject: s\r\nList-Id: <l>\r\nFeedback-ID: f\r\nX-Campaign-ID: c\r\n", "campaign c" },
	{ "List-Id: <l>\r\nSubject: s\r\nFeedback-ID: f\r\n", "feedback-id f" },
	{ "Subject: s\r\nList-Id: <l>\r\n", "list l" },
	/* The first of several. */
	{ "X-Campaign-ID: one\r\nX-Campaign-ID: two\r\n", "campaign one" },
	/* An empty one says nothing. */
	{ "X-Campaign-ID:\r\nFeedback-ID: f\r\n", "feedback-id f" },
	{ "X-Campaign-ID:  \t \r\nX-Campaign-ID: two\r\n", "campaign two" },
	{ "Subject:\r\n", "" },
	/* Upper and lower case, blanks, folds. */
	{ "x-CAMPAIGN-id:\tspring  \r\n", "campaign spring" },
	{ "X-Campaign-ID: spring\r\n sale\r\n", "campaign spring sale" },
	{ "List-Id: News of\r\n\t<news.example.com>\r\n", "list news.example.com" },
	{ "X-Campaign-ID: spring\nSubject: s\n", "campaign spring" },
	/* RFC 2047. */
	{ "X-Campaign-ID: =?utf-8?Q?fr=C3=BChling?=\r\n", "campaign fr\xc3\xbchling" },
	{ "X-Campaign-ID: =?iso-8859-1?Q?fr=FChling?=\r\n", "campaign fr\xc3\xbchling" },
	{ "List-Id: =?utf-8?B?TmV3cyDDvGJlciA=?= <news.example.com>\r\n", "list news.example.com" },
	/* RFC 2919: words may stand in front. */
	{ "List-Id: \"A, B\" <news.example.com>\r\n", "list news.example.com" },
	{ "List-Id: news.example.com\r\n", "list news.example.com" },
	{ "List-Id: a > b <news.example.com>\r\n", "list news.example.com" },
	{ "List-Id: broken <news.example.com\r\n", "list broken <news.example.com" },
	{ "List-Id: <a.example.com> <b.example.com>\r\n", "list a.example.com" },
	/* Bytes that belong in no name. */
	{ "X-Campaign-ID: a\x01\x1b[31mb\r\n", "campaign a [31mb" },
	{ "X-Campaign-ID: a\xff\xfe\r\n", "campaign a\xc3\xbf\xc3\xbe" },
	{ "List-Id: words <>\r\nSubject:\r\n", "" },
	/* Never in the middle of a character. */
	{ "X-Campaign-ID: 01234567890123456789012345678901234567890123456\xc3\xbc\r\n",
	    "campaign 01234567890123456789012345678901234567890123456" },
	/* Longer than a name: cut. */
	{ "X-Campaign-ID: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
	    "campaign 012345678901234567890123456789012345678901234567" },
	{ "Feedback-ID: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
	    "feedback-id 012345678901234567890123456789012345678901234567" },
};

static void
test_cases(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		compare(cases[i].headers, cases[i].want, *state);
}

static const char *
of(const char *headers, struct arena *arena)
{
	return campaign_of(str_of(headers), arena);
}

/* A digest: the same for the same words, however they are written. */
static void
test_subject(void **state)
{
	const char *name = of("Subject: Spring sale at =?utf-8?Q?M=C3=BCller?=\r\n", *state);

	assert_int_equal(strncmp(name, "subject ", 8), 0);
	assert_int_equal(strlen(name), 8 + 16);
	assert_int_equal(strspn(name + 8, "0123456789abcdef"), 16);
	assert_string_equal(of("subject: Spring\r\n sale at M\xc3\xbcller\r\n", *state), name);
	assert_string_not_equal(of("Subject: Spring sale at Muller\r\n", *state), name);
	assert_string_not_equal(of("Subject: Spring sale\r\n", *state), name);
	/* Of a very long one, the beginning. */
	for (unsigned digit = 0; digit < 2; digit++) {
		char text[1024];

		snprintf(text, sizeof(text), "Subject: %0300u%u\r\n", 1, digit);
		name = digit == 0 ? of(text, *state) : name;
		assert_string_equal(of(text, *state), name);
	}
}

/* No name is longer than its room, whatever stands there. */
static void
test_length(void **state)
{
	static const char *const names[] = { "X-Campaign-ID", "Feedback-ID", "List-Id", "Subject" };

	for (size_t i = 0; i < COUNT(names); i++) {
		for (unsigned length = 0; length < 40000; length = length * 2 + 1) {
			char *text = malloc(length + 64), *to = text + sprintf(text, "%s: ", names[i]);

			for (unsigned j = 0; j < length; j++)
				*to++ = (char)(j % 251 + 1);
			*to = '\0';
			check(strlen(of(text, *state)) < CAMPAIGN_BYTES, "%s of %u", names[i], length);
			free(text);
		}
	}
}

/* Bytes with NUL, and what ends in the middle of a field. */
static void
test_hostile(void **state)
{
	static const char bytes[] = "X-Campaign-ID: a\0b\r\nList-Id: <l\0>\r\nSubject: =?utf-8?Q?=";

	for (size_t len = 0; len < sizeof(bytes); len++) {
		struct str copy = exact_bytes(bytes, len);
		const char *name = campaign_of(copy, *state);

		check(strlen(name) < CAMPAIGN_BYTES, "%zu bytes", len);
		drop(copy);
	}
	assert_int_equal(strncmp(campaign_of((struct str){ bytes, sizeof(bytes) - 1 }, *state),
	    "campaign a", 10), 0);
}

/* Field by field, as the MTA tells them. */
static void
test_fields(void **state)
{
	struct campaign campaign = { 0 };

	campaign_field(&campaign, STR("From"), STR(" a@x.test"), *state);
	assert_null(campaign.name);
	campaign_field(&campaign, STR("List-Id"), STR(" <l.example.com>"), *state);
	assert_string_equal(campaign.name, "list l.example.com");
	campaign_field(&campaign, STR("Subject"), STR(" s"), *state);
	assert_string_equal(campaign.name, "list l.example.com");
	campaign_field(&campaign, STR("X-Campaign-ID"), STR(""), *state);
	assert_string_equal(campaign.name, "list l.example.com");
	campaign_field(&campaign, STR("X-Campaign-ID"), STR("spring"), *state);
	assert_string_equal(campaign.name, "campaign spring");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_cases), test_with_arena(test_subject), test_with_arena(test_length),
		test_with_arena(test_hostile), test_with_arena(test_fields),
	};

	return cmocka_run_group_tests_name("campaign", tests, NULL, NULL);
}
