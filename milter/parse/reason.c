#include "parse/reason.h"

#include <stddef.h>
#include <string.h>

#include "parse/charset.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/phrase.h"
#include "parse/reply.h"

/* What MTAs write behind a quotation. */
static const char *const tails[] = { "Giving up on ", "I'm not going to try again", "--- Below" };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A number of three digits that may be a reply code of failure, alone. */
static bool
is_code(struct str text, size_t at)
{
	if (at + 3 > text.len || (text.data[at] != '4' && text.data[at] != '5') ||
	    !str_is_digit(text.data[at + 1]) || !str_is_digit(text.data[at + 2]) ||
	    text.data[at + 1] > '5')
		return false;
	return at + 3 == text.len || strchr(" -:#", text.data[at + 3]) != NULL;
}

/* Does an enhanced status of failure begin here? */
static bool
is_status(struct str text, size_t at, struct arena *arena)
{
	struct str rest = str_sub(text, at, text.len);
	const char *status;

	return rest.len >= 5 && (rest.data[0] == '4' || rest.data[0] == '5') &&
	    reply_take_status(&rest, arena, &status) == 1;
}

/* Do the words before a number say that a reply follows? */
static bool
introduces(struct str before)
{
	static const char *const words[] = {
		"said", "reason", "error", "returned", "was", "failure", "response", "code", "reply",
		"message", "following", "replied", "responded", "with", "smtp", "status",
	};
	struct str last;
	size_t from;

	before = str_trim(before);
	if (before.len == 0)
		return true;
	if (strchr(":;,#>-([<\"'*", before.data[before.len - 1]) != NULL)
		return true;
	for (from = before.len; from > 0 && str_is_alnum(before.data[from - 1]); from--)
		continue;
	last = str_sub(before, from, before.len);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_iequal(last, str_of(words[i])))
			return true;
	}
	return false;
}

/* Does a reply begin with the status at `at`? "(#5.1.1)" is only mentioned; one
   that stood at the front of a line has a blank before it. */
static bool
begins_reply(struct str text, size_t at)
{
	size_t end = at;

	if (at > 0 && strchr("#(", text.data[at - 1]) != NULL)
		return false;
	if (introduces(str_sub(text, 0, at)))
		return true;
	while (end < text.len && text.data[end] != ' ')
		end++;
	return text.data[at - 1] == ' ' && end + 1 < text.len &&
	    (text.data[end + 1] == '<' || str_is_alnum(text.data[end + 1]));
}

/* Find where a reply begins in the paragraph. */
static int
find_reply(struct str text, struct arena *arena, size_t *at_r)
{
	for (size_t at = 0; at + 3 <= text.len; at++) {
		struct str behind;

		if (!str_is_digit(text.data[at]) || (at > 0 && (str_is_alnum(text.data[at - 1]) ||
		    text.data[at - 1] == '.' || text.data[at - 1] == '/')))
			continue;
		if (is_code(text, at)) {
			behind = str_trim(str_sub(text, at + 4, text.len));
			if (introduces(str_sub(text, 0, at)) || is_status(behind, 0, arena)) {
				*at_r = at;
				return 1;
			}
		} else if (is_status(text, at, arena) && begins_reply(text, at)) {
			*at_r = at;
			return 1;
		}
	}
	return 0;
}

/* A status that stands in the sentence: "(#5.1.1)", "#5.1.1", "[#4.4.1]". */
static const char *
status_within(struct str text, struct arena *arena)
{
	size_t at = 0;

	for (; str_find_byte(text, '#', at, &at) == 1; at++) {
		struct str rest = str_sub(text, at + 1, text.len);
		const char *status;

		if (is_status(rest, 0, arena) && reply_take_status(&rest, arena, &status) == 1)
			return status;
	}
	return "";
}

static bool
is_host_byte(char byte)
{
	return str_is_alnum(byte) || byte == '-' || byte == '.' || byte == '_';
}

/* The word that ends at `end`, if it has the form of a host name. */
static struct str
host_before(struct str text, size_t end)
{
	size_t from, dot;
	struct str host;

	while (end > 0 && (text.data[end - 1] == ' ' || text.data[end - 1] == '.'))
		end--;
	for (from = end; from > 0 && is_host_byte(text.data[from - 1]); from--)
		continue;
	host = str_sub(text, from, end);
	if (from > 0 && text.data[from - 1] == '@')
		return STR_EMPTY;
	return str_find_byte(host, '.', 0, &dot) ? host : STR_EMPTY;
}

/* The host name behind such a word. */
static struct str
host_behind(struct str text, struct str word)
{
	size_t at, from, to, dot;
	struct str host;

	if (str_ifind(text, word, 0, &at) == 0)
		return STR_EMPTY;
	for (from = at + word.len; from < text.len && strchr(": [", text.data[from]) != NULL; from++)
		continue;
	for (to = from; to < text.len && is_host_byte(text.data[to]); to++)
		continue;
	while (to > from && text.data[to - 1] == '.')
		to--;
	host = str_sub(text, from, to);
	return str_find_byte(host, '.', 0, &dot) ? host : STR_EMPTY;
}

/* Whose words they are: "mx.example.com [192.0.2.1]", "host mx.example.com". */
static void
read_host(struct str lead, struct arena *arena, struct bounce *bounce)
{
	static const char *const words[] = {
		"host ", "host: ", "talking to ", "connected to ", "server ", " by ",
	};
	struct str host = STR_EMPTY;
	size_t at, close = 0;

	for (size_t from = 0; host.len == 0 && from < lead.len; from = at + 1) {
		at = from;
		while (at < lead.len && lead.data[at] != '[' && lead.data[at] != '(')
			at++;
		if (at + 1 < lead.len && str_is_digit(lead.data[at + 1])) {
			host = host_before(lead, at);
			close = at;
		}
	}
	if (host.len > 0 && str_find_byte(lead, lead.data[close] == '[' ? ']' : ')', close, &at))
		bounce->relay = charset_clean_line(str_sub(lead, close + 1, at), LIMITS_ID_BYTES, arena);
	for (size_t i = 0; host.len == 0 && i < COUNT_OF(words); i++)
		host = host_behind(lead, str_of(words[i]));
	if (host.len == 0)
		host = host_behind(lead, STR_EMPTY); /* it begins the sentence */
	if (host.len > 0 && host.len <= LIMITS_ID_BYTES)
		bounce->remote_mta = arena_strdup(arena, host);
}

static struct str
without_tail(struct str text)
{
	size_t at;

	for (size_t i = 0; i < COUNT_OF(tails); i++) {
		if (str_find(text, str_of(tails[i]), 0, &at) == 1 && at > 0)
			text = str_trim(str_sub(text, 0, at));
	}
	return text;
}

/* One paragraph that quotes a reply; `at` is where it begins. */
static void
read_quotation(struct str paragraph, size_t at, struct arena *arena, struct bounce *bounce)
{
	struct str lead = str_sub(paragraph, 0, at), quoted;
	struct reply reply;

	quoted = without_tail(str_sub(paragraph, at, paragraph.len));
	/* "(reason: 550 5.1.1 User unknown)": the brackets are the MTA's. */
	if (str_iends(quoted, STR(")")) && str_find_byte(lead, '(', 0, &at) &&
	    !str_find_byte(quoted, '(', 0, &at))
		quoted.len--;
	reply_parse(quoted, arena, &reply);
	bounce->code = reply.code;
	if (reply.status[0] != '\0')
		bounce->status = reply.status;
	bounce->text = reply.text;
	bounce->words = reply.words;
	bounce->limits |= reply.limits;
	/* What the server says may sound like a command, too. */
	bounce->stage = reply.stage != STAGE_UNKNOWN ? reply.stage : phrase_stage(lead);
	if (bounce->stage == STAGE_UNKNOWN)
		bounce->stage = phrase_stage(paragraph);
	read_host(lead, arena, bounce);
}

/* Postfix's own way to quote is read where it is known. */
static bool
read_postfix(struct str paragraph, struct arena *arena, struct bounce *bounce)
{
	struct reply reply;

	reply_parse(paragraph, arena, &reply);
	if (reply.host[0] == '\0')
		return false;
	bounce->code = reply.code;
	bounce->status = reply.status;
	bounce->text = reply.text;
	bounce->words = reply.words;
	bounce->stage = reply.stage;
	bounce->remote_mta = reply.host;
	bounce->relay = reply.relay;
	bounce->limits |= reply.limits;
	return true;
}

/* No reply is quoted: all that is said counts. */
static void
read_sentences(struct str paragraphs, struct arena *arena, struct bounce *bounce)
{
	struct str text = paragraphs, label;

	/* "Reason: it is full" wins over what is said around it. */
	if (phrase_find(text, PHRASE_REASON, &label) == 1 && text.data + text.len - label.data >
	    (ptrdiff_t)label.len + 3)
		text = str_trim(str_sub(text, (size_t)(label.data - text.data) + label.len, text.len));
	if (text.len > LIMITS_REPLY_BYTES)
		bounce->limits |= LIMIT_TEXT;
	bounce->text = bounce->words = charset_clean_line(text, LIMITS_REPLY_BYTES, arena);
	bounce->status = status_within(text, arena);
	read_host(text, arena, bounce);
}

int
reason_read(struct str paragraphs, struct arena *arena, struct bounce *bounce)
{
	struct str rest = str_trim(paragraphs), paragraph;
	size_t at;

	if (rest.len == 0)
		return 0;
	while (line_next(&rest, &paragraph)) {
		if (read_postfix(paragraph, arena, bounce))
			return 1;
		if (find_reply(paragraph, arena, &at) == 1) {
			read_quotation(paragraph, at, arena, bounce);
			if (bounce->status[0] == '\0')
				bounce->status = status_within(paragraph, arena);
			return 1;
		}
	}
	read_sentences(str_trim(paragraphs), arena, bounce);
	return 1;
}
