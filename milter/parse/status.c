#include "parse/status.h"

#include "base/clock.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/decode.h"
#include "parse/dsn.h"
#include "parse/failed.h"
#include "parse/limits.h"
#include "parse/phrase.h"
#include "parse/plain.h"
#include "parse/reply.h"
#include "parse/returned.h"

static void
read_common(const struct dsn *dsn, struct reading *reading)
{
	struct bounce *common = &reading->common;
	struct arena *arena = reading->arena;
	const char *type;

	common->queue_id = reading_clean(reading, dsn->queue_id, LIMITS_ID_BYTES);
	common->envelope_id = reading_clean(reading, dsn->original_envelope_id, LIMITS_ID_BYTES);
	common->reporting_mta = reading_clean(reading, dsn_untyped(dsn->reporting_mta, arena,
	    &type), LIMITS_ID_BYTES);
	clock_scan_header(dsn->arrival_date, &common->arrival);
	if (common->arrival < 0)
		common->arrival = 0;
	address_parse(address_of_field(dsn->sender, arena), arena, &common->sender);
	returned_describe(reading);
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

/* What some reporters write behind the status: "4.0.0 (host name lookup failure)".
   The name of its class, as sendmail writes it, is no more than the status. */
static struct str
comment_of(struct str status)
{
	struct str comment;
	size_t open;

	if (str_find_byte(status, '(', 0, &open) == 0 || !str_iends(str_trim(status), STR(")")))
		return STR_EMPTY;
	comment = str_trim(str_sub(status, open + 1, str_trim(status).len - 1));
	return str_iequal(comment, STR("permanent failure")) ||
	    str_iequal(comment, STR("temporary failure")) ||
	    str_iequal(comment, STR("failed")) ? STR_EMPTY : comment;
}

/* The remote host's words: the Diagnostic-Code, completed by the paragraph
   that names the command and the relay. */
static void
read_words(const struct dsn_recipient *recipient, struct str address, struct str notice,
    struct arena *arena, struct bounce *bounce)
{
	struct reply reply, told;
	struct str words;
	uint64_t number;

	words = dsn_untyped(charset_to_utf8(recipient->diagnostic_code, STR_EMPTY, arena), arena,
	    &bounce->diagnostic_type);
	/* An exit status says nothing; "5.1.1 (no such user)" does. */
	if (words.len == 0 || str_number(words, &number) == 0)
		words = comment_of(recipient->status);
	reply_parse(words, arena, &reply);
	if (plain_find_recipient(notice, address, &words) == 1) {
		reply_parse(words, arena, &told);
		bounce->stage = told.stage;
		bounce->relay = told.relay;
		if (reply.text[0] == '\0')
			reply = told;
	}
	if (bounce->stage == STAGE_UNKNOWN)
		bounce->stage = reply.stage;
	bounce->code = reply.code;
	bounce->text = reply.text;
	bounce->words = reply.words;
	bounce->limits |= reply.limits;
	/* The MTA's own summary is "5.0.0" where the remote host gave a code
	   without a status, or "4.4.7" in the end: what the host said is the
	   cause. */
	if (reply.status[0] != '\0')
		bounce->status = reply.status;
}

static void
read_recipient(const struct dsn_recipient *recipient, struct str notice,
    struct reading *reading, struct bounce *bounce)
{
	struct arena *arena = reading->arena;
	struct str final = address_of_field(recipient->final_recipient, arena);
	struct str original = address_of_field(
	    decode_xtext(recipient->original_recipient, arena), arena);
	const char *type;

	bounce->final_recipient = reading_clean(reading, final, LIMITS_ADDRESS_BYTES);
	bounce->original_recipient = reading_clean(reading, original, LIMITS_ADDRESS_BYTES);
	bounce->status = field_status(recipient->status, arena);
	bounce->outcome = outcome_of(recipient->action, bounce->status);
	bounce->remote_mta = reading_clean(reading, dsn_untyped(recipient->remote_mta, arena,
	    &type), LIMITS_ID_BYTES);
	bounce->diagnostic_type = "";
	read_words(recipient, final, notice, arena, bounce);
	/* Some reporters forget the one and write the other. */
	address_parse(final.len > 0 ? final : original, arena, &bounce->recipient);
}

/* "5.0.0" says nothing. */
static bool
is_specific(const char *status)
{
	return status[0] != '\0' && strcmp(status + 1, ".0.0") != 0;
}

/* Take what the notice says of this recipient, where the fields are silent: the
   command that was refused, or all of it. */
static void
complete_words(const struct entry *entry, struct reading *reading, struct bounce *bounce)
{
	struct bounce told = *bounce;

	if (failed_read_reason(entry, reading->arena, &told) == 0)
		return;
	if (bounce->text[0] != '\0' || (entry->shared && is_specific(bounce->status))) {
		if (bounce->stage == STAGE_UNKNOWN)
			bounce->stage = told.stage;
		return;
	}
	if (told.status[0] == '\0')
		told.status = bounce->status;
	if (bounce->remote_mta[0] != '\0')
		told.remote_mta = bounce->remote_mta;
	*bounce = told;
}

/* Not every reporter writes an address into Final-Recipient, or the reply into
   Diagnostic-Code; then its notice has to tell. */
static void
complete_from_notice(struct reading *reading)
{
	struct report *report = reading->report;
	struct entries entries;
	bool silent = false, no_stage = false;

	for (unsigned i = 0; i < report->count; i++) {
		silent |= report->bounces[i].recipient[0] == '\0' ||
		    report->bounces[i].text[0] == '\0';
		no_stage |= report->bounces[i].stage == STAGE_UNKNOWN;
	}
	if (!silent && !(no_stage && phrase_stage(reading->notice) != STAGE_UNKNOWN))
		return;
	failed_find(reading, &entries);
	if (entries.count == 1 && report->count == 1 && report->bounces[0].recipient[0] == '\0') {
		report->bounces[0].recipient = entries.list[0].address;
		report->bounces[0].guessed = 1;
	}
	for (unsigned i = 0; i < report->count; i++) {
		const struct entry *entry = entries_get(&entries, report->bounces[i].recipient);
		struct entry whole = { .words = STR_EMPTY };

		/* Of a single recipient all of the notice speaks. */
		if (entry == NULL && report->count == 1) {
			whole.words = entries_paragraphs(reading->notice, reading->arena);
			entry = &whole;
		}
		if (entry != NULL)
			complete_words(entry, reading, &report->bounces[i]);
	}
}

int
status_read(struct reading *reading, struct str fields)
{
	struct str notice;
	struct dsn dsn;

	dsn_parse(fields, reading->arena, &dsn);
	if (dsn.count == 0)
		return 0;
	reading->report->limits |= dsn.limits;
	read_common(&dsn, reading);
	notice = plain_unfold(reading->notice, reading->arena);
	reading_begin_bounces(reading, dsn.count);
	for (unsigned i = 0; i < dsn.count; i++)
		read_recipient(&dsn.recipients[i], notice, reading, reading_add_bounce(reading));
	reading->certain = true;
	complete_from_notice(reading);
	return 1;
}
