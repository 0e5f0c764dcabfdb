/*
 * What Postfix writes behind the queue id (cleanup(8), qmgr(8), smtp(8) and the
 * other delivery agents). The order of the fields is that of log_adhoc(3).
 */
#include <string.h>

#include "parse/logline.h"

static const struct str agents[] = {
	{ "smtp", 4 }, { "lmtp", 4 }, { "error", 5 }, { "virtual", 7 }, { "pipe", 4 },
	{ "local", 5 }, { "discard", 7 },
};

/* Daemons whose lines are understood, or known to say nothing of use. */
static const struct str others[] = {
	{ "smtpd", 5 }, { "pickup", 6 }, { "cleanup", 7 }, { "qmgr", 4 }, { "bounce", 6 },
	{ "postscreen", 10 }, { "anvil", 5 }, { "scache", 6 }, { "verify", 6 }, { "trivial-rewrite", 15 },
	{ "master", 6 }, { "postfix-script", 14 }, { "tlsmgr", 6 }, { "tlsproxy", 8 }, { "proxymap", 8 },
	{ "postlogd", 8 }, { "postlog", 7 }, { "postsuper", 9 }, { "postqueue", 9 }, { "sendmail", 8 },
	{ "postdrop", 8 }, { "flush", 5 }, { "showq", 5 }, { "dnsblog", 7 }, { "qmqpd", 5 }, { "oqmgr", 5 },
};

static const struct {
	struct str word;
	enum log_result result;
} results[] = {
	{ { "sent", 4 }, LOG_SENT },
	{ { "deferred", 8 }, LOG_DEFERRED },
	{ { "bounced", 7 }, LOG_BOUNCED },
	{ { "SOFTBOUNCE", 10 }, LOG_DEFERRED },
	{ { "deliverable", 11 }, LOG_PROBE },
	{ { "undeliverable", 13 }, LOG_PROBE },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_one_of(struct str word, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_equal(word, list[i]))
			return true;
	}
	return false;
}

static bool
take(struct str *rest, struct str word)
{
	if (rest->len < word.len || memcmp(rest->data, word.data, word.len) != 0)
		return false;
	*rest = str_sub(*rest, word.len, rest->len);
	return true;
}

/* Without quotes, "<a>,<b@c>" may be one address; Postfix lists none. */
static bool
is_one(struct str address)
{
	struct str one;

	return logline_next_recipient(&address, &one) && address.len == 0;
}

/* Take "<address>" and what has to follow it. Where Postfix logs addresses
   without quotes (before 3.5), a ">" may be part of one: the field ends only
   where the next one begins. */
static bool
take_address(struct str *rest, bool original_may_follow, struct str *address_r)
{
	size_t end = 0;

	if (rest->len == 0 || rest->data[0] != '<' || logline_address_end(*rest, 0, &end) == 0)
		return false;
	do {
		struct str next = str_sub(*rest, end + 1, rest->len);

		if (str_istarts(next, STR(", relay=")) ||
		    (original_may_follow && str_istarts(next, STR(", orig_to=<")))) {
			*address_r = str_sub(*rest, 0, end + 1);
			*rest = next;
			return is_one(*address_r);
		}
	} while (str_find_byte(*rest, '>', end + 1, &end) == 1);
	return false;
}

static struct str
without_brackets(struct str address)
{
	return address.len < 2 ? address : str_sub(address, 1, address.len - 1);
}

/* "status=WORD (TEXT)", TEXT up to the end of the line; a line that is cut has
   lost the last parenthesis. */
static bool
take_status(struct str rest, struct logline *line_r)
{
	size_t blank;

	if (str_find_byte(rest, ' ', 0, &blank) == 0 || blank + 1 >= rest.len ||
	    rest.data[blank + 1] != '(')
		return false;
	for (size_t i = 0; i < COUNT_OF(results); i++) {
		if (!str_equal(str_sub(rest, 0, blank), results[i].word))
			continue;
		line_r->result = results[i].result;
		line_r->word = results[i].word;
		line_r->text = str_sub(rest, blank + 2, rest.len);
		if (line_r->text.len > 0 && line_r->text.data[line_r->text.len - 1] == ')')
			line_r->text.len--;
		else
			line_r->cut = true;
		if (line_r->result == LOG_DEFERRED &&
		    str_istarts(line_r->text, STR("delivery temporarily suspended")))
			line_r->result = LOG_SUSPENDED;
		return true;
	}
	return false;
}

/* The fields from relay= up to status=. New versions add new ones. */
static bool
take_fields(struct str rest, struct logline *line_r)
{
	struct str name, value;
	size_t end;

	while (take(&rest, STR(", "))) {
		if (str_next_piece(&rest, '=', &name) && str_equal(name, STR("status")))
			return take_status(rest, line_r);
		if (str_find(rest, STR(", "), 0, &end) == 0)
			return false;
		value = str_sub(rest, 0, end);
		rest = str_sub(rest, end, rest.len);
		if (str_equal(name, STR("relay")))
			logline_relay(value, line_r);
		else if (str_equal(name, STR("delay")))
			line_r->delay_sec = logline_seconds(value);
		else if (str_equal(name, STR("dsn")))
			line_r->status = value;
	}
	return false;
}

static enum log_kind
parse_delivery(struct str daemon, struct str rest, struct logline *line_r)
{
	struct str original;

	if (!take(&rest, STR("to=")))
		return LOG_NOTHING;
	if (!take_address(&rest, true, &line_r->recipients))
		return LOG_UNKNOWN;
	if (take(&rest, STR(", orig_to="))) {
		if (!take_address(&rest, false, &original))
			return LOG_UNKNOWN;
		line_r->original = without_brackets(original);
	}
	line_r->agent = daemon;
	return take_fields(rest, line_r) ? LOG_DELIVERY : LOG_UNKNOWN;
}

/* "from=<s>, size=367, nrcpt=1 (queue active)", "from=<s>, status=expired,
   returned to sender". The sender is a stranger's: it ends at the field. */
static enum log_kind
parse_qmgr(struct str rest, struct logline *line_r)
{
	static const struct str expired = { ">, status=expired,", 18 };
	static const struct str size = { ">, size=", 8 };
	uint64_t count;
	size_t end, at;

	if (str_equal(rest, STR("removed")))
		return LOG_REMOVED;
	if (!str_istarts(rest, STR("from=<")) || logline_address_end(rest, 5, &end) == 0)
		return LOG_NOTHING;
	do {
		line_r->sender = str_sub(rest, 6, end);
		if (str_istarts(str_sub(rest, end, rest.len), expired))
			return LOG_EXPIRED;
		if (!str_istarts(str_sub(rest, end, rest.len), size))
			continue;
		if (str_find(rest, STR(", nrcpt="), end, &at) == 1) {
			rest = str_sub(rest, at + 8, rest.len);
			if (str_find_byte(rest, ' ', 0, &at) == 1 &&
			    str_number(str_sub(rest, 0, at), &count) == 0)
				line_r->recipient_count = (unsigned)count;
		}
		return LOG_SENDER;
	} while (str_find_byte(rest, '>', end + 1, &end) == 1);
	return LOG_NOTHING;
}

/* "client=name[address], sasl_method=PLAIN, sasl_username=user" */
static enum log_kind
parse_smtpd(struct str rest, struct logline *line_r)
{
	size_t open, close, end;

	if (!take(&rest, STR("client=")))
		return LOG_NOTHING;
	if (str_find_byte(rest, '[', 0, &open) == 1 && str_find_byte(rest, ']', open, &close) == 1) {
		line_r->client = str_sub(rest, open + 1, close);
		rest = str_sub(rest, close, rest.len);
	}
	if (str_find(rest, STR(", sasl_username="), 0, &end) == 1) {
		line_r->login = str_sub(rest, end + 16, rest.len);
		if (str_find(line_r->login, STR(", "), 0, &end) == 1)
			line_r->login.len = end;
	}
	return LOG_CLIENT;
}

enum log_kind
logline_postfix(struct str daemon, struct str rest, struct logline *line_r)
{
	if (is_one_of(daemon, agents, COUNT_OF(agents)))
		return parse_delivery(daemon, rest, line_r);
	if (str_equal(daemon, STR("smtpd")))
		return parse_smtpd(rest, line_r);
	if (str_equal(daemon, STR("pickup")))
		return str_istarts(rest, STR("uid=")) ? LOG_CLIENT : LOG_NOTHING;
	if (str_equal(daemon, STR("qmgr")))
		return parse_qmgr(rest, line_r);
	if (str_equal(daemon, STR("cleanup")) && take(&rest, STR("message-id="))) {
		/* "<>" is what mail without one has. */
		line_r->message_id = str_equal(rest, STR("<>")) ? STR_EMPTY : rest;
		return LOG_MESSAGE_ID;
	}
	return is_one_of(daemon, others, COUNT_OF(others)) ? LOG_NOTHING : LOG_UNKNOWN;
}
