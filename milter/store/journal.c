#include "store/journal.h"

#include "base/msg.h"

int
journal_bounds(struct store_txn *txn, enum store_table table, uint64_t *first_r,
    uint64_t *last_r, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key;
	int ret;

	*first_r = *last_r = 0;
	if (store_cursor_open(txn, table, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_last(cursor, &key, NULL, error_r);
	if (ret == 1) {
		*last_r = store_scan_number(key);
		ret = store_cursor_seek(cursor, STR_EMPTY, &key, NULL, error_r);
	}
	if (ret == 1)
		*first_r = store_scan_number(key);
	store_cursor_close(cursor);
	return ret == -1 ? -1 : 0;
}

/* The ring of unverified events drops its oldest for the newest. */
static int
make_room(struct store_txn *txn, uint64_t first, uint64_t last, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];

	if (last - first + 1 < JOURNAL_UNVERIFIED_MOST || last == 0)
		return 0;
	return store_delete(txn, STORE_UNVERIFIED, store_number(first, bytes), error_r) == -1 ? -1 : 0;
}

int
journal_append(struct store_txn *txn, enum store_table table, const struct bounce *bounce,
    const struct verdict *verdict, uint64_t *sequence_r, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct buf text = { 0 };
	uint64_t first, last;
	int ret;

	if (journal_bounds(txn, table, &first, &last, error_r) == -1)
		return -1;
	if (table == STORE_UNVERIFIED && make_room(txn, first, last, error_r) == -1)
		return -1;
	bounce_print(bounce, verdict, &text);
	ret = store_append(txn, table, store_number(last + 1, bytes), buf_str(&text), error_r);
	buf_free(&text);
	*sequence_r = last + 1;
	return ret;
}

int
journal_scan(const struct pages_row *row, struct arena *arena, struct journal_event *event_r)
{
	event_r->sequence = store_scan_number(row->key);
	return bounce_scan(row->value, arena, &event_r->bounce, &event_r->verdict);
}

int
journal_get(struct store_txn *txn, enum store_table table, uint64_t sequence,
    struct arena *arena, struct journal_event *event_r, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct pages_row row = { .key = store_number(sequence, bytes) };
	int ret = store_get(txn, table, row.key, &row.value, error_r);

	if (ret == 1 && journal_scan(&row, arena, event_r) == -1)
		return msg_failure(error_r, "event %llu of the journal is damaged",
		    (unsigned long long)sequence);
	return ret;
}

int
journal_prune(struct store_txn *txn, enum store_table table, int64_t before, uint64_t up_to,
    unsigned most, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	uint64_t first, last;
	int pruned = 0, ret;

	/* The newest one stays: sequences go on from it. */
	if (journal_bounds(txn, table, &first, &last, error_r) == -1)
		return -1;
	if (up_to >= last)
		up_to = last == 0 ? 0 : last - 1;
	if (store_cursor_open(txn, table, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &value, error_r);
	while (ret == 1 && (unsigned)pruned < most && store_scan_number(key) <= up_to) {
		struct arena *arena = arena_new();
		struct pages_row row = { key, value };
		struct journal_event event;
		bool old = journal_scan(&row, arena, &event) == -1 ||
		    event.bounce.time < before;

		arena_free(arena);
		if (!old)
			break;
		ret = store_cursor_delete(cursor, error_r);
		if (ret == 0) {
			pruned++;
			ret = store_cursor_next(cursor, &key, &value, error_r);
		}
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : pruned;
}
