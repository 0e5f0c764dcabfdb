#include "parse/dsn.h"

#include <stddef.h>

#include "bounce.h"
#include "parse/header.h"
#include "parse/limits.h"

static const struct {
	const char *name;
	size_t offset;
} message_fields[] = {
	{ "Original-Envelope-Id", offsetof(struct dsn, original_envelope_id) },
	{ "Reporting-MTA", offsetof(struct dsn, reporting_mta) },
	{ "Arrival-Date", offsetof(struct dsn, arrival_date) },
	{ "X-Postfix-Queue-ID", offsetof(struct dsn, queue_id) },
	{ "X-Postfix-Sender", offsetof(struct dsn, sender) },
};

static const struct {
	const char *name;
	size_t offset;
} recipient_fields[] = {
	{ "Original-Recipient", offsetof(struct dsn_recipient, original_recipient) },
	{ "Final-Recipient", offsetof(struct dsn_recipient, final_recipient) },
	{ "Action", offsetof(struct dsn_recipient, action) },
	{ "Status", offsetof(struct dsn_recipient, status) },
	{ "Remote-MTA", offsetof(struct dsn_recipient, remote_mta) },
	{ "Diagnostic-Code", offsetof(struct dsn_recipient, diagnostic_code) },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct str *
find_message_field(struct dsn *dsn, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(message_fields); i++) {
		if (str_iequal(str_of(message_fields[i].name), name))
			return (struct str *)((char *)dsn + message_fields[i].offset);
	}
	return NULL;
}

static struct str *
find_recipient_field(struct dsn_recipient *recipient, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(recipient_fields); i++) {
		if (str_iequal(str_of(recipient_fields[i].name), name))
			return (struct str *)((char *)recipient + recipient_fields[i].offset);
	}
	return NULL;
}

/* Begin the next recipient. Returns false if there are too many. */
static bool
add_recipient(struct dsn *dsn, struct arena *arena)
{
	struct dsn_recipient *more;

	if (dsn->count == LIMITS_RECIPIENTS) {
		dsn->limits |= LIMIT_RECIPIENTS;
		return false;
	}
	/* One is the rule: room for it, then for all. */
	if (dsn->count < 2) {
		more = arena_alloc(arena, (dsn->count == 0 ? 1 : LIMITS_RECIPIENTS) * sizeof(*more));
		if (dsn->count == 1)
			more[0] = dsn->recipients[0];
		dsn->recipients = more;
	}
	dsn->recipients[dsn->count++] = (struct dsn_recipient){ .status = STR_EMPTY };
	return true;
}

/*
 * Where this value belongs. A recipient field that the recipient at hand
 * already has begins the next recipient, with or without a blank line; so does
 * an Original-Recipient behind a Final-Recipient.
 */
static struct str *
place_of(struct dsn *dsn, struct str name, struct arena *arena)
{
	struct dsn_recipient probe;
	struct str *place;

	if (find_recipient_field(&probe, name) == NULL) {
		place = find_message_field(dsn, name);
		return place == NULL || place->len > 0 ? NULL : place;
	}
	if (dsn->count > 0) {
		place = find_recipient_field(&dsn->recipients[dsn->count - 1], name);
		if (place->len == 0)
			return place;
		/* Only an address begins a recipient; a second Status or
		   Diagnostic-Code is a repetition, and the first one counts. */
		if (!str_iends(name, STR("-Recipient")))
			return NULL;
	}
	if (!add_recipient(dsn, arena))
		return NULL;
	return find_recipient_field(&dsn->recipients[dsn->count - 1], name);
}

/* Behind a blank line, does this field begin the next group? The one does that began
   the first, in whatever order the reporter writes them, and an Original-Recipient
   right behind a finished group. */
static bool
begins_next(const struct dsn *dsn, struct str name, struct str first)
{
	const struct dsn_recipient *last;

	if (dsn->count == 0)
		return false;
	last = &dsn->recipients[dsn->count - 1];
	if (last->final_recipient.len == 0)
		return false;
	if (str_iequal(name, first))
		return true;
	return str_iequal(name, STR("Original-Recipient")) && last->original_recipient.len == 0 &&
	    last->action.len > 0 && last->status.len > 0;
}

void
dsn_parse(struct str content, struct arena *arena, struct dsn *dsn_r)
{
	struct header header;
	const char *end = content.data;
	struct str first = STR_EMPTY; /* the name of the field that begins a group */

	*dsn_r = (struct dsn){ 0 };
	while (dsn_r->limits == 0 && header_next(&content, &header)) {
		struct str gap = { end, (size_t)(header.name.data - end) };
		struct str *place;
		size_t at;

		if ((str_find(gap, STR("\n\n"), 0, &at) ||
		    str_find(gap, STR("\n\r\n"), 0, &at)) && begins_next(dsn_r, header.name, first)) {
			if (!add_recipient(dsn_r, arena))
				break;
		}
		place = place_of(dsn_r, header.name, arena);
		if (first.len == 0 && dsn_r->count > 0)
			first = header.name;
		if (place != NULL)
			*place = header_unfold(header.value, arena);
		end = header.value.data + header.value.len;
	}
}

struct str
dsn_untyped(struct str value, struct arena *arena, const char **type_r)
{
	struct str type;
	size_t semicolon;
	char *lower;

	*type_r = "";
	if (!str_find_byte(value, ';', 0, &semicolon))
		return str_trim(value);
	type = str_trim(str_sub(value, 0, semicolon));
	for (size_t i = 0; i < type.len; i++) {
		/* "550 5.1.1 no; such user" has no type. */
		if (!str_is_alnum(type.data[i]) && type.data[i] != '-')
			return str_trim(value);
	}
	lower = arena_strdup(arena, type);
	for (char *p = lower; *p != '\0'; p++)
		*p = str_lower(*p);
	*type_r = lower;
	return str_trim(str_sub(value, semicolon + 1, value.len));
}
