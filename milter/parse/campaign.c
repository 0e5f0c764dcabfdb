#include "parse/campaign.h"

#include "parse/charset.h"
#include "parse/header.h"

#define VALUE_BYTES 48
#define SUBJECT_BYTES 200

static const struct {
	struct str field;
	const char *label; /* in front of the value */
	bool digest;
} fields[] = {
	{ { "Subject", 7 }, "subject", true },
	{ { "List-Id", 7 }, "list", false },
	{ { "Feedback-ID", 11 }, "feedback-id", false },
	{ { "X-Campaign-ID", 13 }, "campaign", false },
};

/* "<news.example.com>" of a List-Id that may have words in front (RFC 2919). */
static struct str
without_words(struct str value)
{
	size_t open, close;

	if (str_find_byte(value, '<', 0, &open) && str_find_byte(value, '>', open, &close))
		return str_sub(value, open + 1, close);
	return value;
}

void
campaign_field(struct campaign *campaign, struct str name, struct str value, struct arena *arena)
{
	for (unsigned rank = 0; rank < sizeof(fields) / sizeof(fields[0]); rank++) {
		const char *text;

		if (!str_iequal(name, fields[rank].field) ||
		    (campaign->name != NULL && rank <= campaign->rank))
			continue;
		text = header_decode(value, SUBJECT_BYTES, arena);
		value = fields[rank].digest ? str_of(text) : str_trim(without_words(str_of(text)));
		if (value.len == 0)
			continue;
		if (fields[rank].digest)
			campaign->name = arena_printf(arena, "%s %016llx", fields[rank].label,
			    (unsigned long long)str_hash(str_of(text)));
		else
			campaign->name = arena_printf(arena, "%s %s", fields[rank].label,
			    charset_clean_line(value, VALUE_BYTES, arena));
		campaign->rank = rank;
	}
}

const char *
campaign_of(struct str headers, struct arena *arena)
{
	struct campaign campaign = { 0 };
	struct header field;

	while (header_next(&headers, &field))
		campaign_field(&campaign, field.name, field.value, arena);
	return campaign.name == NULL ? "" : campaign.name;
}
