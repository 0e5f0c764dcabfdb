#include "parse/logjoin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/about.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/limits.h"
#include "parse/logline.h"
#include "parse/logqueue.h"
#include "parse/reply.h"

struct logjoin {
	struct logqueue *queue;
	struct logline_reader reader;
	char programs[LOGJOIN_PROGRAMS][LOGJOIN_PROGRAM_BYTES];
};

static const char *const notice_names[] = {
	[LOGJOIN_LINES] = "lines", [LOGJOIN_SUSPENDED] = "suspended",
	[LOGJOIN_PROBES] = "probe", [LOGJOIN_FORGOTTEN] = "expired-forgotten",
};
const struct words logjoin_notice_words = WORDS(notice_names);

struct logjoin *
logjoin_new(size_t bytes_most)
{
	struct logjoin *join = calloc(1, sizeof(*join));

	if (join == NULL)
		msg_out_of_memory();
	join->queue = logqueue_new(bytes_most);
	return join;
}

void
logjoin_free(struct logjoin *join)
{
	if (join == NULL)
		return;
	logqueue_free(join->queue);
	free(join);
}

void
logjoin_begin(struct logjoin_result *result)
{
	memset(result, 0, sizeof(*result));
	result->tail = &result->first;
}

static void
set_sender(struct logjoin *join, struct logqueue_message *message, const struct logline *line)
{
	logqueue_set(join->queue, message, &message->sender, line->sender, LIMITS_ADDRESS_BYTES);
	message->recipient_count = line->recipient_count;
}

/* Where the attempt ended, when no server replied: Postfix says it in words of
   its own. */
static enum stage
stage_of_words(struct str text)
{
	static const struct {
		struct str words;
		enum stage stage;
	} table[] = {
		{ { "initial server greeting", 23 }, STAGE_CONNECT },
		{ { "performing the HELO handshake", 29 }, STAGE_HELO },
		{ { "performing the EHLO handshake", 29 }, STAGE_HELO },
		{ { "sending MAIL FROM", 17 }, STAGE_MAIL },
		{ { "sending RCPT TO", 15 }, STAGE_RCPT },
		{ { "sending DATA command", 20 }, STAGE_DATA },
		{ { "sending message body", 20 }, STAGE_EOD },
		{ { "sending end of data", 19 }, STAGE_EOD },
	};
	size_t at;

	if (str_istarts(text, STR("connect to ")))
		return STAGE_CONNECT;
	if (!str_istarts(text, STR("lost connection with ")) &&
	    !str_istarts(text, STR("conversation with ")))
		return STAGE_UNKNOWN;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (str_find(text, table[i].words, 0, &at) == 1)
			return table[i].stage;
	}
	return STAGE_UNKNOWN;
}

/* The server's own status counts. Where it gave none, Postfix sums up what it
   knows, mostly as x.0.0; but Sendmail makes a guess: any 550 is 5.1.1. */
static const char *
status_of(const struct logline *line, const struct reply *reply, struct arena *arena)
{
	if (reply->status[0] != '\0')
		return reply->status;
	if (line->is_sendmail && line->is_reply)
		return arena_printf(arena, "%c.0.0", line->status.data[0]);
	return charset_clean_line(line->status, LIMITS_ID_BYTES, arena);
}

/* What the words say, and whose they are. */
static void
fill_words(const struct logline *line, struct arena *arena, struct bounce *bounce)
{
	struct reply reply;

	reply_parse(line->text, arena, &reply);
	/* Where the end of the words is the server's, it may imitate Postfix. */
	bounce->stage = reply.stage != STAGE_UNKNOWN ? reply.stage : stage_of_words(line->text);
	if (line->is_reply || (line->cut && bounce->stage != STAGE_CONNECT))
		bounce->stage = STAGE_UNKNOWN;
	bounce->code = reply.code;
	bounce->text = reply.text;
	bounce->words = reply.words;
	bounce->limits = reply.limits | (line->cut ? LIMIT_TEXT : 0);
	bounce->status = status_of(line, &reply, arena);
	bounce->remote_mta = line->is_reply ? bounce->server : reply.host;
	bounce->diagnostic_type = bounce->remote_mta[0] != '\0' ? "smtp" : "x-mta";
	if (reply.relay[0] != '\0')
		bounce->relay = reply.relay;
}

/* How many recipients the reply may cover. Only one to RCPT TO is about one; any
   other may be about all recipients of the message. Sendmail does not say which
   command was refused, and breaks long lists into several lines. */
static unsigned
count_together(const struct logline *line, const struct logqueue_message *message,
    const struct bounce *bounce)
{
	struct str rest = line->recipients, address;
	unsigned count = 0, known;

	if (bounce->stage == STAGE_RCPT)
		return 1;
	while (logline_next_recipient(&rest, &address))
		count++;
	known = message == NULL || message->recipient_count == 0 ? 2 : message->recipient_count;
	return count > known ? count : known;
}

static const char *
text_of(const char *text, struct arena *arena)
{
	return text == NULL ? "" : charset_clean_line(str_of(text), LIMITS_ADDRESS_BYTES, arena);
}

/* Who and where; of a delivery no more is needed. */
static void
fill_envelope(const struct logline *line, const struct logqueue_message *message, struct str address,
    struct arena *arena, struct bounce *bounce)
{
	bounce_init(bounce);
	bounce->time = line->time;
	bounce->source = SOURCE_LOG;
	address_parse(address, arena, &bounce->recipient);
	bounce->agent = arena_strdup(arena, line->agent);
	bounce->server = charset_clean_line(line->relay_host, LIMITS_ID_BYTES, arena);
	bounce->port = line->relay_port;
	bounce->relay = charset_clean_line(line->relay_address, LIMITS_ID_BYTES, arena);
	bounce->queue_id = arena_strdup(arena, line->queue_id);
	if (message != NULL) {
		bounce->sender = text_of(message->sender, arena);
		bounce->message_id = text_of(message->message_id, arena);
		bounce->client = text_of(message->client, arena);
		bounce->login = text_of(message->login, arena);
		bounce->together = message->recipient_count;
	}
}

static void
fill_failure(const struct logline *line, const struct logqueue_message *message, struct str address,
    struct arena *arena, struct bounce *bounce)
{
	bounce->final_recipient = charset_clean_line(address, LIMITS_ADDRESS_BYTES, arena);
	bounce->original_recipient = charset_clean_line(line->original, LIMITS_ADDRESS_BYTES, arena);
	bounce->reporting_mta = charset_clean_line(line->host, LIMITS_ID_BYTES, arena);
	if (line->delay_sec != -1 && line->delay_sec < line->time)
		bounce->arrival = line->time - line->delay_sec;
	fill_words(line, arena, bounce);
	bounce->about = about_whom(bounce, arena);
	/* Sendmail does not say which command was refused. */
	if (line->is_sendmail && bounce->stage == STAGE_UNKNOWN && bounce->about == ABOUT_SENDER)
		bounce->stage = STAGE_MAIL;
	bounce->together = count_together(line, message, bounce);
}

static enum outcome
outcome_of(enum log_result result)
{
	return result == LOG_SENT ? OUTCOME_DELIVERED :
	    result == LOG_BOUNCED ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

static void
fill_bounce(const struct logline *line, const struct logqueue_message *message,
    struct str address, enum outcome outcome, struct arena *arena, struct bounce *bounce)
{
	fill_envelope(line, message, address, arena, bounce);
	bounce->outcome = outcome;
	if (outcome != OUTCOME_DELIVERED)
		fill_failure(line, message, address, arena, bounce);
}

void
logjoin_bounce(const struct logline *line, struct str address, struct arena *arena,
    struct bounce *bounce_r)
{
	fill_bounce(line, NULL, address, outcome_of(line->result), arena, bounce_r);
}

/* Append an event; returns its bounce. */
static struct bounce *
add_event(const struct logline *line, const struct logqueue_message *message,
    struct str address, enum outcome outcome, struct arena *arena,
    struct logjoin_result *result)
{
	struct logjoin_event *event = arena_alloc(arena, sizeof(*event));

	fill_bounce(line, message, address, outcome, arena, &event->bounce);
	event->has_origin = message != NULL && message->client != NULL;
	*result->tail = event;
	result->tail = &event->next;
	result->count++;
	return &event->bounce;
}

/* Keep what matters if the message expires: who waits, and of Sendmail, which
   names recipients in changing company, who does not any more. */
static void
keep_line(struct logjoin *join, const struct logline *line, struct str whole)
{
	const struct logqueue_message *message;
	bool waits = line->result == LOG_DEFERRED || line->result == LOG_SUSPENDED;

	if (!waits && line->is_sendmail) {
		message = logqueue_find(join->queue, line);
		waits = message != NULL && message->waiting != NULL;
	}
	if (waits)
		logqueue_keep(join->queue, line, whole);
}

static void
delivery(struct logjoin *join, const struct logline *line, struct str whole,
    struct arena *arena, struct logjoin_result *result)
{
	struct str rest = line->recipients, address;
	const struct logqueue_message *message;

	if (line->result == LOG_PROBE) {
		result->notices[LOGJOIN_PROBES]++;
		return;
	}
	keep_line(join, line, whole);
	if (line->result == LOG_SUSPENDED) {
		result->notices[LOGJOIN_SUSPENDED]++;
		return;
	}
	message = logqueue_find(join->queue, line);
	while (logline_next_recipient(&rest, &address))
		add_event(line, message, address, outcome_of(line->result), arena, result);
}

/* A set of recipients that have been dealt with, by hash. */
struct done {
	uint64_t *hashes; /* 0 is free */
	size_t size;
};

/* Is it new in the set? Then it is put there. */
static bool
is_new(struct done *done, struct str address)
{
	uint64_t hash = logline_hash(LOGLINE_HASH_BEGIN, address) | 1;
	size_t i = hash % done->size;

	for (; done->hashes[i] != 0; i = (i + 1) % done->size) {
		if (done->hashes[i] == hash)
			return false;
	}
	done->hashes[i] = hash;
	return true;
}

/* Room for twice the recipients of all lines; each takes two bytes at least. */
static struct done
done_for(const struct logqueue_message *message, struct arena *arena)
{
	struct done done = { .size = message->waiting_bytes + 2 };

	done.hashes = arena_alloc(arena, done.size * sizeof(done.hashes[0]));
	return done;
}

/* Those of a line that were not dealt with in a newer one. */
static void
expire_line(const struct logline *deferral, const struct logqueue_message *message,
    int64_t now, struct done *done, struct arena *arena, struct logjoin_result *result)
{
	bool waits = deferral->result == LOG_DEFERRED || deferral->result == LOG_SUSPENDED;
	struct str rest = deferral->recipients, address;

	while (logline_next_recipient(&rest, &address)) {
		struct bounce *bounce;

		if (!is_new(done, address) || !waits)
			continue;
		bounce = add_event(deferral, message, address, OUTCOME_EXPIRED, arena, result);
		bounce->time = now;
	}
}

/* The MTA gives up: what every waiting recipient was told last is the cause. */
static void
expired(struct logjoin *join, const struct logline *line, struct arena *arena,
    struct logjoin_result *result)
{
	struct logqueue_message *message = logqueue_find(join->queue, line);
	struct logline_reader *reader = &join->reader;
	int64_t now = line->time;
	struct done done;

	if (message == NULL || message->waiting == NULL) {
		result->notices[LOGJOIN_FORGOTTEN]++;
		return;
	}
	done = done_for(message, arena);
	for (struct logqueue_waiting *waiting = message->waiting; waiting != NULL;
	    waiting = waiting->next) {
		struct logline deferral;

		logline_parse((struct str){ waiting->line, waiting->len }, reader, &deferral);
		expire_line(&deferral, message, now, &done, arena, result);
	}
	logqueue_drop_waiting(join->queue, message);
}

const char *
logjoin_program(const struct logjoin *join, unsigned i)
{
	return join->programs[i];
}

/* A name that can stand in quotes in a counter. */
static void
print_program(struct str program, char name[LOGJOIN_PROGRAM_BYTES])
{
	size_t len = 0;

	if (program.len == 0)
		program = STR("(none)");
	for (; len < program.len && len + 1 < LOGJOIN_PROGRAM_BYTES; len++)
		name[len] = str_is_alnum(program.data[len]) ||
		    memchr("()-_./", program.data[len], 6) != NULL ? program.data[len] : '?';
	name[len] = '\0';
}

static void
note_unknown(struct logjoin *join, const struct logline *line, struct logjoin_result *result)
{
	char name[LOGJOIN_PROGRAM_BYTES];
	unsigned i = 0;

	print_program(line->program, name);
	while (i < LOGJOIN_PROGRAMS - 1 && join->programs[i][0] != '\0' &&
	    strcmp(join->programs[i], name) != 0)
		i++;
	if (join->programs[i][0] == '\0')
		snprintf(join->programs[i], LOGJOIN_PROGRAM_BYTES, "%s",
		    i < LOGJOIN_PROGRAMS - 1 ? name : "(others)");
	result->unknown[i]++;
}

/* The client's line comes before the one that has the Message-ID. */
static void
note_arrival(const struct logqueue_message *message, struct logjoin_result *result)
{
	if (message->client != NULL && message->message_id != NULL)
		result->arrival = (struct logjoin_arrival){ message->message_id, message->client,
			message->login == NULL ? "" : message->login };
}

void
logjoin_line(struct logjoin *join, struct str whole, int64_t now, struct arena *arena,
    struct logjoin_result *result)
{
	struct logqueue_message *message;
	struct logline line;

	join->reader.now = now;
	logline_parse(whole, &join->reader, &line);
	whole = str_sub(whole, 0, LOGLINE_MOST);
	/* A time that nobody can know of is a clock gone wrong. */
	if (line.time < CLOCK_LEAST || line.time > now + CLOCK_AHEAD_SEC)
		line.time = now;
	result->arrival.message_id = NULL;
	result->notices[LOGJOIN_LINES]++;
	result->newest = line.time;
	switch (line.kind) {
	case LOG_UNKNOWN:
		note_unknown(join, &line, result);
		break;
	case LOG_NOTHING:
		break;
	case LOG_CLIENT:
		message = logqueue_renew(join->queue, &line);
		logqueue_set(join->queue, message, &message->client, line.client, LIMITS_ID_BYTES);
		logqueue_set(join->queue, message, &message->login, line.login, LIMITS_ID_BYTES);
		break;
	case LOG_MESSAGE_ID:
		message = logqueue_get(join->queue, &line);
		if (message->message_id != NULL)
			message = logqueue_renew(join->queue, &line);
		logqueue_set(join->queue, message, &message->message_id, line.message_id, LIMITS_ID_BYTES);
		note_arrival(message, result);
		break;
	case LOG_SENDER:
		message = logqueue_get(join->queue, &line);
		set_sender(join, message, &line);
		logqueue_drop_waiting(join->queue, message);
		break;
	case LOG_MESSAGE:
		message = logqueue_renew(join->queue, &line);
		set_sender(join, message, &line);
		logqueue_set(join->queue, message, &message->message_id, line.message_id, LIMITS_ID_BYTES);
		logqueue_set(join->queue, message, &message->client, line.client, LIMITS_ID_BYTES);
		logqueue_set(join->queue, message, &message->login, line.login, LIMITS_ID_BYTES);
		note_arrival(message, result);
		break;
	case LOG_DELIVERY:
		delivery(join, &line, whole, arena, result);
		break;
	case LOG_EXPIRED:
		expired(join, &line, arena, result);
		break;
	case LOG_REMOVED:
		message = logqueue_find(join->queue, &line);
		if (message != NULL)
			logqueue_drop(join->queue, message);
		break;
	}
}
