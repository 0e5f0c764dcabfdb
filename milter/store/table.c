#include "store/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "judge/classify.h"
#include "store/position.h"
#include "store/table_cdb.h"
#include "store/table_compare.h"
#include "store/table_lmdb.h"
#include "store/table_lock.h"

#define TYPE_COUNT TABLE_BOTH

static const struct table_format *const formats[TYPE_COUNT] = {
	[TABLE_LMDB] = &table_lmdb, [TABLE_CDB] = &table_cdb,
};

struct tables {
	struct table of[TYPE_COUNT][TABLE_COUNT]; /* no file: not in use */
	_Atomic int64_t limit_msec;
};

static bool
covers(enum table_type type, enum table_type one)
{
	return type == TABLE_BOTH || type == one;
}

bool
table_is_used(const struct tables *tables, enum table_type type)
{
	return tables != NULL && tables->of[type][0].file != NULL;
}

/* Write, or take away, the keys of one address. */
static int
write_address(const struct table *table, const char *address, const struct standing *standing,
    const char **error_r)
{
	const struct standing_entry *entry = table_entry(table->which, standing);
	struct arena *arena = arena_new();
	struct str keys[TABLE_KEYS_MOST];
	unsigned count = table_keys(address, arena, keys);
	char value[TABLE_VALUE_BYTES];
	int ret = 0;

	if (entry->event != 0)
		table_value(table->which, entry->category, value);
	for (unsigned i = 0; ret == 0 && i < count; i++)
		ret = entry->event != 0 ?
		    table->format->put(table->file, keys[i], str_of(value), error_r) :
		    table->format->remove(table->file, keys[i], error_r);
	arena_free(arena);
	return ret;
}

static int
write_addresses(const struct table *table, struct store_txn *txn,
    const char *const addresses[], unsigned count, const char **error_r)
{
	struct standing standing;

	for (unsigned i = 0; i < count; i++) {
		if (standing_get(txn, addresses[i], &standing, error_r) == -1 ||
		    write_address(table, addresses[i], &standing, error_r) == -1)
			return -1;
	}
	return 0;
}

/* One table: the lock first, then the snapshot of the standing, so that of two
   publishers the later one has the newer standing. */
static int
publish_table(const struct table *table, struct store *store, const char *const addresses[],
    unsigned count, const char **error_r)
{
	struct store_txn *txn;
	int ret;

	if (table->format->begin(table->file, table->limit_msec, error_r) == -1)
		return -1;
	ret = store_begin_read(store, &txn, error_r);
	if (ret == 0) {
		ret = write_addresses(table, txn, addresses, count, error_r);
		store_abort(txn);
	}
	if (ret == -1) {
		table->format->abort(table->file);
		return -1;
	}
	return table->format->commit(table->file, error_r);
}

int
table_publish(struct tables *tables, struct store *store, const char *const addresses[],
    unsigned count, const char **error_r)
{
	for (unsigned type = 0; type < TYPE_COUNT; type++) {
		if (!table_is_used(tables, type) || formats[type]->remove == NULL)
			continue;
		for (unsigned i = 0; i < TABLE_COUNT; i++) {
			if (publish_table(&tables->of[type][i], store, addresses, count,
				error_r) == -1)
				return -1;
		}
	}
	return 0;
}

/* Publish page by page the addresses that have a suppression. */
static int
publish_pages(const struct table *table, struct store *store, const char **error_r)
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
			    table_entry(table->which, &standing)->event != 0)
				some++;
		}
		if (some > 0 && publish_table(table, store, addresses, some, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	pages_free(pages);
	return ret;
}

/* Take away what should not be there. */
static int
remove_wrong(const struct table *table, struct store *store, const char **error_r)
{
	struct table_comparison comparison;
	int ret;

	if (table->format->begin(table->file, table->limit_msec, error_r) == -1)
		return -1;
	ret = table_compare_begin(&comparison, table, store, 0, error_r);
	for (unsigned i = 0; ret == 0 && i < comparison.wrong_count; i++)
		ret = table->format->remove(table->file, str_of(comparison.wrong[i]), error_r);
	table_compare_end(&comparison);
	if (ret == 0)
		return table->format->commit(table->file, error_r);
	table->format->abort(table->file);
	return -1;
}

static int
repair(const struct table tables[TABLE_COUNT], struct store *store, const char **error_r)
{
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		if (publish_pages(&tables[i], store, error_r) == -1 ||
		    remove_wrong(&tables[i], store, error_r) == -1)
			return -1;
	}
	return 0;
}

/* Put what the standings of a page have for any of the tables. */
static int
put_page(const struct table tables[TABLE_COUNT], const struct pages_row *rows, unsigned count,
    const char **error_r)
{
	for (unsigned row = 0; row < count; row++) {
		struct standing standing;
		const char *address;

		if (standing_scan(&rows[row], &standing, &address) == -1)
			continue;
		for (unsigned i = 0; i < TABLE_COUNT; i++) {
			if (table_entry(i, &standing)->event != 0 &&
			    write_address(&tables[i], address, &standing, error_r) == -1)
				return -1;
		}
	}
	return 0;
}

static int
put_pages(const struct table tables[TABLE_COUNT], struct store *store, const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		if (put_page(tables, rows, count, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	pages_free(pages);
	return ret;
}

/* All tables in one walk through the standing. All locks are held before it
   begins, and are taken in one order by everybody. */
static int
rewrite(const struct table tables[TABLE_COUNT], struct store *store, const char **error_r)
{
	const struct table_format *format = tables[0].format;
	unsigned begun;
	int ret = 0;

	for (begun = 0; begun < TABLE_COUNT; begun++) {
		ret = format->begin(tables[begun].file, tables[begun].limit_msec, error_r);
		if (ret == -1)
			break;
	}
	if (ret == 0)
		ret = put_pages(tables, store, error_r);
	for (unsigned i = 0; i < begun; i++) {
		if (ret == 0)
			ret = format->commit(tables[i].file, error_r);
		else
			format->abort(tables[i].file);
	}
	return ret;
}

int
table_publish_all(struct tables *tables, enum table_type type, struct store *store,
    const char **error_r)
{
	int ret = 0;

	for (unsigned one = 0; ret == 0 && one < TYPE_COUNT; one++) {
		if (!covers(type, one) || !table_is_used(tables, one))
			continue;
		ret = formats[one]->remove == NULL ? rewrite(tables->of[one], store, error_r) :
		    repair(tables->of[one], store, error_r);
	}
	return ret;
}

/* What a file is. Returns 0, or -1 if it must not be touched. */
static int
inspect_file(const struct table_format *format, const char *path, enum table_state *state_r,
    enum store_error *kind_r, const char **error_r)
{
	*kind_r = STORE_ERROR_IO;
	if (format->inspect(path, STR(CLASSIFY_MARKER), state_r, error_r) == -1)
		return -1;
	if (*state_r != TABLE_FOREIGN)
		return 0;
	*kind_r = STORE_ERROR_CONFIG;
	return msg_failure(error_r, "%s holds entries that bouncemilter did not write: move them "
	    "to a table of your own, or set table-dir to another directory", path);
}

static char *
path_of(const char *directory, const struct table_format *format, unsigned which)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", directory, table_name(which), format->suffix) == -1)
		msg_out_of_memory();
	return path;
}

int
table_inspect(const char *directory, enum table_type type, bool *damaged_r,
    enum store_error *kind_r, const char **error_r)
{
	int ret = 0;

	*damaged_r = false;
	for (unsigned i = 0; ret == 0 && i < TYPE_COUNT * TABLE_COUNT; i++) {
		const struct table_format *format = formats[i / TABLE_COUNT];
		enum table_state state;
		char *path;

		if (!covers(type, i / TABLE_COUNT))
			continue;
		path = path_of(directory, format, i % TABLE_COUNT);
		ret = inspect_file(format, path, &state, kind_r, error_r);
		if (ret == 0)
			*damaged_r |= state != TABLE_GOOD;
		free(path);
	}
	return ret;
}

/* A second name for a damaged file, so that the first one never goes missing. */
static void
keep_torn(const char *path)
{
	char *torn;

	msg_warning("%s is damaged: rebuilding it from the store, the old file is kept as "
	    "%s.torn", path, path);
	if (asprintf(&torn, "%s.torn", path) == -1)
		msg_out_of_memory();
	unlink(torn);
	if (link(path, torn) == -1)
		msg_warning("%s: cannot keep a copy: %s", path, strerror(errno));
	free(torn);
}

/* Make sure that the file is there and whole, and open it. */
static int
open_file(const struct table_format *format, const char *path, struct table_file **file_r,
    enum store_error *kind_r, const char **error_r)
{
	enum table_state state;

	if (inspect_file(format, path, &state, kind_r, error_r) == -1)
		return -1;
	if (state == TABLE_TORN)
		keep_torn(path);
	if (state == TABLE_MISSING)
		msg_info("%s is missing: making it from the store", path);
	if (state != TABLE_GOOD && format->create(path, error_r) == -1)
		return -1;
	return format->open(path, file_r, error_r);
}

int
table_open(const char *directory, enum table_type type, struct tables **tables_r,
    enum store_error *kind_r, const char **error_r)
{
	struct tables *tables = calloc(1, sizeof(*tables));
	int ret = 0;

	if (tables == NULL)
		msg_out_of_memory();
	tables->limit_msec = TABLE_LOCK_FOREVER;
	for (unsigned i = 0; ret == 0 && i < TYPE_COUNT * TABLE_COUNT; i++) {
		struct table *table = &tables->of[i / TABLE_COUNT][i % TABLE_COUNT];
		char *path;

		table->format = formats[i / TABLE_COUNT];
		table->which = i % TABLE_COUNT;
		table->limit_msec = &tables->limit_msec;
		if (!covers(type, i / TABLE_COUNT))
			continue;
		path = path_of(directory, table->format, table->which);
		ret = open_file(table->format, path, &table->file, kind_r, error_r);
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
	for (unsigned type = 0; type < TYPE_COUNT; type++) {
		for (unsigned i = 0; i < TABLE_COUNT; i++)
			formats[type]->close(tables->of[type][i].file);
	}
	free(tables);
}

void
table_limit_waiting(struct tables *tables, int64_t msec)
{
	if (tables != NULL)
		tables->limit_msec = msec;
}

/* Up to which event the tables of a type are known to reflect the journal. */
static int
read_position(struct store *store, enum table_type type, uint64_t *position_r,
    const char **error_r)
{
	struct store_txn *txn;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = position_get(txn, type, position_r, error_r);
	store_abort(txn);
	return ret;
}

/* Compare one table under its lock. Returns 0 or -1; the comparison is to be
   ended in both cases. */
static int
compare(const struct table *table, struct store *store, uint64_t position,
    struct table_comparison *comparison, uint64_t *missing_r, const char **error_r)
{
	int ret;

	*comparison = (struct table_comparison){ 0 };
	if (table->format->begin(table->file, table->limit_msec, error_r) == -1)
		return -1;
	ret = table_compare_begin(comparison, table, store, position, error_r);
	if (ret == 0)
		ret = table_compare_missing(comparison, missing_r, error_r);
	table_compare_release(comparison);
	table->format->abort(table->file);
	return ret;
}

/* Returns how many rows differ, or -1. Who hears of them may be slow, like a
   person who reads them page by page: nothing is locked then. */
static int
verify_table(const struct table *table, struct store *store, uint64_t position,
    void (*differs)(const char *file, const char *key), const char **error_r)
{
	struct table_comparison comparison;
	char name[64];
	uint64_t missing = 0;
	int wrong = compare(table, store, position, &comparison, &missing, error_r);

	snprintf(name, sizeof(name), "%s%s", table_name(table->which), table->format->suffix);
	for (unsigned i = 0; wrong != -1 && i < comparison.wrong_count; i++) {
		differs(name, comparison.wrong[i]);
		wrong++;
	}
	if (wrong != -1 && missing > 0) {
		differs(name, "(a key is missing)");
		wrong += (int)missing;
	}
	table_compare_end(&comparison);
	return wrong;
}

int
table_verify(struct tables *tables, struct store *store,
    void (*differs)(const char *file, const char *key), const char **error_r)
{
	uint64_t position;
	int wrong = 0, ret = 0;

	for (unsigned i = 0; ret != -1 && i < TYPE_COUNT * TABLE_COUNT; i++) {
		const struct table *table = &tables->of[i / TABLE_COUNT][i % TABLE_COUNT];

		if (table->file == NULL)
			continue;
		if (read_position(store, i / TABLE_COUNT, &position, error_r) == -1)
			return -1;
		ret = verify_table(table, store, position, differs, error_r);
		wrong += ret;
	}
	return ret == -1 ? -1 : wrong;
}
