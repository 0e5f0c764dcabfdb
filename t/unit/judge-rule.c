#include "support.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/msg.h"
#include "judge/literal.h"
#include "judge/prefilter.h"
#include "judge/rule.h"
#include "judge/rule_file.h"

/* Directories of packaged and of local rules, made for each test. */
struct place {
	char root[32], packaged[64], local[64];
};

static int
place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char command[256];

	msg_open("judge-rule", false);
	strcpy(place->root, "/tmp/bm-rules-XXXXXX");
	if (mkdtemp(place->root) == NULL)
		return -1;
	snprintf(place->packaged, sizeof(place->packaged), "%s/p", place->root);
	snprintf(place->local, sizeof(place->local), "%s/l", place->root);
	snprintf(command, sizeof(command), "mkdir %s %s", place->packaged, place->local);
	*state = place;
	return system(command);
}

static int
place_teardown(void **state)
{
	struct place *place = *state;
	char command[64];
	int ret;

	snprintf(command, sizeof(command), "rm -rf %s", place->root);
	ret = system(command);
	free(place);
	return ret;
}

static void
put(const char *directory, const char *name, struct str content)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
	assert_int_equal(fclose(file), 0);
}

/* What is wrong with a line, and the sentence that says so. */
static const char *const bad[][2] = {
	{ "x", "a rule is: id scope code status pattern category comment" },
	{ "x - - -", "there is no pattern" },
	{ "x - - - -", "there is no category" },
	{ "x - 550 - - nonsense", "unknown category \"nonsense\"" },
	{ "x - 550 - - manual", "unknown category \"manual\"" },
	{ "x_y - 550 - - unknown", "the id \"x_y\" may only have letters, digits, \".\" and \"-\"" },
	{ "x - 5500 - - unknown", "\"5500\" is no reply code: write 550, 5xx or \"-\" for any" },
	{ "x - 150 - - unknown", "\"150\" is no reply code: write 550, 5xx or \"-\" for any" },
	{ "x - 550,,551 - - unknown", "\"\" is no reply code: write 550, 5xx or \"-\" for any" },
	{ "x - - 5.1 - unknown", "\"5.1\" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, "
	    "5.7.606-649 or \"-\" for any" },
	{ "x - - 5.1.9-2 - unknown", "\"5.1.9-2\" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, "
	    "5.7.606-649 or \"-\" for any" },
	{ "x - - 5.1.1234 - unknown", "\"5.1.1234\" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, "
	    "5.7.606-649 or \"-\" for any" },
	{ "x - - 3.1.1 - unknown", "\"3.1.1\" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, "
	    "5.7.606-649 or \"-\" for any" },
	{ "x - - - word unknown", "the pattern \"word\" must be \"text\", /regex/ or \"-\"" },
	{ "x - - - \"open unknown", "the pattern has no closing \"" },
	{ "x - - - /open unknown", "the pattern has no closing /" },
	{ "x - - - \"\" unknown", "an empty pattern would match everything" },
	{ "x - - - // unknown", "an empty pattern would match everything" },
	{ "x - - - - unknown", "a rule without code, status and pattern would match everything" },
	{ "x - - - \"a\" user-unknown:spf", "user-unknown has no sub-causes" },
	{ "x - - - \"a\" auth-failure:what", "unknown sub-cause \"what\" of auth-failure: "
	    "write one of spf dkim dmarc arc alignment unspecified" },
	{ "x - - - \"a\" throttled:spf", "unknown sub-cause \"spf\" of throttled: write one of ip "
	    "netblock dkim-domain spf-domain url-domain from-domain" },
	{ "x other - - \"a\" unknown", "the scope other is not declared above" },
	{ "scope", "a scope is: scope NAME host SUFFIX... text \"WORDS\"..." },
	{ "scope a", "the scope a names no host and no text" },
	{ "scope a text x", "\"x\" is not expected here: write host SUFFIX (at most 16) or text "
	    "\"WORDS\"" },
	{ "scope a text \"open", "the pattern has no closing \"" },
	{ "scope ok host x", "the scope ok is declared twice" },
	{ "first - 550 - - unknown", NULL }, /* the id is used: see below */
	/* A code alone never takes a mailbox away, but for RFC 7504. */
	{ "x - 550 - - user-unknown", "a reply code alone may not choose the hard category "
	    "user-unknown" },
	{ "x - 5xx - - mailbox-disabled", "a reply code alone may not choose the hard category "
	    "mailbox-disabled" },
	{ "x - 556,550 - - domain-unknown", "a reply code alone may not choose the hard category "
	    "domain-unknown" },
};

static void
test_errors(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		char text[512], want[512];
		struct rule_set *set;
		const char *error;

		snprintf(text, sizeof(text), "# rules\nscope ok host x\n"
		    "first - 550 - - unknown\n\n%s\n", bad[i][0]);
		put(place->packaged, "a.rules", str_of(text));
		if (bad[i][1] != NULL)
			snprintf(want, sizeof(want), "%s/a.rules:5: %s", place->packaged, bad[i][1]);
		else
			snprintf(want, sizeof(want), "%s/a.rules:5: the id first is already used at "
			    "%s/a.rules:3", place->packaged, place->packaged);
		check(rule_set_load(place->packaged, place->local, &set, &error) == -1, "%s",
		    bad[i][0]);
		check_text(error, want, bad[i][0]);
	}
}

static void
test_file_errors(void **state)
{
	struct place *place = *state;
	struct rule_set *set;
	const char *error;
	char want[256];

	assert_int_equal(rule_set_load(place->packaged, place->local, &set, &error), -1);
	snprintf(want, sizeof(want), "%s: no *.rules file in it", place->packaged);
	assert_string_equal(error, want);
	assert_int_equal(rule_set_load("/nonexistent", place->local, &set, &error), -1);
	assert_string_equal(error, "/nonexistent: No such file or directory");
	put(place->packaged, "a.rules", STR("a - 550 - - unknown\nb - - - \"a\0b\" user-unknown\n"));
	assert_int_equal(rule_set_load(place->packaged, place->local, &set, &error), -1);
	snprintf(want, sizeof(want), "%s/a.rules:2: there is a NUL byte in this line",
	    place->packaged);
	assert_string_equal(error, want);
	put(place->packaged, "a.rules", STR("a - - - /(/ unknown\n"));
	assert_int_equal(rule_set_load(place->packaged, place->local, &set, &error), -1);
	snprintf(want, sizeof(want), "%s/a.rules:1: the expression fails at character 2: "
	    "missing closing parenthesis", place->packaged);
	assert_string_equal(error, want);
}

/* Rules of every level that all hold; the words choose among them. */
static const char packaged_rules[] =
    "scope big host .big.example text \"[BIG]\"\n"
    "code - 550 - - unknown\n"
    "code4 - 4xx - - system-error\n"
    "code556 - 556 - - domain-unknown\n"
    "status - - x.1.1 - user-unknown\n"
    "range - - 5.7.606-649 - ip-blocklisted\n"
    "text - - - \"no such user\" user-unknown\n"
    "regex - - - /quota (is )?exceeded\\b/ mailbox-full\n"
    "class - - - /a[[:digit:]]b/ throttled\n"
    "choice - - - /one|two/ greylisted\n"
    "big - - - \"big\" reputation\n"
    "big-user big - - \"no such user\" mailbox-disabled\n"
    "big-code big 421 - - throttled\n"
    "spf - - - \"spf\" auth-failure:spf\n"
    "slash - - - /a\\/b/ routing-loop\n"
    "quote - - - \"say \\\"hi\\\"\" local\n"
    "soft - 4xx 4.9.9 - user-unknown\n";
static const char local_rules[] =
    "site - - - \"our own words\" recipient-refused\n"
    "site-big big - - \"special\" content-rejected\n";

static const struct {
	const char *host, *status, *words;
	unsigned code;
	const char *id; /* NULL: no rule */
} matches[] = {
	{ "", "", "no such user", 550, "text" }, { "", "5.1.1", "what", 550, "status" },
	{ "", "4.1.1", "what", 450, "status" }, { "", "", "what", 550, "code" },
	{ "", "", "what", 451, "code4" }, { "", "", "what", 0, NULL }, { "", "5.9.9", "what", 0, NULL },
	{ "mx.big.example", "", "NO SUCH USER", 550, "big-user" },
	{ "BIG.example", "", "no such user", 550, "big-user" },
	{ "bigbig.example", "", "no such user", 550, "text" },
	{ "x.example", "", "no such user [big]", 550, "big-user" },
	{ "mx.big.example", "", "later", 421, "big-code" }, { "mx.example", "", "later", 421, "code4" },
	{ "mx.big.example", "", "no such user in our own words", 550, "site" },
	{ "mx.big.example", "", "special", 550, "site-big" }, { "", "", "special", 550, "code" },
	{ "", "5.7.606", "x", 550, "range" }, { "", "5.7.649", "x", 550, "range" },
	{ "", "5.7.650", "x", 550, "code" }, { "", "5.7.605", "x", 550, "code" },
	{ "", "", "quota exceeded", 0, "regex" }, { "", "", "Quota is EXCEEDED!", 0, "regex" },
	{ "", "", "quota exceededs", 0, NULL }, { "", "", "xa7bx", 0, "class" },
	{ "", "", "a]b", 0, NULL }, { "", "", "TWO", 0, "choice" }, { "", "", "a/b", 0, "slash" },
	{ "", "", "they say \"hi\"", 0, "quote" }, { "", "4.9.9", "x", 450, "soft" },
	{ "", "", "", 556, "code556" },
};

static void
test_match(void **state)
{
	struct place *place = *state;
	struct rule_set *set;
	const char *error;

	put(place->packaged, "a.rules", str_of(packaged_rules));
	put(place->packaged, "ignored.txt", STR("not a rule\n"));
	put(place->local, "z.rules", str_of(local_rules));
	if (rule_set_load(place->packaged, place->local, &set, &error) == -1)
		fail_msg("%s", error);
	assert_int_equal(rule_set_count(set), 18);
	for (size_t i = 0; i < COUNT(matches); i++) {
		struct str words = exact(matches[i].words), host = exact(matches[i].host);
		struct rule_query query = {
			.words = words, .text = words, .host = host,
			.status = str_of(matches[i].status), .code = matches[i].code,
		};
		struct rule_hit hit = { .id = "none" };
		int ret = rule_set_match(set, &query, &hit);

		check(ret == (matches[i].id != NULL), "case %zu: %s", i, hit.id);
		if (ret == 1)
			check_text(hit.id, matches[i].id, matches[i].words);
		if (strcmp(hit.id, "spf") == 0)
			check_text(hit.subcause, "spf", "spf");
		check(ret == 0 || hit.demands_soft == (strcmp(hit.id, "soft") == 0 ||
		    strcmp(hit.id, "code4") == 0 || strcmp(hit.id, "big-code") == 0), "%s", hit.id);
		drop(words);
		drop(host);
	}
	rule_set_free(set);
}

/* Files in the order of their names; within a level the first rule wins. */
static void
test_order(void **state)
{
	struct place *place = *state;
	struct rule_query query = { .words = STR("word"), .text = STR("word"), .host = STR_EMPTY,
		.status = STR_EMPTY };
	struct rule_set *set;
	struct rule_hit hit;
	const char *error;

	put(place->packaged, "20.rules", STR("second - - - \"word\" greylisted\n"));
	put(place->packaged, "10.rules", STR("first - - - /word/ throttled\nthird - - - \"word\" local\n"));
	assert_int_equal(rule_set_load(place->packaged, "/nonexistent", &set, &error), 0);
	assert_int_equal(rule_set_match(set, &query, &hit), 1);
	assert_string_equal(hit.id, "first");
	assert_int_equal(hit.category, CATEGORY_THROTTLED);
	rule_set_free(set);
}

/* An expression that searches without end does not match, and is given up. */
static void
test_match_limit(void **state)
{
	struct place *place = *state;
	char words[2048];
	struct rule_query query = { .words = { words, sizeof(words) },
		.text = { words, sizeof(words) }, .host = STR_EMPTY, .status = STR_EMPTY };
	struct rule_set *set;
	struct rule_hit hit;
	const char *error;

	memset(words, 'a', sizeof(words));
	put(place->packaged, "a.rules", STR("slow - - - /(a+)+[bc]/ unknown\nfast - - - \"aaa\" local\n"));
	assert_int_equal(rule_set_load(place->packaged, "/nonexistent", &set, &error), 0);
	assert_int_equal(rule_set_match(set, &query, &hit), 1);
	assert_string_equal(hit.id, "fast");
	assert_int_equal(rule_set_slow(set), 1);
	rule_set_free(set);
}

static void
test_prefilter(void **state)
{
	static const char *const literals[] = { "he", "she", "his", "hers", "HE", "x", "herself" };
	static const struct {
		const char *text;
		unsigned found;
	} cases[] = {
		{ "ushers", 0x1b }, { "HERSELF", 0x59 }, { "this", 0x04 }, { "", 0 }, { "zzz", 0 },
		{ "xhx", 0x20 }, { "s\xff" "he", 0x11 },
	};
	struct prefilter *prefilter = prefilter_new();

	(void)state;
	for (unsigned i = 0; i < COUNT(literals); i++)
		prefilter_add(prefilter, str_of(literals[i]), i);
	prefilter_build(prefilter);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		uint64_t found = 0;

		prefilter_search(prefilter, text, &found);
		check(found == cases[i].found, "%s: %#llx", cases[i].text,
		    (unsigned long long)found);
		drop(text);
	}
	prefilter_free(prefilter);
	prefilter_free(NULL);
}

/* Against a plain search: literals and texts of few letters, so that all of them
   overlap, and bytes that stand for upper case and for no letter. */
static void
test_prefilter_random(void **state)
{
	static const char alphabet[] = "abAB\xe3\x81 ";
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct prefilter *prefilter = prefilter_new();
		struct str literals[64], text;
		char bytes[65][12];
		uint64_t found = 0, want = 0;
		unsigned count = 1 + round % 64;

		for (unsigned i = 0; i <= count; i++) {
			size_t length = 1 + (seed >> 16) % (i == count ? 12 : 6), at;

			for (size_t j = 0; j < length; j++) {
				seed = seed * 1103515245 + 12345;
				bytes[i][j] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
			}
			if (i == count) {
				text = exact_bytes(bytes[i], length);
				prefilter_build(prefilter);
				prefilter_search(prefilter, text, &found);
				for (unsigned k = 0; k < count; k++)
					want |= (uint64_t)(unsigned)str_ifind(text, literals[k], 0, &at) << k;
				drop(text);
				break;
			}
			literals[i] = (struct str){ bytes[i], length };
			prefilter_add(prefilter, literals[i], i);
		}
		check(found == want, "round %u: %#llx, want %#llx", round, (unsigned long long)found,
		    (unsigned long long)want);
		prefilter_free(prefilter);
	}
}

/* What must occur, and what cannot be said. */
static void
test_literals(void **state)
{
	static const char *const cases[][3] = {
		/* expression, the better set, the other one */
		{ "user unknown", "user unknown", "" }, { "\\buser\\b.{0,9}\\bnot found\\b", "not found", "user" },
		{ "(no such|unknown) (user|mailbox)", "no such|unknown", "user|mailbox" },
		{ "one|three", "one|three", "" }, { "(ab|c)de", "de", "" }, { "(abc|)de", "de", "" },
		{ "abc?d", "ab", "" }, { "abc*", "ab", "" }, { "abc{0,3}de", "ab", "de" }, { "ab+cd", "ab", "cd" },
		{ "(abcdef)?gh", "gh", "" }, { "(abcdef)*gh", "gh", "" }, { "(abcdef){0}gh", "gh", "" },
		{ "(?:abc|de)", "abc|de", "" }, { "(?!abcdef)gh", "gh", "" }, { "(?<!abcdef)gh", "gh", "" },
		{ "(?<=abcdef)gh", "gh", "" }, { "[abc]de", "de", "" }, { "a\\.b", "a.b", "" }, { "\\d\\dxy", "xy", "" },
		{ "\xe3\x81\x82?xy", "xy", "" }, { "\xe3\x81\x82", "\xe3\x81\x82", "" }, { "\xc3\xa9t\xc3\xa9", "", "" },
		{ "((ab|cd)(efg|hij))", "efg|hij", "" },
		/* Nothing is known of options, names, classes in classes, and codes. */
		{ "(?i)abc", "", "" }, { "(?<name>abc)", "", "" }, { "[[:digit:]]abc", "", "" }, { "\\x41bc", "", "" },
		{ "(*UTF)abc", "", "" }, { "a|", "", "" }, { "a", "", "" }, { "abc)", "", "" }, { "(abc", "", "" },
		{ "((((((((((((((((((abc))))))))))))))))))", "", "" }, { "abc\\", "", "" }, { "abc{2", "", "" }, { "[abc", "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct literals sets[LITERAL_SETS];

		literal_required(cases[i][0], *state, sets);
		for (unsigned set = 0; set < LITERAL_SETS; set++) {
			struct buf have = { 0 };

			for (unsigned j = 0; j < sets[set].count; j++)
				buf_printf(&have, "%s%.*s", j > 0 ? "|" : "", STR_ARGS(sets[set].texts[j]));
			check_text(buf_cstr(&have), cases[i][set + 1], cases[i][0]);
			buf_free(&have);
		}
	}
}

/* The same answer, and every rule on the way to it. */
static void
note_tried(const struct rule_tried *tried, void *context)
{
	static const char results[] = { [RULE_TRY_CODE] = 'c', [RULE_TRY_STATUS] = 's',
		[RULE_TRY_SCOPE] = 'h', [RULE_TRY_PATTERN] = 'p', [RULE_TRY_MATCHED] = '!' };

	assert_non_null(strstr(tried->file, "a.rules"));
	buf_printf(context, "%u:%s%c ", tried->line_number, tried->view.line->id,
	    results[tried->result]);
}

static void
test_explain(void **state)
{
	struct place *place = *state;
	struct rule_query query = { .words = STR("one word"), .text = STR("550 5.1.1 one word"),
		.host = STR("mx.example"), .status = STR("5.1.1"), .code = 550 };
	struct buf have = { 0 };
	struct rule_set *set;
	struct rule_hit hit;
	const char *error;

	put(place->packaged, "a.rules", STR("scope s host .other.example\nnot - - - \"absent\" local\n"
	    "code - 4xx - \"word\" local\nstatus - - 5.2.x \"word\" local\nheld s - - \"word\" local\n"
	    "clue - - - /word.*abs/ local\npattern - - - /word./ local\nfirst - - - /w.rd/ throttled:ip\n"
	    "later - - - \"word\" local\n"));
	if (rule_set_load(place->packaged, "/nonexistent", &set, &error) == -1)
		fail_msg("%s", error);
	assert_int_equal(rule_set_explain(set, &query, note_tried, &have, &hit), 1);
	assert_string_equal(buf_cstr(&have), "5:heldh 3:codec 4:statuss 7:patternp 8:first! ");
	assert_string_equal(hit.id, "first");
	assert_string_equal(hit.subcause, "ip");
	assert_int_equal(rule_set_match(set, &query, &hit), 1);
	assert_string_equal(hit.id, "first");
	buf_free(&have);
	rule_set_free(set);
}

/* A literal that stands in the codes, or across them, is not in the words. */
static void
test_literal_in_codes(void **state)
{
	struct place *place = *state;
	static const char *const cases[][2] = {
		{ "user", "550 5.1.1 user" }, { "1 user", "550 1 user" },
		{ "is 1 user", "is 550 1 user" }, { "user", "host 1 user said 550 user" },
	};
	struct rule_set *set;
	const char *error;

	put(place->packaged, "a.rules", STR("one - - - \"1 user\" local\n"));
	if (rule_set_load(place->packaged, "/nonexistent", &set, &error) == -1)
		fail_msg("%s", error);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rule_query query = { .words = str_of(cases[i][0]),
			.text = str_of(cases[i][1]), .host = STR_EMPTY, .status = STR_EMPTY };
		bool want = strstr(cases[i][0], "1 user") != NULL;
		struct rule_hit hit;

		check(rule_set_match(set, &query, &hit) == want, "case %zu", i);
	}
	rule_set_free(set);
}

#define place_test(function) \
	cmocka_unit_test_setup_teardown(function, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_errors),
		place_test(test_file_errors),
		place_test(test_match),
		place_test(test_order),
		place_test(test_match_limit),
		place_test(test_explain),
		place_test(test_literal_in_codes),
		cmocka_unit_test(test_prefilter),
		cmocka_unit_test(test_prefilter_random),
		test_with_arena(test_literals),
	};

	return cmocka_run_group_tests_name("judge-rule", tests, NULL, NULL);
}
