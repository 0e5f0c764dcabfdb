#include "store/breaker.h"

#include <string.h>

#include "base/buf.h"

#define HOUR_SEC 3600
#define SLOTS 10
#define USUAL_HOURS 168     /* weight of the past against one hour: 7 days */
#define USUAL_ONE 1000      /* one suppression an hour */
#define QUIET_HOURS (8 * 24)

struct slot {
	uint64_t slot; /* time / length of a slot */
	uint64_t count;
};

struct row {
	uint64_t frozen; /* since when, 0: it is not */
	struct slot slots[SLOTS + 1];
	unsigned slot_count;
	uint64_t hour, hour_count; /* the hour at hand, in hours since 1970 */
	uint64_t usual;            /* an hour, in USUAL_ONE */
};

static struct str
row_key(const char *provider)
{
	return (struct str){ provider, strnlen(provider, STORE_KEY_BYTES) };
}

static int
next_number(struct str *rest, uint64_t *number_r)
{
	struct str word;

	return str_next_word(rest, &word) ? str_number(word, number_r) : -1;
}

static int
scan_slots(struct str rest, struct row *row)
{
	while (str_trim(rest).len > 0 && row->slot_count < SLOTS) {
		struct slot *slot = &row->slots[row->slot_count++];

		if (next_number(&rest, &slot->slot) == -1 ||
		    next_number(&rest, &slot->count) == -1)
			return -1;
	}
	return 0;
}

/* Returns 0, or -1 if it is damaged. */
static int
scan_row(struct str text, struct row *row_r)
{
	struct str line, name;

	memset(row_r, 0, sizeof(*row_r));
	while (str_next_piece(&text, '\n', &line)) {
		int ret = 0;

		str_next_word(&line, &name);
		if (str_equal(name, STR("frozen")))
			ret = next_number(&line, &row_r->frozen);
		else if (str_equal(name, STR("slots")))
			ret = scan_slots(line, row_r);
		else if (str_equal(name, STR("hour")))
			ret = next_number(&line, &row_r->hour) == -1 ? -1 :
			    next_number(&line, &row_r->hour_count);
		else if (str_equal(name, STR("usual")))
			ret = next_number(&line, &row_r->usual);
		if (ret == -1)
			return -1;
	}
	return 0;
}

/* A row that is damaged is one that is not there: what it knew, time brings
   back. Returns 1, 0 if there is none, -1. */
static int
get_row(struct store_txn *txn, const char *provider, struct row *row_r, const char **error_r)
{
	struct str value;
	int ret;

	memset(row_r, 0, sizeof(*row_r));
	if (provider[0] == '\0')
		return 0;
	ret = store_get(txn, STORE_BREAKER, row_key(provider), &value, error_r);
	if (ret == 1 && scan_row(value, row_r) == -1)
		memset(row_r, 0, sizeof(*row_r));
	return ret;
}

static int
put_row(struct store_txn *txn, const char *provider, const struct row *row,
    const char **error_r)
{
	struct buf text = { 0 };
	int ret;

	if (provider[0] == '\0')
		return 0;
	if (row->frozen != 0)
		buf_printf(&text, "frozen %llu\n", (unsigned long long)row->frozen);
	buf_add(&text, STR("slots"));
	for (unsigned i = 0; i < row->slot_count; i++)
		buf_printf(&text, " %llu %llu", (unsigned long long)row->slots[i].slot,
		    (unsigned long long)row->slots[i].count);
	buf_printf(&text, "\nhour %llu %llu\nusual %llu\n", (unsigned long long)row->hour,
	    (unsigned long long)row->hour_count, (unsigned long long)row->usual);
	ret = store_put(txn, STORE_BREAKER, row_key(provider), buf_str(&text), error_r);
	buf_free(&text);
	return ret;
}

static uint64_t
slot_of(int64_t now, int64_t window_sec)
{
	int64_t length = window_sec / SLOTS;

	return (uint64_t)(now / (length > 0 ? length : 1));
}

/* Forget slots that are not in the window. One in the future is of a window
   that was changed, or of a clock that was set back: it means nothing. */
static void
slide(struct row *row, uint64_t newest)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < row->slot_count; i++) {
		if (row->slots[i].slot + SLOTS > newest && row->slots[i].slot <= newest)
			row->slots[kept++] = row->slots[i];
	}
	row->slot_count = kept;
}

static void
end_hour(struct row *row)
{
	row->usual = (row->usual * (USUAL_HOURS - 1) + row->hour_count * USUAL_ONE) /
	    USUAL_HOURS;
	row->hour_count = 0;
	row->hour++;
}

/* Learn from the hours that have ended. Where the clock was set back, the hour
   at hand goes on as the one that it is now. */
static void
learn(struct row *row, int64_t now)
{
	uint64_t hour = (uint64_t)(now / HOUR_SEC);

	while (row->hour < hour && (row->usual > 0 || row->hour_count > 0))
		end_hour(row);
	row->hour = hour;
}

static uint64_t
allowance(const struct row *row, const struct breaker_limits *limits)
{
	uint64_t usual = row->usual * limits->factor / USUAL_ONE;

	return usual > limits->count ? usual : limits->count;
}

int
breaker_ask(struct store_txn *txn, const char *provider, const struct breaker_limits *limits,
    int64_t now, const char **error_r)
{
	uint64_t sum = 0;
	struct row row;

	if (get_row(txn, provider, &row, error_r) == -1)
		return -1;
	if (row.frozen != 0)
		return 0;
	slide(&row, slot_of(now, limits->window_sec));
	learn(&row, now);
	for (unsigned i = 0; i < row.slot_count; i++)
		sum += row.slots[i].count;
	if (provider[0] == '\0' || sum < allowance(&row, limits))
		return 1;
	return breaker_freeze(txn, provider, now, error_r) == -1 ? -1 : 0;
}

int
breaker_add(struct store_txn *txn, const char *provider, const struct breaker_limits *limits,
    int64_t now, const char **error_r)
{
	uint64_t newest = slot_of(now, limits->window_sec);
	struct row row;
	unsigned i = 0;

	if (get_row(txn, provider, &row, error_r) == -1)
		return -1;
	slide(&row, newest);
	learn(&row, now);
	while (i < row.slot_count && row.slots[i].slot != newest)
		i++;
	if (i == row.slot_count)
		row.slots[row.slot_count++] = (struct slot){ .slot = newest };
	row.slots[i].count++;
	row.hour_count++;
	return put_row(txn, provider, &row, error_r);
}

int
breaker_freeze(struct store_txn *txn, const char *provider, int64_t now,
    const char **error_r)
{
	struct row row;

	if (get_row(txn, provider, &row, error_r) == -1)
		return -1;
	if (row.frozen != 0 || provider[0] == '\0')
		return 0;
	row.frozen = (uint64_t)now;
	learn(&row, now);
	return put_row(txn, provider, &row, error_r) == -1 ? -1 : 1;
}

int
breaker_free(struct store_txn *txn, const char *provider, const char **error_r)
{
	struct row row;

	if (get_row(txn, provider, &row, error_r) == -1)
		return -1;
	if (row.frozen == 0)
		return 0;
	row.frozen = 0;
	row.slot_count = 0;
	return put_row(txn, provider, &row, error_r) == -1 ? -1 : 1;
}

int
breaker_since(struct store_txn *txn, const char *provider, int64_t *since_r,
    const char **error_r)
{
	struct row row;

	if (get_row(txn, provider, &row, error_r) == -1)
		return -1;
	*since_r = (int64_t)row.frozen;
	return row.frozen != 0;
}

int
breaker_list(struct store *store, struct arena *arena, struct breaker_frozen **frozen_r,
    const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_BREAKER, STR_EMPTY);
	const struct pages_row *rows;
	unsigned count;
	int ret;

	*frozen_r = NULL;
	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct row row;

			if (scan_row(rows[i].value, &row) == -1 || row.frozen == 0)
				continue;
			*frozen_r = arena_alloc(arena, sizeof(**frozen_r));
			(*frozen_r)->provider = arena_strdup(arena, rows[i].key);
			(*frozen_r)->since = (int64_t)row.frozen;
			frozen_r = &(*frozen_r)->next;
		}
	}
	pages_free(pages);
	return ret;
}

/* A row of the far future is what a clock that was wrong has left. */
static bool
is_of_use(struct str text, uint64_t hour)
{
	struct row row;

	return scan_row(text, &row) == 0 && (row.frozen != 0 ||
	    (row.hour + QUIET_HOURS > hour && row.hour < hour + QUIET_HOURS));
}

int
breaker_prune(struct store_txn *txn, int64_t now, unsigned most, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	unsigned deleted = 0;
	int ret;

	if (store_cursor_open(txn, STORE_BREAKER, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &value, error_r);
	while (ret == 1 && deleted < most) {
		if (is_of_use(value, (uint64_t)(now / HOUR_SEC))) {
			ret = store_cursor_next(cursor, &key, &value, error_r);
			continue;
		}
		ret = store_cursor_delete(cursor, error_r);
		if (ret == 0) {
			deleted++;
			ret = store_cursor_next(cursor, &key, &value, error_r);
		}
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : (int)deleted;
}
