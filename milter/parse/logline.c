#include "parse/logline.h"

#include <string.h>

#define QUEUE_ID_LEAST 5
#define QUEUE_ID_MOST 24
#define PROGRAM_MOST 64
#define POSTFIX_MOST 2000

int
logline_address_end(struct str text, size_t from, size_t *end_r)
{
	bool quoted = false;

	for (size_t at = from + 1; at < text.len; at++) {
		if (text.data[at] == '"')
			quoted = !quoted;
		else if (text.data[at] == '\\')
			at++;
		else if (text.data[at] == '>' && !quoted) {
			*end_r = at;
			return 1;
		}
	}
	/* Quotes that do not end are none. */
	return str_find_byte(text, '>', from + 1, end_r);
}

bool
logline_next_recipient(struct str *rest, struct str *address_r)
{
	size_t end;

	if (rest->len == 0)
		return false;
	if (rest->data[0] == '<' && logline_address_end(*rest, 0, &end) == 1) {
		/* A ">" inside the address is not the one before the comma. */
		while (end + 1 < rest->len && rest->data[end + 1] != ',' &&
		    str_find_byte(*rest, '>', end + 1, &end) == 1)
			;
		*address_r = str_sub(*rest, 1, end);
		*rest = str_sub(*rest, end + 2, rest->len);
		return true;
	}
	*address_r = str_sub(*rest, 0, logline_bare_address(*rest, 0));
	*rest = str_sub(*rest, address_r->len + 1, rest->len);
	return true;
}

size_t
logline_bare_address(struct str text, size_t from)
{
	bool quoted = false;
	size_t at;

	for (at = from; at < text.len && (quoted || text.data[at] != ','); at++) {
		if (text.data[at] == '"')
			quoted = !quoted;
		else if (text.data[at] == '\\')
			at++;
	}
	return at < text.len ? at : text.len;
}

void
logline_relay(struct str value, struct logline *line_r)
{
	size_t open, close;
	uint64_t port;

	line_r->relay = value;
	if (str_find_byte(value, '[', 1, &open) == 0 ||
	    str_find_byte(value, ']', open, &close) == 0) {
		/* Sendmail names the server that it did not get to. */
		if (line_r->is_sendmail)
			line_r->relay_host = value;
		return;
	}
	line_r->relay_host = str_trim(str_sub(value, 0, open));
	/* Sendmail writes a host that is an address as "[192.0.2.1] [192.0.2.1]". */
	if (line_r->relay_host.len > 2 && line_r->relay_host.data[0] == '[')
		line_r->relay_host = str_sub(line_r->relay_host, 1, line_r->relay_host.len - 1);
	if (line_r->relay_host.len > 0 && line_r->relay_host.data[line_r->relay_host.len - 1] == '.')
		line_r->relay_host.len--;
	line_r->relay_address = str_sub(value, open + 1, close);
	if (close + 1 < value.len && value.data[close + 1] == ':' &&
	    str_number(str_sub(value, close + 2, value.len), &port) == 0 && port < 65536)
		line_r->relay_port = (unsigned)port;
}

int64_t
logline_seconds(struct str text)
{
	uint64_t number;
	size_t dot;

	if (str_find_byte(text, '.', 0, &dot) == 1)
		text = str_sub(text, 0, dot);
	return str_number(text, &number) == 0 ? (int64_t)number : -1;
}

/* Queue ids have digits or capitals; words in front of a colon have neither. */
static bool
take_queue_id(struct str *rest, struct str *id_r)
{
	bool found = false;
	size_t len = 0;

	while (len < rest->len && len <= QUEUE_ID_MOST && str_is_alnum(rest->data[len])) {
		found |= rest->data[len] < 'a';
		len++;
	}
	if (!found || len < QUEUE_ID_LEAST || len + 1 >= rest->len || rest->data[len] != ':' ||
	    rest->data[len + 1] != ' ' || str_equal(str_sub(*rest, 0, len), STR("NOQUEUE")))
		return false;
	*id_r = str_sub(*rest, 0, len);
	*rest = str_sub(*rest, len + 2, rest->len);
	return true;
}

/* "PROGRAM[PID]:" or "PROGRAM:". Returns false if the word is something else. */
static bool
take_program(struct str word, struct str *program_r)
{
	size_t bracket;

	if (word.len < 2 || word.data[word.len - 1] != ':' || word.len > PROGRAM_MOST)
		return false;
	word.len--;
	if (str_find_byte(word, '[', 0, &bracket) == 1)
		word.len = bracket;
	*program_r = word;
	return word.len > 0;
}

/* What stands before the next blank. */
static struct str
take_word(struct str *rest)
{
	struct str word = STR_EMPTY;

	while (rest->len > 0 && rest->data[0] == ' ')
		*rest = str_sub(*rest, 1, rest->len);
	str_next_piece(rest, ' ', &word);
	return word;
}

/* Time, host and program. Returns false if the line does not begin so. */
static bool
take_front(struct str *rest, struct logline_reader *reader, struct logline *line_r)
{
	struct str word;
	size_t len, end;

	if (rest->len > 0 && rest->data[0] == '<' && str_find_byte(*rest, '>', 0, &end) == 1 &&
	    end <= 4)
		*rest = str_sub(*rest, end + 1, rest->len);
	len = logline_stamp(*rest, reader, &line_r->time);
	if (len == 0)
		return false;
	*rest = str_sub(*rest, len, rest->len);
	word = take_word(rest);
	if (take_program(word, &line_r->program))
		return true;
	line_r->host = word;
	return take_program(take_word(rest), &line_r->program);
}

/* Debian calls it sm-mta, sm-msp-queue ..., others sendmail. */
static bool
is_sendmail(struct str program)
{
	return str_istarts(program, STR("sendmail")) || str_istarts(program, STR("sm-"));
}

static enum log_kind
parse_postfix(struct str rest, size_t slash, struct logline *line_r)
{
	struct str daemon = str_sub(line_r->program, slash + 1, line_r->program.len);
	size_t more;

	line_r->instance = str_sub(line_r->program, 0, slash);
	/* "postfix/submission/smtpd": a service with a name of its own. */
	while (str_find_byte(daemon, '/', 0, &more) == 1)
		daemon = str_sub(daemon, more + 1, daemon.len);
	/* Postfix cuts there: what stands at the end need not be its own. */
	line_r->cut |= rest.len >= POSTFIX_MOST;
	if (!take_queue_id(&rest, &line_r->queue_id))
		rest = STR_EMPTY;
	return logline_postfix(daemon, rest, line_r);
}

uint64_t
logline_hash(uint64_t hash, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
	return (hash ^ '/') * UINT64_C(1099511628211);
}

static void
parse_sendmail(struct str rest, struct logline_reader *reader, struct logline *line_r)
{
	line_r->is_sendmail = true;
	line_r->instance = STR("sendmail");
	rest = logline_decode(rest, reader->decoded);
	line_r->kind = take_queue_id(&rest, &line_r->queue_id) ?
	    logline_sendmail(rest, line_r) : LOG_NOTHING;
}

void
logline_parse(struct str line, struct logline_reader *reader, struct logline *line_r)
{
	struct str rest = str_sub(line, 0, LOGLINE_MOST);
	size_t slash;

	memset(line_r, 0, sizeof(*line_r));
	line_r->delay_sec = -1;
	line_r->cut = line.len > LOGLINE_MOST;
	if (!take_front(&rest, reader, line_r))
		return;
	if (str_equal(line_r->program, STR("bouncemilter")))
		line_r->kind = LOG_NOTHING; /* our own words */
	else if (is_sendmail(line_r->program))
		parse_sendmail(rest, reader, line_r);
	else if (str_find_byte(line_r->program, '/', 0, &slash) == 1)
		line_r->kind = parse_postfix(rest, slash, line_r);
	line_r->hash = logline_hash(logline_hash(logline_hash(LOGLINE_HASH_BEGIN,
	    line_r->queue_id), line_r->instance), line_r->host);
}
