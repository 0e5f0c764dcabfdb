/*
 * The text form of an incident, whatever stands in it, told in every way: a line
 * that ends where it ends, a header of the fields that it has, JSON that ends its
 * quotes, lines that are not too long.
 */
#include "support.h"

#include "watch/telling.h"

#define NOW INT64_C(1795184238)

/* One line or several, for a terminal. */
static void
promise_printable(const char *text)
{
	promise(charset_is_utf8(str_of(text)));
	for (const char *p = text; *p != '\0'; p++)
		promise(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f));
}

/* Behind the opening quote; returns what is behind the closing one. */
static const char *
promise_quoted(const char *at)
{
	for (; *at != '"'; at++) {
		promise((unsigned char)*at >= ' ');
		if (*at == '\\') {
			at++;
			promise(*at != '\0');
		}
	}
	return at + 1;
}

static void
promise_line(const struct incident *incident, enum notice notice)
{
	struct buf out = { 0 };
	const char *at;

	telling_line(incident, notice, NOW, &out);
	promise_clean(buf_cstr(&out));
	telling_line_add("diagnosis", incident->diagnosis, &out);
	promise_clean(buf_cstr(&out));
	/* The sentence has nothing that looks like the fields behind it. */
	at = strstr(out.data, "; rule=");
	promise(at != NULL && memchr(out.data, '=', (size_t)(at - out.data)) == NULL);
	promise(memchr(out.data, '"', (size_t)(at - out.data)) == NULL);
	for (at++; *at == ' ';) {
		at++;
		promise(*at >= 'a' && *at <= 'z');
		at += strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		promise(*at++ == '=');
		if (*at == '"')
			at = promise_quoted(at + 1);
		else
			at += strcspn(at, " \"\\;=");
	}
	promise(*at == '\0');
	buf_free(&out);
}

/* An object on one line; outside of quotes there is only what JSON has there. */
static void
promise_json(struct str text)
{
	const char *at = text.data;
	int depth = 0;

	promise(text.len > 2 && strlen(at) == text.len && charset_is_utf8(text));
	do {
		promise(strchr("{}[],:0123456789nul\"", *at) != NULL);
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at = *at == '"' ? promise_quoted(at + 1) : at + 1;
	} while (depth > 0);
	promise(strcmp(at, "\n") == 0);
}

static void
promise_mail(const char *mail)
{
	static const char *const names[] = { "From: ", "To: ", "Date: ", "Message-ID: ", "Subject: ",
		"MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ", "Auto-Submitted: ",
		TELLING_MARKER ": " };
	struct str rest = str_of(mail), line;

	promise_printable(mail);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		promise(str_next_piece(&rest, '\n', &line));
		promise(str_istarts(line, str_of(names[i])));
	}
	promise(str_next_piece(&rest, '\n', &line) && line.len == 0);
}

static void
promise_evidence(const struct incident *incident)
{
	struct buf out = { 0 };
	struct str rest, line;

	telling_evidence(incident, &out);
	promise_printable(buf_cstr(&out));
	rest = buf_str(&out);
	while (str_next_piece(&rest, '\n', &line)) {
		size_t columns = 0;

		for (size_t i = 0; i < line.len; i++)
			columns += ((unsigned char)line.data[i] & 0xc0) != 0x80;
		promise(columns <= TELLING_COLUMNS);
		promise(line.len == 0 || str_istarts(line, STR("  ")));
	}
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *arena = arena_new();
	struct incident incident;
	struct buf out = { 0 };

	if (incident_scan(text, arena, &incident) == 0) {
		enum notice notice = incident.id % (NOTICE_CLOSED + 1);
		const char *to = incident.id % 2 == 0 ? "postmaster@example.com" : incident.identity;

		promise_line(&incident, notice);
		telling_json(&incident, notice, NOW, &out);
		promise_json(buf_str(&out));
		buf_clear(&out);
		telling_mail(&incident, notice, to, NOW, &out);
		promise_mail(buf_cstr(&out));
		buf_clear(&out);
		promise_evidence(&incident);
		telling_digest_mail(incident.diagnosis, to, NOW, &out);
		promise_mail(buf_cstr(&out));
		buf_clear(&out);
		telling_digest_json(incident.diagnosis, &out);
		promise_json(buf_str(&out));
	}
	buf_free(&out);
	arena_free(arena);
	return 0;
}
