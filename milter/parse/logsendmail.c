/*
 * What Sendmail writes behind the queue id (logdelivery() and logsender() of
 * its source). The outcome is read from dsn=, which stands before any word of
 * the remote server; of a reply of several lines only the first is there.
 */
#include <string.h>

#include "base/clock.h"
#include "parse/logline.h"

#define SENDER_BYTES 200

static const struct str separator = { ", ", 2 };

static bool
is_octal(char byte)
{
	return byte >= '0' && byte <= '7';
}

struct str
logline_decode(struct str text, char *decoded)
{
	size_t to = 0;

	if (text.len == 0 || memchr(text.data, '\\', text.len) == NULL)
		return text;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.data + i;
		size_t left = text.len - i;

		if (left >= 4 && at[0] == '\\' && is_octal(at[1]) && is_octal(at[2]) &&
		    is_octal(at[3])) {
			decoded[to++] = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + at[3] - '0');
			i += 3;
		} else if (left >= 2 && at[0] == '\\' && at[1] != '\0' &&
		    strchr("tnr", at[1]) != NULL) {
			decoded[to++] = ' ';
			i++;
		} else {
			i += left >= 2 && at[0] == '\\' && at[1] == '\\';
			decoded[to++] = at[0];
		}
	}
	return (struct str){ decoded, to };
}

/* Take "name=" off the front, if it is there. */
static bool
take_name(struct str *rest, struct str name)
{
	if (rest->len < name.len || memcmp(rest->data, name.data, name.len) != 0)
		return false;
	*rest = str_sub(*rest, name.len, rest->len);
	return true;
}

/* Take what stands before the next separator, and the separator. */
static struct str
take_value(struct str *rest)
{
	struct str value = *rest;
	size_t end;

	if (str_find(*rest, separator, 0, &end) == 0) {
		*rest = STR_EMPTY;
		return value;
	}
	value.len = end;
	*rest = str_sub(*rest, end + separator.len, rest->len);
	return value;
}

/* Where the list of addresses ends: each with or without brackets, as it was
   given; the quotes in it are minded. */
static size_t
end_of_list(struct str all)
{
	size_t at = 0, end;

	for (;;) {
		if (at < all.len && all.data[at] == '<' && logline_address_end(all, at, &end) == 1)
			at = end + 1;
		else
			at = logline_bare_address(all, at);
		if (at + 1 >= all.len || all.data[at] != ',' || all.data[at + 1] == ' ')
			break;
		at++;
	}
	/* "(1000/1000)", "[more]" */
	return str_find(all, separator, at, &end) == 1 ? end : all.len;
}

/* Take the list off the front, and the separator. A long one goes on in another
   line of its own. */
static struct str
take_addresses(struct str *rest)
{
	static const struct str more = { " [more]", 7 };
	struct str all = *rest;
	size_t end = end_of_list(all);

	*rest = str_sub(all, end + separator.len, all.len);
	all.len = end;
	if (str_iends(all, more))
		all.len -= more.len;
	return all;
}

/* A sender is cut, which may be in the middle of its quotes. */
static struct str
take_sender(struct str *rest)
{
	struct str cut = str_sub(*rest, 0, SENDER_BYTES);
	struct str all = *rest;
	size_t end = end_of_list(cut);

	if (end == SENDER_BYTES && (all.len == end ||
	    str_istarts(str_sub(all, end, all.len), separator))) {
		*rest = str_sub(all, end + separator.len, all.len);
		return cut;
	}
	return take_addresses(rest);
}

/* "1+02:03:04": days, hours, minutes, seconds. Returns -1 if it is none. */
static int64_t
parse_delay(struct str text)
{
	struct str piece;
	uint64_t number;
	int64_t delay = 0;
	size_t plus;

	if (str_find_byte(text, '+', 0, &plus) == 1) {
		if (str_number(str_sub(text, 0, plus), &number) == -1)
			return -1;
		delay = (int64_t)number * 24;
		text = str_sub(text, plus + 1, text.len);
		if (!str_next_piece(&text, ':', &piece) || str_number(piece, &number) == -1)
			return -1;
		delay += (int64_t)number;
	}
	while (str_next_piece(&text, ':', &piece)) {
		if (str_number(piece, &number) == -1)
			return -1;
		delay = delay * 60 + (int64_t)number;
	}
	return delay;
}

static struct str
without_brackets(struct str address)
{
	if (address.len < 2 || address.data[0] != '<' || address.data[address.len - 1] != '>')
		return address;
	return str_sub(address, 1, address.len - 1);
}

/* "from=<s>, size=95, class=0, nrcpts=1, msgid=<...>, proto=ESMTP, daemon=MTA,
   relay=name [address]"; the first words are the client's. */
static enum log_kind
parse_sender(struct str rest, struct logline *line_r)
{
	struct logline relay = { 0 };
	uint64_t count;

	line_r->sender = without_brackets(take_sender(&rest));
	while (rest.len > 0) {
		if (take_name(&rest, STR("nrcpts="))) {
			if (str_number(take_value(&rest), &count) == 0)
				line_r->recipient_count = (unsigned)count;
		} else if (take_name(&rest, STR("msgid="))) {
			line_r->message_id = take_value(&rest);
			if (str_equal(line_r->message_id, STR("<>")))
				line_r->message_id = STR_EMPTY;
		} else if (take_name(&rest, STR("relay="))) {
			logline_relay(take_value(&rest), &relay);
			line_r->client = relay.relay_address;
		} else {
			take_value(&rest);
		}
	}
	return LOG_MESSAGE;
}

/* The agent, in Postfix's words: what goes out by SMTP, and what stays here. */
static struct str
agent_of(struct str mailer)
{
	static const struct str smtp[] = {
		{ "esmtp", 5 }, { "smtp", 4 }, { "smtp8", 5 }, { "dsmtp", 5 }, { "relay", 5 },
	};

	for (size_t i = 0; i < sizeof(smtp) / sizeof(smtp[0]); i++) {
		if (str_equal(mailer, smtp[i]))
			return STR("smtp");
	}
	return mailer.len == 0 ? STR("smtp") : STR("local");
}

/* The words: the reply if there is one, else what stat= says. */
static void
take_words(struct str rest, struct logline *line_r)
{
	static const struct str deferred = { "Deferred: ", 10 };
	size_t end;

	if (take_name(&rest, STR("reply="))) {
		line_r->text = rest;
		line_r->is_reply = true;
		if (str_find(rest, STR(", stat="), 0, &end) == 1)
			line_r->text.len = end;
		else
			line_r->cut = true;
		return;
	}
	if (take_name(&rest, STR("stat=")))
		line_r->text = rest;
	if (str_istarts(line_r->text, deferred))
		line_r->text = str_sub(line_r->text, deferred.len, line_r->text.len);
}

/* While Sendmail remembers that a host does not answer, it asks nobody: then it
   logs no address, and it was not the name server that failed. */
static bool
was_tried(const struct logline *line)
{
	return line->is_reply || line->relay_address.len > 0 ||
	    str_istarts(line->text, STR("Name server"));
}

/* "to=<a>,<b>, ctladdr=..., delay=00:00:01, xdelay=..., mailer=esmtp, pri=...,
   relay=name [address], dsn=5.1.1, reply=550 5.1.1 ..., stat=User unknown" */
static enum log_kind
parse_delivery(struct str rest, struct logline *line_r)
{
	struct str status;

	line_r->recipients = take_addresses(&rest);
	line_r->agent = STR("smtp");
	while (rest.len > 0 && !str_istarts(rest, STR("dsn="))) {
		if (take_name(&rest, STR("delay=")))
			line_r->delay_sec = parse_delay(take_value(&rest));
		else if (take_name(&rest, STR("mailer=")))
			line_r->agent = agent_of(take_value(&rest));
		else if (take_name(&rest, STR("relay=")))
			logline_relay(take_value(&rest), line_r);
		else if (str_istarts(rest, STR("ctladdr=")))
			take_addresses(&rest);
		else if (str_istarts(rest, STR("reply=")) || str_istarts(rest, STR("stat=")))
			return LOG_NOTHING; /* without dsn=: queued, or held */
		else
			take_value(&rest);
	}
	if (!take_name(&rest, STR("dsn=")))
		return LOG_UNKNOWN;
	status = take_value(&rest);
	line_r->status = status;
	take_words(rest, line_r);
	if (status.len < 5 || strchr("245", status.data[0]) == NULL)
		return LOG_UNKNOWN;
	line_r->result = status.data[0] == '2' ? LOG_SENT :
	    status.data[0] == '5' ? LOG_BOUNCED :
	    was_tried(line_r) ? LOG_DEFERRED : LOG_SUSPENDED;
	line_r->word = status.data[0] == '2' ? STR("sent") : status.data[0] == '5' ?
	    STR("bounced") : STR("deferred");
	return LOG_DELIVERY;
}

/* "NEWID: sender notify: Cannot send message for 5 days"; the report may be
   returned in other ways too. */
static bool
is_expiry(struct str rest)
{
	static const struct str ways[] = {
		{ "sender notify: ", 15 }, { "return to sender: ", 18 }, { "DSN: ", 5 },
	};
	size_t end;

	if (str_find(rest, STR(": "), 0, &end) == 0)
		return false;
	rest = str_sub(rest, end + 2, rest.len);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (take_name(&rest, ways[i]))
			return str_istarts(rest, STR("Cannot send message "));
	}
	return false;
}

enum log_kind
logline_sendmail(struct str rest, struct logline *line_r)
{
	if (take_name(&rest, STR("to=")))
		return parse_delivery(rest, line_r);
	if (take_name(&rest, STR("from=")))
		return parse_sender(rest, line_r);
	if (is_expiry(rest))
		return LOG_EXPIRED;
	return str_istarts(rest, STR("done; delay=")) ? LOG_REMOVED : LOG_NOTHING;
}
