#include "parse/report.h"

#include <string.h>

#include "parse/about.h"
#include "parse/charset.h"
#include "parse/complaint.h"
#include "parse/formats.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/notice.h"
#include "parse/returned.h"
#include "parse/status.h"
#include "parse/unstructured.h"

#define KEEP_REPORT_BYTES 8192

static const char *const report_kind_names[REPORT_KIND_COUNT] = {
	[REPORT_OTHER] = "not-bounce", [REPORT_DSN] = "dsn",
	[REPORT_DELIVERED] = "dsn-delivered", [REPORT_COMPLAINT] = "arf",
	[REPORT_AUTO_REPLY] = "auto-reply", [REPORT_CHALLENGE] = "challenge-response",
};

const struct words report_kind_words = WORDS(report_kind_names);

bool
report_is_candidate(struct str name, struct str value)
{
	struct str type = str_trim(value);

	if (complaint_is_candidate(name, value))
		return true;
	if (!str_iequal(name, STR("Content-Type")))
		return formats_is_candidate(name, value);
	return str_istarts(type, STR("multipart/report")) ||
	    str_istarts(type, STR("message/delivery-status")) ||
	    str_istarts(type, STR("message/global-delivery-status"));
}

const char *
reading_clean(struct reading *reading, struct str text, size_t limit)
{
	return charset_clean_line(charset_to_utf8(text, STR_EMPTY, reading->arena), limit,
	    reading->arena);
}

void
reading_begin_bounces(struct reading *reading, unsigned count)
{
	reading->report->bounces = arena_alloc(reading->arena,
	    count * sizeof(reading->report->bounces[0]));
}

struct bounce *
reading_add_bounce(struct reading *reading)
{
	struct bounce *bounce = &reading->report->bounces[reading->report->count++];

	*bounce = reading->common;
	return bounce;
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

/* What is known only when all bounces of the report are. */
static void
complete(struct reading *reading)
{
	struct report *report = reading->report;

	count_together(report);
	for (unsigned i = 0; i < report->count; i++) {
		report->bounces[i].about = about_whom(&report->bounces[i], reading->arena);
		report->bounces[i].limits |= report->limits;
		if (report->kind != REPORT_COMPLAINT)
			report->kind = report->bounces[i].outcome != OUTCOME_DELIVERED ?
			    REPORT_DSN : report->kind == REPORT_DSN ? REPORT_DSN : REPORT_DELIVERED;
	}
}

/* The content of the delivery status, if there is such a part. */
static struct str
find_status(struct reading *reading)
{
	const struct mime_part *part = mime_find(&reading->mime, "message/delivery-status");

	if (part == NULL)
		part = mime_find(&reading->mime, "message/global-delivery-status");
	if (part == NULL)
		return STR_EMPTY;
	return mime_content(part, LIMITS_STATUS_PART_BYTES, reading->arena,
	    &reading->report->limits);
}

static void
read_message(struct reading *reading, struct str message, bool keep)
{
	struct str body, status;

	reading->returned = reading->enclosed = STR_EMPTY;
	mime_parse(message, reading->arena, &reading->mime);
	reading->report->limits |= reading->mime.limits;
	header_split(message, &reading->headers, &body);
	header_list_make(reading->headers, reading->arena, &reading->fields);
	bounce_init(&reading->common);
	returned_find(reading);
	notice_find(reading);
	status = find_status(reading);
	if (keep)
		reading->common.report = keep_raw(status.len > 0 ? status : reading->notice,
		    reading->returned, reading);
	if (complaint_read(reading) == 1)
		return;
	reading->report->format = "rfc3464";
	if (status.len == 0 || status_read(reading, status) == 0)
		unstructured_read(reading);
}

void
report_parse(struct str message, unsigned options, struct arena *arena,
    struct report *report_r)
{
	struct reading reading = { .arena = arena, .report = report_r,
		.null_sender = (options & REPORT_NULL_SENDER) != 0 };
	bool keep = (options & REPORT_KEEP) != 0;

	*report_r = (struct report){ .format = "", .report_id = "", .from_domain = "",
		.returned_to = "" };
	if (message.len > LIMITS_REPORT_BYTES) {
		message.len = LIMITS_REPORT_BYTES;
		report_r->limits |= LIMIT_SIZE;
	}
	read_message(&reading, line_with_feeds(message, arena), keep);
	/* Some gateways wrap the report of the server behind them in one of their
	   own that says nothing; once is enough. */
	if (reading.wraps)
		read_message(&reading, reading.enclosed, keep);
	/* What we have cut ourselves is no news. */
	if (report_r->limits & LIMIT_SIZE)
		report_r->limits &= ~(unsigned)LIMIT_CUT;
	complete(&reading);
}
