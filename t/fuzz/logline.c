/* Lines of a mail log. First the bytes as they come, as lines; then the bytes as
   what strangers choose of a line that an MTA wrote: their addresses, their
   words. Those come out as they were put in, and move nothing else. */
#include "support.h"

#include "base/buf.h"
#include "parse/limits.h"
#include "parse/logjoin.h"
#include "parse/logline.h"

#define NOW INT64_C(1795564800)
#define PIECE_BYTES 600
#define SYSLOG_BYTES 2000 /* Postfix cuts there */
#define QUEUE_BYTES ((size_t)64 * 1024)

static struct logline_reader reader;

static void
check_event(const struct bounce *bounce)
{
	promise_clean(bounce->recipient);
	promise_clean(bounce->final_recipient);
	promise_clean(bounce->original_recipient);
	promise_clean(bounce->sender);
	promise_clean(bounce->message_id);
	promise_clean(bounce->queue_id);
	promise_clean(bounce->client);
	promise_clean(bounce->login);
	promise_clean(bounce->reporting_mta);
	promise_clean(bounce->remote_mta);
	promise_clean(bounce->server);
	promise_clean(bounce->relay);
	promise_clean(bounce->status);
	promise_clean(bounce->text);
	promise_clean(bounce->words);
	promise(strlen(bounce->text) <= LIMITS_REPLY_BYTES);
	promise(bounce->outcome == OUTCOME_DELIVERED || bounce->outcome == OUTCOME_DEFERRED ||
	    bounce->outcome == OUTCOME_FAILED || bounce->outcome == OUTCOME_EXPIRED);
	promise(bounce->time <= NOW + 86400);
}

static void
fuzz_bytes(struct str bytes)
{
	struct logjoin *join = logjoin_new(QUEUE_BYTES);
	struct arena *arena = arena_new();
	struct logjoin_result result;
	struct str line;
	unsigned count = 0;

	logjoin_begin(&result);
	while (str_next_piece(&bytes, '\n', &line))
		logjoin_line(join, line, NOW, arena, &result);
	for (struct logjoin_event *event = result.first; event != NULL; event = event->next) {
		check_event(&event->bounce);
		count++;
	}
	promise(count == result.count);
	for (unsigned i = 0; i < LOGJOIN_PROGRAMS; i++)
		promise_clean(logjoin_program(join, i));
	logjoin_free(join);
	arena_free(arena);
}

/* --- what an MTA writes ------------------------------------------------------ */

/* The next piece, up to a byte 255, in memory of its own. */
static struct str
piece(struct str *rest, bool controls)
{
	struct str raw = STR_EMPTY, out = { malloc(PIECE_BYTES + 1), 0 };
	char *to = (char *)out.data;

	if (!str_next_piece(rest, (char)0xff, &raw))
		raw = STR_EMPTY;
	raw = str_sub(raw, 0, PIECE_BYTES);
	for (; out.len < raw.len; out.len++) {
		unsigned char byte = (unsigned char)raw.data[out.len];

		to[out.len] = (char)(!controls && (byte < ' ' || byte == 0x7f) ? '?' : byte);
	}
	to[out.len] = '\0';
	return out;
}

static void
drop(struct str s)
{
	free((char *)s.data);
}

/* An address with a stranger's local part, in quotes. */
static void
print_address(struct str local, const char *front, struct buf *out)
{
	buf_printf(out, "%s\"", front);
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			buf_add_byte(out, '\\');
		buf_add_byte(out, local.data[i]);
	}
	buf_printf(out, "\"@x.test");
}

/* Sendmail escapes what is not printable ASCII. */
static void
print_escaped(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if (byte == '\\')
			buf_printf(out, "\\\\");
		else if (byte < ' ' || byte > '~')
			buf_printf(out, "\\%03o", byte);
		else
			buf_add_byte(out, (char)byte);
	}
}

static void
parse(const struct buf *line, struct logline *line_r)
{
	reader.now = NOW;
	logline_parse(buf_str(line), &reader, line_r);
}

/* A delivery line: the recipients, and what became of them. */
static void
check_delivery(const struct buf *line, const struct buf *addresses, unsigned count,
    enum log_result result, const char *status)
{
	struct logline parsed;
	struct str rest, address;
	unsigned found = 0;

	parse(line, &parsed);
	promise(parsed.kind == LOG_DELIVERY);
	promise(parsed.result == result);
	promise(str_equal(parsed.status, str_of(status)));
	promise(str_equal(parsed.relay_address, STR("192.0.2.9")));
	rest = parsed.recipients;
	while (logline_next_recipient(&rest, &address)) {
		promise(found < count);
		promise(str_equal(address, buf_str(&addresses[found])));
		found++;
	}
	promise(found == count);
}

static void
fuzz_postfix(unsigned choice, struct str rest)
{
	static const struct {
		const char *word, *status;
		enum log_result result;
	} words[] = {
		{ "sent", "2.0.0", LOG_SENT }, { "deferred", "4.2.1", LOG_DEFERRED },
		{ "bounced", "5.1.1", LOG_BOUNCED }, { "SOFTBOUNCE", "4.1.1", LOG_DEFERRED },
		{ "undeliverable", "5.1.1", LOG_PROBE },
	};
	const char *word = words[choice % 5].word, *status = words[choice % 5].status;
	struct str local = piece(&rest, false), original = piece(&rest, false);
	struct str text = piece(&rest, false);
	struct buf line = { 0 }, address = { 0 };
	struct logline parsed;
	size_t before;

	print_address(local, "", &address);
	buf_printf(&line, "Nov 20 15:02:18 mta postfix/smtp[1]: 5F36FA881B8: to=<%s>",
	    buf_cstr(&address));
	if (choice & 64) {
		buf_printf(&line, ", orig_to=<");
		print_address(original, "", &line);
		buf_printf(&line, ">");
	}
	buf_printf(&line, ", relay=mx.x.test[192.0.2.9]:25, delay=1.5, delays=0/0/1/0.5%s, dsn=%s, "
	    "status=%s (", choice & 32 ? ", tls=may:none" : "", status, word);
	before = line.len;
	buf_printf(&line, "host mx.x.test[192.0.2.9] said: %.*s (in reply to RCPT TO command))",
	    STR_ARGS(text));
	check_delivery(&line, &address, 1, words[choice % 5].result, status);
	parse(&line, &parsed);
	promise(parsed.text.data == line.data + before);
	promise(parsed.text.len == line.len - before - 1);
	promise(!parsed.cut || line.len >= SYSLOG_BYTES);
	promise((parsed.original.len > 0) == ((choice & 64) != 0));
	promise(parsed.delay_sec == 1 && parsed.relay_port == 25);
	buf_free(&line);
	buf_free(&address);
	drop(local);
	drop(original);
	drop(text);
}

static void
fuzz_sendmail(unsigned choice, struct str rest)
{
	static const struct { const char *status; enum log_result result; } words[] = {
		{ "2.0.0", LOG_SENT }, { "4.2.1", LOG_DEFERRED }, { "5.1.1", LOG_BOUNCED },
	};
	static const char *const fronts[] = { "", "a.", "a.b." };
	struct buf addresses[3] = { { 0 }, { 0 }, { 0 } }, raw = { 0 }, line = { 0 };
	unsigned count = 1 + choice / 8 % 3;
	const char *status = words[choice % 3].status;
	struct str text;

	for (unsigned i = 0; i < count; i++) {
		struct str local = piece(&rest, true);

		print_address(local, fronts[(choice / 4 + i) % 3], &addresses[i]);
		buf_printf(&raw, choice & 64 ? "%s" : "%s<", i == 0 ? "" : ",");
		buf_add(&raw, buf_str(&addresses[i]));
		buf_printf(&raw, choice & 64 ? "" : ">");
		drop(local);
	}
	text = piece(&rest, true);
	buf_printf(&raw, "%s, ctladdr=<a@own.test> (1/1), delay=00:00:01, xdelay=00:00:01, "
	    "mailer=esmtp, pri=30095, relay=mx.x.test. [192.0.2.9], dsn=%s, ",
	    choice & 128 ? " [more]" : "", status);
	if (words[choice % 3].result != LOG_SENT)
		buf_printf(&raw, "reply=");
	else
		buf_printf(&raw, "stat=Sent (");
	buf_add(&raw, text);
	if (words[choice % 3].result != LOG_SENT)
		buf_printf(&raw, ", stat=User unknown");
	buf_printf(&line, "Nov 20 15:02:18 mta sm-mta[1]: 6AKFbc00023987: to=");
	print_escaped(buf_str(&raw), &line);
	check_delivery(&line, addresses, count, words[choice % 3].result, status);
	for (unsigned i = 0; i < 3; i++)
		buf_free(&addresses[i]);
	buf_free(&raw);
	buf_free(&line);
	drop(text);
}

/* Sender, Message-ID and login of a message, and whether they come together. */
static void
fuzz_message(struct str rest)
{
	struct str local = piece(&rest, false), id = piece(&rest, false), login = piece(&rest, false);
	struct logjoin *join = logjoin_new(QUEUE_BYTES);
	struct arena *arena = arena_new();
	struct buf line = { 0 }, sender = { 0 };
	struct logjoin_result result;
	struct logline parsed;

	logjoin_begin(&result);
	print_address(local, "", &sender);
	buf_printf(&line, "Nov 20 15:02:18 mta postfix/smtpd[1]: 5F36FA881B8: client=c.test[192.0.2.7], "
	    "sasl_method=PLAIN, sasl_username=%.*s", STR_ARGS(login));
	parse(&line, &parsed);
	promise(parsed.kind == LOG_CLIENT && str_equal(parsed.client, STR("192.0.2.7")));
	logjoin_line(join, buf_str(&line), NOW, arena, &result);
	buf_clear(&line);
	buf_printf(&line, "Nov 20 15:02:18 mta postfix/cleanup[1]: 5F36FA881B8: message-id=%.*s",
	    STR_ARGS(id));
	parse(&line, &parsed);
	promise(parsed.kind == LOG_MESSAGE_ID &&
	    str_equal(parsed.message_id, str_equal(id, STR("<>")) ? STR_EMPTY : id));
	logjoin_line(join, buf_str(&line), NOW, arena, &result);
	buf_clear(&line);
	buf_printf(&line, "Nov 20 15:02:18 mta postfix/qmgr[1]: 5F36FA881B8: from=<%s>, size=367, "
	    "nrcpt=7 (queue active)", buf_cstr(&sender));
	parse(&line, &parsed);
	promise(parsed.kind == LOG_SENDER && parsed.recipient_count == 7);
	promise(str_equal(parsed.sender, buf_str(&sender)));
	logjoin_line(join, buf_str(&line), NOW, arena, &result);
	promise(result.count == 0);
	logjoin_line(join, STR("Nov 20 15:02:18 mta postfix/error[1]: 5F36FA881B8: to=<a@x.test>, "
	    "relay=none, delay=1, dsn=4.4.1, status=deferred (delivery temporarily suspended: no)"),
	    NOW, arena, &result);
	buf_clear(&line);
	buf_printf(&line, "Nov 20 15:02:19 mta postfix/qmgr[1]: 5F36FA881B8: from=<%s>, "
	    "status=expired, returned to sender", buf_cstr(&sender));
	logjoin_line(join, buf_str(&line), NOW, arena, &result);
	promise(result.count == 1);
	check_event(&result.first->bounce);
	promise(result.first->bounce.outcome == OUTCOME_EXPIRED);
	promise(strcmp(result.first->bounce.recipient, "a@x.test") == 0);
	promise(strcmp(result.first->bounce.client, "192.0.2.7") == 0);
	logjoin_free(join);
	arena_free(arena);
	buf_free(&line);
	buf_free(&sender);
	drop(local);
	drop(id);
	drop(login);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, size };

	setenv("TZ", "UTC", 1);
	fuzz_bytes(bytes);
	if (size == 0)
		return 0;
	fuzz_postfix(data[0], str_sub(bytes, 1, size));
	fuzz_sendmail(data[0], str_sub(bytes, 1, size));
	fuzz_message(str_sub(bytes, 1, size));
	return 0;
}
