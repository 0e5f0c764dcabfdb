#include "tool/incident_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "watch/telling.h"
#include "watch/telling_text.h"

/* Numbers of incidents, the oldest first. */
struct list {
	uint64_t *ids;
	unsigned count, size;
};

static bool
is_wanted(const struct incidents_wanted *wanted, uint64_t id, const struct incident *incident)
{
	if (wanted->id != 0)
		return wanted->id == id;
	return (wanted->closed || incident->closed == 0) &&
	    (wanted->domain == NULL || strcmp(wanted->domain, incident->domain) == 0) &&
	    (wanted->since == 0 || incident->opened >= wanted->since) &&
	    (wanted->until == 0 || incident->opened < wanted->until);
}

static void
add(struct list *list, uint64_t id)
{
	if (list->count == list->size) {
		list->size = list->size * 2 + 64;
		list->ids = reallocarray(list->ids, list->size, sizeof(list->ids[0]));
		if (list->ids == NULL)
			msg_out_of_memory();
	}
	list->ids[list->count++] = id;
}

/* A row that a later version wrote is not for this one to read. */
static int
find(struct store *store, const struct incidents_wanted *wanted, struct list *list,
    const char **error_r)
{
	char from[STORE_NUMBER_BYTES];
	struct pages *pages = pages_new(store, STORE_INCIDENTS, store_number(wanted->id, from));
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		struct arena *arena = arena_new();

		for (unsigned i = 0; i < count; i++) {
			uint64_t id = incidents_id(&rows[i]);
			struct incident incident;

			if (incident_scan(rows[i].value, arena, &incident) == 0 &&
			    is_wanted(wanted, id, &incident))
				add(list, id);
		}
		arena_free(arena);
		if (wanted->id != 0)
			break; /* it is the first row, or not there */
	}
	pages_free(pages);
	return ret == -1 ? -1 : 0;
}

static void
print_text(const struct incident *incident, int64_t now, struct arena *arena, struct buf *out)
{
	char since[CLOCK_TEXT_BYTES];

	buf_printf(out, "incident %llu: %s, %s, since %s, %s\n", (unsigned long long)incident->id,
	    words_name(&severity_words, incident->severity),
	    words_name(&watch_rule_words, incident->rule), clock_print(incident->since, since),
	    incident->closed == 0 ? "open" : "closed");
	telling_wrap("  ", "  ", incident_sentence(incident, now, arena), TELLING_COLUMNS, out);
	buf_printf(out, "  what to do  %s\n", telling_manual(incident->rule, arena));
	telling_evidence(incident, out);
}

/* As it is now: it may have changed since it was found, or be gone.
   Returns 1, 0 if there is nothing to show, or -1. */
static int
print_one(struct store *store, uint64_t id, enum print_format format, int64_t now,
    struct arena *arena, struct buf *out, const char **error_r)
{
	struct incident incident;
	struct store_txn *txn;
	struct str text;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = incidents_get(txn, id, &text, error_r);
	if (ret == 1 && incident_scan(text, arena, &incident) == -1)
		ret = 0;
	store_abort(txn);
	if (ret == 1 && format == PRINT_JSON)
		telling_json(&incident, NOTICE_NONE, now, out);
	else if (ret == 1)
		print_text(&incident, now, arena, out);
	return ret;
}

static int
print_list(struct store *store, enum print_format format, const struct list *list,
    unsigned limit, const char **error_r)
{
	unsigned left = list->count, shown = 0;

	while (left > 0 && (limit == 0 || shown < limit) && !ferror(stdout)) {
		struct arena *arena = arena_new();
		struct buf out = { 0 };
		int ret = print_one(store, list->ids[--left], format, clock_now(), arena, &out,
		    error_r);

		if (ret == 1)
			printf("%s%s", shown++ > 0 && format == PRINT_TEXT ? "\n" : "",
			    buf_cstr(&out));
		buf_free(&out);
		arena_free(arena);
		if (ret == -1)
			return -1;
	}
	if (left > 0 && format == PRINT_TEXT)
		printf("\n... and %u more\n", left);
	return (int)shown;
}

int
incidents_print(struct store *store, enum print_format format,
    const struct incidents_wanted *wanted, const char **error_r)
{
	struct list list = { 0 };
	int ret = find(store, wanted, &list, error_r);

	if (ret == 0)
		ret = print_list(store, format, &list, wanted->limit, error_r);
	free(list.ids);
	return ret;
}
