#include "parse/arf.h"

#include <stddef.h>

#include "bounce.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/line.h"

static const struct {
	const char *name;
	size_t offset;
} single_fields[] = {
	{ "Feedback-Type", offsetof(struct arf, feedback_type) },
	{ "Original-Mail-From", offsetof(struct arf, mail_from) },
	{ "Original-Envelope-Id", offsetof(struct arf, envelope_id) },
	{ "Reporting-MTA", offsetof(struct arf, reporting_mta) },
	{ "Arrival-Date", offsetof(struct arf, arrival_date) },
	{ "Received-Date", offsetof(struct arf, arrival_date) },
	{ "Auth-Failure", offsetof(struct arf, auth_failure) },
	{ "Authentication-Results", offsetof(struct arf, authentication) },
};

static const struct {
	const char *name;
	size_t offset;
} list_fields[] = {
	{ "Original-Rcpt-To", offsetof(struct arf, recipients) },
	{ "Original-Recipient", offsetof(struct arf, recipients) },
	{ "Removal-Recipient", offsetof(struct arf, removals) },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct str *
find_single(struct arf *arf, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(single_fields); i++) {
		if (str_iequal(str_of(single_fields[i].name), name))
			return (struct str *)((char *)arf + single_fields[i].offset);
	}
	return NULL;
}

static struct arf_list *
find_list(struct arf *arf, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(list_fields); i++) {
		if (str_iequal(str_of(list_fields[i].name), name))
			return (struct arf_list *)((char *)arf + list_fields[i].offset);
	}
	return NULL;
}

void
arf_add(struct arf *arf, struct arf_list *list, struct str value, struct arena *arena)
{
	if (list->count == LIMITS_RECIPIENTS) {
		arf->limits |= LIMIT_RECIPIENTS;
		return;
	}
	if (list->values == NULL)
		list->values = arena_alloc(arena, LIMITS_RECIPIENTS * sizeof(list->values[0]));
	list->values[list->count++] = value;
}

void
arf_parse(struct str content, struct arena *arena, struct arf *arf_r)
{
	struct header header;

	*arf_r = (struct arf){ .limits = 0 };
	while (header_next(&content, &header)) {
		struct str *single = find_single(arf_r, header.name);
		struct arf_list *list = find_list(arf_r, header.name);

		if (single != NULL && single->len == 0)
			*single = header_unfold(header.value, arena);
		if (list != NULL)
			arf_add(arf_r, list, header_unfold(header.value, arena), arena);
	}
}

/* Which of the required fields the line begins, as a bit. */
static unsigned
required_field(struct str line)
{
	static const struct str names[] = {
		{ "Feedback-Type:", 14 }, { "User-Agent:", 11 }, { "Version:", 8 },
	};

	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (str_istarts(line, names[i]))
			return 1u << i;
	}
	return 0;
}

struct str
arf_within(struct str text)
{
	const char *start = text.data;
	unsigned seen = 0;
	struct str line;

	while (line_next(&text, &line)) {
		if (line_is_blank(line)) {
			if (seen == 7)
				return (struct str){ start, (size_t)(line.data - start) };
			seen = 0;
			start = text.data;
		}
		seen |= required_field(line);
	}
	return seen == 7 ? (struct str){ start, (size_t)(line.data + line.len - start) } : STR_EMPTY;
}
