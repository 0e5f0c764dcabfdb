#include "store/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "judge/classify.h"
#include "parse/address.h"
#include "store/table_lmdb.h"

#define FILE_COUNT 4
#define KEY_BYTES 510 /* Postfix cannot look up more, with its NUL */

/* The four files. */
static const struct {
	const char *name;
	enum table_set set;
	const char *prefix; /* what precedes the status in a value */
} files[FILE_COUNT] = {
	{ "access.lmdb", TABLE_MAIN, "550 " },
	{ "transport.lmdb", TABLE_MAIN, "error:" },
	{ "complaint-access.lmdb", TABLE_COMPLAINT, "550 " },
	{ "complaint-transport.lmdb", TABLE_COMPLAINT, "error:" },
};

struct tables {
	struct table_lmdb *files[FILE_COUNT];
};

const char *
table_status(enum category category)
{
	/* The application behind the client must not take a policy for a dead
	   address. */
	if (category == CATEGORY_MAILBOX_FULL)
		return "5.2.2";
	return category == CATEGORY_COMPLAINT || category == CATEGORY_MANUAL ? "5.7.1" : "5.1.1";
}

static void
print_value(unsigned file, enum category category, char text[TABLE_VALUE_BYTES])
{
	snprintf(text, TABLE_VALUE_BYTES, "%s%s " CLASSIFY_MARKER " (%s)", files[file].prefix,
	    table_status(category), category_name(category));
}

const char *
table_access_value(enum category category, char text[TABLE_VALUE_BYTES])
{
	print_value(0, category, text);
	return text;
}

/* Write, or take away, the keys of one address: with the domain as A-label,
   and as U-label where that is another form. */
static int
write_address(struct table_lmdb *table, unsigned file, const char *address,
    const struct standing *standing, const char **error_r)
{
	const struct standing_entry *entry = &standing->suppressed[files[file].set];
	struct arena *arena = arena_new();
	const char *keys[2] = { address, address_to_unicode(address, arena) };
	char value[TABLE_VALUE_BYTES];
	int ret = 0;

	if (entry->event != 0)
		print_value(file, entry->category, value);
	for (unsigned i = 0; ret == 0 && i < 2 && keys[i] != NULL; i++) {
		struct str key = str_of(keys[i]);

		if (key.len > KEY_BYTES)
			continue;
		ret = entry->event != 0 ?
		    table_lmdb_put(table, key, str_of(value), error_r) :
		    table_lmdb_delete(table, key, error_r);
	}
	arena_free(arena);
	return ret;
}

static int
write_addresses(struct table_lmdb *table, unsigned file, struct store_txn *txn,
    const char *const addresses[], unsigned count, const char **error_r)
{
	struct standing standing;

	for (unsigned i = 0; i < count; i++) {
		if (standing_get(txn, addresses[i], &standing, error_r) == -1 ||
		    write_address(table, file, addresses[i], &standing, error_r) == -1)
			return -1;
	}
	return 0;
}

/* One file: the lock first, then the snapshot of the standing, so that of two
   publishers the later one has the newer standing. */
static int
publish_file(struct tables *tables, unsigned file, struct store *store,
    const char *const addresses[], unsigned count, const char **error_r)
{
	struct table_lmdb *table = tables->files[file];
	struct store_txn *txn;
	int ret;

	if (table_lmdb_begin(table, error_r) == -1)
		return -1;
	ret = store_begin_read(store, &txn, error_r);
	if (ret == 0) {
		ret = write_addresses(table, file, txn, addresses, count, error_r);
		store_abort(txn);
	}
	if (ret == -1) {
		table_lmdb_abort(table);
		return -1;
	}
	return table_lmdb_commit(table, error_r);
}

int
table_publish(struct tables *tables, struct store *store, const char *const addresses[],
    unsigned count, const char **error_r)
{
	for (unsigned file = 0; file < FILE_COUNT; file++) {
		if (publish_file(tables, file, store, addresses, count, error_r) == -1)
			return -1;
	}
	return 0;
}

/* Publish page by page the addresses that have a suppression. */
static int
publish_pages(struct tables *tables, unsigned file, struct store *store, const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const char *addresses[PAGES_ROWS];
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		unsigned some = 0;

		for (unsigned i = 0; i < count; i++) {
			struct standing standing;

			if (standing_scan(&rows[i], &standing, &addresses[some]) == 0 &&
			    standing.suppressed[files[file].set].event != 0)
				some++;
		}
		if (some > 0 && publish_file(tables, file, store, addresses, some, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	pages_free(pages);
	return ret;
}

/* What a file is. Returns 0, or -1 if it must not be touched. */
static int
inspect_file(const char *path, enum table_state *state_r, enum store_error *kind_r,
    const char **error_r)
{
	*kind_r = STORE_ERROR_IO;
	if (table_lmdb_inspect(path, STR(CLASSIFY_MARKER), state_r, error_r) == -1)
		return -1;
	if (*state_r != TABLE_FOREIGN)
		return 0;
	*kind_r = STORE_ERROR_CONFIG;
	return msg_failure(error_r, "%s holds entries that bouncemilter did not write: move them "
	    "to a table of your own, or set table-dir to another directory", path);
}

static char *
path_of(const char *directory, unsigned file)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, files[file].name) == -1)
		msg_out_of_memory();
	return path;
}

int
table_inspect(const char *directory, bool *damaged_r, enum store_error *kind_r,
    const char **error_r)
{
	int ret = 0;

	*damaged_r = false;
	for (unsigned file = 0; ret == 0 && file < FILE_COUNT; file++) {
		char *path = path_of(directory, file);
		enum table_state state;

		ret = inspect_file(path, &state, kind_r, error_r);
		if (ret == 0)
			*damaged_r |= state != TABLE_GOOD;
		free(path);
	}
	return ret;
}

/* Make sure that the file is there and whole, and open it. */
static int
open_file(const char *path, struct table_lmdb **file_r, enum store_error *kind_r,
    const char **error_r)
{
	enum table_state state;

	if (inspect_file(path, &state, kind_r, error_r) == -1)
		return -1;
	if (state == TABLE_TORN)
		msg_warning("%s is damaged: rebuilding it from the store, the old file is kept as "
		    "%s.torn", path, path);
	if (state == TABLE_MISSING)
		msg_info("%s is missing: making it from the store", path);
	if (state != TABLE_GOOD && table_lmdb_create(path, state == TABLE_TORN, error_r) == -1)
		return -1;
	return table_lmdb_open(path, file_r, error_r);
}

int
table_open(const char *directory, struct tables **tables_r, enum store_error *kind_r,
    const char **error_r)
{
	struct tables *tables = calloc(1, sizeof(*tables));
	int ret = 0;

	if (tables == NULL)
		msg_out_of_memory();
	for (unsigned file = 0; ret == 0 && file < FILE_COUNT; file++) {
		char *path = path_of(directory, file);

		ret = open_file(path, &tables->files[file], kind_r, error_r);
		free(path);
	}
	if (ret == -1) {
		table_close(tables);
		return -1;
	}
	*tables_r = tables;
	return 0;
}

void
table_close(struct tables *tables)
{
	if (tables == NULL)
		return;
	for (unsigned file = 0; file < FILE_COUNT; file++)
		table_lmdb_close(tables->files[file]);
	free(tables);
}

/* What a comparison of one file with the store knows. */
struct comparison {
	unsigned file;
	struct store_txn *txn;
	struct arena *arena;
	const char **wrong; /* keys that should not be there, or not so */
	unsigned wrong_count, wrong_size;
	uint64_t right;     /* addresses that are there as they should be */
	const char *error;
};

static void
note_wrong(struct comparison *comparison, struct str key)
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

/* A row of the table: is its address suppressed, and for this reason? */
static int
compare_row(struct str key, struct str value, void *context)
{
	struct comparison *comparison = context;
	const struct standing_entry *entry;
	struct arena *arena = arena_new();
	const char *address = "";
	struct standing standing;
	char wanted[TABLE_VALUE_BYTES];
	int ret = 0;

	memset(&standing, 0, sizeof(standing));
	if (address_parse(key, arena, &address) == 1)
		ret = standing_get(comparison->txn, address, &standing, &comparison->error);
	entry = &standing.suppressed[files[comparison->file].set];
	if (entry->event != 0)
		print_value(comparison->file, entry->category, wanted);
	if (ret != -1 && (entry->event == 0 || !str_equal(str_of(wanted), value)))
		note_wrong(comparison, key);
	else if (str_equal(key, str_of(address)))
		comparison->right++;
	arena_free(arena);
	return ret == -1 ? -1 : 0;
}

/* Compare all rows of a file that is locked. Returns 0 or -1; the comparison
   is to be ended in both cases. */
static int
compare_begin(struct tables *tables, unsigned file, struct store *store,
    struct comparison *comparison, const char **error_r)
{
	int ret;

	*comparison = (struct comparison){ .file = file, .arena = arena_new() };
	if (store_begin_read(store, &comparison->txn, error_r) == -1)
		return -1;
	ret = table_lmdb_each(tables->files[file], compare_row, comparison, error_r);
	if (ret == -1 && comparison->error != NULL)
		*error_r = comparison->error;
	return ret;
}

static void
compare_end(struct comparison *comparison)
{
	store_abort(comparison->txn);
	arena_free(comparison->arena);
	free(comparison->wrong);
}

/* Take away what should not be there. */
static int
remove_wrong(struct tables *tables, unsigned file, struct store *store, const char **error_r)
{
	struct comparison comparison;
	int ret;

	if (table_lmdb_begin(tables->files[file], error_r) == -1)
		return -1;
	ret = compare_begin(tables, file, store, &comparison, error_r);
	for (unsigned i = 0; ret == 0 && i < comparison.wrong_count; i++)
		ret = table_lmdb_delete(tables->files[file], str_of(comparison.wrong[i]), error_r);
	compare_end(&comparison);
	if (ret == 0)
		return table_lmdb_commit(tables->files[file], error_r);
	table_lmdb_abort(tables->files[file]);
	return -1;
}

int
table_publish_all(struct tables *tables, struct store *store, const char **error_r)
{
	for (unsigned file = 0; file < FILE_COUNT; file++) {
		if (publish_pages(tables, file, store, error_r) == -1 ||
		    remove_wrong(tables, file, store, error_r) == -1)
			return -1;
	}
	return 0;
}

/* How many addresses the store has for a file. */
static int
count_suppressed(struct comparison *comparison, uint64_t *count_r, const char **error_r)
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

		if (standing_scan_text(value, &standing) == 0 &&
		    standing.suppressed[files[comparison->file].set].event != 0)
			(*count_r)++;
		ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	store_cursor_close(cursor);
	return ret;
}

/* Returns how many rows differ, or -1; the file is locked. */
static int
verify_file(struct tables *tables, unsigned file, struct store *store,
    void (*differs)(const char *file, const char *key), const char **error_r)
{
	struct comparison comparison;
	uint64_t wanted = 0;
	int wrong = compare_begin(tables, file, store, &comparison, error_r);

	if (wrong == 0)
		wrong = count_suppressed(&comparison, &wanted, error_r);
	for (unsigned i = 0; wrong != -1 && i < comparison.wrong_count; i++) {
		differs(files[file].name, comparison.wrong[i]);
		wrong++;
	}
	if (wrong != -1 && wanted > comparison.right) {
		differs(files[file].name, "(a key is missing)");
		wrong += (int)(wanted - comparison.right);
	}
	compare_end(&comparison);
	return wrong;
}

int
table_verify(struct tables *tables, struct store *store,
    void (*differs)(const char *file, const char *key), const char **error_r)
{
	int wrong = 0, ret = 0;

	for (unsigned file = 0; ret != -1 && file < FILE_COUNT; file++) {
		if (table_lmdb_begin(tables->files[file], error_r) == -1)
			return -1;
		ret = verify_file(tables, file, store, differs, error_r);
		table_lmdb_abort(tables->files[file]);
		wrong += ret;
	}
	return ret == -1 ? -1 : wrong;
}
