/* Rules as expressions for a table of Postfix: asked as Postfix asks them. */
#include "support.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/msg.h"
#include "judge/rule_file.h"
#include "judge/rule_pcre.h"
#include "parse/reply.h"

#define FILE_BYTES (4 * 1024 * 1024)

#define HOST "5.1.2 host mx.a.test[192.0.2.1] "
#define RCPT " (in reply to RCPT TO command)"

static struct str hosts[] = { { ".a.test", 7 }, { "b.test", 6 } };
static struct str texts[] = { { "- sign (x)", 10 } };
static const struct rule_scope_line scope = { .name = "a", .hosts = hosts, .host_count = 2,
	.signatures = texts, .signature_count = 1 };

/* As pcre_table(5) compiles it. */
static pcre2_code *
compile(const struct buf *pattern)
{
	PCRE2_SIZE at;
	int code = 0;
	pcre2_code *regex = pcre2_compile((PCRE2_SPTR)buf_cstr(pattern), pattern->len,
	    PCRE2_CASELESS | PCRE2_DOTALL, &code, &at, NULL);

	check(regex != NULL, "%s: error %d at %zu", buf_cstr(pattern), code, (size_t)at);
	return regex;
}

/* The first group of a match, "" for none; in the arena. */
static const char *
ask(const pcre2_code *regex, struct str query, struct arena *arena)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex, NULL);
	int ret = pcre2_match(regex, (PCRE2_SPTR)query.data, query.len, 0, 0, data, NULL);
	PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
	const char *group = ret < 1 ? "" : arena_strdup(arena, str_sub(query, at[2], at[3]));

	pcre2_match_data_free(data);
	return group;
}

/* Make the expression of a rule, given as in a file. Returns what rule_pcre()
   says. */
static int
make(const char *text, enum rule_pcre_use use, struct arena *arena, struct buf *pattern)
{
	struct rule_line line;
	struct rule_view view = { .line = &line, .scope = &scope };
	const char *error = "";

	check(rule_file_parse(str_of(text), arena, &line, &error) == 0, "%s: %s", text, error);
	return rule_pcre(&view, use, pattern);
}

#define KEEP RULE_PCRE_KEEP
#define CHANGE RULE_PCRE_CHANGE
#define CHANGE_RCPT RULE_PCRE_CHANGE_RCPT

#define FULL "r a - - \"full\" mailbox-full"
#define GONE "r a 4xx - \"gone\" user-unknown"
#define RANGE "r a - x.2.x,5.7.98-211 - unknown"

static void
test_queries(void **state)
{
	static const struct {
		const char *rule;
		enum rule_pcre_use use;
		const char *query, *group;
	} cases[] = {
		/* Only what Postfix itself wrote is the host. */
		{ FULL, CHANGE, HOST "said: 552 full" RCPT, ".1.2" },
		{ FULL, CHANGE,
		    "5.1.2 host B.TEST[::1] said: 552 FULL" RCPT, ".1.2" },
		{ FULL, CHANGE,
		    "5.1.2 host x.b.test[::1] said: 552 full" RCPT, "" },
		{ FULL, CHANGE,
		    "5.1.2 host mx.xa.test[::1] said: 552 full" RCPT, "" },
		{ FULL, CHANGE,
		    "5.1.2 host c.test[::1] said: 552 5.1.2 " HOST "said: 552 full" RCPT, "" },
		{ FULL, CHANGE,
		    "5.1.2 delivery temporarily suspended: " HOST "said: 552 full" RCPT, "" },
		{ FULL, CHANGE,
		    "2.0.0 host b.test[::1] said: 552 full" RCPT, "" },
		{ FULL, KEEP,
		    "4.1.2 host c.test[::1] said: 552 full" RCPT, "4.1.2" },
		/* Neither are its own words those of the reply. */
		{ "r a - - \"command\" throttled", CHANGE, HOST "said: 552 full" RCPT, "" },
		{ "r a - - \"command\" throttled", CHANGE, HOST "said: 552 a command" RCPT, ".1.2" },
		{ "r a - - /full.*$/ throttled", CHANGE, HOST "said: 552 full x" RCPT, ".1.2" },
		{ "r a - - /full$/ throttled", CHANGE, HOST "said: 552 full x" RCPT, "" },
		{ "r a - - /full$/ throttled", CHANGE, HOST "said: 552 full " RCPT, ".1.2" },
		{ "r a - - /full$/ throttled", CHANGE, HOST "refused to talk to me: 552 full",
		    ".1.2" },
		{ "r a - - /full$/ throttled", CHANGE, HOST "refused to talk to me: 552 x full x",
		    "" },
		/* For one recipient: a greeting could write the end of the line itself. */
		{ GONE, CHANGE_RCPT, HOST "said: 450 gone" RCPT, ".1.2" },
		{ "r a 4xx - - unknown", CHANGE_RCPT, HOST "said: 450 gone" RCPT, ".1.2" },
		{ GONE, CHANGE_RCPT,
		    HOST "said: 450 gone" RCPT " (in reply to end of DATA command)", "" },
		{ GONE, CHANGE_RCPT,
		    HOST "refused to talk to me: 450 gone" RCPT, "" },
		/* Codes are not words, in the first line or in others. */
		{ "r a - - \"5.1.2\" throttled", CHANGE, HOST "said: 550 5.1.2 x" RCPT, "" },
		{ "r a - - /\\d/ throttled", CHANGE, HOST "said: 550 5.1.2 x" RCPT, "" },
		{ "r a - - \"550\" throttled", CHANGE, HOST "said: 550-x 550 5" RCPT, "" },
		{ "r a - - \"over quota\" throttled", CHANGE,
		    HOST "said: 550-5.1.2 over 550-5.1.2  550 5.1.2 quota" RCPT, ".1.2" },
		{ "r a - - /over (the )?quota/ throttled", CHANGE,
		    HOST "said: 550-over 550-the 550 quota" RCPT, ".1.2" },
		{ "r a - - \"over quota\" throttled", CHANGE, HOST "said: 550 over the quota" RCPT, "" },
		{ "r a - - /(^|x)a|b/ throttled", CHANGE, HOST "said: 550 5.1.2 a" RCPT, ".1.2" },
		{ "r a - - /(^|x)a|b/ throttled", CHANGE, HOST "said: 550 5.1.2 ca" RCPT, "" },
		{ "r a - - /(^|x)a|b/ throttled", CHANGE, HOST "said: 550 5.1.2 cxa" RCPT, ".1.2" },
		/* Columns. */
		{ "r a 55x,421 - - unknown", CHANGE, HOST "said: 559 x" RCPT, ".1.2" },
		{ "r a 55x,421 - - unknown", CHANGE, HOST "said: 549 x" RCPT, "" },
		{ RANGE, CHANGE, HOST "said: 550 4.2.77 x" RCPT, ".1.2" },
		{ RANGE, CHANGE, HOST "said: 550 #5.7.200: x" RCPT, ".1.2" },
		{ RANGE, CHANGE, HOST "said: 550 5.7.97 x" RCPT, "" },
		{ RANGE, CHANGE, HOST "said: 550 5.7.212 x" RCPT, "" },
		{ RANGE, CHANGE, HOST "said: 550 5.2.1.4 x" RCPT, "" },
		{ "r a - 5.0.x \"x\" unknown", CHANGE, HOST "said: 550 x" RCPT, "" },
		{ "r a - 5.0.x \"x\" unknown", KEEP, HOST "said: 550 x" RCPT, "5.1.2" },
		{ "r a - 5.0.x \"x\" unknown", KEEP, HOST "said: 550 5.1.1 x" RCPT, "" },
		/* What a table would take for its own. */
		{ "r a - - \"a/b$1#\" throttled", CHANGE, HOST "said: 550 a/b$1#" RCPT, ".1.2" },
		{ "r a - - /a[\\/ ]b\\// throttled", CHANGE, HOST "said: 550 a/b/" RCPT, ".1.2" },
		{ "r a - - /caf.!/ throttled", CHANGE, HOST "said: 550 caf\xc3\xa9!" RCPT, "" },
		{ "r a - - /caf.! \xc3\xb6?x/ throttled", CHANGE,
		    HOST "said: 550 caf\xc3\xa9! x" RCPT, ".1.2" },
		/* Not carried over: only a line that keeps the code is made, and it
		   asks for less. */
		{ "r a 5xx - /(a)\\1/ throttled", KEEP, HOST "said: 550 b" RCPT, "5.1.2" },
		{ "r a 5xx - /(a)\\1/ throttled", KEEP, HOST "said: 450 b" RCPT, "" },
	};
	struct arena *arena = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf pattern = { 0 };
		pcre2_code *regex;

		make(cases[i].rule, cases[i].use, arena, &pattern);
		regex = compile(&pattern);
		check_text(ask(regex, str_of(cases[i].query), arena), cases[i].group, cases[i].query);
		pcre2_code_free(regex);
		buf_free(&pattern);
	}
}

/* Expressions that mean something else in the middle of a line. */
static void
test_refused(void **state)
{
	static const char *const refused[] = {
		"(a)\\1", "(?i)a", "(?<n>a)", "(?'n'a)", "(?P<n>a)", "(*ANYCRLF)a", "\\Qa\\E", "\\x41",
		"\\Aa", "a\\z", "(?#c)a", "(?<=^)a", "(?<!a$)b", "[[:alpha:]]", "[\\x41]", "a\\Kb", "(?1)(a)",
		"(?i:a)", "(?(1)a)", "a\\R",
	};

	for (size_t i = 0; i < COUNT(refused); i++) {
		struct buf rule = { 0 }, pattern = { 0 };

		buf_printf(&rule, "r a - - /%s/ throttled", refused[i]);
		check(make(buf_cstr(&rule), RULE_PCRE_CHANGE, *state, &pattern) == 0, "%s", refused[i]);
		check(pattern.len == 0, "%s", refused[i]);
		check(make(buf_cstr(&rule), RULE_PCRE_KEEP, *state, &pattern) == 0, "%s", refused[i]);
		pcre2_code_free(compile(&pattern));
		buf_free(&rule);
		buf_free(&pattern);
	}
}

static void
test_scope(void **state)
{
	static const struct {
		const char *query;
		bool holds;
	} cases[] = {
		{ HOST "said: 550 x", true },
		{ "5.1.2 host b.test[::1] said: 550 x", true },
		{ "5.1.2 host c.test[::1] said: 550 x - sign (x)", true },
		{ "5.1.2 host c.test[::1] said: 550 x - sign x", false },
		{ "2.1.2 host b.test[::1] said: x", false },
		{ "5.1.2 x host b.test[::1] said: 550 x", false },
	};
	struct buf pattern = { 0 };
	pcre2_code *regex;

	buf_add(&pattern, STR("("));
	rule_pcre_scope(&scope, &pattern);
	buf_add(&pattern, STR(")"));
	regex = compile(&pattern);
	for (size_t i = 0; i < COUNT(cases); i++)
		check((*ask(regex, str_of(cases[i].query), *state) != '\0') == cases[i].holds, "%s",
		    cases[i].query);
	pcre2_code_free(regex);
	buf_free(&pattern);
}

/* The expression of a rule matches, whether it keeps a code or changes it. */
static void
check_rule(struct rule_view view, const struct buf *query, struct arena *arena)
{
	static const enum rule_pcre_use uses[] = { RULE_PCRE_KEEP, RULE_PCRE_CHANGE };

	view.scope = &scope;
	for (size_t i = 0; i < COUNT(uses); i++) {
		struct buf pattern = { 0 };
		pcre2_code *regex;

		check(rule_pcre(&view, uses[i], &pattern) == 1, "%s", view.line->id);
		regex = compile(&pattern);
		check(*ask(regex, buf_str(query), arena) != '\0', "%s: %s\n%s", view.line->id,
		    buf_cstr(query), buf_cstr(&pattern));
		pcre2_code_free(regex);
		buf_free(&pattern);
	}
}

/* So does that of any packaged rule that decides about a reply. */
static void
check_reply(const struct rule_set *set, struct str host, struct str text, struct arena *arena)
{
	struct rule_query query = { .host = host };
	struct rule_hit hit = { .id = "" };
	struct buf line = { 0 };
	struct reply reply;

	reply_parse(text, arena, &reply);
	query.words = str_of(reply.words);
	query.text = str_of(reply.text);
	query.status = str_of(reply.status);
	query.code = reply.code;
	rule_set_match(set, &query, &hit);
	buf_printf(&line, HOST "said: %.*s" RCPT, STR_ARGS(text));
	for (unsigned i = 0; i < rule_set_count(set); i++) {
		struct rule_view view = rule_set_view(set, i);

		if (strcmp(view.line->id, hit.id) == 0)
			check_rule(view, &line, arena);
	}
	buf_free(&line);
}

static void
test_packaged(void **state)
{
	const char *rules = getenv("BM_RULES"), *replies = getenv("BM_REPLIES"), *error = "";
	struct buf content = { 0 };
	struct rule_set *set = NULL;
	struct str rest, line, host, text;

	check(rule_set_load(rules == NULL ? "rules" : rules, "/nonexistent", &set, &error) == 0, "%s",
	    error);
	assert_int_equal(file_read(replies == NULL ? "t/data/replies.tsv" : replies, FILE_BYTES,
	    &content, &error), 1);
	for (rest = buf_str(&content); str_next_piece(&rest, '\n', &line);) {
		if (line.len > 0 && line.data[0] != '#' && str_next_piece(&line, '\t', &host) &&
		    str_next_piece(&line, '\t', &text) && text.len > 3 && text.data[3] == ' ' &&
		    str_is_digit(text.data[0]))
			check_reply(set, host, text, *state);
	}
	buf_free(&content);
	rule_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_queries),
		test_with_arena(test_refused),
		test_with_arena(test_scope),
		test_with_arena(test_packaged),
	};

	msg_open("judge-rule-pcre", false);
	return cmocka_run_group_tests_name("judge-rule-pcre", tests, NULL, NULL);
}
