/*
 * What people and programs are told: in full for an incident as it comes, and for
 * hostile words never a second line, a second field, or a quote that ends early.
 */
#include "support.h"

#include <ctype.h>
#include <jansson.h>

#include "base/clock.h"
#include "parse/charset.h"
#include "watch/telling.h"

#define BEGAN INT64_C(1795183338) /* 2026-11-20T14:02:18Z */
#define NOW (BEGAN + 900)

static void
make_incident(struct incident *incident)
{
	incident_init(incident);
	incident->id = 7;
	incident->rule = WATCH_AUTH;
	incident->severity = SEVERITY_CRITICAL;
	incident->since = BEGAN;
	incident->opened = BEGAN + 60;
	incident->newest = BEGAN + 840;
	incident->domain = incident->from_domain = "example.com";
	incident->recipients = 312;
	incident->messages = 2;
	incident->failures = 320;
	incident->attempts = 5000;
	incident->category = CATEGORY_AUTH_FAILURE;
	incident->subcause = "dkim";
	incident->address = "192.0.2.1";
	incident->selector = "s1";
	incident->providers[0] = (struct incident_count){ "Google", 200 };
	incident->providers[1] = (struct incident_count){ "Deutsche Telekom", 112 };
	incident->causes[0] = (struct incident_count){ "auth-failure/dkim", 312 };
	incident->codes[0] = (struct incident_count){ "550 5.7.26", 312 };
	incident->texts[0] = "550 5.7.26 Unauthenticated email from example.com is not accepted due "
	    "to domain's DMARC policy - gsmtp";
	incident->diagnosis = "DKIM bad: the key s1._domainkey.example.com does not exist\n"
	    "    s1._domainkey.example.com TXT: NXDOMAIN\nSPF good: pass\n";
	incident->notified = 1;
	incident->notified_time = BEGAN + 60;
	incident->notified_recipients = 30;
}

static const char *
line_of(const struct incident *incident, enum notice notice, struct arena *arena)
{
	struct buf out = { 0 };
	const char *text;

	telling_line(incident, notice, NOW, &out);
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static const char *
mail_of(const struct incident *incident, const char *to, struct arena *arena)
{
	struct buf out = { 0 };
	const char *text;

	telling_mail(incident, NOTICE_OPENED, to, NOW, &out);
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static json_t *
json_of(const struct incident *incident, enum notice notice)
{
	struct buf out = { 0 };
	json_error_t error;
	json_t *object;

	telling_json(incident, notice, NOW, &out);
	object = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
	check(object != NULL, "%s: %s", error.text, buf_cstr(&out));
	/* One line. */
	check(strchr(out.data, '\n') == out.data + out.len - 1, "%s", buf_cstr(&out));
	buf_free(&out);
	return object;
}

static void
test_line(void **state)
{
	struct incident incident;

	make_incident(&incident);
	assert_string_equal(line_of(&incident, NOTICE_OPENED, *state), arena_printf(*state,
	    "incident 7 opened: %s; rule=auth severity=critical since=2026-11-20T14:02:18Z "
	    "domain=example.com recipients=312 messages=2 failures=320 attempts=5000 "
	    "category=auth-failure subcause=dkim address=192.0.2.1 selector=s1 "
	    "from-domain=example.com providers=\"Google:200,Deutsche Telekom:112\"",
	    incident_sentence(&incident, NOW, *state)));
	incident_init(&incident);
	incident.id = 8;
	incident.rule = WATCH_SELF;
	incident.condition = "log-silent";
	incident.cause = "no line of the log in 10 minutes";
	assert_string_equal(line_of(&incident, NOTICE_NONE, *state), "incident 8: no line of the log "
	    "in 10 minutes; rule=self severity=notice condition=log-silent");
}

static void
test_json(void **state)
{
	static const char *const names[] = { "id", "notice", "rule", "severity", "category",
		"sentence", "since", "opened", "newest", "closed", "domain", "provider", "condition",
		"cause", "subcause", "identity", "address", "selector", "from_domain",
		"sender_domain", "recipients",
		"messages", "failures", "attempts", "providers", "causes", "codes", "campaigns",
		"texts", "diagnosis", "notified", "notified_time", "notified_recipients", "manual" };
	const char *provider, *text, *since, *manual;
	int recipients, attempts;
	struct incident incident;
	json_t *object;

	(void)state;
	make_incident(&incident);
	object = json_of(&incident, NOTICE_RISEN);
	assert_int_equal(json_object_size(object), COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++)
		check(json_object_get(object, names[i]) != NULL, "%s", names[i]);
	assert_int_equal(json_unpack(object, "{s:[*{s:s,s:i}!],s:[s!],s:s,s:n,s:n,s:i,s:s}",
	    "providers", "name", &provider, "recipients", &recipients, "texts", &text, "since",
	    &since, "closed", "identity", "attempts", &attempts, "manual", &manual), -1);
	assert_int_equal(json_unpack(object, "{s:[{s:s,s:i!},{}],s:[s!],s:s,s:n,s:n,s:i,s:s}",
	    "providers", "name", &provider, "recipients", &recipients, "texts", &text, "since",
	    &since, "closed", "identity", "attempts", &attempts, "manual", &manual), 0);
	assert_string_equal(provider, "Google");
	assert_int_equal(recipients, 200);
	assert_string_equal(text, incident.texts[0]);
	assert_string_equal(since, "2026-11-20T14:02:18Z");
	assert_int_equal(attempts, 5000);
	assert_string_equal(manual, "bouncemilter-alerts(7), section auth");
	assert_string_equal(json_string_value(json_object_get(object, "diagnosis")),
	    incident.diagnosis);
	json_decref(object);
	/* Without a notice, and with next to nothing. */
	incident_init(&incident);
	incident.rule = WATCH_ONE_RECEIVER;
	object = json_of(&incident, NOTICE_NONE);
	assert_null(json_object_get(object, "notice"));
	assert_true(json_is_null(json_object_get(object, "attempts")));
	assert_true(json_is_null(json_object_get(object, "since")));
	assert_true(json_is_null(json_object_get(object, "domain")));
	assert_string_equal(json_string_value(json_object_get(object, "manual")),
	    "bouncemilter-alerts(7), section one-receiver");
	json_decref(object);
}

static void
test_mail(void **state)
{
	struct incident incident;

	make_incident(&incident);
	incident.texts[1] = "550 5.7.26 \xc3\xbc";
	assert_string_equal(mail_of(&incident, "postmaster@example.com", *state), arena_printf(*state,
	    "From: bouncemilter <postmaster@example.com>\n"
	    "To: <postmaster@example.com>\n"
	    "Date: Fri, 20 Nov 2026 14:17:18 +0000\n"
	    "Message-ID: <bouncemilter.7.opened.1795184238@example.com>\n"
	    "Subject: [bouncemilter] critical: auth example.com (opened)\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n"
	    "Auto-Submitted: auto-generated\n"
	    "X-Bouncemilter-Alert: 7\n"
	    "\n"
	    "DKIM is failing at Google and Deutsche Telekom for example.com since 14:02\n"
	    "UTC: 312 recipients, selector s1\n"
	    "\n"
	    "What it means and what to do: bouncemilter-alerts(7), section auth.\n"
	    "\n"
	    "  rule        auth, critical\n"
	    "  since       2026-11-20T14:02:18Z, the newest at 2026-11-20T14:16:18Z\n"
	    "  domain      example.com\n"
	    "  From        example.com\n"
	    "  numbers     312 recipients, 2 messages, 320 failures of 5000 attempts\n"
	    "  at          Google (200), Deutsche Telekom (112)\n"
	    "  meaning     auth-failure/dkim (312)\n"
	    "  codes       550 5.7.26 (312)\n"
	    "  selector    s1\n"
	    "  our address 192.0.2.1\n"
	    "\n"
	    "  Diagnosis, from DNS and a returned message:\n"
	    "  DKIM bad: the key s1._domainkey.example.com does not exist\n"
	    "      s1._domainkey.example.com TXT: NXDOMAIN\n"
	    "  SPF good: pass\n"
	    "\n"
	    "  The newest replies, in the words of the servers:\n"
	    "  > 550 5.7.26 Unauthenticated email from example.com is not accepted due to\n"
	    "  >   domain's DMARC policy - gsmtp\n"
	    "  > 550 5.7.26 \xc3\xbc\n"));
}

/* The line of a mail that begins so. */
static const char *
field(const char *mail, const char *begins, struct arena *arena)
{
	const char *at = strncmp(mail, begins, strlen(begins)) == 0 ? mail :
	    strstr(mail, arena_printf(arena, "\n%s", begins)) + 1;

	return arena_strdup(arena, (struct str){ at, strcspn(at, "\n") });
}

static void
test_subjects(void **state)
{
	static const struct {
		enum watch_rule_id rule;
		const char *domain, *provider, *condition, *want;
	} cases[] = {
		{ WATCH_AUTH, "Example.COM", "", "", "auth example.com" },
		{ WATCH_AUTH, "", "", "", "auth" },
		{ WATCH_BREAKER, "", "google.com", "", "breaker at google.com" },
		{ WATCH_THROTTLE, "example.com", "google.com", "", "throttle example.com at google.com" },
		{ WATCH_SELF, "", "", "log-silent", "self log-silent" },
		/* What is no domain is no word of ours. */
		{ WATCH_AUTH, "urgent call 555", "", "", "auth" },
		{ WATCH_AUTH, "<>", "[192.0.2.1]", "", "auth" },
		{ WATCH_AUTH, "a.example\nBcc: x@example.net", "", "", "auth" },
		{ WATCH_AUTH, "a.example\r\n b", "x\ty.example", "", "auth" },
		{ WATCH_SELF, "", "", "a\nb", "self" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct incident incident;

		make_incident(&incident);
		incident.rule = cases[i].rule;
		incident.severity = SEVERITY_WARNING;
		incident.domain = cases[i].domain;
		incident.provider = cases[i].provider;
		incident.condition = cases[i].condition;
		check_text(field(mail_of(&incident, "a@b.example", *state), "Subject: ", *state),
		    arena_printf(*state, "Subject: [bouncemilter] warning: %s (opened)", cases[i].want),
		    cases[i].domain);
	}
}

static void
test_whom_it_goes_to(void **state)
{
	static const char *const wrong[] = { "", "postmaster", "a@b.example\nBcc: c@d.example",
		"a@b.example>, <c@d.example", "a@b.example, c@d.example" };
	struct incident incident;
	const char *mail;

	make_incident(&incident);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		mail = mail_of(&incident, wrong[i], *state);
		check_text(field(mail, "To:", *state), "To: <postmaster>", wrong[i]);
		check_text(field(mail, "From:", *state), "From: bouncemilter <postmaster>", wrong[i]);
		check(strstr(mail, "d.example") == NULL, "%s", mail);
	}
}

static void
test_digest(void **state)
{
	const char *digest = "3 more:\nauth example.com\x1b[31m\n\nSubject: x\n";
	struct buf out = { 0 };
	json_t *object;

	telling_digest_mail(digest, "a@b.example", NOW, &out);
	assert_string_equal(field(buf_cstr(&out), "Subject:", *state),
	    "Subject: [bouncemilter] digest: more than is told one by one");
	assert_string_equal(field(buf_cstr(&out), TELLING_MARKER ":", *state),
	    TELLING_MARKER ": digest");
	assert_string_equal(strstr(buf_cstr(&out), "\n\n"),
	    "\n\n3 more:\nauth example.com [31m\n\nSubject: x\n");
	buf_clear(&out);
	telling_digest_json(digest, &out);
	object = json_loads(buf_cstr(&out), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(object, "digest")), digest);
	json_decref(object);
	buf_free(&out);
}

/* Words that would be something else if they could. */
static const char *const hostile[] = {
	"a\nb", "a\r\nSubject: x", "a\r\n\r\nbody", "\x1b[2J\x1b]0;title\x07", "a\"b", "\\\"", "a\\",
	"\" severity=notice rule=\"", "; rule=auth severity=notice", "x=y", "%s%n%d", "%", "<>",
	"a\xc2\x85" "b", "a\xe2\x80\xa8" "b", "\xff\xfe", "a\xc3", "\xed\xa0\x80", "\x7f", "\x01",
	".", "..\n.", "From me", "> quoted", "{\"id\":1}", "\xe6\xbc\xa2\xe5\xad\x97", "'", "`id`",
	"$(id)", " ", "  a  ", "a\tb",
};

static void
poison(struct incident *incident, const char *text)
{
	make_incident(incident);
	incident->domain = incident->provider = incident->condition = incident->cause = text;
	incident->subcause = incident->identity = incident->address = incident->selector = text;
	incident->from_domain = incident->diagnosis = text;
	for (unsigned i = 0; i < INCIDENT_PROVIDERS; i++)
		incident->providers[i] = (struct incident_count){ text, i };
	for (unsigned i = 0; i < INCIDENT_CAUSES; i++)
		incident->causes[i] = (struct incident_count){ text, i };
	for (unsigned i = 0; i < INCIDENT_CODES; i++)
		incident->codes[i] = (struct incident_count){ text, i };
	for (unsigned i = 0; i < INCIDENT_CAMPAIGNS; i++)
		incident->campaigns[i] = (struct incident_count){ text, i };
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		incident->texts[i] = text;
}

static void
assert_printable(const char *text, const char *input)
{
	check(charset_is_utf8(str_of(text)), "%s", input);
	for (const char *p = text; *p != '\0'; p++)
		check((unsigned char)*p >= ' ' ? *p != 0x7f : *p == '\n', "%s: %s", input, text);
	check(strstr(text, "\xc2\x85") == NULL && strstr(text, "\xe2\x80\xa8") == NULL, "%s", input);
}

/* "prefix: sentence; rule=... name=value ..." to its end, the sentence without what
   begins a field; each name once. */
static void
assert_line(const char *line, const char *input)
{
	const char *at = strstr(line, "; rule=auth severity=critical ");
	unsigned seen = 0;

	assert_printable(line, input);
	check(strchr(line, '\n') == NULL, "%s", line);
	check(at != NULL && memchr(line, '=', (size_t)(at - line)) == NULL, "%s", line);
	check(at != NULL && memchr(line, '"', (size_t)(at - line)) == NULL, "%s", line);
	for (at++; *at == ' '; seen++) {
		at++;
		check(islower(*at), "%s", at);
		at += strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		check(*at++ == '=', "%s", line);
		if (*at != '"') {
			at += strcspn(at, " \"\\;=");
			continue;
		}
		for (at++; *at != '"'; at++) {
			check(*at != '\0', "%s", line);
			at += *at == '\\';
		}
		at++;
	}
	check(*at == '\0', "%s\n%s", line, at);
	check(seen >= 8, "%u %s", seen, line);
}

static void
assert_mail(const char *mail, const char *input, struct arena *arena)
{
	static const char *const names[] = { "From: ", "To: ", "Date: ", "Message-ID: ", "Subject: ",
		"MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ", "Auto-Submitted: ",
		TELLING_MARKER ": ", "" };
	struct str rest = str_of(mail), line;
	size_t count = 0;

	assert_printable(mail, input);
	while (str_next_piece(&rest, '\n', &line) && line.len > 0) {
		check(count + 1 < COUNT(names) && str_istarts(line, str_of(names[count])), "%s", mail);
		count++;
	}
	check(count + 1 == COUNT(names), "%s", mail);
	/* What a stranger may have said is indented. */
	while (str_next_piece(&rest, '\n', &line)) {
		check(line.len <= TELLING_MAIL_COLUMNS * 4, "%s", mail);
		check(line.len == 0 || line.data[0] != '.', "%s", mail);
	}
	check(strlen(field(mail, "Subject:", arena)) <= 78, "%s", mail);
}

static void
assert_evidence(const struct incident *incident, const char *input)
{
	struct buf out = { 0 };
	struct str rest, line;

	telling_evidence(incident, &out);
	assert_printable(buf_cstr(&out), input);
	rest = buf_str(&out);
	while (str_next_piece(&rest, '\n', &line)) {
		size_t columns = 0;

		for (size_t i = 0; i < line.len; i++)
			columns += ((unsigned char)line.data[i] & 0xc0) != 0x80;
		check(columns <= TELLING_COLUMNS, "%zu: %.*s", columns, STR_ARGS(line));
		check(line.len == 0 || (line.len > 2 && memcmp(line.data, "  ", 2) == 0), "%.*s",
		    STR_ARGS(line));
	}
	buf_free(&out);
}

static void
assert_told(const char *text, struct arena *arena)
{
	struct incident incident;

	poison(&incident, text);
	assert_line(line_of(&incident, NOTICE_GROWN, arena), text);
	assert_mail(mail_of(&incident, text, arena), text, arena);
	assert_evidence(&incident, text);
	json_decref(json_of(&incident, NOTICE_GROWN));
}

static void
test_hostile_words(void **state)
{
	struct buf joined = { 0 };

	for (size_t i = 0; i < COUNT(hostile); i++) {
		assert_told(hostile[i], *state);
		buf_add(&joined, str_of(hostile[i]));
	}
	/* Together, and very long, so that each limit cuts somewhere else. */
	for (size_t length = 0; length < 300; length++) {
		arena_reset(*state);
		while (joined.len < 3000 + length)
			buf_add(&joined, str_of(hostile[length % COUNT(hostile)]));
		assert_told(buf_cstr(&joined) + length, *state);
	}
	buf_clear(&joined);
	while (joined.len < 100000)
		buf_add_byte(&joined, '"');
	assert_told(buf_cstr(&joined), *state);
	buf_free(&joined);
}

/* A line of syslog has room for 2000 bytes: what counts comes first. */
static void
test_one_more(void **state)
{
	struct buf out = { 0 };

	(void)state;
	telling_line_add("diagnosis", "the key \"s1\" is a\\b\n rule=x", &out);
	assert_string_equal(buf_cstr(&out), " diagnosis=\"the key \\\"s1\\\" is a\\\\b rule=x\"");
	buf_clear(&out);
	for (int i = 0; i < 1000; i++)
		buf_add_byte(&out, 'x');
	telling_line_add("diagnosis", arena_strdup(*state, buf_str(&out)), &out);
	assert_in_range(out.len, 1100, 1400);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_line),
		test_with_arena(test_json),
		test_with_arena(test_mail),
		test_with_arena(test_subjects),
		test_with_arena(test_whom_it_goes_to),
		test_with_arena(test_digest),
		test_with_arena(test_hostile_words),
		test_with_arena(test_one_more),
	};

	return cmocka_run_group_tests_name("telling", tests, NULL, NULL);
}
