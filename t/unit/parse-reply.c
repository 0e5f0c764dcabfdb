#include "support.h"

#include "parse/limits.h"
#include "parse/reply.h"

#define QUOTED "host mx.example.com[192.0.2.1] said: "

static const struct {
	const char *text;
	unsigned code;
	const char *status, *words, *host, *relay;
	enum stage stage;
} cases[] = {
	{ "550 5.1.1 User unknown", 550, "5.1.1", "User unknown", "", "", STAGE_UNKNOWN },
	{ "550 User unknown", 550, "", "User unknown", "", "", STAGE_UNKNOWN },
	{ "User unknown", 0, "", "User unknown", "", "", STAGE_UNKNOWN },
	{ "5.1.1 User unknown", 0, "5.1.1", "User unknown", "", "", STAGE_UNKNOWN },
	{ "550", 550, "", "", "", "", STAGE_UNKNOWN },
	{ "550 ", 550, "", "", "", "", STAGE_UNKNOWN },
	{ "550 5.1.1", 550, "5.1.1", "", "", "", STAGE_UNKNOWN },
	{ "", 0, "", "", "", "", STAGE_UNKNOWN },
	{ "550: no", 550, "", "no", "", "", STAGE_UNKNOWN },
	/* IronPort, and others that decorate the status. */
	{ "550 #5.1.0 Address rejected", 550, "5.1.0", "Address rejected", "", "", STAGE_UNKNOWN },
	{ "550#5.1.0 Address rejected", 550, "5.1.0", "Address rejected", "", "", STAGE_UNKNOWN },
	{ "550 5.1.1: no", 550, "5.1.1", "no", "", "", STAGE_UNKNOWN },
	/* No codes: numbers that only look like some. */
	{ "5500 x", 0, "", "5500 x", "", "", STAGE_UNKNOWN },
	{ "650 x", 0, "", "650 x", "", "", STAGE_UNKNOWN },
	{ "550x", 0, "", "550x", "", "", STAGE_UNKNOWN },
	{ "550 5.1.1.1 x", 550, "", "5.1.1.1 x", "", "", STAGE_UNKNOWN },
	{ "550 5.1.1a x", 550, "", "5.1.1a x", "", "", STAGE_UNKNOWN },
	{ "550 3.1.1 x", 550, "", "3.1.1 x", "", "", STAGE_UNKNOWN },
	{ "550 5.1. x", 550, "", "5.1. x", "", "", STAGE_UNKNOWN },
	{ "550 5.1234.1 x", 550, "", "5.1234.1 x", "", "", STAGE_UNKNOWN },
	{ "550 192.0.2.1 is listed", 550, "", "192.0.2.1 is listed", "", "", STAGE_UNKNOWN },
	{ "550 5.1.1. x", 550, "5.1.1", ". x", "", "", STAGE_UNKNOWN },
	/* Several lines, as an MTA joins them or as they came. */
	{ "550-5.1.1 a 550-5.1.1 b 550 5.1.1 c", 550, "5.1.1", "a b c", "", "", STAGE_UNKNOWN },
	{ "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 c\r\n", 550, "5.1.1", "a b c", "", "", STAGE_UNKNOWN },
	{ "550-a 550 b 550 c", 550, "", "a b 550 c", "", "", STAGE_UNKNOWN },
	{ "550-a 551 b", 550, "", "a 551 b", "", "", STAGE_UNKNOWN },
	{ "550-5.1.1 a", 550, "5.1.1", "a", "", "", STAGE_UNKNOWN },
	{ "550-5.7.1 550-5.7.1 b 550 5.7.1 c", 550, "5.7.1", "b c", "", "", STAGE_UNKNOWN },
	{ "550-5.7.1 550 5.7.1 b", 550, "5.7.1", "b", "", "", STAGE_UNKNOWN },
	{ "550 a 550 b", 550, "", "a 550 b", "", "", STAGE_UNKNOWN },
	/* Quoted by Postfix. */
	{ QUOTED "550 5.1.1 no (in reply to RCPT TO command)", 550, "5.1.1", "no",
	    "mx.example.com", "192.0.2.1", STAGE_RCPT },
	{ QUOTED "554 no (in reply to end of DATA command)", 554, "", "no", "mx.example.com",
	    "192.0.2.1", STAGE_EOD },
	{ QUOTED "554 no (in reply to DATA command)", 554, "", "no", "mx.example.com", "192.0.2.1",
	    STAGE_DATA },
	{ QUOTED "554 no (in reply to MAIL FROM command)", 554, "", "no", "mx.example.com",
	    "192.0.2.1", STAGE_MAIL },
	{ QUOTED "554 no (in reply to EHLO command)", 554, "", "no", "mx.example.com", "192.0.2.1",
	    STAGE_HELO },
	{ "host mx.example.com[192.0.2.1] refused to talk to me: 421 4.7.0 later", 421, "4.7.0",
	    "later", "mx.example.com", "192.0.2.1", STAGE_CONNECT },
	{ "delivery temporarily suspended: host mx.example.com[192.0.2.1] refused to talk to me: "
	    "421 later", 421, "", "later", "mx.example.com", "192.0.2.1", STAGE_CONNECT },
	{ "host mx.example.com[private/dovecot-lmtp] said: 552 5.2.2 full "
	    "(in reply to end of DATA command)", 552, "5.2.2", "full", "mx.example.com",
	    "private/dovecot-lmtp", STAGE_EOD },
	{ QUOTED "550-5.1.1 a 550 5.1.1 b (in reply to RCPT TO command)", 550, "5.1.1", "a b",
	    "mx.example.com", "192.0.2.1", STAGE_RCPT },
	/* The remote host imitates a quotation; ours is the outer one. */
	{ QUOTED "550 x host evil.example[192.0.2.9] said: 550 5.1.1 no "
	    "(in reply to end of DATA command)", 550, "",
	    "x host evil.example[192.0.2.9] said: 550 5.1.1 no", "mx.example.com", "192.0.2.1",
	    STAGE_EOD },
	{ QUOTED "550 x (in reply to RCPT TO command) (in reply to MAIL FROM command)", 550, "",
	    "x (in reply to RCPT TO command)", "mx.example.com", "192.0.2.1", STAGE_MAIL },
	/* Whoever is quoted inside a reply is not the one who speaks. */
	{ "450 4.1.1 undeliverable address: host mx.example.com[192.0.2.1] said: 550 5.1.1 no", 450,
	    "4.1.1", "undeliverable address: host mx.example.com[192.0.2.1] said: 550 5.1.1 no",
	    "", "", STAGE_UNKNOWN },
	{ "host mx.example.com said: 550 no", 0, "", "host mx.example.com said: 550 no", "", "",
	    STAGE_UNKNOWN },
	{ "connect to mx.example.com[192.0.2.1]:25: Connection refused", 0, "",
	    "connect to mx.example.com[192.0.2.1]:25: Connection refused", "", "", STAGE_UNKNOWN },
	{ "550\t5.1.1\x01\x1b[31mred\xff", 550, "5.1.1", "[31mred?", "", "", STAGE_UNKNOWN },
};

static void
test_parse(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct reply reply;

		reply_parse(text, *state, &reply);
		check(reply.code == cases[i].code, "%s: %u", cases[i].text, reply.code);
		check_text(reply.status, cases[i].status, cases[i].text);
		check_text(reply.words, cases[i].words, cases[i].text);
		check_text(reply.host, cases[i].host, cases[i].text);
		check_text(reply.relay, cases[i].relay, cases[i].text);
		check(reply.stage == cases[i].stage, "%s: %d", cases[i].text, (int)reply.stage);
		check(reply.limits == 0, "%s", cases[i].text);
		drop(text);
	}
}

static void
test_limit(void **state)
{
	char text[LIMITS_REPLY_BYTES + 2];
	struct reply reply;

	memset(text, 'a', sizeof(text));
	memcpy(text, "550 ", 4);
	reply_parse((struct str){ text, LIMITS_REPLY_BYTES }, *state, &reply);
	assert_int_equal(reply.limits, 0);
	assert_int_equal(strlen(reply.text), LIMITS_REPLY_BYTES);
	reply_parse((struct str){ text, LIMITS_REPLY_BYTES + 1 }, *state, &reply);
	assert_int_equal(reply.limits, LIMIT_TEXT);
	assert_int_equal(strlen(reply.text), LIMITS_REPLY_BYTES);
}

static void
test_take_status(void **state)
{
	static const struct {
		const char *text, *status, *rest; /* status NULL: none */
	} statuses[] = {
		{ "5.1.1", "5.1.1", "" }, { "5.1.1 (user unknown)", "5.1.1", "(user unknown)" },
		{ "5.7.509 x", "5.7.509", "x" }, { "#5.1.1#x", "5.1.1", "x" }, { "2.0.0", "2.0.0", "" },
		{ "5.1", NULL, "5.1" }, { "", NULL, "" }, { "#", NULL, "#" }, { "5..1", NULL, "5..1" },
		{ "1.1.1", NULL, "1.1.1" }, { "5.1.1234", NULL, "5.1.1234" },
	};

	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct str text = exact(statuses[i].text), rest = text;
		const char *status;
		int ret = reply_take_status(&rest, *state, &status);

		check(ret == (statuses[i].status != NULL), "%s", statuses[i].text);
		if (ret == 1)
			check_text(status, statuses[i].status, statuses[i].text);
		check(is(rest, statuses[i].rest), "%s", statuses[i].text);
		drop(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_parse),
		test_with_arena(test_limit),
		test_with_arena(test_take_status),
	};

	return cmocka_run_group_tests_name("parse-reply", tests, NULL, NULL);
}
