#include "parse/unstructured.h"

#include <string.h>

#include "parse/address.h"
#include "parse/entries.h"
#include "parse/failed.h"
#include "parse/formats.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/phrase.h"
#include "parse/returned.h"
#include "parse/status.h"

/* Fields of a delivery status that stand in the text: its part was not
   declared, or the MTA writes them for people. */
static struct str
fields_within(struct reading *reading)
{
	static const struct str first[] = {
		{ "Reporting-MTA:", 14 }, { "Final-Recipient:", 16 }, { "Original-Recipient:", 19 },
	};
	struct str rest = reading->notice, line;

	while (rest.len > 0) {
		struct str here = rest;

		line_next(&rest, &line);
		for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
			if (str_istarts(str_trim(line), first[i]))
				return here;
		}
	}
	return STR_EMPTY;
}

static enum outcome
outcome_of(enum formats_kind kind, const struct bounce *bounce)
{
	if (kind == FORMATS_DELAY)
		return OUTCOME_DELAYED;
	return bounce->status[0] == '4' || (bounce->status[0] == '\0' && bounce->code / 100 == 4) ?
	    OUTCOME_EXPIRED : OUTCOME_FAILED;
}

static void
add_subject(struct reading *reading, struct bounce *bounce)
{
	const char *subject = header_text(reading->headers, STR("Subject"), LIMITS_ID_BYTES,
	    reading->arena);

	bounce->text = bounce->words = bounce->text[0] == '\0' ? subject :
	    arena_printf(reading->arena, "%s (%s)", bounce->text, subject);
}

static void
add_bounce(struct reading *reading, const struct entry *entry, bool silent,
    enum formats_kind kind)
{
	struct bounce *bounce = reading_add_bounce(reading);

	bounce->recipient = entry->address;
	/* A person who passes on a report may name anybody. */
	bounce->guessed = entry->guessed || !formats_is_system(reading);
	bounce->final_recipient = reading_clean(reading, entry->shown, LIMITS_ADDRESS_BYTES);
	/* Domino says it in the subject, and sometimes there alone. Of other subjects
	   a part is the returned message's own. */
	if ((failed_read_reason(entry, reading->arena, bounce) == 0 && silent) ||
	    strcmp(reading->report->format, "domino") == 0)
		add_subject(reading, bounce);
	bounce->outcome = outcome_of(kind, bounce);
}

/* Where the notice says nothing of any single one, it speaks of all. Returns true
   then. */
static bool
speak_of_all(struct reading *reading, struct entries *entries)
{
	for (unsigned i = 0; i < entries->count; i++) {
		if (entries->list[i].words.len > 0)
			return false;
	}
	for (unsigned i = 0; i < entries->count; i++) {
		entries->list[i].words = entries_paragraphs(reading->notice, reading->arena);
		entries->list[i].shared = entries->count > 1;
	}
	return true;
}

static void
read_failure(struct reading *reading, enum formats_kind kind)
{
	struct entries entries;
	bool silent;

	failed_find(reading, &entries);
	reading->report->limits |= entries.limits;
	if ((entries.count == 0 || entries.list[0].guessed) && !reading->wraps &&
	    formats_is_report(reading->returned, reading->arena)) {
		reading->wraps = true;
		return;
	}
	if (entries.count == 0)
		return;
	reading->common.reporting_mta = address_domain(returned_field_address(reading, &reading->fields,
	    STR("From")));
	returned_describe(reading);
	reading_begin_bounces(reading, entries.count);
	silent = speak_of_all(reading, &entries);
	for (unsigned i = 0; i < entries.count; i++)
		add_bounce(reading, &entries.list[i], silent, kind);
}

void
unstructured_read(struct reading *reading)
{
	const char *format;
	enum formats_kind kind = formats_kind(reading, &format);
	struct str fields;

	switch (kind) {
	case FORMATS_AUTO_REPLY:
		reading->report->kind = REPORT_AUTO_REPLY;
		return;
	case FORMATS_CHALLENGE:
		reading->report->kind = REPORT_CHALLENGE;
		return;
	case FORMATS_OTHER:
		return;
	case FORMATS_SUCCESS:
		reading->report->kind = REPORT_DELIVERED;
		return;
	case FORMATS_FAILURE: case FORMATS_DELAY:
		break;
	}
	reading->report->format = format;
	reading->certain = format[0] != '\0' && phrase_holds(str_of(header_text(reading->headers,
	    STR("Subject"), LIMITS_ID_BYTES, reading->arena)), PHRASE_SUBJECT);
	fields = fields_within(reading);
	if (fields.len > 0) {
		struct str notice = reading->notice;

		reading->notice.len = (size_t)(fields.data - notice.data);
		if (status_read(reading, fields) == 1)
			return;
		reading->notice = notice;
	}
	read_failure(reading, kind);
}
