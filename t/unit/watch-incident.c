/* An incident as a value: its text form, and its sentence. */
#include "support.h"

#include "base/msg.h"
#include "watch/incident.h"

#define NOW INT64_C(1795187520) /* 2026-11-20T15:12:00Z */

static int
setup(void **state)
{
	(void)state;
	msg_open("watch-incident", false);
	return 0;
}

static void
counts(struct incident_count *list, unsigned most, const char *prefix, struct arena *arena)
{
	for (unsigned i = 0; i < most; i++)
		list[i] = (struct incident_count){ arena_printf(arena, "%s %u", prefix, i), 100 + i };
}

/* All fields, all different. */
static void
fill(struct incident *incident, struct arena *arena)
{
	incident_init(incident);
	*incident = (struct incident){
		.id = 7, .rule = WATCH_RAMP, .severity = SEVERITY_CRITICAL, .since = 1, .opened = 2,
		.newest = 3, .closed = 4, .domain = "domain", .provider = "provider",
		.condition = "condition", .cause = "cause", .recipients = 11, .messages = 12,
		.failures = 13, .attempts = UINT64_C(999999999999999999),
		.category = CATEGORY_RDNS_FAILURE, .subcause = "subcause", .identity = "identity",
		.address = "address", .selector = "selector", .from_domain = "from",
		.sender_domain = "sender",
		.texts = { "text 0", "text 1", "text 2" }, .diagnosis = "line 1\nline 2\r\n\\n\\",
		.notified = 4294967295u, .notified_time = 5, .notified_recipients = 14,
	};
	counts(incident->providers, INCIDENT_PROVIDERS, "provider", arena);
	counts(incident->causes, INCIDENT_CAUSES, "cause", arena);
	counts(incident->codes, INCIDENT_CODES, "code", arena);
	counts(incident->campaigns, INCIDENT_CAMPAIGNS, "campaign", arena);
}

static void
check_counts(const struct incident_count *got, const struct incident_count *want, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		check_text(got[i].name, want[i].name, "name");
		check(got[i].count == want[i].count, "%s", want[i].name);
	}
}

#define SAME_NUMBER(member) check(got->member == want->member, "%s\n", #member)
#define SAME_TEXT(member) check_text(got->member, want->member, #member)

static void
check_same(const struct incident *got, const struct incident *want)
{
	SAME_NUMBER(id);
	SAME_NUMBER(rule);
	SAME_NUMBER(severity);
	SAME_NUMBER(since);
	SAME_NUMBER(opened);
	SAME_NUMBER(newest);
	SAME_NUMBER(closed);
	SAME_TEXT(domain);
	SAME_TEXT(provider);
	SAME_TEXT(condition);
	SAME_TEXT(cause);
	SAME_NUMBER(recipients);
	SAME_NUMBER(messages);
	SAME_NUMBER(failures);
	SAME_NUMBER(attempts);
	SAME_NUMBER(category);
	SAME_TEXT(subcause);
	SAME_TEXT(identity);
	SAME_TEXT(address);
	SAME_TEXT(selector);
	SAME_TEXT(from_domain);
	SAME_TEXT(sender_domain);
	check_counts(got->providers, want->providers, INCIDENT_PROVIDERS);
	check_counts(got->causes, want->causes, INCIDENT_CAUSES);
	check_counts(got->codes, want->codes, INCIDENT_CODES);
	check_counts(got->campaigns, want->campaigns, INCIDENT_CAMPAIGNS);
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		SAME_TEXT(texts[i]);
	SAME_TEXT(diagnosis);
	SAME_NUMBER(notified);
	SAME_NUMBER(notified_time);
	SAME_NUMBER(notified_recipients);
}

/* Print and read back. */
static void
pass_through(const struct incident *incident, struct arena *arena, struct incident *again_r)
{
	struct buf text = { 0 };
	struct str bytes;

	incident_print(incident, &text);
	bytes = exact_bytes(text.len == 0 ? "" : text.data, text.len);
	check(incident_scan(bytes, arena, again_r) == 0, "%s", buf_cstr(&text));
	drop(bytes);
	buf_free(&text);
}

static void
test_every_field(void **state)
{
	struct incident incident, again;

	fill(&incident, *state);
	pass_through(&incident, *state, &again);
	check_same(&again, &incident);
	incident_init(&incident);
	pass_through(&incident, *state, &again);
	check_same(&again, &incident);
}

static void
test_a_copy_stands_alone(void **state)
{
	struct arena *arena = arena_new();
	struct incident incident, copy, want;

	fill(&want, *state);
	pass_through(&want, arena, &incident);
	incident_copy(&incident, *state, &copy);
	arena_free(arena);
	check_same(&copy, &want);
}

static void
test_what_is_not_known(void **state)
{
	static const struct { const char *text; int want; } cases[] = {
		{ "", 0 }, { "id 1\n", 0 }, { "id 1", 0 }, { "colour green\nid 1\n", 0 }, { "colour\nid 1", 0 },
		{ "at 5 Google\n", 0 }, { "at 5 \n", 0 }, { "text \n", 0 }, { "domain\n", 0 },
		{ "id x\n", -1 }, { "id -1\n", -1 }, { "id\n", -1 }, { "rule none-such\n", -1 }, { "at Google\n", -1 },
		{ "severity \n", -1 }, { "notified 4294967296\n", -1 }, { "at\n", -1 }, { "since 1 \n", -1 },
		{ "id 9999999999999999999\n", -1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct incident incident;

		check(incident_scan(text, *state, &incident) == cases[i].want, "%s", cases[i].text);
		drop(text);
	}
}

/* More members than there is room for, and a number that is too long. */
static void
test_too_much(void **state)
{
	struct incident incident, again;

	assert_int_equal(incident_scan(STR("text a\ntext b\ntext c\ntext d\nat 1 a\nat 2 b\ndomain a\n"
	    "domain b\n"), *state, &incident), 0);
	assert_string_equal(incident.texts[2], "c");
	assert_string_equal(incident.providers[1].name, "b");
	assert_string_equal(incident.domain, "b");
	incident.recipients = UINT64_MAX;
	incident.providers[0].count = UINT64_MAX;
	incident.since = -1;
	pass_through(&incident, *state, &again);
	assert_true(again.recipients == UINT64_C(999999999999999999));
	assert_true(again.providers[0].count == again.recipients);
	assert_int_equal(again.since, 0);
}

/* Whatever stands in a text, no other field comes of it. */
static void
test_hostile(void **state)
{
	char *lengthy = arena_alloc(*state, 100001);
	const char *const cases[] = {
		"a\nseverity critical", "\nid 9\n", "a\r\nid 9", "a\\", "\\nid 9", "\\\nid 9", "\\\\\nid 9\\",
		"\x01\x1b[31m\x7f", "\t", " ", "\xff\xfe", "5 5 5", lengthy,
	};

	memset(lengthy, '\n', 100000);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct incident incident, again;

		incident_init(&incident);
		incident.domain = incident.provider = incident.condition = incident.cause =
		    incident.subcause = incident.identity = incident.address = incident.selector =
		    incident.from_domain = incident.sender_domain = incident.diagnosis = incident.texts[0] =
		    incident.texts[2] = cases[i];
		incident.providers[0].name = incident.causes[1].name = incident.codes[7].name =
		    incident.campaigns[3].name = cases[i];
		pass_through(&incident, *state, &again);
		/* Gaps in a list are closed. */
		incident.texts[1] = cases[i];
		incident.texts[2] = incident.causes[1].name = incident.codes[7].name =
		    incident.campaigns[3].name = "";
		incident.causes[0].name = incident.codes[0].name = incident.campaigns[0].name = cases[i];
		check_same(&again, &incident);
		for (unsigned rule = 0; rule < WATCH_RULES; rule++) {
			const char *sentence;

			incident.rule = rule;
			sentence = incident_sentence(&incident, NOW, *state);
			check(strlen(sentence) < 1000 && strpbrk(sentence, "\r\n\x01\x1b\x7f\xff") == NULL,
			    "%s", sentence);
			/* The cause is a sentence of our own. */
			check(strstr(sentence, "id 9") == NULL || rule == WATCH_SELF, "%s", sentence);
		}
	}
}

/* Incident in its text form, and what is said of it. 1795183320 is 14:02 of the
   day of NOW. */
static const struct {
	const char *text, *want;
} sentences[] = {
	{ "rule auth\nat 200 Google\nat 112 Yahoo\ndomain example.com\nsince 1795183320\nrecipients 312\n"
	  "category auth-failure\nsubcause dkim\nselector s1\nattempts 5000\nfailures 312",
	  "DKIM is failing at Google and Yahoo for example.com since 14:02 UTC: 312 recipients, selector s1" },
	{ "rule auth\nat 1 GMX\ndomain example.com\nsince 1795132860\nrecipients 1\ncategory auth-failure\nsubcause spf\n"
	  "from-domain news.example.com",
	  "SPF is failing at GMX for example.com since 00:01 UTC: 1 recipient, From domain news.example.com" },
	{ "rule auth\nat 1 A\nat 1 B\nat 1 C\ndomain example.com\nsince 1795046399\nrecipients 5\ncategory auth-failure\n"
	  "subcause dmarc\nfrom-domain example.com",
	  "DMARC is failing at A, B and C for example.com since 2026-11-18 23:59 UTC: 5 recipients" },
	{ "rule auth\nat 1 Google\nat 1 Yahoo\nat 1 GMX\nat 1 D\nat 1 E\nat 1 F\nat 1 G\nsince 1795183320\nrecipients 5\n"
	  "category auth-failure\nsubcause arc\nselector s1",
	  "ARC is failing at Google, Yahoo, GMX and 4 more since 14:02 UTC: 5 recipients, selector s1" },
	{ "rule auth\nat 1 A\nat 1 B\nat 1 C\nat 1 D\nat 1 E\nat 1 F\nat 1 G\nat 1 H\ncategory auth-failure\nsubcause alignment",
	  "DMARC alignment is failing at A, B, C and at least 5 more" },
	{ "rule auth\ncategory auth-failure\nsubcause none-such\nselector s1", "authentication is failing: selector s1" },
	{ "rule auth\ncategory auth-failure\nat 3 Google\ndomain <>\nsince 1795183320\nfailures 3",
	  "authentication is failing at Google for null senders since 14:02 UTC: 3 recipients" },
	{ "rule auth\ncategory auth-failure\nsubcause dkim\nat 9 Google\ndomain example.com\nsince 1795183320\n"
	  "newest 1795186920\nclosed 1795190000\nrecipients 9",
	  "DKIM was failing at Google for example.com from 14:02 to 15:02 UTC: 9 recipients" },
	{ "rule auth\ncategory auth-failure\nsubcause dkim\nat 9 Google\nsince 1795046399\nnewest 1795046459\n"
	  "closed 1795190000\nrecipients 9",
	  "DKIM was failing at Google from 2026-11-18 23:59 to 2026-11-19 00:00 UTC: 9 recipients" },
	{ "rule auth\ncategory rdns-failure\naddress 192.0.2.1\nat 9 Google\ndomain example.com\nsince 1795183320\nrecipients 9",
	  "reverse DNS of 192.0.2.1 is refused at Google for example.com since 14:02 UTC: 9 recipients" },
	{ "rule auth\ncategory rdns-failure", "reverse DNS of our address is refused" },
	{ "rule auth\ncategory tls-required\nat 9 Google\nrecipients 9", "mail without TLS is refused at Google: 9 recipients" },
	{ "rule auth\ncategory sender-rejected\nat 9 Google\ndomain example.com\nrecipients 9",
	  "the sender is refused at Google for example.com: 9 recipients" },
	{ "rule auth-first\ncategory auth-failure\nsubcause dkim\nat 1 Google\ndomain example.com\nsince 1795183320\nrecipients 1",
	  "DKIM is failing at Google for example.com since 14:02 UTC, for the first time in 24 hours: 1 recipient" },
	{ "rule blocklist\ncategory ip-blocklisted\nsubcause spamhaus-zen\naddress 192.0.2.1\nidentity 192.0.2.1\nat 9 GMX\n"
	  "at 8 T-Online\nsince 1795183320\nrecipients 17",
	  "192.0.2.1 is listed by spamhaus-zen, refused at GMX and T-Online since 14:02 UTC: 17 recipients" },
	{ "rule blocklist\ncategory ip-blocklisted\nat 9 GMX\nrecipients 9", "our address is listed by a block list, refused at GMX: 9 recipients" },
	{ "rule blocklist\ncategory ip-blocklisted\nidentity 2001:db8::1\nat 9 GMX\nrecipients 9",
	  "2001:db8::1 is listed by a block list, refused at GMX: 9 recipients" },
	{ "rule blocklist\ncategory domain-blocklisted\nsubcause spamhaus-dbl\nidentity example.com\naddress 192.0.2.1\nat 9 GMX\n"
	  "domain example.com\nrecipients 9",
	  "example.com is listed by spamhaus-dbl, refused at GMX for example.com: 9 recipients" },
	{ "rule blocklist\ncategory domain-blocklisted\nclosed 5", "a domain of ours was listed by a block list" },
	{ "rule blocklist\ncategory reputation\naddress 192.0.2.1\nat 9 Google\nsince 1795183320\nrecipients 9",
	  "the reputation of 192.0.2.1 is too low at Google since 14:02 UTC: 9 recipients" },
	{ "rule throttle\ncategory throttled\nat 640 Google\ndomain example.com\nsince 1795183320\nrecipients 640\nfailures 640\n"
	  "attempts 1200",
	  "Google slows down mail of example.com since 14:02 UTC: 640 recipients (53.3 % of 1200)" },
	{ "rule throttle\ncategory throttled\nat 6 Google\nat 6 Yahoo\ndomain example.com\nsubcause ip\nidentity 192.0.2.0/24\nrecipients 12",
	  "Google and Yahoo slow down mail of example.com: 12 recipients, the limit is on 192.0.2.0/24" },
	{ "rule throttle\nprovider google.com\nrecipients 12\nfailures 12\nattempts 3\nclosed 9", "google.com slowed down mail: 12 recipients" },
	{ "rule campaign\ncategory content-rejected\ncampaign 40 spring-sale\nat 40 Google\ndomain example.com\nsince 1795183320\n"
	  "recipients 40\nfailures 40\nattempts 160",
	  "the content of campaign spring-sale is refused at Google for example.com since 14:02 UTC: 40 recipients (25.0 % of 160)" },
	{ "rule campaign\ncategory policy-rejected\ncampaign 40 buy now, call 555\nrecipients 40", "one campaign is refused: 40 recipients" },
	{ "rule hygiene\ndomain example.com\nsince 1795183320\nrecipients 600\nfailures 612\nattempts 10032",
	  "6.1 % of the recipients of example.com do not exist (612 of 10032 in 24 hours)" },
	{ "rule hygiene\nfailures 612\nrecipients 600", "612 recipients do not exist (in 24 hours)" },
	{ "rule complaint\nat 31 Yahoo\ndomain example.com\nsince 1795183320\nrecipients 31\nfailures 31\nattempts 10000",
	  "recipients at Yahoo report mail of example.com as spam since 14:02 UTC: 31 recipients (0.31 % of 10000)" },
	{ "rule one-receiver\nat 45 Google\ndomain example.com\nsince 1795183320\nrecipients 45",
	  "most refusals of mail of example.com come from Google alone since 14:02 UTC: 45 recipients" },
	{ "rule ramp\nat 45 Google\ndomain example.com\nsince 1795183320\nrecipients 45",
	  "refusals at Google grow since 14:02 UTC while mail of example.com is sent: 45 recipients" },
	{ "rule breaker\nat 214 Google\nprovider google.com\nsince 1795183320\nrecipients 214\nfailures 214\nattempts 500",
	  "the breaker has stopped suppressions for what Google says since 14:02 UTC: 214 recipients (42.8 % of 500)" },
	{ "rule self\ncondition log-silent\ncause the mail log is silent while mail flows\nsince 1795183320",
	  "the mail log is silent while mail flows" },
	{ "rule self\ncondition store", "something is wrong with bouncemilter: store" },
	{ "rule forged\nfailures 214\nrecipients 3\nsince 1795183320", "214 reports since 14:02 UTC about mail that was not sent here" },
	/* A stranger's words are no names. */
	{ "rule blocklist\ncategory ip-blocklisted\nsubcause a b\nidentity 192.0.2.1 call 555\naddress http://evil.example/\nrecipients 9",
	  "our address is listed by a block list: 9 recipients" },
	{ "rule auth\ncategory auth-failure\nselector s1\\nSubject: x\nfrom-domain \"a\"\nat 9 evil;host\ndomain a,b\nrecipients 9",
	  "authentication is failing at another provider: 9 recipients" },
};

static void
test_sentences(void **state)
{
	bool seen[WATCH_RULES] = { false };

	for (size_t i = 0; i < COUNT(sentences); i++) {
		struct incident incident;

		check(incident_scan(str_of(sentences[i].text), *state, &incident) == 0, "%s",
		    sentences[i].text);
		check_text(incident_sentence(&incident, NOW, *state), sentences[i].want,
		    sentences[i].text);
		seen[incident.rule] = true;
	}
	for (unsigned i = 0; i < WATCH_RULES; i++)
		check(seen[i], "%s has no case\n", words_name(&watch_rule_words, i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_every_field),
		test_with_arena(test_a_copy_stands_alone),
		test_with_arena(test_what_is_not_known),
		test_with_arena(test_too_much),
		test_with_arena(test_hostile),
		test_with_arena(test_sentences),
	};

	return cmocka_run_group_tests_name("watch-incident", tests, setup, NULL);
}
