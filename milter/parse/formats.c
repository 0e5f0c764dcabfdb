#include "parse/formats.h"

#include <string.h>

#include "parse/header.h"
#include "parse/limits.h"
#include "parse/phrase.h"

/* Who writes reports. Only what stands at the beginning of a name or a local
   part. */
static const char *const daemons[] = {
	"mailer-daemon", "mailer_daemon", "mailerdaemon", "postmaster", "post_master", "post-master",
	"mail delivery", "mail deliver system", "mail-delivery", "mail.delivery", "mdaemon",
	"mail administrator", "mail-daemon", "maildaemon", "mailmaster", "system administrator",
	"mail system", "mail-system", "delivery subsystem", "internet mail delivery", "mail router",
	"email delivery", "delivery-subsystem", "delivery status", "smtp32", "microsoft outlook",
	"mail gateway", "bounce-handler", "mta ", "smtp server", "systemadministrator",
	"virus-scanner", "content-filter", "systemadmin", "undeliverable",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The field by that name as text, "" if there is none. */
static struct str
field_text(const struct reading *reading, const char *name)
{
	struct str value;

	if (header_list_find(&reading->fields, str_of(name), &value) == 0)
		return STR_EMPTY;
	return str_of(header_decode(value, LIMITS_ID_BYTES, reading->arena));
}

static bool
has_field(const struct reading *reading, const char *name)
{
	struct str value;

	return header_list_find(&reading->fields, str_of(name), &value) == 1;
}

/* "Mail Delivery Subsystem <mailer-daemon@x>", "postmaster@x": a word of the
   table at the front, behind "<", or behind a quote. */
static bool
is_daemon(struct str from)
{
	size_t at = 0;

	do {
		struct str name = str_trim(str_sub(from, at, from.len));

		while (name.len > 0 && strchr("<\"'( ", name.data[0]) != NULL)
			name = str_sub(name, 1, name.len);
		for (size_t i = 0; i < COUNT_OF(daemons); i++) {
			if (str_istarts(name, str_of(daemons[i])))
				return true;
		}
		for (at++; at < from.len && strchr("<\"(", from.data[at]) == NULL; at++)
			continue;
	} while (at < from.len);
	return false;
}

static bool
is_auto_reply(const struct reading *reading)
{
	struct str value = field_text(reading, "Auto-Submitted");

	if (str_istarts(value, STR("auto-replied")))
		return true;
	if (has_field(reading, "X-Autoreply") || has_field(reading, "X-Autorespond") ||
	    has_field(reading, "X-Auto-Reply") || has_field(reading, "X-Autoresponse") ||
	    has_field(reading, "X-Autoreply-From") || has_field(reading, "X-Mail-Autoreply"))
		return true;
	value = field_text(reading, "Precedence");
	if (str_iequal(value, STR("auto_reply")) || str_iequal(value, STR("auto-reply")))
		return true;
	return str_iequal(field_text(reading, "X-Apple-Action"), STR("VACATION"));
}

static bool
field_holds(const struct reading *reading, const struct phrase_format *row)
{
	struct str value;
	size_t at;

	if (row->field == NULL)
		return true;
	if (header_list_find(&reading->fields, str_of(row->field), &value) == 0)
		return false;
	return str_ifind(value, str_of(row->needle), 0, &at) == 1;
}

static const char *
find_format(const struct reading *reading, const struct phrase_hits *notice)
{
	for (unsigned i = 0; i < phrase_format_count; i++) {
		const struct phrase_format *row = &phrase_formats[i];

		if (row->phrase != NULL && (notice->formats[i / 64] >> (i % 64) & 1) == 0)
			continue;
		if (field_holds(reading, row))
			return row->name;
	}
	return "";
}

static bool
holds(const struct phrase_hits *hits, enum phrase_set set)
{
	return (hits->sets >> set & 1) != 0;
}

/* Did it come with MAIL FROM:<>? */
static bool
has_null_sender(const struct reading *reading)
{
	struct str path;

	return reading->null_sender || (header_list_find(&reading->fields, STR("Return-Path"),
	    &path) == 1 && str_equal(str_trim(path), STR("<>")));
}

/*
 * Does a mail system speak, and of a failure? One that calls itself a daemon, or
 * an address list that only MTAs write, needs no more than words of failure. A
 * null sender is no proof: answering machines and receipts have it too. People
 * who answer a report quote it, words and all.
 */
static bool
is_report(const struct reading *reading, struct str from, struct str subject_text,
    const struct phrase_hits *subject, const struct phrase_hits *notice, const char *format)
{
	bool failed = holds(notice, PHRASE_FAILURE) || holds(notice, PHRASE_SUCCESS) || (format[0] != '\0' &&
	    holds(notice, PHRASE_MISHAP));

	if (!holds(subject, PHRASE_SUBJECT) && !failed)
		return false;
	if (has_field(reading, "X-Failed-Recipients"))
		return true;
	/* A person may be called postmaster, and answer. */
	if (is_daemon(from))
		return has_null_sender(reading) || format[0] != '\0' || reading->returned.len > 0 ||
		    !has_field(reading, "In-Reply-To");
	if (str_istarts(subject_text, STR("Re:")) || str_istarts(subject_text, STR("AW:")) ||
	    has_field(reading, "List-Id"))
		return false;
	if (holds(subject, PHRASE_SUBJECT))
		return has_null_sender(reading) || format[0] != '\0';
	return has_null_sender(reading) && format[0] != '\0';
}

enum formats_kind
formats_kind(const struct reading *reading, const char **format_r)
{
	struct str subject_text = field_text(reading, "Subject");
	struct str from = field_text(reading, "From");
	struct phrase_hits subject, notice;

	*format_r = "";
	phrase_search(subject_text, &subject);
	phrase_search(reading->notice, &notice);
	if (holds(&subject, PHRASE_OTHER))
		return FORMATS_OTHER;
	/* A receipt (RFC 8098) tells of a message that has arrived; but Sieve refuses
	   in the form of a receipt (RFC 5429). */
	if (mime_find(&reading->mime, "message/disposition-notification") != NULL &&
	    !(is_daemon(from) && holds(&notice, PHRASE_FAILURE)))
		return FORMATS_OTHER;
	if (!is_daemon(from) && is_auto_reply(reading) &&
	    !has_field(reading, "X-Failed-Recipients"))
		return FORMATS_AUTO_REPLY;
	if (!is_daemon(from) && !holds(&subject, PHRASE_SUBJECT)) {
		if (holds(&subject, PHRASE_AUTO_REPLY))
			return FORMATS_AUTO_REPLY;
		if (holds(&subject, PHRASE_CHALLENGE) || holds(&notice, PHRASE_CHALLENGE))
			return FORMATS_CHALLENGE;
	}
	*format_r = find_format(reading, &notice);
	if (!is_report(reading, from, subject_text, &subject, &notice, *format_r))
		return FORMATS_OTHER;
	if ((holds(&subject, PHRASE_SUCCESS) || holds(&notice, PHRASE_SUCCESS)) &&
	    !holds(&notice, PHRASE_FAILURE))
		return FORMATS_SUCCESS;
	if ((holds(&subject, PHRASE_DELAY) || holds(&notice, PHRASE_DELAY)) &&
	    !holds(&notice, PHRASE_FINAL))
		return FORMATS_DELAY;
	return FORMATS_FAILURE;
}

bool
formats_is_system(const struct reading *reading)
{
	return is_daemon(field_text(reading, "From")) || has_null_sender(reading) ||
	    has_field(reading, "X-Failed-Recipients");
}

bool
formats_is_candidate(struct str name, struct str value)
{
	if (str_iequal(name, STR("From")))
		return is_daemon(value);
	return str_iequal(name, STR("X-Failed-Recipients"));
}

bool
formats_is_report(struct str headers, struct arena *arena)
{
	struct str subject = str_of(header_text(headers, STR("Subject"), LIMITS_ID_BYTES, arena));
	struct str from = str_of(header_text(headers, STR("From"), LIMITS_ID_BYTES, arena));

	return is_daemon(from) && phrase_holds(subject, PHRASE_SUBJECT);
}
