#include "parse/failed.h"

#include <string.h>

#include "parse/header.h"
#include "parse/limits.h"
#include "parse/mention.h"
#include "parse/reason.h"
#include "parse/returned.h"

#define OTHERS_MOST 4

/* The recipients of a field, where the notice names none itself. */
static unsigned
entries_of_field(struct reading *reading, struct str headers, const char *name,
    struct entries *entries)
{
	struct str value;
	struct mention mention = { .end = 0 };

	entries->count = 0;
	if (header_find(headers, str_of(name), &value) == 0)
		return 0;
	value = header_unfold(value, reading->arena);
	entries->list = arena_alloc(reading->arena, LIMITS_RECIPIENTS * sizeof(entries->list[0]));
	while (mention_find(value, mention.end, reading->arena, &mention) == 1 &&
	    entries->count < LIMITS_RECIPIENTS)
		entries->list[entries->count++] = (struct entry){ .address = mention.address,
			.shown = mention.text, .words = STR_EMPTY };
	return entries->count;
}

/* X-Failed-Recipients is what the MTA knows; the notice may show another form
   of the address, and has the words. */
static void
match_words(const struct entries *told, struct str notice, struct entries *entries)
{
	for (unsigned i = 0; i < entries->count; i++) {
		struct entry *entry = &entries->list[i];

		const struct entry *same = entries_get(told, entry->address);

		if (same != NULL) {
			entry->words = same->words;
			entry->shared = same->shared;
		}
		if (entry->words.len == 0) {
			entry->words = told->count == 1 && entries->count == 1 ?
			    told->list[0].words : notice;
			entry->shared = entries->count > 1;
		}
	}
}

/* A mail system writes to somebody about his own mailbox, too: whom the notice is
   addressed to has failed only if the returned message went to him. */
static void
drop_addressee(struct reading *reading, struct entries *entries)
{
	const char *to = returned_field_address(reading, &reading->fields, STR("To"));
	unsigned kept = 0;
	size_t at;

	if (reading->certain || to[0] == '\0' || str_ifind(reading->returned, str_of(to), 0, &at) == 1)
		return;
	for (unsigned i = 0; i < entries->count; i++) {
		if (strcmp(entries->list[i].address, to) != 0)
			entries->list[kept++] = entries->list[i];
	}
	entries->count = kept;
}

void
failed_find(struct reading *reading, struct entries *entries_r)
{
	static const char *const fields[OTHERS_MOST - 1] = { "To", "From", "Reply-To" };
	const char *others[OTHERS_MOST] = { NULL };
	struct entries failed;
	unsigned count = 0;

	for (unsigned i = 0; i < OTHERS_MOST - 1; i++) {
		others[count] = returned_field_address(reading, &reading->fields, str_of(fields[i]));
		count += others[count][0] != '\0';
	}
	others[count] = NULL;
	entries_find(reading->notice, others, reading->arena, entries_r);
	drop_addressee(reading, entries_r);
	if (entries_of_field(reading, reading->headers, "X-Failed-Recipients", &failed) > 0) {
		match_words(entries_r, entries_paragraphs(reading->notice, reading->arena), &failed);
		failed.limits = entries_r->limits;
		*entries_r = failed;
	}
	/* A message to one person cannot have failed for another. */
	if (entries_r->count == 0) {
		if (entries_of_field(reading, reading->returned, "To", entries_r) != 1)
			entries_r->count = 0;
		else
			entries_r->list[0].guessed = true;
	}
}

int
failed_read_reason(const struct entry *entry, struct arena *arena, struct bounce *bounce)
{
	int ret = reason_read(entry->words, arena, bounce);

	if (ret == 1 && entry->shared && bounce->stage == STAGE_RCPT)
		bounce->stage = STAGE_UNKNOWN;
	return ret;
}
