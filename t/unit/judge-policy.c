#include "support.h"

#include "base/clock.h"
#include "judge/policy.h"

#define DAY ((int64_t)CLOCK_DAY_SEC)
#define NOW (INT64_C(20000) * DAY + 43200) /* noon of some day */

/* A refusal of one mailbox by a remote server at RCPT TO, of mail of ours. */
static void
make(struct bounce *bounce, struct verdict *verdict, enum category category)
{
	bounce_init(bounce);
	verdict_init(verdict);
	bounce->time = NOW;
	bounce->source = SOURCE_LOCAL;
	bounce->outcome = OUTCOME_FAILED;
	bounce->stage = STAGE_RCPT;
	bounce->code = 550;
	bounce->together = 1;
	bounce->recipient = "jo@example.net";
	bounce->remote_mta = "mx.example.net";
	bounce->relay = "192.0.2.1";
	bounce->status = "5.1.1";
	verdict->category = category;
	verdict->proof = PROOF_LOCAL;
}

/* Taxonomy section 3, row by row. */
static const struct {
	enum category category;
	enum action action;
	unsigned count, days, within_days, term_days;
} defaults[] = {
	{ CATEGORY_UNKNOWN, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_USER_UNKNOWN, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_USER_UNKNOWN_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_DOMAIN_UNKNOWN, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_DOMAIN_UNKNOWN_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_ADDRESS_SYNTAX, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_DISABLED, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_DISABLED_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_MAILBOX_MOVED, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_FULL, ACTION_THRESHOLD, 3, 3, 30, 30 },
	{ CATEGORY_RECIPIENT_RATE, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_RECIPIENT_REFUSED, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_MESSAGE_TOO_BIG, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_TOO_MANY_RECIPIENTS, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_CONTENT_REJECTED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_PROHIBITED_CONTENT, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_MALFORMED_MESSAGE, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_AUTH_FAILURE, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_RDNS_FAILURE, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_TLS_REQUIRED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_IP_BLOCKLISTED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_DOMAIN_BLOCKLISTED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_REPUTATION, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_POLICY_REJECTED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_THROTTLED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_GREYLISTED, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_RELAY_DENIED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_SENDER_REJECTED, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_ROUTING_LOOP, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_SYSTEM_ERROR, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_SYSTEM_FULL, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_NETWORK_ERROR, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_MESSAGE_EXPIRED, ACTION_THRESHOLD, 3, 7, 30, 30 },
	{ CATEGORY_PROTOCOL_ERROR, ACTION_ALERT, 0, 0, 0, 0 },
	{ CATEGORY_COMPLAINT, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_LOCAL, ACTION_COUNT, 0, 0, 0, 0 },
	{ CATEGORY_MANUAL, ACTION_SUPPRESS, 0, 0, 0, 0 },
};

static void
test_defaults(void **state)
{
	static const enum decision first[] = {
		[ACTION_COUNT] = DECISION_COUNT, [ACTION_ALERT] = DECISION_ALERT,
		[ACTION_SUPPRESS] = DECISION_SUPPRESS, [ACTION_THRESHOLD] = DECISION_COUNT,
	};
	struct policy_history history = { 0 };
	struct policy policy;

	(void)state;
	policy_init(&policy);
	assert_int_equal(COUNT(defaults), CATEGORY_COUNT);
	assert_int_equal(policy.max_suppressions, 200);
	assert_int_equal(policy.max_suppressions_sec, 600);
	for (size_t i = 0; i < COUNT(defaults); i++) {
		const struct policy_category *have = &policy.categories[defaults[i].category];
		const char *name = category_name(defaults[i].category);
		struct verdict verdict;
		struct bounce bounce;

		check(have->action == defaults[i].action, "%s", name);
		if (have->action == ACTION_THRESHOLD)
			check(have->count == defaults[i].count && have->days == defaults[i].days &&
			    have->within_sec == defaults[i].within_days * DAY, "%s", name);
		if (have->action == ACTION_THRESHOLD || have->action == ACTION_SUPPRESS)
			check(have->term_sec == defaults[i].term_days * DAY, "%s", name);
		check(have->table == (defaults[i].category == CATEGORY_COMPLAINT ? TABLE_COMPLAINT :
		    TABLE_MAIN), "%s", name);
		make(&bounce, &verdict, defaults[i].category);
		policy_decide(&policy, &bounce, &history, &verdict);
		check(verdict.decision == first[have->action], "%s: %s", name, verdict.reason);
		if (verdict.decision == DECISION_SUPPRESS)
			check(verdict.until == (defaults[i].term_days == 0 ? 0 :
			    NOW + defaults[i].term_days * DAY), "%s", name);
		else
			check(verdict.until == 0, "%s", name);
	}
}

static const char *const own[] = { "own.example", ".below.example", NULL };
static const char *const never[] = { "ceo@example.net", "never.example", ".sub.example", NULL };

static const struct {
	const char *address;
	bool want;
} addresses[] = {
	{ "jo@example.net", true }, { "", false }, { "postmaster@example.net", false },
	{ "abuse@example.net", false }, { "double-bounce@example.net", false },
	{ "postmasters@example.net", true }, { "jo@own.example", false }, { "jo@x.own.example", true },
	{ "jo@below.example", false }, { "jo@x.below.example", false }, { "ceo@example.net", false },
	{ "ceo@example.org", true }, { "jo@never.example", false }, { "jo@x.never.example", true },
	{ "jo@x.sub.example", false }, { "\"a@own.example\"@example.net", true },
};

static void
test_addresses(void **state)
{
	struct policy policy;

	(void)state;
	policy_init(&policy);
	policy.own_domains = own;
	policy.never_suppress = never;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct policy_history history = { 0 };
		struct verdict verdict;
		struct bounce bounce;

		check(policy_may_suppress(&policy, addresses[i].address) == addresses[i].want, "%s",
		    addresses[i].address);
		make(&bounce, &verdict, CATEGORY_USER_UNKNOWN);
		bounce.recipient = addresses[i].address;
		policy_decide(&policy, &bounce, &history, &verdict);
		check(verdict.decision == (addresses[i].want ? DECISION_SUPPRESS : DECISION_EXEMPT),
		    "%s", addresses[i].address);
	}
	assert_true(policy_is_own_domain(&policy, "own.example"));
	assert_false(policy_is_own_domain(&policy, "example.net"));
}

/* A status x.7.x is a policy, whatever the words say of the mailbox. */
static void
test_policy_status(void **state)
{
	static const struct {
		const char *status, *host;
		bool guarded;
	} cases[] = {
		{ "5.1.1", "mx.example.net", false }, { "5.7.1", "mx.example.net", true },
		{ "5.7.0", "mx.example.net", true }, { "4.7.1", "mx.example.net", true },
		{ "5.7.13", "mx.example.net", false }, { "5.7.17", "mx.example.net", false },
		{ "5.7.18", "mx.example.net", false }, { "5.7.130", "mx.example.net", true },
		{ "5.7.504", "mx.example.net", true },
		{ "5.7.504", "x-y.mail.protection.outlook.com", false },
		{ "5.7.505", "x-y.mail.protection.outlook.com", false },
		{ "5.7.506", "x-y.mail.protection.outlook.com", true },
		{ "5.7.504", "protection.outlook.com.evil.example", true },
		{ "5.17.1", "mx.example.net", false }, { "", "mx.example.net", false },
	};
	struct policy policy;

	(void)state;
	policy_init(&policy);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy_history history = { 0 };
		struct verdict verdict;
		struct bounce bounce;

		make(&bounce, &verdict, CATEGORY_MAILBOX_DISABLED);
		bounce.status = cases[i].status;
		bounce.remote_mta = cases[i].host;
		policy_decide(&policy, &bounce, &history, &verdict);
		check(verdict.decision == (cases[i].guarded ? DECISION_EXEMPT : DECISION_SUPPRESS),
		    "%s at %s", cases[i].status, cases[i].host);
	}
}

/* An operator's own setting passes the guard, but by naming the category. */
static void
test_opt_in(void **state)
{
	struct policy_history history = { 0 };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	policy.categories[CATEGORY_RECIPIENT_REFUSED].action = ACTION_SUPPRESS;
	make(&bounce, &verdict, CATEGORY_RECIPIENT_REFUSED);
	bounce.status = "5.7.129";
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_EXEMPT);
	policy.categories[CATEGORY_RECIPIENT_REFUSED].opted_in = true;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	assert_int_equal(verdict.until, NOW + 30 * DAY);
}

/* Whose words, about whom, and when in the session. */
static void
test_about_mailbox(void **state)
{
	static const struct {
		enum category category;
		enum source source;
		enum stage stage;
		unsigned together;
		enum about about;
		const char *remote_mta, *relay;
		enum decision want;
	} cases[] = {
#define U CATEGORY_USER_UNKNOWN
#define D CATEGORY_DOMAIN_UNKNOWN
#define N ABOUT_NOBODY
#define R ABOUT_RECIPIENT
		{ U, SOURCE_LOCAL, STAGE_RCPT, 1, N, "mx", "192.0.2.1", DECISION_SUPPRESS },
		{ U, SOURCE_NET, STAGE_UNKNOWN, 1, N, "", "", DECISION_SUPPRESS },
		/* our own delivery agent, and a unix-domain socket */
		{ U, SOURCE_LOCAL, STAGE_UNKNOWN, 1, N, "", "", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_RCPT, 1, N, "mx", "private/lmtp", DECISION_EXEMPT },
		{ D, SOURCE_LOCAL, STAGE_RCPT, 1, N, "mx", "private/lmtp", DECISION_EXEMPT },
		/* before RCPT TO nobody's mailbox is meant */
		{ U, SOURCE_LOCAL, STAGE_CONNECT, 1, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_HELO, 1, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_MAIL, 1, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		/* a reply to MAIL FROM is about the sender's domain; the make-believe
		   code of these cases, 550, is no greeting of RFC 7504 */
		{ D, SOURCE_LOCAL, STAGE_CONNECT, 1, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ D, SOURCE_LOCAL, STAGE_MAIL, 1, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		/* a relay of our own site, by the setting relays */
		{ U, SOURCE_LOCAL, STAGE_RCPT, 1, N, "mx", "10.0.0.1", DECISION_EXEMPT },
		{ U, SOURCE_NET, STAGE_RCPT, 1, N, "mx", "10.0.0.1", DECISION_SUPPRESS },
		/* the look-up of a smarthost is one of ours, too */
		{ D, SOURCE_NET, STAGE_UNKNOWN, 1, N, "", "", DECISION_COUNT },
		/* the end of DATA covers the whole transaction */
		{ U, SOURCE_LOCAL, STAGE_EOD, 1, N, "mx", "192.0.2.1", DECISION_SUPPRESS },
		{ U, SOURCE_LOCAL, STAGE_EOD, 2, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_EOD, 2, R, "mx", "192.0.2.1", DECISION_SUPPRESS },
		{ U, SOURCE_LOCAL, STAGE_DATA, 2, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_UNKNOWN, 2, N, "mx", "192.0.2.1", DECISION_EXEMPT },
		{ U, SOURCE_LOCAL, STAGE_RCPT, 2, N, "mx", "192.0.2.1", DECISION_SUPPRESS },
		/* our own look-up needs two days, for one recipient or for several */
		{ D, SOURCE_LOCAL, STAGE_UNKNOWN, 1, N, "", "", DECISION_COUNT },
		{ D, SOURCE_LOCAL, STAGE_UNKNOWN, 2, N, "", "", DECISION_COUNT },
		{ D, SOURCE_LOCAL, STAGE_RCPT, 1, N, "mx", "192.0.2.1", DECISION_SUPPRESS },
#undef U
#undef D
#undef N
#undef R
	};
	struct policy policy;
	struct net relay;

	(void)state;
	policy_init(&policy);
	assert_int_equal(net_parse(STR("10.0.0.0/8"), &relay), 0);
	policy.relays = &relay;
	policy.relay_count = 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy_history history = { 0 };
		struct verdict verdict;
		struct bounce bounce;

		make(&bounce, &verdict, cases[i].category);
		bounce.source = cases[i].source;
		bounce.stage = cases[i].stage;
		bounce.together = cases[i].together;
		bounce.about = cases[i].about;
		bounce.remote_mta = cases[i].remote_mta;
		bounce.relay = cases[i].relay;
		policy_decide(&policy, &bounce, &history, &verdict);
		check(verdict.decision == cases[i].want, "case %zu: %s", i, verdict.reason);
	}
}

/* So many messages on so many days within a time: days before now, newest
   last, -1 ends. */
static void
test_thresholds(void **state)
{
	static const struct {
		enum category category;
		const char *remote_mta;
		int earlier[8]; /* hours before now, oldest first */
		enum decision want;
	} cases[] = {
		{ CATEGORY_MAILBOX_FULL, "mx", { -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 24, -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 48, 24, -1 }, DECISION_SUPPRESS },
		/* three messages, but on two days, or on one */
		{ CATEGORY_MAILBOX_FULL, "mx", { 24, 24, -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 24, 1, -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 2, 1, 1, 1, 1, 1, -1 }, DECISION_COUNT },
		/* one is too old */
		{ CATEGORY_MAILBOX_FULL, "mx", { 31 * 24, 24, -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 30 * 24, 24, -1 }, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, "mx", { 30 * 24 - 1, 24, -1 }, DECISION_SUPPRESS },
		/* a day is a date, not 24 hours: noon, yesterday 23:00, and 23 hours before */
		{ CATEGORY_MAILBOX_FULL, "mx", { 37, 13, -1 }, DECISION_SUPPRESS },
		{ CATEGORY_USER_UNKNOWN_TEMP, "mx", { 72, 48, 24, -1 }, DECISION_COUNT },
		{ CATEGORY_USER_UNKNOWN_TEMP, "mx", { 96, 72, 48, 24, -1 }, DECISION_SUPPRESS },
		{ CATEGORY_MESSAGE_EXPIRED, "mx", { 48, 24, -1 }, DECISION_COUNT },
		{ CATEGORY_MESSAGE_EXPIRED, "mx", { 144, 120, 96, 72, 48, 24, -1 }, DECISION_SUPPRESS },
		/* our own look-up: two days within seven */
		{ CATEGORY_DOMAIN_UNKNOWN, "", { 24, -1 }, DECISION_SUPPRESS },
		{ CATEGORY_DOMAIN_UNKNOWN, "", { 1, -1 }, DECISION_COUNT },
		{ CATEGORY_DOMAIN_UNKNOWN, "", { 7 * 24, -1 }, DECISION_COUNT },
	};
	struct policy policy;

	(void)state;
	policy_init(&policy);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy_history history = { 0 };
		struct verdict verdict;
		struct bounce bounce;

		make(&bounce, &verdict, cases[i].category);
		bounce.remote_mta = cases[i].remote_mta;
		for (; cases[i].earlier[history.count] != -1; history.count++)
			history.failures[history.count].time = NOW -
			    cases[i].earlier[history.count] * INT64_C(3600);
		check(policy_decide(&policy, &bounce, &history, &verdict) ==
		    (cases[i].want == DECISION_SUPPRESS), "case %zu: %s", i, verdict.reason);
		check(verdict.decision == cases[i].want, "case %zu: %s", i, verdict.reason);
		/* Where our own look-up decides, the term is still the category's. */
		if (verdict.decision == DECISION_SUPPRESS)
			check(verdict.until == NOW + policy.categories[cases[i].category].term_sec,
			    "case %zu", i);
	}
}

/* Those that made the threshold are named; a message that had failed so before
   adds nothing; and where no day is asked for, the number alone counts. */
static void
test_what_makes_a_threshold(void **state)
{
	struct policy_history history = { .count = 3, .failures = {
		{ NOW - 40 * DAY, 11 }, { NOW - 2 * DAY, 12 }, { NOW - DAY, 13 },
	} };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	make(&bounce, &verdict, CATEGORY_MAILBOX_FULL);
	assert_true(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	assert_false(history.counted[0]);
	assert_true(history.counted[1] && history.counted[2]);
	bounce.again = 1;
	assert_false(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_COUNT);
	policy.categories[CATEGORY_MAILBOX_FULL].within_sec = 0;
	assert_true(policy_decide(&policy, &bounce, &history, &verdict));
	assert_true(history.counted[0]);
	policy.categories[CATEGORY_MAILBOX_FULL].days = 5;
	assert_false(policy_decide(&policy, &bounce, &history, &verdict));
	policy.categories[CATEGORY_MAILBOX_FULL].days = 1;
	history.count = 0;
	assert_false(policy_decide(&policy, &bounce, &history, &verdict));
}

/* What a clock told that was far ahead does not count; clocks that differ by hours
   do no harm. */
static void
test_failures_ahead_of_time(void **state)
{
	struct policy_history history = { .count = 3, .failures = {
		{ NOW + 400 * DAY, 11 }, { NOW + 401 * DAY, 12 }, { NOW + DAY + 1, 13 },
	} };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	make(&bounce, &verdict, CATEGORY_MAILBOX_FULL);
	assert_false(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_COUNT);
	assert_false(history.counted[0] || history.counted[1] || history.counted[2]);
	policy.categories[CATEGORY_MAILBOX_FULL].within_sec = 0;
	assert_false(policy_decide(&policy, &bounce, &history, &verdict));
	history.failures[0].time = NOW - DAY;
	history.failures[2].time = NOW + DAY;
	assert_true(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	assert_true(history.counted[0] && !history.counted[1] && history.counted[2]);
}

/* The order of the questions: each case answers all that come before it. */
static void
test_order(void **state)
{
	struct policy_history history = { .suppressed = { true, false }, .recent = 200 };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	policy.own_domains = own;
	make(&bounce, &verdict, CATEGORY_THROTTLED);
	bounce.status = "5.7.1";
	bounce.recipient = "jo@own.example";
	bounce.stage = STAGE_CONNECT;
#define decides(answer, why) do { \
		policy_decide(&policy, &bounce, &history, &verdict); \
		assert_string_equal(verdict.reason, why); \
		assert_int_equal(verdict.decision, answer); \
	} while (0)
	verdict.proof = PROOF_NONE;
	decides(DECISION_UNPROVEN, "no proof that it was our mail");
	verdict.proof = PROOF_RELAY;
	decides(DECISION_ALERT, "category");
	verdict.category = CATEGORY_GREYLISTED;
	decides(DECISION_COUNT, "category");
	verdict.category = CATEGORY_MAILBOX_FULL;
	decides(DECISION_EXEMPT, "5.7.x never suppresses");
	bounce.status = "5.2.2";
	decides(DECISION_EXEMPT, "own domain or never-suppress");
	bounce.recipient = "";
	decides(DECISION_EXEMPT, "no certain address");
	bounce.recipient = "jo@example.net";
	decides(DECISION_EXEMPT, "refused before RCPT TO");
	bounce.stage = STAGE_RCPT;
	decides(DECISION_COUNT, "below threshold");
	history.count = 2;
	history.failures[0].time = NOW - 2 * DAY;
	history.failures[1].time = NOW - DAY;
	decides(DECISION_COUNT, "already suppressed");
	assert_int_equal(verdict.until, 0);
	history.suppressed[TABLE_MAIN] = false;
	history.frozen = true;
	decides(DECISION_HOLD, "max-suppressions");
	assert_int_equal(verdict.until, NOW + 30 * DAY);
	history.recent = 199;
	decides(DECISION_HOLD, POLICY_FROZEN);
	assert_int_equal(verdict.until, NOW + 30 * DAY);
	history.frozen = false;
	decides(DECISION_SUPPRESS, "threshold reached");
	history.recent = 1000000;
	policy.max_suppressions = 0;
	decides(DECISION_SUPPRESS, "threshold reached");
	verdict.category = CATEGORY_USER_UNKNOWN;
	decides(DECISION_SUPPRESS, "category");
#undef decides
}

/* A frozen provider changes what would suppress, and nothing else; who complains
   is not the provider. The answer to the same question is the same twice. */
static void
test_frozen(void **state)
{
	static const struct {
		enum category category;
		enum decision want;
	} rows[] = {
		{ CATEGORY_USER_UNKNOWN, DECISION_HOLD }, { CATEGORY_MAILBOX_DISABLED, DECISION_HOLD },
		{ CATEGORY_MAILBOX_FULL, DECISION_COUNT }, { CATEGORY_THROTTLED, DECISION_ALERT },
		{ CATEGORY_GREYLISTED, DECISION_COUNT }, { CATEGORY_COMPLAINT, DECISION_SUPPRESS },
	};
	struct policy_history history = { .frozen = true, .count = 2, .failures = {
		{ .time = NOW - 2 * DAY }, { .time = NOW - DAY },
	} };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy_history none = { .frozen = true };

		make(&bounce, &verdict, rows[i].category);
		policy_decide(&policy, &bounce, &none, &verdict);
		check(verdict.decision == rows[i].want, "%s", category_name(rows[i].category));
		policy.categories[rows[i].category].table = TABLE_MAIN;
		policy_decide(&policy, &bounce, &none, &verdict);
		check(verdict.decision == rows[i].want, "%s", category_name(rows[i].category));
	}
	make(&bounce, &verdict, CATEGORY_MAILBOX_FULL);
	history.frozen = false;
	assert_true(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	history.frozen = true;
	assert_true(policy_decide(&policy, &bounce, &history, &verdict));
	assert_int_equal(verdict.decision, DECISION_HOLD);
	assert_true(history.counted[0] && history.counted[1]);
	history.suppressed[TABLE_MAIN] = true;
	assert_true(policy_decide(&policy, &bounce, &history, &verdict) == false);
	assert_int_equal(verdict.decision, DECISION_COUNT);
}

/* The two tables do not know of each other; a term of 0 never ends. */
static void
test_tables(void **state)
{
	struct policy_history history = { .suppressed = { true, false } };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	make(&bounce, &verdict, CATEGORY_COMPLAINT);
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	assert_int_equal(verdict.table, TABLE_COMPLAINT);
	policy.categories[CATEGORY_COMPLAINT].table = TABLE_MAIN;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_COUNT);
	assert_int_equal(verdict.table, TABLE_MAIN);
	policy.categories[CATEGORY_COMPLAINT].term_sec = 0;
	history.suppressed[TABLE_MAIN] = false;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	assert_int_equal(verdict.until, 0);
}

/* Nobody could be asked: that may count. But our own agents leave messages to
   expire too, and a user of our own over quota must stay reachable. */
static void
test_expired_without_a_server(void **state)
{
	static const struct {
		enum category category;
		enum decision want;
	} cases[] = {
		{ CATEGORY_MESSAGE_EXPIRED, DECISION_COUNT },
		{ CATEGORY_DOMAIN_UNKNOWN_TEMP, DECISION_COUNT },
		{ CATEGORY_MAILBOX_FULL, DECISION_EXEMPT },
		{ CATEGORY_USER_UNKNOWN_TEMP, DECISION_EXEMPT },
	};
	const enum source sources[] = { SOURCE_LOCAL, SOURCE_LOG };
	struct policy policy;

	(void)state;
	policy_init(&policy);
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct policy_history history = { 0 };
		struct verdict verdict;
		struct bounce bounce;

		make(&bounce, &verdict, cases[i / 2].category);
		bounce.source = sources[i % 2];
		bounce.outcome = OUTCOME_EXPIRED;
		bounce.status = "4.4.1";
		bounce.stage = STAGE_UNKNOWN;
		bounce.remote_mta = bounce.relay = "";
		policy_decide(&policy, &bounce, &history, &verdict);
		check(verdict.decision == cases[i / 2].want, "%s", category_name(cases[i / 2].category));
	}
}

/* One deferral is no reason, whatever the setting; unless a rule says that this
   4xx means "gone". */
static void
test_only_deferred(void **state)
{
	struct policy_history history = { 0 };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	policy.categories[CATEGORY_MAILBOX_FULL].action = ACTION_SUPPRESS;
	make(&bounce, &verdict, CATEGORY_MAILBOX_FULL);
	bounce.outcome = OUTCOME_DEFERRED;
	bounce.status = "4.2.2";
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_COUNT);
	bounce.outcome = OUTCOME_FAILED;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	make(&bounce, &verdict, CATEGORY_USER_UNKNOWN);
	bounce.outcome = OUTCOME_DEFERRED;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
}

/* Two days are asked for where one failure would do, and not where the operator
   asks for more. */
static void
test_own_lookup_and_the_operator(void **state)
{
	struct policy_history history = { .failures = { { NOW - DAY, 1 } }, .count = 1 };
	struct policy policy;
	struct verdict verdict;
	struct bounce bounce;

	(void)state;
	policy_init(&policy);
	make(&bounce, &verdict, CATEGORY_DOMAIN_UNKNOWN);
	bounce.remote_mta = bounce.relay = "";
	bounce.stage = STAGE_UNKNOWN;
	bounce.status = "5.4.4";
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_SUPPRESS);
	policy.categories[CATEGORY_DOMAIN_UNKNOWN].action = ACTION_THRESHOLD;
	policy.categories[CATEGORY_DOMAIN_UNKNOWN].count = 10;
	policy.categories[CATEGORY_DOMAIN_UNKNOWN].days = 10;
	policy_decide(&policy, &bounce, &history, &verdict);
	assert_int_equal(verdict.decision, DECISION_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_policy_status),
		cmocka_unit_test(test_opt_in),
		cmocka_unit_test(test_about_mailbox),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_what_makes_a_threshold),
		cmocka_unit_test(test_failures_ahead_of_time),
		cmocka_unit_test(test_expired_without_a_server),
		cmocka_unit_test(test_only_deferred),
		cmocka_unit_test(test_own_lookup_and_the_operator),
		cmocka_unit_test(test_order), cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests_name("judge-policy", tests, NULL, NULL);
}
