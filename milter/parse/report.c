#include "parse/report.h"

#include <string.h>

#include "base/clock.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/decode.h"
#include "parse/dsn.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/mime.h"
#include "parse/plain.h"
#include "parse/reply.h"

#define KEEP_REPORT_BYTES 8192

static const char *const report_kind_names[REPORT_KIND_COUNT] = {
	[REPORT_OTHER] = "not-bounce", [REPORT_DSN] = "dsn",
	[REPORT_DELIVERED] = "dsn-delivered",
};

const struct words report_kind_words = WORDS(report_kind_names);

/* The parts of a report, and what they say about the message as a whole. */
struct reading {
	struct arena *arena;
	struct report *report;
	struct dsn dsn;
	struct str notice;   /* the part that people read */
	struct str returned; /* headers of the returned message */
	struct bounce common; /* fields that all recipients share */
};

bool
report_is_candidate(struct str content_type)
{
	struct str type = str_trim(content_type);

	return str_istarts(type, STR("multipart/report")) ||
	    str_istarts(type, STR("message/delivery-status")) ||
	    str_istarts(type, STR("message/global-delivery-status"));
}

/* Lines that end in bare CR only: bring them to LF. */
static struct str
with_line_feeds(struct str message, struct arena *arena)
{
	char *copy;
	size_t at;

	if (str_find_byte(message, '\n', 0, &at) || !str_find_byte(message, '\r', 0, &at))
		return message;
	copy = arena_strdup(arena, message);
	for (size_t i = 0; i < message.len; i++) {
		if (copy[i] == '\r')
			copy[i] = '\n';
	}
	return (struct str){ copy, message.len };
}

static const char *
clean(struct str text, size_t limit, struct reading *reading)
{
	return charset_clean_line(charset_to_utf8(text, STR_EMPTY, reading->arena), limit,
	    reading->arena);
}

/* A message id without what stands around it. */
static const char *
message_id(struct str headers, struct reading *reading)
{
	struct str value, id;
	size_t open, close;

	header_find(headers, STR("Message-ID"), &value);
	id = str_trim(header_unfold(value, reading->arena));
	if (str_find_byte(id, '<', 0, &open) && str_find_byte(id, '>', open, &close))
		id = str_sub(id, open, close + 1);
	/* "<>" names nothing. */
	return id.len <= 2 ? "" : clean(id, LIMITS_ID_BYTES, reading);
}

static bool
is_list_mail(struct str headers)
{
	struct str value;

	if (header_find(headers, STR("List-Id"), &value) == 1)
		return true;
	header_find(headers, STR("Precedence"), &value);
	value = str_trim(value);
	return str_iequal(value, STR("list")) || str_iequal(value, STR("bulk"));
}

/* The address in a From or Return-Path field, in normal form; "" if none. */
static const char *
header_address(struct str headers, struct str name, struct reading *reading)
{
	const char *address = "";
	struct str value;
	size_t open, close;

	header_find(headers, name, &value);
	value = str_trim(header_unfold(value, reading->arena));
	if (str_find_byte(value, '<', 0, &open) && str_find_byte(value, '>', open, &close))
		value = str_sub(value, open, close + 1);
	address_parse(value, reading->arena, &address);
	return address;
}

/* The headers of the returned message, from whichever part carries them. */
static struct str
find_returned(const struct mime *mime, struct reading *reading)
{
	static const char *const types[] = {
		"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers",
	};
	struct str content, body;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct mime_part *part = mime_find(mime, types[i]);

		if (part == NULL)
			continue;
		content = mime_content(part, LIMITS_REPORT_BYTES, reading->arena,
		    &reading->report->limits);
		header_split(content, &content, &body);
		if (content.len > LIMITS_HEADER_BLOCK_BYTES) {
			content.len = LIMITS_HEADER_BLOCK_BYTES;
			reading->report->limits |= LIMIT_HEADER;
		}
		return content;
	}
	return STR_EMPTY;
}

/* What is kept of the raw report: the delivery status, then the headers of the
   returned message, as far as there is room. */
static const char *
keep_raw(struct str status, struct str returned, struct reading *reading)
{
	struct buf out = { 0 };
	struct str text;
	char *kept;

	buf_add(&out, status);
	buf_add(&out, STR("\n\n"));
	buf_add(&out, returned);
	text = charset_to_utf8(buf_str(&out), STR_EMPTY, reading->arena);
	if (text.len > KEEP_REPORT_BYTES) {
		text.len = KEEP_REPORT_BYTES;
		/* Not in the middle of a character. */
		while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	kept = arena_strdup(reading->arena, text);
	buf_free(&out);
	for (size_t i = 0; i < text.len; i++) {
		/* The text form holds lines, but no other control character. */
		if ((unsigned char)kept[i] < ' ' && kept[i] != '\n' && kept[i] != '\t')
			kept[i] = kept[i] == '\r' ? ' ' : '?';
		else if (kept[i] == 0x7f)
			kept[i] = '?';
		else if (kept[i] == '\xc2' && (unsigned char)kept[i + 1] < 0xa0)
			kept[i] = kept[i + 1] = '?'; /* U+0080 to U+009F */
	}
	return kept;
}

static void
read_common(struct str headers, struct reading *reading)
{
	struct bounce *common = &reading->common;
	const struct dsn *dsn = &reading->dsn;
	struct arena *arena = reading->arena;
	const char *type;

	common->report_id = reading->report->report_id = message_id(headers, reading);
	common->message_id = message_id(reading->returned, reading);
	common->queue_id = clean(dsn->queue_id, LIMITS_ID_BYTES, reading);
	common->envelope_id = clean(dsn->original_envelope_id, LIMITS_ID_BYTES, reading);
	common->reporting_mta = clean(dsn_untyped(dsn->reporting_mta, arena, &type),
	    LIMITS_ID_BYTES, reading);
	clock_scan_header(dsn->arrival_date, &common->arrival);
	if (common->arrival < 0)
		common->arrival = 0;
	if (address_parse(address_of_field(dsn->sender, arena), arena, &common->sender) == 0)
		common->sender = header_address(reading->returned, STR("Return-Path"), reading);
	if (common->sender[0] == '\0')
		common->sender = header_address(reading->returned, STR("From"), reading);
	reading->report->from_domain = address_domain(header_address(reading->returned,
	    STR("From"), reading));
	reading->report->to_list = is_list_mail(reading->returned);
}

/* The status of the field; some MTAs put words behind it. */
static const char *
field_status(struct str status, struct arena *arena)
{
	const char *text = "";

	reply_take_status(&status, arena, &text);
	return text;
}

static enum outcome
outcome_of(struct str action, const char *status)
{
	if (str_istarts(action, STR("delivered")) || str_istarts(action, STR("relayed")) ||
	    str_istarts(action, STR("expanded")) || status[0] == '2')
		return OUTCOME_DELIVERED;
	if (str_istarts(action, STR("delayed")))
		return OUTCOME_DELAYED;
	return status[0] == '4' ? OUTCOME_EXPIRED : OUTCOME_FAILED;
}

/* The remote host's words: the Diagnostic-Code, completed by the paragraph
   that names the command and the relay. */
static void
read_words(const struct dsn_recipient *recipient, struct str address, struct reading *reading,
    struct bounce *bounce)
{
	struct arena *arena = reading->arena;
	struct reply reply, notice;
	struct str words;

	words = dsn_untyped(charset_to_utf8(recipient->diagnostic_code, STR_EMPTY, arena), arena,
	    &bounce->diagnostic_type);
	reply_parse(words, arena, &reply);
	if (plain_find_recipient(reading->notice, address, &words) == 1) {
		reply_parse(words, arena, &notice);
		bounce->stage = notice.stage;
		bounce->relay = notice.relay;
		if (reply.text[0] == '\0')
			reply = notice;
	}
	if (bounce->stage == STAGE_UNKNOWN)
		bounce->stage = reply.stage;
	bounce->code = reply.code;
	bounce->text = reply.text;
	bounce->words = reply.words;
	bounce->limits |= reply.limits;
	/* The MTA's own summary is "5.0.0" where the remote host gave a code
	   without a status: then its words count, not the summary. */
	if (reply.status[0] != '\0' && bounce->outcome == OUTCOME_FAILED)
		bounce->status = reply.status;
}

static void
read_recipient(const struct dsn_recipient *recipient, struct reading *reading,
    struct bounce *bounce)
{
	struct arena *arena = reading->arena;
	struct str final = address_of_field(recipient->final_recipient, arena);
	struct str original = address_of_field(
	    decode_xtext(recipient->original_recipient, arena), arena);
	const char *type;

	*bounce = reading->common;
	bounce->final_recipient = clean(final, LIMITS_ADDRESS_BYTES, reading);
	bounce->original_recipient = clean(original, LIMITS_ADDRESS_BYTES, reading);
	bounce->status = field_status(recipient->status, arena);
	bounce->outcome = outcome_of(recipient->action, bounce->status);
	bounce->remote_mta = clean(dsn_untyped(recipient->remote_mta, arena, &type),
	    LIMITS_ID_BYTES, reading);
	bounce->diagnostic_type = "";
	read_words(recipient, final, reading, bounce);
	address_parse(final, arena, &bounce->recipient);
}

/*
 * How many recipients one reply covers. A reply to the end of DATA covers the
 * whole transaction, and where nobody says which command was refused, several
 * recipients with one identical text are taken for such a transaction.
 */
static void
count_together(struct report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		struct bounce *bounce = &report->bounces[i];

		for (unsigned j = 0; j < report->count; j++) {
			const struct bounce *other = &report->bounces[j];

			if (strcmp(bounce->text, other->text) == 0 &&
			    strcmp(bounce->remote_mta, other->remote_mta) == 0 &&
			    bounce->stage == other->stage)
				bounce->together++;
		}
	}
}

/* Do the words name this recipient, as "<user@example.com>" or bare? */
static bool
names_recipient(const struct bounce *bounce)
{
	struct str text = str_of(bounce->text);

	return reply_names_address(text, str_of(bounce->final_recipient)) ||
	    reply_names_address(text, str_of(bounce->original_recipient));
}

static void
read_recipients(struct reading *reading)
{
	struct report *report = reading->report;

	report->bounces = arena_alloc(reading->arena,
	    (reading->dsn.count + 1) * sizeof(report->bounces[0]));
	for (unsigned i = 0; i < reading->dsn.count; i++) {
		struct bounce *bounce = &report->bounces[report->count];

		read_recipient(&reading->dsn.recipients[i], reading, bounce);
		if (bounce->outcome != OUTCOME_DELIVERED)
			report->kind = REPORT_DSN;
		report->count++;
	}
	count_together(report);
	for (unsigned i = 0; i < report->count; i++) {
		report->bounces[i].named = names_recipient(&report->bounces[i]);
		report->bounces[i].limits |= report->limits;
	}
}

void
report_parse(struct str message, bool keep_report, struct arena *arena, struct report *report_r)
{
	struct reading reading = { .arena = arena, .report = report_r };
	const struct mime_part *status, *notice;
	struct str headers, body, content;
	struct mime mime;

	*report_r = (struct report){ .report_id = "", .from_domain = "" };
	if (message.len > LIMITS_REPORT_BYTES) {
		message.len = LIMITS_REPORT_BYTES;
		report_r->limits |= LIMIT_SIZE;
	}
	message = with_line_feeds(message, arena);
	mime_parse(message, arena, &mime);
	report_r->limits |= mime.limits;
	status = mime_find(&mime, "message/delivery-status");
	if (status == NULL)
		status = mime_find(&mime, "message/global-delivery-status");
	if (status == NULL)
		return;
	content = mime_content(status, LIMITS_STATUS_PART_BYTES, arena, &report_r->limits);
	dsn_parse(content, arena, &reading.dsn);
	report_r->limits |= reading.dsn.limits;
	if (reading.dsn.count == 0)
		return;
	notice = mime_find(&mime, "text/plain");
	if (notice != NULL)
		reading.notice = plain_unfold(mime_text(notice, LIMITS_TEXT_PART_BYTES, arena,
		    &report_r->limits), arena);
	reading.returned = find_returned(&mime, &reading);
	bounce_init(&reading.common);
	header_split(message, &headers, &body);
	read_common(headers, &reading);
	if (keep_report)
		reading.common.report = keep_raw(content, reading.returned, &reading);
	report_r->kind = REPORT_DELIVERED;
	read_recipients(&reading);
}
