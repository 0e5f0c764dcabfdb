#include "support.h"

#include "parse/plain.h"

static void
test_find(void **state)
{
	static const struct {
		const char *text, *address, *want; /* NULL: none */
	} cases[] = {
		{ "Hello\n\n<a@x.example>: host said\n    no\n\nbye", "a@x.example",
		    "host said no" },
		/* Postfix folds where it comes to the margin, anywhere. */
		{ "<first.last@sub.example>\n    (expanded from\n    <desk@x.example>):\n"
		    "    host mail[private/lmtp] said: 550", "first.last@sub.example",
		    "host mail[private/lmtp] said: 550" },
		{ "<a@x.example>: one\n\n<b@x.example>: two", "b@x.example", "two" },
		{ "<a@x.example> (expanded from <b@x.example>): no", "a@x.example", "no" },
		{ "<a@x.example> (expanded from <b@x.example>: no", "a@x.example", NULL },
		{ "<aa@x.example>: no", "a@x.example", NULL },
		{ "<a@x.example.org>: no", "a@x.example", NULL },
		{ "text <a@x.example>: no", "a@x.example", NULL },
		{ "text\n<a@x.example>: no", "a@x.example", NULL },
		{ "<a@x.example> no", "a@x.example", NULL },
		{ "<a@x.example>:", "a@x.example", "" },
		{ "<a@x.example>", "a@x.example", NULL },
		{ "\r\n<a@x.example>: no\r\n\r\nmore", "a@x.example", "no" },
		{ "", "a@x.example", NULL }, { "<>: x", "", "x" }, { "<", "a@x.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text), words;
		struct arena *arena = arena_new();
		int ret = plain_find_recipient(plain_unfold(text, arena),
		    str_of(cases[i].address), &words);

		check(ret == (cases[i].want != NULL), "%s", cases[i].text);
		if (ret == 1)
			check(is(words, cases[i].want), "%s: %.*s", cases[i].text, STR_ARGS(words));
		arena_free(arena);
		drop(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("parse-plain", tests, NULL, NULL);
}
