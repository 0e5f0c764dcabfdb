#include "watch/telling.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/jsonline.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "watch/telling_text.h"

#define LINE_VALUE_BYTES 300 /* of one value in a line of syslog */

/* A name as it may stand in a sentence of ours, without what has a meaning in the
   line around it. */
static const char *
harmless(const char *name, size_t limit, struct arena *arena)
{
	char *copy = arena_strdup(arena, str_of(telling_clean(name, limit, arena)));

	for (char *p = copy; *p != '\0'; p++) {
		if (strchr("\"\\;=", *p) != NULL)
			*p = '?';
	}
	return copy;
}

static void
make_harmless(struct incident_count *counts, unsigned most, struct arena *arena)
{
	for (unsigned i = 0; i < most; i++)
		counts[i].name = harmless(counts[i].name, TELLING_NAME_BYTES, arena);
}

static const char *
sentence(const struct incident *incident, int64_t now, struct arena *arena)
{
	struct incident safe = *incident;
	const char **const names[] = { &safe.domain, &safe.provider, &safe.condition, &safe.subcause,
		&safe.identity, &safe.address, &safe.selector, &safe.from_domain };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		*names[i] = harmless(*names[i], TELLING_NAME_BYTES, arena);
	safe.cause = harmless(incident->cause, TELLING_TEXT_BYTES, arena);
	make_harmless(safe.providers, INCIDENT_PROVIDERS, arena);
	make_harmless(safe.causes, INCIDENT_CAUSES, arena);
	make_harmless(safe.codes, INCIDENT_CODES, arena);
	make_harmless(safe.campaigns, INCIDENT_CAMPAIGNS, arena);
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		safe.texts[i] = "";
	safe.diagnosis = "";
	return telling_clean(incident_sentence(&safe, now, arena), SIZE_MAX, arena);
}

/* --- a line of syslog --------------------------------------------------- */

static bool
is_bare(const char *value)
{
	for (; *value != '\0'; value++) {
		if (!str_is_alnum(*value) && strchr("._:/@+-", *value) == NULL)
			return false;
	}
	return true;
}

void
telling_line_add(const char *name, const char *value, struct buf *out)
{
	struct arena *arena = arena_new();

	value = telling_clean(value, LINE_VALUE_BYTES, arena);
	buf_printf(out, " %s=", name);
	buf_add_byte(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_add_byte(out, '\\');
		buf_add_byte(out, *value);
	}
	buf_add_byte(out, '"');
	arena_free(arena);
}

/* One that may be absent. */
static void
add_value(const char *name, const char *value, struct buf *out)
{
	if (*value == '\0')
		return;
	if (is_bare(value) && strlen(value) <= TELLING_NAME_BYTES)
		buf_printf(out, " %s=%s", name, value);
	else
		telling_line_add(name, value, out);
}

static void
add_number(const char *name, uint64_t number, struct buf *out)
{
	if (number != 0)
		buf_printf(out, " %s=%" PRIu64, name, number);
}

void
telling_line(const struct incident *incident, enum notice notice, int64_t now, struct buf *out)
{
	struct arena *arena = arena_new();
	char since[CLOCK_TEXT_BYTES];

	buf_printf(out, "incident %" PRIu64 "%s%s: %s; rule=%s severity=%s", incident->id,
	    notice == NOTICE_NONE ? "" : " ",
	    notice == NOTICE_NONE ? "" : words_name(&notice_words, notice),
	    sentence(incident, now, arena), words_name(&watch_rule_words, incident->rule),
	    words_name(&severity_words, incident->severity));
	add_value("since", clock_print(incident->since, since), out);
	add_value("domain", incident->domain, out);
	add_value("provider", incident->provider, out);
	add_value("condition", incident->condition, out);
	add_number("recipients", incident->recipients, out);
	add_number("messages", incident->messages, out);
	add_number("failures", incident->failures, out);
	add_number("attempts", incident->attempts, out);
	if (incident->category != CATEGORY_UNKNOWN)
		add_value("category", category_name(incident->category), out);
	add_value("subcause", incident->subcause, out);
	add_value("address", incident->address, out);
	add_value("selector", incident->selector, out);
	add_value("from-domain", incident->from_domain, out);
	add_value("providers", telling_counts(incident->providers, INCIDENT_PROVIDERS, arena), out);
	add_value("identity", incident->identity, out);
	arena_free(arena);
}

/* --- JSON --------------------------------------------------------------- */

static void
add_json_text(struct jsonline *json, const char *name, const char *text, struct arena *arena)
{
	jsonline_text_or_null(json, name, telling_clean(text, TELLING_TEXT_BYTES, arena));
}

static void
add_json_time(struct jsonline *json, const char *name, int64_t time)
{
	char text[CLOCK_TEXT_BYTES];

	jsonline_text_or_null(json, name, clock_print(time, text));
}

static void
add_json_counts(struct jsonline *json, const char *name, const struct incident_count *counts,
    unsigned most, const char *unit, struct arena *arena)
{
	jsonline_open(json, name, '[');
	for (unsigned i = 0; i < most && counts[i].name[0] != '\0'; i++) {
		jsonline_open(json, NULL, '{');
		jsonline_text(json, "name", telling_clean(counts[i].name, TELLING_TEXT_BYTES, arena));
		jsonline_number(json, unit, counts[i].count);
		jsonline_close(json, '}');
	}
	jsonline_close(json, ']');
}

static void
add_json_names(struct jsonline *json, const struct incident *incident, struct arena *arena)
{
	const struct {
		const char *name, *text;
	} members[] = {
		{ "domain", incident->domain }, { "provider", incident->provider },
		{ "condition", incident->condition }, { "cause", incident->cause },
		{ "subcause", incident->subcause }, { "identity", incident->identity },
		{ "address", incident->address }, { "selector", incident->selector },
		{ "from_domain", incident->from_domain },
		{ "sender_domain", incident->sender_domain },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		add_json_text(json, members[i].name, members[i].text, arena);
}

static void
add_json_evidence(struct jsonline *json, const struct incident *incident, struct arena *arena)
{
	add_json_counts(json, "providers", incident->providers, INCIDENT_PROVIDERS, "recipients",
	    arena);
	add_json_counts(json, "causes", incident->causes, INCIDENT_CAUSES, "count", arena);
	add_json_counts(json, "codes", incident->codes, INCIDENT_CODES, "count", arena);
	add_json_counts(json, "campaigns", incident->campaigns, INCIDENT_CAMPAIGNS, "count", arena);
	jsonline_open(json, "texts", '[');
	for (unsigned i = 0; i < INCIDENT_TEXTS && incident->texts[i][0] != '\0'; i++)
		jsonline_text(json, NULL, telling_clean(incident->texts[i], TELLING_TEXT_BYTES, arena));
	jsonline_close(json, ']');
	jsonline_text_or_null(json, "diagnosis", telling_utf8(incident->diagnosis, arena));
}

void
telling_json(const struct incident *incident, enum notice notice, int64_t now, struct buf *out)
{
	struct arena *arena = arena_new();
	struct jsonline json;

	jsonline_begin(&json, out);
	jsonline_number(&json, "id", incident->id);
	if (notice != NOTICE_NONE)
		jsonline_text(&json, "notice", words_name(&notice_words, notice));
	jsonline_text(&json, "rule", words_name(&watch_rule_words, incident->rule));
	jsonline_text(&json, "severity", words_name(&severity_words, incident->severity));
	jsonline_text(&json, "category", category_name(incident->category));
	jsonline_text(&json, "sentence", sentence(incident, now, arena));
	add_json_time(&json, "since", incident->since);
	add_json_time(&json, "opened", incident->opened);
	add_json_time(&json, "newest", incident->newest);
	add_json_time(&json, "closed", incident->closed);
	add_json_names(&json, incident, arena);
	jsonline_number(&json, "recipients", incident->recipients);
	jsonline_number(&json, "messages", incident->messages);
	jsonline_number(&json, "failures", incident->failures);
	if (incident->attempts == 0)
		jsonline_null(&json, "attempts");
	else
		jsonline_number(&json, "attempts", incident->attempts);
	add_json_evidence(&json, incident, arena);
	jsonline_number(&json, "notified", incident->notified);
	add_json_time(&json, "notified_time", incident->notified_time);
	jsonline_number(&json, "notified_recipients", incident->notified_recipients);
	jsonline_text(&json, "manual", telling_manual(incident->rule, arena));
	jsonline_end(&json);
	arena_free(arena);
}

void
telling_digest_json(const char *digest, struct buf *out)
{
	struct arena *arena = arena_new();
	struct jsonline json;

	jsonline_begin(&json, out);
	jsonline_text(&json, "digest", telling_utf8(digest, arena));
	jsonline_end(&json);
	arena_free(arena);
}

/* --- a mail ------------------------------------------------------------- */

/* The date of a mail header (RFC 5322 section 3.3). */
static void
add_date(int64_t now, struct buf *out)
{
	time_t seconds = (time_t)now;
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL && strftime(text, sizeof(text),
	    "%a, %d %b %Y %H:%M:%S +0000", &tm) > 0)
		buf_printf(out, "Date: %s\n", text);
}

/* The header and its empty line. `id` is what makes Message-ID unique. */
static void
add_header(const char *id, const char *marker, const char *subject, const char *to, int64_t now,
    struct buf *out)
{
	struct arena *arena = arena_new();
	const char *address, *domain = "localhost";

	if (address_parse(str_of(to), arena, &address) == 1)
		domain = address_domain(address);
	else
		address = "postmaster";
	buf_printf(out, "From: bouncemilter <%s>\nTo: <%s>\n", address, address);
	add_date(now, out);
	buf_printf(out, "Message-ID: " TELLING_MESSAGE_ID "%s.%" PRId64 "@%s>\n", id, now, domain);
	buf_printf(out, "Subject: [bouncemilter] %s\n", subject);
	buf_add(out, STR("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n"));
	buf_printf(out, TELLING_MARKER ": %s\n\n", marker);
	arena_free(arena);
}

/* " example.com" if it is a domain: it may come from a stranger's report. */
static const char *
domain_part(const char *before, const char *name, struct arena *arena)
{
	const char *domain;

	if (address_parse_domain(str_of(name), arena, &domain) != 1)
		return "";
	return arena_printf(arena, "%s%s", before, domain);
}

static const char *
subject_of(const struct incident *incident, enum notice notice, struct arena *arena)
{
	const char *subject = arena_printf(arena, "%s: %s%s%s",
	    words_name(&severity_words, incident->severity),
	    words_name(&watch_rule_words, incident->rule),
	    domain_part(" ", incident->domain, arena),
	    domain_part(" at ", incident->provider, arena));

	if (incident->rule == WATCH_SELF && str_is_label(str_of(incident->condition)))
		subject = arena_printf(arena, "%s %s", subject, incident->condition);
	if (notice != NOTICE_NONE)
		subject = arena_printf(arena, "%s (%s)", subject, words_name(&notice_words, notice));
	return subject;
}

void
telling_mail(const struct incident *incident, enum notice notice, const char *to, int64_t now,
    struct buf *out)
{
	struct arena *arena = arena_new();
	const char *marker = arena_printf(arena, "%" PRIu64, incident->id);

	add_header(arena_printf(arena, "%s.%s", marker, words_name(&notice_words, notice)), marker,
	    subject_of(incident, notice, arena), to, now, out);
	telling_wrap("", "", sentence(incident, now, arena), TELLING_MAIL_COLUMNS, out);
	buf_printf(out, "\nWhat it means and what to do: %s.\n\n",
	    telling_manual(incident->rule, arena));
	telling_facts(incident, TELLING_MAIL_COLUMNS, out);
	arena_free(arena);
}

void
telling_digest_mail(const char *digest, const char *to, int64_t now, struct buf *out)
{
	add_header("digest", "digest", "digest: more than is told one by one", to, now, out);
	telling_lines("", digest, TELLING_MAIL_COLUMNS, out);
}

void
telling_evidence(const struct incident *incident, struct buf *out)
{
	telling_facts(incident, TELLING_COLUMNS, out);
}
