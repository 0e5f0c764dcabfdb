/* The packaged rules, against the replies of t/data. */
#include "support.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "parse/reply.h"

#define FILE_BYTES (4 * 1024 * 1024)

static struct rule_set *rules;

static int
load(void **state)
{
	const char *directory = getenv("BM_RULES"), *error;

	(void)state;
	msg_open("judge-classify", false);
	if (rule_set_load(directory == NULL ? "rules" : directory, "/nonexistent", &rules,
	    &error) == -1) {
		print_error("%s\n", error);
		return -1;
	}
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	rule_set_free(rules);
	return 0;
}

/* A failure as the words tell it; the words are copied to their exact length. */
static void
classify_reply(struct str host, struct str text, enum outcome outcome, struct arena *arena,
    struct verdict *verdict)
{
	struct bounce bounce;
	struct reply reply;
	struct str words;

	reply_parse(text, arena, &reply);
	bounce_init(&bounce);
	verdict_init(verdict);
	words = exact_bytes(reply.words, strlen(reply.words) + 1);
	bounce.outcome = outcome;
	bounce.remote_mta = arena_strdup(arena, host);
	bounce.code = reply.code;
	bounce.status = reply.status;
	bounce.text = reply.text;
	bounce.words = words.data;
	classify(rules, &bounce, arena, verdict);
	drop(words);
}

static bool
check_line(struct str line, unsigned number)
{
	struct arena *arena = arena_new();
	struct str host = STR_EMPTY, text = STR_EMPTY, want = STR_EMPTY, name = STR_EMPTY;
	struct verdict verdict;
	bool right;

	str_next_piece(&line, '\t', &host);
	str_next_piece(&line, '\t', &text);
	want = line;
	str_next_piece(&line, ':', &name);
	classify_reply(host, text, OUTCOME_FAILED, arena, &verdict);
	right = is(name, category_name(verdict.category)) && is(line, verdict.subcause);
	if (!right)
		print_error("replies.tsv:%u: want %.*s, got %s:%s by %s: %.*s\n", number,
		    STR_ARGS(want), category_name(verdict.category), verdict.subcause,
		    verdict.rule, STR_ARGS(text));
	arena_free(arena);
	return right;
}

static void
test_replies(void **state)
{
	const char *path = getenv("BM_REPLIES"), *error = "";
	unsigned number = 0, count = 0, wrong = 0;
	struct buf content = { 0 };
	struct str rest, line;

	(void)state;
	assert_int_equal(file_read(path == NULL ? "t/data/replies.tsv" : path, FILE_BYTES, &content,
	    &error), 1);
	for (rest = buf_str(&content); str_next_piece(&rest, '\n', &line);) {
		number++;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		count++;
		wrong += !check_line(line, number);
	}
	buf_free(&content);
	assert_int_equal(wrong, 0);
	assert_true(count >= 887);
}

/* What is not a matter of one rule. */
static void
test_semantics(void **state)
{
	static const struct {
		const char *text;
		enum outcome outcome;
		enum category category;
		const char *subcause, *rule; /* rule NULL: any */
	} cases[] = {
		/* Our own words, from whatever host and whatever the code. */
		{ "550 5.1.1 <a@x.example>: Recipient address rejected: suppressed by bouncemilter "
		    "(user-unknown)", OUTCOME_FAILED, CATEGORY_LOCAL, "", "marker" },
		{ "450 Suppressed By Bouncemilter", OUTCOME_EXPIRED, CATEGORY_LOCAL, "", "marker" },
		{ "no words", OUTCOME_COMPLAINT, CATEGORY_COMPLAINT, "", "complaint" },
		/* The soft twin of a 4xx, by code or by status. */
		{ "450 User unknown", OUTCOME_FAILED, CATEGORY_USER_UNKNOWN_TEMP, "", NULL },
		{ "550 4.1.1 User unknown", OUTCOME_FAILED, CATEGORY_USER_UNKNOWN_TEMP, "", NULL },
		{ "450 5.1.1 User unknown", OUTCOME_FAILED, CATEGORY_USER_UNKNOWN_TEMP, "", NULL },
		{ "450 4.1.2 x", OUTCOME_FAILED, CATEGORY_DOMAIN_UNKNOWN_TEMP, "", NULL },
		{ "450 4.2.1 x", OUTCOME_FAILED, CATEGORY_MAILBOX_DISABLED_TEMP, "", NULL },
		{ "452 4.2.2 x", OUTCOME_FAILED, CATEGORY_MAILBOX_FULL, "", NULL },
		/* Words before digits. */
		{ "554 5.7.1 User unknown", OUTCOME_FAILED, CATEGORY_USER_UNKNOWN, "", NULL },
		/* Expired: what was said last is the cause, and no proof of anything. */
		{ "450 4.2.0 Greylisted", OUTCOME_EXPIRED, CATEGORY_GREYLISTED, "", NULL },
		{ "450 4.1.1 User unknown", OUTCOME_EXPIRED, CATEGORY_USER_UNKNOWN_TEMP, "", NULL },
		{ "550 5.1.1 User unknown", OUTCOME_EXPIRED, CATEGORY_USER_UNKNOWN_TEMP, "", NULL },
		{ "connect to x.example[192.0.2.1]:25: Connection timed out", OUTCOME_EXPIRED,
		    CATEGORY_MESSAGE_EXPIRED, "network-error", NULL },
		{ "delivery time expired", OUTCOME_EXPIRED, CATEGORY_MESSAGE_EXPIRED, "", NULL },
		{ "gibberish", OUTCOME_EXPIRED, CATEGORY_MESSAGE_EXPIRED, "unknown", "" },
		/* A code alone never takes a mailbox away. */
		{ "550", OUTCOME_FAILED, CATEGORY_UNKNOWN, "", NULL },
		{ "550 qwertz", OUTCOME_FAILED, CATEGORY_UNKNOWN, "", NULL },
		{ "556 qwertz", OUTCOME_FAILED, CATEGORY_DOMAIN_UNKNOWN, "", "code.556" },
		{ "521 qwertz", OUTCOME_FAILED, CATEGORY_DOMAIN_UNKNOWN_TEMP, "", "code.521" },
		{ "", OUTCOME_FAILED, CATEGORY_UNKNOWN, "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict;

		classify_reply(STR_EMPTY, str_of(cases[i].text), cases[i].outcome, *state, &verdict);
		check(verdict.category == cases[i].category, "%s: %s by %s", cases[i].text,
		    category_name(verdict.category), verdict.rule);
		check_text(verdict.subcause, cases[i].subcause, cases[i].text);
		if (cases[i].rule != NULL)
			check_text(verdict.rule, cases[i].rule, cases[i].text);
	}
}

/* Who is listed or limited, and by what list. */
static void
test_identity(void **state)
{
	static const char *const cases[][3] = {
		{ "554 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus.org", "spamhaus-zen",
		    "192.0.2.7" },
		{ "554 5.7.1 <a@example.com>: Sender address [a@example.com] blocked using "
		    "dbl.spamhaus.org", "spamhaus-dbl", "example.com" },
		{ "421-4.7.28 unusual rate of unsolicited mail originating from your IP Netblock "
		    "[192.0.2.0/24 36]. - gsmtp", "netblock", "192.0.2.0/24" },
		{ "421-4.7.28 unusual rate of unsolicited mail originating from your DKIM domain "
		    "[example.com 35]. - gsmtp", "dkim-domain", "example.com" },
		{ "550 5.7.606 banned sending IP [192.0.2.7], says x.prod.outlook.com", "microsoft",
		    "192.0.2.7" },
		{ "550 5.7.26 SPF [192.0.2.7] failed", "spf", "" }, { "550 User unknown 192.0.2.7", "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict;

		classify_reply(STR_EMPTY, str_of(cases[i][0]), OUTCOME_FAILED, *state, &verdict);
		check_text(verdict.subcause, cases[i][1], cases[i][0]);
		check_text(verdict.identity, cases[i][2], cases[i][0]);
	}
}

/* Whatever the code, words that nobody knows take no mailbox away. */
static void
test_every_code(void **state)
{
	for (unsigned code = 200; code < 600; code++) {
		const char *text = arena_printf(*state, "%u qwertz", code);
		struct verdict verdict;

		classify_reply(STR_EMPTY, str_of(text), OUTCOME_FAILED, *state, &verdict);
		check((category_class(verdict.category) == CLASS_HARD) == (code == 556), "%s: %s",
		    text, verdict.rule);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		test_with_arena(test_semantics),
		test_with_arena(test_identity),
		test_with_arena(test_every_code),
	};

	return cmocka_run_group_tests_name("judge-classify", tests, load, unload);
}
