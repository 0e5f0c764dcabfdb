#include "parse/reply.h"

#include <stdio.h>
#include <string.h>

#include "parse/charset.h"
#include "parse/limits.h"

/* What Postfix writes behind a quotation, and what it says of a host that
   refused before any command. */
static const struct {
	struct str command;
	enum stage stage;
} stages[] = {
	{ { "(in reply to RCPT TO command)", 29 }, STAGE_RCPT },
	{ { "(in reply to end of DATA command)", 33 }, STAGE_EOD },
	{ { "(in reply to DATA command)", 26 }, STAGE_DATA },
	{ { "(in reply to MAIL FROM command)", 31 }, STAGE_MAIL },
	{ { "(in reply to EHLO command)", 26 }, STAGE_HELO },
	{ { "(in reply to HELO command)", 26 }, STAGE_HELO },
};

/* The number of digits at the front, at most `most`. */
static size_t
digits(struct str text, size_t most)
{
	size_t count = 0;

	while (count < text.len && count < most && str_is_digit(text.data[count]))
		count++;
	return count;
}

int
reply_take_status(struct str *rest, struct arena *arena, const char **status_r)
{
	struct str text = *rest, status;
	size_t len = 1, subject, detail;

	if (text.len > 0 && text.data[0] == '#')
		text = str_sub(text, 1, text.len);
	if (text.len < 5 || strchr("245", text.data[0]) == NULL || text.data[0] == '\0' ||
	    text.data[1] != '.')
		return 0;
	subject = digits(str_sub(text, 2, text.len), 3);
	len = 2 + subject;
	if (subject == 0 || len >= text.len || text.data[len] != '.')
		return 0;
	detail = digits(str_sub(text, len + 1, text.len), 3);
	len += 1 + detail;
	if (detail == 0 || (len < text.len && (str_is_alnum(text.data[len]) ||
	    (text.data[len] == '.' && len + 1 < text.len && str_is_digit(text.data[len + 1])))))
		return 0;
	status = str_sub(text, 0, len);
	text = str_sub(text, len, text.len);
	if (text.len > 0 && (text.data[0] == ':' || text.data[0] == '#'))
		text = str_sub(text, 1, text.len);
	*status_r = arena_strdup(arena, status);
	*rest = str_trim(text);
	return 1;
}

/* Take "550 " or "550-" off the front. Returns the code, or 0; *more_r says
   that more lines follow. */
static unsigned
take_code(struct str *rest, bool *more_r)
{
	struct str text = *rest;
	unsigned code;

	if (digits(text, 4) != 3 || text.data[0] < '2' || text.data[0] > '5')
		return 0;
	code = (unsigned)((text.data[0] - '0') * 100 + (text.data[1] - '0') * 10 +
	    (text.data[2] - '0'));
	if (text.len > 3 && strchr(" -:#", text.data[3]) == NULL)
		return 0;
	*more_r = text.len > 3 && text.data[3] == '-';
	/* "550#5.1.0 ..." keeps its "#" for the status. */
	*rest = str_trim(str_sub(text, text.len > 3 && text.data[3] == '#' ? 3 : 4, text.len));
	return code;
}

/* "550 550 5.1.1 no such user": the MTA has put the code before the reply. */
static void
take_repeated_code(struct str *rest, unsigned code)
{
	struct str behind = *rest;
	bool more;

	if (code != 0 && behind.len > 3 && (behind.data[3] == ' ' || behind.data[3] == '-') &&
	    take_code(&behind, &more) == code)
		*rest = behind;
}

/*
 * Words without the "550-5.1.1 " that leads every further line of a reply. An
 * MTA joins the lines with a blank, so a line begins where the same code
 * stands again. Only called when the first line announced more.
 */
static const char *
join_lines(struct str words, unsigned code, struct arena *arena)
{
	char more[16], last[16];
	char *out = arena_alloc(arena, words.len + 1), *to = out;
	bool fresh = true; /* nothing of this line was written yet */
	bool at_end = false;

	snprintf(more, sizeof(more), "%03u-", code);
	snprintf(last, sizeof(last), "%03u ", code);
	while (words.len > 0) {
		bool blank = words.data[0] == ' ';
		struct str line = str_sub(words, blank ? 1 : 0, words.len);
		const char *status;

		if ((fresh || blank) && (str_istarts(line, str_of(more)) ||
		    (!at_end && str_istarts(line, str_of(last))))) {
			at_end = line.data[3] == ' ';
			words = str_trim(str_sub(line, 4, line.len));
			reply_take_status(&words, arena, &status);
			*to++ = ' ';
			fresh = true;
			continue;
		}
		*to++ = words.data[0];
		words = str_sub(words, 1, words.len);
		fresh = false;
	}
	return charset_clean_line((struct str){ out, (size_t)(to - out) }, LIMITS_REPLY_BYTES,
	    arena);
}

/* "host NAME[RELAY] said: REPLY", "host NAME[RELAY] refused to talk to me:
   REPLY": take all that precedes the reply off the front. */
static void
take_quotation(struct str *rest, struct arena *arena, struct reply *reply)
{
	static const struct str said = { " said: ", 7 };
	static const struct str refused = { " refused to talk to me: ", 24 };
	struct str host;
	size_t at, bracket, open;
	size_t skip;

	if (!str_find(*rest, STR("host "), 0, &at) || !str_find_byte(*rest, ']', at, &bracket))
		return;
	host = str_sub(*rest, at + 5, bracket);
	if (!str_find_byte(host, '[', 0, &open))
		return;
	if (str_istarts(str_sub(*rest, bracket + 1, rest->len), said)) {
		skip = said.len;
	} else if (str_istarts(str_sub(*rest, bracket + 1, rest->len), refused)) {
		skip = refused.len;
		reply->stage = STAGE_CONNECT;
	} else {
		return;
	}
	reply->host = arena_strdup(arena, str_sub(host, 0, open));
	reply->relay = arena_strdup(arena, str_sub(host, open + 1, host.len));
	*rest = str_sub(*rest, bracket + 1 + skip, rest->len);
}

/* "5.1.0 - Unknown address error 550-'5.1.1 no such user' (delivery attempts: 0)":
   Cisco's gateways put their own summary before what they quote. Returns the
   code, and leaves the quoted words, or 0. */
static unsigned
take_summary(struct str *rest)
{
	struct str quoted;
	size_t at, end;
	unsigned code;
	bool more;

	if (!str_find(*rest, STR(" error "), 0, &at))
		return 0;
	quoted = str_sub(*rest, at + 7, rest->len);
	if (quoted.len < 5 || quoted.data[3] != '-' || quoted.data[4] != '\'')
		return 0;
	code = take_code(&quoted, &more);
	quoted = str_sub(quoted, 1, quoted.len);
	if (code == 0 || !str_find(quoted, STR("' ("), 0, &end))
		return 0;
	*rest = str_trim(str_sub(quoted, 0, end));
	return code;
}

/* The command that was refused stands at the end, so nothing that the remote
   host says before it can be taken for it. */
static void
take_stage(struct str *rest, struct reply *reply)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (str_iends(*rest, stages[i].command)) {
			reply->stage = stages[i].stage;
			*rest = str_trim(str_sub(*rest, 0, rest->len - stages[i].command.len));
			return;
		}
	}
}

void
reply_parse(struct str text, struct arena *arena, struct reply *reply_r)
{
	struct str rest;
	bool more = false;

	*reply_r = (struct reply){ .status = "", .words = "", .text = "", .host = "",
		.relay = "" };
	if (str_trim(text).len > LIMITS_REPLY_BYTES)
		reply_r->limits = LIMIT_TEXT;
	rest = str_of(charset_clean_line(text, LIMITS_REPLY_BYTES, arena));
	take_stage(&rest, reply_r);
	/* Words that begin with a code are the reply itself: whoever is quoted
	   inside it is not the one who speaks. */
	if (digits(rest, 4) != 3)
		take_quotation(&rest, arena, reply_r);
	reply_r->text = arena_strdup(arena, rest);
	reply_r->code = take_code(&rest, &more);
	if (reply_r->code == 0)
		reply_r->code = take_summary(&rest);
	take_repeated_code(&rest, reply_r->code);
	reply_take_status(&rest, arena, &reply_r->status);
	if (more)
		reply_r->words = join_lines(rest, reply_r->code, arena);
	else
		reply_r->words = arena_strdup(arena, rest);
}

/* Could this byte go on with an address, before or behind? */
static bool
is_address_byte(char byte)
{
	return str_is_alnum(byte) || (byte & 0x80) != 0 ||
	    (byte != '\0' && strchr("!#$%&*+-/=?^_`{|}~@", byte) != NULL);
}

static bool
precedes_address(char byte)
{
	return is_address_byte(byte) || byte == '.';
}

static bool
is_domain_byte(char byte)
{
	return str_is_alnum(byte) || byte == '-' || byte == '_';
}

static bool
precedes_domain(char byte)
{
	return is_domain_byte(byte) || byte == '@';
}

/* Does the name stand in the text, and none of these bytes beside it? */
static bool
stands_in(struct str text, struct str name, bool (*precedes)(char byte),
    bool (*follows)(char byte))
{
	size_t at = 0, end;

	if (name.len == 0)
		return false;
	for (; str_ifind(text, name, at, &at) == 1; at++) {
		end = at + name.len;
		if (at > 0 && precedes(text.data[at - 1]))
			continue;
		/* A dot behind it may end the sentence. */
		if (end + 1 < text.len && text.data[end] == '.')
			end++;
		if (end == text.len || !follows(text.data[end]))
			return true;
	}
	return false;
}

bool
reply_names_address(struct str text, struct str address)
{
	return stands_in(text, address, precedes_address, is_address_byte);
}

bool
reply_names_domain(struct str text, struct str domain)
{
	return stands_in(text, domain, precedes_domain, is_domain_byte);
}
