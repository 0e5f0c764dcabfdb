#include "store/table_compare.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "parse/address.h"
#include "store/journal.h"

static int
by_address(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
nothing(void *node)
{
	(void)node; /* it is in the arena */
}

static bool
is_changing(const struct table_comparison *comparison, struct str address)
{
	struct arena *arena;
	bool found;

	if (comparison->changing == NULL)
		return false;
	arena = arena_new();
	found = tfind(arena_strdup(arena, address), &comparison->changing, by_address) != NULL;
	arena_free(arena);
	return found;
}

/* Remember the addresses of the events behind a position. */
static int
note_changing(struct table_comparison *comparison, uint64_t position, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct store_cursor *cursor;
	struct pages_row row;
	int ret;

	if (store_cursor_open(comparison->txn, STORE_JOURNAL, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, store_number(position + 1, bytes), &row.key, &row.value,
	    error_r);
	while (ret == 1) {
		struct journal_event event;

		if (journal_scan(&row, comparison->arena, &event) == 0 &&
		    event.bounce.recipient[0] != '\0' &&
		    tsearch(event.bounce.recipient, &comparison->changing, by_address) == NULL)
			msg_out_of_memory();
		ret = store_cursor_next(cursor, &row.key, &row.value, error_r);
	}
	store_cursor_close(cursor);
	return ret;
}

static void
note_wrong(struct table_comparison *comparison, struct str key)
{
	if (comparison->wrong_count == comparison->wrong_size) {
		comparison->wrong_size = comparison->wrong_size * 2 + 64;
		comparison->wrong = realloc(comparison->wrong,
		    comparison->wrong_size * sizeof(*comparison->wrong));
		if (comparison->wrong == NULL)
			msg_out_of_memory();
	}
	comparison->wrong[comparison->wrong_count++] = arena_strdup(comparison->arena, key);
}

/* Has the table for this key what the standing of its address says? */
static int
compare_value(struct table_comparison *comparison, struct str key, struct str value,
    const char *address)
{
	const struct standing_entry *entry;
	struct standing standing;
	char wanted[TABLE_VALUE_BYTES];

	memset(&standing, 0, sizeof(standing));
	if (address[0] != '\0' && standing_get(comparison->txn, address, &standing,
		&comparison->error) == -1)
		return -1;
	entry = table_entry(comparison->table->which, &standing);
	if (entry->event == 0 || !str_equal(value,
		str_of(table_value(comparison->table->which, entry->category, wanted))))
		note_wrong(comparison, key);
	else if (str_equal(key, str_of(address)))
		comparison->right++;
	return 0;
}

static int
compare_row(struct str key, struct str value, void *context)
{
	struct table_comparison *comparison = context;
	struct arena *arena = arena_new();
	const char *address = "";
	int ret = 0;

	address_parse(key, arena, &address);
	if (!is_changing(comparison, str_of(address)))
		ret = compare_value(comparison, key, value, address);
	arena_free(arena);
	return ret;
}

int
table_compare_begin(struct table_comparison *comparison, const struct table *table,
    struct store *store, uint64_t position, const char **error_r)
{
	int ret;

	*comparison = (struct table_comparison){ .table = table, .arena = arena_new() };
	if (store_begin_read(store, &comparison->txn, error_r) == -1 ||
	    (position != 0 && note_changing(comparison, position, error_r) == -1))
		return -1;
	ret = table->format->each(table->file, compare_row, comparison, error_r);
	if (ret == -1 && comparison->error != NULL)
		*error_r = comparison->error;
	return ret;
}

/* How many addresses the store has for the table. */
static int
count_suppressed(struct table_comparison *comparison, uint64_t *count_r, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	int ret;

	*count_r = 0;
	if (store_cursor_open(comparison->txn, STORE_STANDING, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &value, error_r);
	while (ret == 1) {
		struct standing standing;

		/* The key is a NUL, which ends the tenant, and the address. */
		if (standing_scan_text(value, &standing) == 0 &&
		    table_entry(comparison->table->which, &standing)->event != 0 &&
		    !is_changing(comparison, str_sub(key, 1, key.len)))
			(*count_r)++;
		ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	store_cursor_close(cursor);
	return ret;
}

int
table_compare_missing(struct table_comparison *comparison, uint64_t *missing_r,
    const char **error_r)
{
	uint64_t wanted;

	if (count_suppressed(comparison, &wanted, error_r) == -1)
		return -1;
	*missing_r = wanted > comparison->right ? wanted - comparison->right : 0;
	return 0;
}

void
table_compare_release(struct table_comparison *comparison)
{
	store_abort(comparison->txn);
	comparison->txn = NULL;
}

void
table_compare_end(struct table_comparison *comparison)
{
	table_compare_release(comparison);
	tdestroy(comparison->changing, nothing);
	arena_free(comparison->arena);
	free(comparison->wrong);
}
