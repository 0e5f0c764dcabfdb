#include "parse/transcript.h"

#include "base/buf.h"
#include "parse/limits.h"
#include "parse/mention.h"

/* What is kept of them in every paragraph: a notice may hold thousands. */
#define HOST_BYTES 255
#define VERB_BYTES 16

/* Where the reader is. */
struct session {
	const struct str *lines;
	unsigned line_count, at;
	struct arena *arena;
	struct transcript *transcript;
	struct str host, command;
	struct str refusal; /* the paragraph of the last reply, "" if it was none */
};

static bool
is_said(struct str line)
{
	return str_istarts(line, STR("<<< "));
}

/* "550 ", "550-", or "550" alone, of a reply that refuses. */
static bool
is_refusal(struct str text)
{
	return text.len >= 3 && (text.data[0] == '4' || text.data[0] == '5') &&
	    str_count_digits(text) == 3 &&
	    (text.len == 3 || text.data[3] == ' ' || text.data[3] == '-');
}

static void
add_answer(struct session *session, const char *address)
{
	struct transcript *transcript = session->transcript;

	for (unsigned i = 0; i < transcript->count; i++) {
		if (strcmp(transcript->list[i].address, address) == 0) {
			transcript->list[i].words = session->refusal;
			return;
		}
	}
	if (transcript->count == LIMITS_RECIPIENTS)
		return;
	if (transcript->list == NULL)
		transcript->list = arena_alloc(session->arena,
		    LIMITS_RECIPIENTS * sizeof(transcript->list[0]));
	transcript->list[transcript->count++] = (struct transcript_answer){ .address = address,
		.words = session->refusal };
}

/* Is it a reply to the command above it, not to one that was sent with it? */
static bool
is_first_reply(const struct session *session)
{
	return session->at > 0 && str_istarts(session->lines[session->at - 1], STR(">>> "));
}

static bool
is_command(const struct session *session, const char *verb)
{
	return str_istarts(session->command, str_of(verb));
}

/* The lines of one reply: "550-" says that another one follows. */
static struct str
take_reply(struct session *session)
{
	struct buf words = { 0 };
	struct str text, verb = str_sub(session->command, 0, VERB_BYTES);
	const char *copy;
	size_t colon;
	bool more = true;

	/* Whom a command names is no part of what is said. */
	if (str_find_byte(verb, ':', 0, &colon))
		verb = str_sub(verb, 0, colon);
	buf_printf(&words, "talking to %.*s: >>> %.*s:", STR_ARGS(session->host), STR_ARGS(verb));
	for (; more && session->at < session->line_count && is_said(session->lines[session->at]);
	    session->at++) {
		text = str_trim(str_sub(session->lines[session->at], 4, LIMITS_REPLY_BYTES));
		more = text.len > 3 && text.data[3] == '-';
		if (words.len < 2 * LIMITS_REPLY_BYTES)
			buf_printf(&words, " %.*s", STR_ARGS(text));
	}
	copy = arena_strdup(session->arena, buf_str(&words));
	buf_free(&words);
	return str_of(copy);
}

static void
read_reply(struct session *session)
{
	struct str text = str_trim(str_sub(session->lines[session->at], 4, LIMITS_REPLY_BYTES));
	bool first = is_first_reply(session);
	struct str reply = take_reply(session);
	struct mention mention;

	session->refusal = is_refusal(text) && !is_command(session, "QUIT") &&
	    !is_command(session, "RSET") ? reply : STR_EMPTY;
	if (session->refusal.len > 0 && is_command(session, "RCPT") && first &&
	    mention_find(session->command, 0, session->arena, &mention) == 1)
		add_answer(session, mention.address);
}

/* "554 <a@example.com>,<b@example.com>... Service unavailable": the reply to a
   command that named nobody was about these. */
static void
read_summary(struct session *session, struct str line)
{
	struct mention mention = { .end = 0 };
	size_t at;

	if (session->refusal.len == 0 || is_command(session, "RCPT") ||
	    !str_find(line, STR("..."), 0, &at))
		return;
	line = str_sub(line, 0, at);
	while (mention_find(line, mention.end, session->arena, &mention) == 1)
		add_answer(session, mention.address);
}

/* "550 example.org (smtp)... 550 Host unknown": another host was to be asked. */
static bool
is_other_host(const struct session *session, struct str line)
{
	struct str rest = str_sub(line, 4, line.len), word;
	size_t at;

	return str_find(line, STR(")..."), 0, &at) && str_next_word(&rest, &word) &&
	    !str_istarts(session->host, word);
}

/* "mx.example.com [192.0.2.25]:", as Courier has it. */
static bool
is_host_line(struct str line)
{
	struct str rest = line, host, relay;
	size_t at;

	if (!str_iends(line, STR(":")) || str_find_byte(line, '@', 0, &at) ||
	    !str_next_word(&rest, &host) || !str_find_byte(host, '.', 0, &at))
		return false;
	return !str_next_word(&rest, &relay) || (relay.data[0] == '[' && rest.len == 0);
}

/* "... while talking to mx.example.com.:" */
static bool
take_host(struct session *session, struct str line)
{
	size_t at;

	if (str_ifind(str_sub(line, 0, 24), STR("while talking to "), 0, &at))
		line = str_sub(line, at + 17, line.len);
	else if (!is_host_line(line))
		return false;
	line = str_sub(line, 0, HOST_BYTES);
	while (str_iends(line, STR(":")) || str_iends(line, STR(".")))
		line.len--;
	session->host = line;
	session->command = session->refusal = STR_EMPTY;
	return true;
}

static void
read_line(struct session *session)
{
	struct str line = session->lines[session->at++];

	if (take_host(session, line))
		return;
	if (str_istarts(line, STR(">>> "))) {
		session->command = str_sub(line, 4, 4 + LIMITS_ADDRESS_BYTES);
		session->refusal = STR_EMPTY;
	} else if (is_said(line)) {
		session->at--;
		read_reply(session);
	} else if (!is_refusal(line) || is_other_host(session, line)) {
		session->refusal = STR_EMPTY;
	} else {
		read_summary(session, line);
	}
}

void
transcript_read(const struct str *lines, unsigned line_count, struct arena *arena,
    struct transcript *transcript_r)
{
	struct session session = { .lines = lines, .line_count = line_count, .arena = arena,
		.transcript = transcript_r, .host = STR_EMPTY, .command = STR_EMPTY,
		.refusal = STR_EMPTY };

	*transcript_r = (struct transcript){ .count = 0 };
	while (session.at < line_count)
		read_line(&session);
}

struct str
transcript_words(const struct transcript *transcript, const char *address)
{
	for (unsigned i = 0; i < transcript->count; i++) {
		if (strcmp(transcript->list[i].address, address) == 0)
			return transcript->list[i].words;
	}
	return STR_EMPTY;
}
