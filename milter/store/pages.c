#include "store/pages.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/msg.h"

struct pages {
	struct store *store;
	enum store_table table;
	struct buf from; /* where the next page begins */
	struct arena *arena;
	struct pages_row rows[PAGES_ROWS];
};

struct pages *
pages_new(struct store *store, enum store_table table, struct str from)
{
	struct pages *pages = calloc(1, sizeof(*pages));

	if (pages == NULL)
		msg_out_of_memory();
	pages->store = store;
	pages->table = table;
	buf_add(&pages->from, from);
	return pages;
}

void
pages_free(struct pages *pages)
{
	arena_free(pages->arena);
	buf_free(&pages->from);
	free(pages);
}

/* Copy rows out of a transaction. Returns 0 or -1. */
static int
copy_rows(struct pages *pages, struct store_txn *txn, unsigned *count_r,
    const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	int ret;

	if (store_cursor_open(txn, pages->table, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, buf_str(&pages->from), &key, &value, error_r);
	while (ret == 1) {
		struct pages_row *row = &pages->rows[(*count_r)++];

		row->key = (struct str){ arena_strdup(pages->arena, key), key.len };
		row->value = (struct str){ arena_strdup(pages->arena, value), value.len };
		if (*count_r == PAGES_ROWS)
			break;
		ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : 0;
}

int
pages_next(struct pages *pages, const struct pages_row **rows_r, unsigned *count_r,
    const char **error_r)
{
	struct store_txn *txn;
	int ret;

	arena_free(pages->arena);
	pages->arena = arena_new();
	*rows_r = pages->rows;
	*count_r = 0;
	if (store_begin_read(pages->store, &txn, error_r) == -1)
		return -1;
	ret = copy_rows(pages, txn, count_r, error_r);
	store_abort(txn);
	if (ret == -1 || *count_r == 0)
		return ret;
	/* The smallest key behind the last one is that key and a NUL. */
	buf_clear(&pages->from);
	buf_add(&pages->from, pages->rows[*count_r - 1].key);
	buf_add_byte(&pages->from, '\0');
	return 1;
}
