/* The text form of both nouns, printed and scanned. */
#include "support.h"

#include "bounce.h"

static void
fill(struct bounce *bounce, struct verdict *verdict)
{
	bounce_init(bounce);
	verdict_init(verdict);
	bounce->time = INT64_C(1795176000);
	bounce->arrival = 7;
	bounce->source = SOURCE_LOCAL;
	bounce->outcome = OUTCOME_EXPIRED;
	bounce->stage = STAGE_EOD;
	bounce->code = 550;
	bounce->together = 3;
	bounce->about = ABOUT_RECIPIENT;
	bounce->limits = LIMIT_SIZE | LIMIT_MEMORY;
	bounce->recipient = "\"a b\"@example.com";
	bounce->final_recipient = "rcpt one";
	bounce->original_recipient = " leading and trailing ";
	bounce->sender = "s@example.com";
	bounce->message_id = "<1@example.com>";
	bounce->queue_id = "4Q1";
	bounce->envelope_id = "e";
	bounce->report_id = "<2@example.com>";
	bounce->reporting_mta = "mail.example.com";
	bounce->remote_mta = "mx.example.net";
	bounce->relay = "192.0.2.1";
	bounce->client = "192.0.2.2";
	bounce->status = "5.1.1";
	bounce->diagnostic_type = "smtp";
	bounce->text = "550 back\\slash \\n not a line j\xc3\xb6rg";
	bounce->report = "a: 1\n\n b\r\\\\end\n";
	verdict->category = CATEGORY_MESSAGE_EXPIRED;
	verdict->subcause = "throttled";
	verdict->rule = "x.y-1";
	verdict->proof = PROOF_LOCAL;
	verdict->decision = DECISION_SUPPRESS;
	verdict->table = TABLE_COMPLAINT;
	verdict->reason = "category";
	verdict->until = INT64_C(1795176001);
}

static void
test_round_trip(void **state)
{
	struct bounce bounce, bounce_back;
	struct verdict verdict, verdict_back;
	struct buf first = { 0 }, second = { 0 };
	struct str text;

	fill(&bounce, &verdict);
	bounce_print(&bounce, &verdict, &first);
	text = exact_bytes(first.data, first.len);
	assert_int_equal(bounce_scan(text, *state, &bounce_back, &verdict_back), 0);
	bounce_print(&bounce_back, &verdict_back, &second);
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	/* Spot checks, so that not both directions are wrong alike. */
	assert_string_equal(bounce_back.report, bounce.report);
	assert_string_equal(bounce_back.text, bounce.text);
	assert_string_equal(bounce_back.original_recipient, bounce.original_recipient);
	assert_int_equal(bounce_back.time, bounce.time);
	assert_int_equal(bounce_back.limits, bounce.limits);
	assert_int_equal(bounce_back.stage, STAGE_EOD);
	assert_int_equal(verdict_back.category, CATEGORY_MESSAGE_EXPIRED);
	assert_int_equal(verdict_back.table, TABLE_COMPLAINT);
	assert_int_equal(verdict_back.until, verdict.until);
	assert_string_equal(bounce_back.words, "");
	buf_free(&first);
	buf_free(&second);
	drop(text);
}

/* The lines, so that a store that was written stays readable. */
static void
test_form(void **state)
{
	struct bounce bounce;
	struct verdict verdict;
	struct buf out = { 0 };

	(void)state;
	bounce_init(&bounce);
	verdict_init(&verdict);
	bounce_print(&bounce, &verdict, &out);
	assert_string_equal(buf_cstr(&out), "");
	fill(&bounce, &verdict);
	bounce_print(&bounce, &verdict, &out);
	assert_string_equal(buf_cstr(&out),
	    "time 1795176000\narrival 7\nsource local\noutcome expired\nstage eod\ncode 550\n"
	    "together 3\nabout recipient\nlimits 65\nrecipient \"a b\"@example.com\n"
	    "final-recipient rcpt one\noriginal-recipient  leading and trailing \n"
	    "sender s@example.com\nmessage-id <1@example.com>\nqueue-id 4Q1\nenvelope-id e\n"
	    "report-id <2@example.com>\nreporting-mta mail.example.com\nremote-mta mx.example.net\n"
	    "relay 192.0.2.1\nclient 192.0.2.2\nstatus 5.1.1\ndiagnostic-type smtp\n"
	    "text 550 back\\\\slash \\\\n not a line j\xc3\xb6rg\n"
	    "report a: 1\\n\\n b\\r\\\\\\\\end\\n\n"
	    "category message-expired\nsubcause throttled\nrule x.y-1\nproof local\n"
	    "decision suppress\ntable complaint\nreason category\nuntil 1795176001\n");
	buf_free(&out);
}

static void
test_scan(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} cases[] = {
		{ "", 0 }, { "code 550\n", 0 }, { "code 550", 0 }, { "a-later-name x y\n", 0 },
		{ "text\n", 0 }, { "text \\", 0 }, { "code\n", -1 }, { "code 5x0\n", -1 },
		{ "code 4294967296\n", -1 }, { "code -1\n", -1 }, { "time 1x\n", -1 },
		{ "outcome nonsense\n", -1 }, { "category \n", -1 }, { "\n", -1 }, { "code 1\n\n", -1 },
	};
	struct bounce bounce;
	struct verdict verdict;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);

		check(bounce_scan(text, *state, &bounce, &verdict) == cases[i].ret, "%s",
		    cases[i].text);
		drop(text);
	}
}

/* Every word of every enum, there and back. */
static void
test_words(void **state)
{
	const struct words *const all[] = {
		&source_words, &outcome_words, &stage_words, &class_words, &category_words,
		&action_words, &proof_words, &decision_words, &table_set_words,
	};
	enum category category;
	unsigned value;

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		for (unsigned j = 0; j < all[i]->count; j++) {
			check(words_find(all[i], str_of(words_name(all[i], j)), &value) == 1 &&
			    value == j, "words %zu: %u", i, j);
		}
		assert_string_equal(words_name(all[i], all[i]->count), "?");
		assert_int_equal(words_find(all[i], STR("no such word"), &value), 0);
	}
	assert_int_equal(category_words.count, CATEGORY_COUNT);
	assert_int_equal(category_find(STR("greylisted"), &category), 1);
	assert_int_equal(category, CATEGORY_GREYLISTED);
	assert_int_equal(category_find(STR(""), &category), 0);
}

static void
test_limits(void **state)
{
	assert_string_equal(bounce_limits_print(0, *state), "");
	assert_string_equal(bounce_limits_print(LIMIT_DEPTH, *state), "depth");
	assert_string_equal(bounce_limits_print(0x7f, *state),
	    "size,depth,parts,header,recipients,text,memory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_round_trip),
		cmocka_unit_test(test_form),
		test_with_arena(test_scan),
		cmocka_unit_test(test_words),
		test_with_arena(test_limits),
	};

	return cmocka_run_group_tests_name("parse-bounce", tests, NULL, NULL);
}
