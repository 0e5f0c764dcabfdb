#include "store/standing.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"

struct str
standing_key(const char *address, struct arena *arena)
{
	size_t len = strlen(address);
	char *key = arena_alloc(arena, len + 2);

	memcpy(key + 1, address, len);
	return (struct str){ key, len + 1 };
}

/* Time, table, address. */
#define EXPIRY_PREFIX (STORE_NUMBER_BYTES + 1)

static struct str
expiry_key(int64_t until, enum table_set table, const char *address, struct arena *arena)
{
	size_t len = strlen(address);
	char *key = arena_alloc(arena, EXPIRY_PREFIX + len);

	store_number((uint64_t)until, key);
	key[STORE_NUMBER_BYTES] = (char)table;
	memcpy(key + EXPIRY_PREFIX, address, len);
	return (struct str){ key, EXPIRY_PREFIX + len };
}

static void
print_entry(const char *word, enum table_set table, const struct standing_entry *entry,
    struct buf *out)
{
	if (entry->event != 0)
		buf_printf(out, "%s %s %llu %lld %lld %s\n", word,
		    words_name(&table_set_words, table), (unsigned long long)entry->event,
		    (long long)entry->since, (long long)entry->until,
		    category_name(entry->category));
}

void
standing_print(const struct standing *standing, struct buf *out)
{
	buf_printf(out, "first %lld\nlast %lld\n", (long long)standing->first,
	    (long long)standing->last);
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		print_entry("suppressed", i, &standing->suppressed[i], out);
		print_entry("held", i, &standing->held[i], out);
	}
	for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
		if (standing->counts[i] == 0)
			continue;
		buf_printf(out, "failed %s %llu", category_name(i),
		    (unsigned long long)standing->counts[i]);
		for (unsigned t = 0; t < POLICY_HISTORY_MOST && standing->times[i][t] != 0; t++)
			buf_printf(out, " %lld", (long long)standing->times[i][t]);
		buf_add_byte(out, '\n');
	}
}

static int
next_number(struct str *rest, uint64_t *number_r)
{
	struct str word;

	return str_next_word(rest, &word) ? str_number(word, number_r) : -1;
}

static int
scan_entry(struct str rest, struct standing_entry entries[TABLE_SET_COUNT])
{
	struct standing_entry entry;
	uint64_t since, until;
	struct str word;
	unsigned table;

	str_next_word(&rest, &word);
	if (words_find(&table_set_words, word, &table) == 0 ||
	    next_number(&rest, &entry.event) == -1 || next_number(&rest, &since) == -1 ||
	    next_number(&rest, &until) == -1)
		return -1;
	str_next_word(&rest, &word);
	if (category_find(word, &entry.category) == 0)
		return -1;
	entry.since = (int64_t)since;
	entry.until = (int64_t)until;
	entries[table] = entry;
	return 0;
}

static int
scan_failed(struct str rest, struct standing *standing)
{
	enum category category;
	uint64_t time;
	struct str word;
	unsigned t = 0;

	str_next_word(&rest, &word);
	if (category_find(word, &category) == 0 ||
	    next_number(&rest, &standing->counts[category]) == -1)
		return -1;
	while (t < POLICY_HISTORY_MOST && next_number(&rest, &time) == 0)
		standing->times[category][t++] = (int64_t)time;
	return 0;
}

int
standing_scan_text(struct str text, struct standing *standing_r)
{
	struct standing *standing = standing_r;
	struct str line, word;

	memset(standing, 0, sizeof(*standing));
	while (str_next_piece(&text, '\n', &line)) {
		uint64_t number = 0;
		int ret = 0;

		str_next_word(&line, &word);
		if (str_equal(word, STR("first")) || str_equal(word, STR("last"))) {
			ret = next_number(&line, &number);
			*(word.data[0] == 'f' ? &standing->first : &standing->last) =
			    (int64_t)number;
		} else if (str_equal(word, STR("suppressed"))) {
			ret = scan_entry(line, standing->suppressed);
		} else if (str_equal(word, STR("held"))) {
			ret = scan_entry(line, standing->held);
		} else if (str_equal(word, STR("failed"))) {
			ret = scan_failed(line, standing);
		}
		if (ret == -1)
			return -1;
	}
	return 0;
}

int
standing_scan(const struct pages_row *row, struct standing *standing_r, const char **address_r)
{
	/* The copy of the row is NUL-terminated. */
	if (row->key.len < 2 || row->key.data[0] != '\0')
		return -1;
	*address_r = row->key.data + 1;
	return standing_scan_text(row->value, standing_r);
}

int
standing_get(struct store_txn *txn, const char *address, struct standing *standing_r,
    const char **error_r)
{
	struct arena *arena = arena_new();
	struct str value;
	int ret;

	memset(standing_r, 0, sizeof(*standing_r));
	ret = store_get(txn, STORE_STANDING, standing_key(address, arena), &value, error_r);
	arena_free(arena);
	if (ret == 1 && standing_scan_text(value, standing_r) == -1)
		return msg_failure(error_r, "the standing of %s is damaged: run "
		    "bouncemilter-suppress --verify", address);
	return ret;
}

static int
put_expiry(struct store_txn *txn, enum table_set table, const char *address,
    const struct standing_entry *before, const struct standing_entry *after,
    struct arena *arena, const char **error_r)
{
	if (before->until == after->until)
		return 0;
	if (before->until != 0 && store_delete(txn, STORE_EXPIRY,
		expiry_key(before->until, table, address, arena), error_r) == -1)
		return -1;
	if (after->until == 0)
		return 0;
	return store_put(txn, STORE_EXPIRY, expiry_key(after->until, table, address, arena), STR_EMPTY,
	    error_r);
}

int
standing_put(struct store_txn *txn, const char *address, const struct standing *before,
    const struct standing *after, const char **error_r)
{
	struct arena *arena = arena_new();
	struct buf text = { 0 };
	int ret;

	standing_print(after, &text);
	ret = store_put(txn, STORE_STANDING, standing_key(address, arena), buf_str(&text), error_r);
	for (unsigned i = 0; ret == 0 && i < TABLE_SET_COUNT; i++)
		ret = put_expiry(txn, i, address, &before->suppressed[i], &after->suppressed[i],
		    arena, error_r);
	buf_free(&text);
	arena_free(arena);
	return ret;
}

/* Make room for one more time. Thresholds ask for different days, so of a busy
   address the first that is not alone on its day goes, else the oldest. */
static void
drop_time(int64_t times[POLICY_HISTORY_MOST])
{
	unsigned drop = 0;

	for (unsigned t = 0; t + 1 < POLICY_HISTORY_MOST; t++) {
		if (times[t] / CLOCK_DAY_SEC == times[t + 1] / CLOCK_DAY_SEC) {
			drop = t;
			break;
		}
	}
	memmove(times + drop, times + drop + 1,
	    (POLICY_HISTORY_MOST - 1 - drop) * sizeof(times[0]));
}

/* Count a failure; only one that may be held against the mailbox also counts
   for a threshold. */
static void
note_failure(struct standing *standing, enum category category, int64_t time, bool for_threshold)
{
	int64_t *times = standing->times[category];
	unsigned t = 0;

	standing->counts[category]++;
	if (standing->first == 0)
		standing->first = time;
	standing->last = time;
	if (!for_threshold)
		return;
	while (t < POLICY_HISTORY_MOST && times[t] != 0)
		t++;
	if (t == POLICY_HISTORY_MOST) {
		t--;
		drop_time(times);
	}
	times[t] = time;
}

void
standing_fold(struct standing *standing, uint64_t sequence, const struct bounce *bounce,
    const struct verdict *verdict)
{
	const struct standing_entry none = { 0 };
	const struct standing_entry entry = {
		.event = sequence, .since = bounce->time, .until = verdict->until,
		.category = verdict->category,
	};

	if (bounce->outcome == OUTCOME_FAILED || bounce->outcome == OUTCOME_EXPIRED ||
	    bounce->outcome == OUTCOME_COMPLAINT)
		note_failure(standing, verdict->category, bounce->time,
		    verdict->decision != DECISION_EXEMPT);
	switch (verdict->decision) {
	case DECISION_SUPPRESS:
		standing->suppressed[verdict->table] = entry;
		standing->held[verdict->table] = none;
		break;
	case DECISION_HOLD:
		standing->held[verdict->table] = entry;
		break;
	case DECISION_LIFT:
		standing->suppressed[verdict->table] = none;
		/* Somebody says that the mailbox is good: what it did before
		   counts for no threshold. */
		if (bounce->source == SOURCE_OPERATOR)
			memset(standing->times[verdict->category], 0,
			    sizeof(standing->times[verdict->category]));
		break;
	case DECISION_DISCARD:
		standing->held[verdict->table] = none;
		break;
	default:
		break;
	}
}

int
standing_next_expired(struct store_txn *txn, int64_t now, struct arena *arena,
    const char **address_r, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key;
	int ret;

	if (store_cursor_open(txn, STORE_EXPIRY, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, NULL, error_r);
	store_cursor_close(cursor);
	if (ret != 1)
		return ret;
	if ((int64_t)store_scan_number(str_sub(key, 0, STORE_NUMBER_BYTES)) > now)
		return 0;
	*address_r = arena_strdup(arena, str_sub(key, EXPIRY_PREFIX, key.len));
	return 1;
}

int
standing_take_expired(struct store_txn *txn, int64_t now, struct arena *arena,
    const char **address_r, const char **error_r)
{
	struct store_cursor *cursor;
	int ret = standing_next_expired(txn, now, arena, address_r, error_r);

	if (ret != 1)
		return ret;
	if (store_cursor_open(txn, STORE_EXPIRY, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, NULL, NULL, error_r);
	if (ret == 1)
		ret = store_cursor_delete(cursor, error_r) == -1 ? -1 : 1;
	store_cursor_close(cursor);
	return ret;
}
