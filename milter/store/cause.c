#include "store/cause.h"

#include <string.h>

/* What an event found; nothing, if it is of a version that did not say. */
static void
scan_was(const struct journal_event *event, enum table_set table, struct standing *was_r)
{
	const struct standing_entry none = { 0 };

	if (standing_scan_text(str_of(event->verdict.was), was_r) == -1)
		memset(was_r, 0, sizeof(*was_r));
	/* An entry is older than the event that found it. */
	if (was_r->suppressed[table].event >= event->sequence)
		was_r->suppressed[table] = none;
	if (was_r->held[table].event >= event->sequence)
		was_r->held[table] = none;
}

int
cause_find(struct store_txn *txn, const struct standing_entry *entry, enum table_set table,
    struct arena *arena, struct journal_event *event_r, const char **error_r)
{
	uint64_t sequence = entry->event;
	struct standing was;
	int ret;

	while ((ret = journal_get(txn, STORE_JOURNAL, sequence, arena, event_r, error_r)) == 1) {
		if (event_r->bounce.source == SOURCE_THRESHOLD) {
			sequence--;
			continue;
		}
		if (event_r->bounce.source != SOURCE_OPERATOR)
			return 1;
		scan_was(event_r, table, &was);
		if (was.held[table].event == 0)
			return 1;
		sequence = was.held[table].event;
	}
	return ret;
}

/* The entries before this one was made. */
static int
entries_before(struct store_txn *txn, const struct standing_entry *entry, enum table_set table,
    struct standing *before_r, const char **error_r)
{
	struct arena *arena = arena_new();
	struct journal_event event;
	int ret = journal_get(txn, STORE_JOURNAL, entry->event, arena, &event, error_r);

	memset(before_r, 0, sizeof(*before_r));
	if (ret == 1)
		scan_was(&event, table, before_r);
	arena_free(arena);
	return ret == -1 ? -1 : 0;
}

static int
goes(struct store_txn *txn, const struct standing_entry *entry, enum table_set table,
    const struct cause_question *question, const char **error_r)
{
	return entry->event == 0 ? 0 :
	    question->goes(question->context, txn, entry, table, error_r);
}

int
cause_rewind(struct store_txn *txn, struct standing *standing, enum table_set table,
    const struct cause_question *question, const char **error_r)
{
	struct standing_entry *suppressed = &standing->suppressed[table];
	struct standing_entry *held = &standing->held[table];
	int lifts = goes(txn, suppressed, table, question, error_r);
	int drops = lifts == -1 ? -1 : goes(txn, held, table, question, error_r);
	bool changed = lifts == 1 || drops == 1;
	struct standing before;

	while (lifts == 1 || drops == 1) {
		/* What is held now, and stays, is newer than what was held then. */
		bool with_held = drops == 1 || held->event == 0;

		if (entries_before(txn, lifts == 1 ? suppressed : held, table, &before,
			error_r) == -1)
			return -1;
		if (lifts == 1) {
			*suppressed = before.suppressed[table];
			lifts = goes(txn, suppressed, table, question, error_r);
		}
		if (lifts != -1 && with_held) {
			*held = before.held[table];
			drops = goes(txn, held, table, question, error_r);
		}
	}
	return lifts == -1 || drops == -1 ? -1 : changed;
}

static int
each_of_row(struct store_txn *txn, const struct pages_row *row,
    void (*each)(void *context, const struct journal_event *cause), void *context,
    const char **error_r)
{
	struct standing standing;
	const char *address;
	int ret = 0;

	if (standing_scan(row, &standing, &address) == -1)
		return 0;
	for (unsigned i = 0; ret != -1 && i < TABLE_SET_COUNT; i++) {
		struct arena *arena = arena_new();
		struct journal_event event;

		ret = standing.held[i].event == 0 ? 0 :
		    cause_find(txn, &standing.held[i], i, arena, &event, error_r);
		if (ret == 1)
			each(context, &event);
		arena_free(arena);
	}
	return ret == -1 ? -1 : 0;
}

int
cause_each_held(struct store *store,
    void (*each)(void *context, const struct journal_event *cause), void *context,
    const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	struct store_txn *txn;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		ret = store_begin_read(store, &txn, error_r);
		if (ret == -1)
			break;
		for (unsigned i = 0; ret == 0 && i < count; i++)
			ret = each_of_row(txn, &rows[i], each, context, error_r);
		store_abort(txn);
		if (ret == -1)
			break;
	}
	pages_free(pages);
	return ret;
}
