#include "store/standing.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"

struct str
standing_key(const char *address, char bytes[STANDING_KEY_BYTES])
{
	size_t len = strnlen(address, STANDING_KEY_BYTES - 1);

	bytes[0] = '\0';
	memcpy(bytes + 1, address, len);
	return (struct str){ bytes, len + 1 };
}

#define NEWEST_KEPT 8 /* of the failures of a category: not thinned out */

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

/* "failed CATEGORY COUNT TIME/EVENT ..." */
static void
print_failures(const struct standing *standing, enum category category, struct buf *out)
{
	buf_printf(out, "failed %s %llu", category_name(category),
	    (unsigned long long)standing->counts[category]);
	for (unsigned i = 0; i < standing->failure_count; i++) {
		if (standing->failures[i].category == category)
			buf_printf(out, " %lld/%llu",
			    (long long)standing->failures[i].failure.time,
			    (unsigned long long)standing->failures[i].failure.event);
	}
	buf_add_byte(out, '\n');
}

void
standing_print(const struct standing *standing, struct buf *out)
{
	buf_printf(out, "first %lld\nlast %lld\n", (long long)standing->first,
	    (long long)standing->last);
	if (standing->last_report != 0)
		buf_printf(out, "last-report %lld\n", (long long)standing->last_report);
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		print_entry("suppressed", i, &standing->suppressed[i], out);
		print_entry("held", i, &standing->held[i], out);
	}
	for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
		if (standing->counts[i] > 0)
			print_failures(standing, i, out);
	}
}

void
standing_print_part(const struct standing *standing, enum table_set table,
    enum category category, struct buf *out)
{
	print_entry("suppressed", table, &standing->suppressed[table], out);
	print_entry("held", table, &standing->held[table], out);
	print_failures(standing, category, out);
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
	struct str word, time;
	uint64_t number;

	str_next_word(&rest, &word);
	if (category_find(word, &category) == 0 ||
	    next_number(&rest, &standing->counts[category]) == -1)
		return -1;
	while (standing->failure_count < STANDING_FAILURES && str_next_word(&rest, &word)) {
		struct standing_failure *failure = &standing->failures[standing->failure_count++];

		if (!str_next_piece(&word, '/', &time) || str_number(time, &number) == -1 ||
		    (word.len > 0 && str_number(word, &failure->failure.event) == -1))
			return -1;
		failure->failure.time = (int64_t)number;
		failure->category = category;
	}
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
		} else if (str_equal(word, STR("last-report"))) {
			ret = next_number(&line, &number);
			standing->last_report = (int64_t)number;
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
	char key[STANDING_KEY_BYTES];
	struct str value;
	int ret;

	memset(standing_r, 0, sizeof(*standing_r));
	ret = store_get(txn, STORE_STANDING, standing_key(address, key), &value, error_r);
	if (ret == 1 && standing_scan_text(value, standing_r) == -1)
		return msg_failure(error_r, "the standing of %s is damaged: run "
		    "bouncemilter-suppress --verify", address);
	return ret;
}

int
standing_exists(struct store_txn *txn, const char *address, const char **error_r)
{
	char key[STANDING_KEY_BYTES];
	struct str value;

	return store_get(txn, STORE_STANDING, standing_key(address, key), &value, error_r);
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
	char key[STANDING_KEY_BYTES];
	struct buf text = { 0 };
	int ret;

	standing_print(after, &text);
	ret = store_put(txn, STORE_STANDING, standing_key(address, key), buf_str(&text), error_r);
	for (unsigned i = 0; ret == 0 && i < TABLE_SET_COUNT; i++)
		ret = put_expiry(txn, i, address, &before->suppressed[i], &after->suppressed[i],
		    arena, error_r);
	buf_free(&text);
	arena_free(arena);
	return ret;
}

static void
drop_failure(struct standing *standing, unsigned i)
{
	standing->failure_count--;
	memmove(standing->failures + i, standing->failures + i + 1,
	    (standing->failure_count - i) * sizeof(standing->failures[0]));
}

/* The one that is recorded longest. */
static unsigned
oldest_failure(const struct standing *standing)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < standing->failure_count; i++) {
		if (standing->failures[i].failure.event < standing->failures[oldest].failure.event)
			oldest = i;
	}
	return oldest;
}

/* Make room for one more of a category. Thresholds ask for different days, and
   for many in a short time: so of all but the newest ones, the first that is not
   alone on its day goes, else the oldest. */
static void
make_room(struct standing *standing, enum category category)
{
	unsigned count = 0, oldest = 0, previous = 0;
	int64_t day = -1;

	for (unsigned i = 0; i < standing->failure_count; i++) {
		const struct standing_failure *failure = &standing->failures[i];

		if (failure->category != category)
			continue;
		if (count++ == 0)
			oldest = i;
		if (count > POLICY_HISTORY_MOST - NEWEST_KEPT)
			break;
		if (failure->failure.time / CLOCK_DAY_SEC == day)
			return drop_failure(standing, previous);
		day = failure->failure.time / CLOCK_DAY_SEC;
		previous = i;
	}
	drop_failure(standing, oldest);
}

static unsigned
count_failures(const struct standing *standing, enum category category)
{
	unsigned count = 0;

	for (unsigned i = 0; i < standing->failure_count; i++)
		count += standing->failures[i].category == category;
	return count;
}

/* Count a failure; only one that may be held against the mailbox also counts
   for a threshold. */
static void
note_failure(struct standing *standing, uint64_t sequence, const struct bounce *bounce,
    const struct verdict *verdict)
{
	standing->counts[verdict->category]++;
	if (standing->first == 0)
		standing->first = bounce->time;
	standing->last = bounce->time;
	if (bounce->source == SOURCE_NET)
		standing->last_report = bounce->time;
	if (verdict->decision == DECISION_EXEMPT || bounce->again)
		return;
	if (count_failures(standing, verdict->category) == POLICY_HISTORY_MOST)
		make_room(standing, verdict->category);
	if (standing->failure_count == STANDING_FAILURES)
		drop_failure(standing, oldest_failure(standing));
	standing->failures[standing->failure_count++] = (struct standing_failure){
		.failure = { .time = bounce->time, .event = sequence },
		.category = verdict->category,
	};
}

/* What the address did so far in this category counts for no threshold. */
static void
forget_failures(struct standing *standing, enum category category)
{
	for (unsigned i = standing->failure_count; i > 0; i--) {
		if (standing->failures[i - 1].category == category)
			drop_failure(standing, i - 1);
	}
}

/* A delivery: what came before it counts no more, and what waits for a person
   has found its answer. Failures far ahead of it were told by a clock that was
   wrong: they came before it, too. */
static void
reset(struct standing *standing, int64_t time)
{
	const struct standing_entry none = { 0 };

	for (unsigned i = standing->failure_count; i > 0; i--) {
		int64_t failed = standing->failures[i - 1].failure.time;

		if (failed <= time || failed > time + CLOCK_AHEAD_SEC)
			drop_failure(standing, i - 1);
	}
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		if (standing->held[i].since <= time)
			standing->held[i] = none;
	}
}

/* Table and category become what an event says. What else the address did in the
   category was counted, and is not counted again. */
static void
become(struct standing *standing, const struct verdict *verdict)
{
	struct standing part;

	if (standing_scan_text(str_of(verdict->becomes), &part) == -1)
		return;
	standing->suppressed[verdict->table] = part.suppressed[verdict->table];
	standing->held[verdict->table] = part.held[verdict->table];
	forget_failures(standing, verdict->category);
	for (unsigned i = 0; i < part.failure_count; i++) {
		if (standing->failure_count == STANDING_FAILURES)
			drop_failure(standing, oldest_failure(standing));
		standing->failures[standing->failure_count++] = part.failures[i];
	}
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
	    bounce->outcome == OUTCOME_DEFERRED || bounce->outcome == OUTCOME_COMPLAINT)
		note_failure(standing, sequence, bounce, verdict);
	if (verdict->becomes[0] != '\0') {
		become(standing, verdict);
		return;
	}
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
			forget_failures(standing, verdict->category);
		break;
	case DECISION_RESET:
		reset(standing, bounce->time);
		break;
	case DECISION_DISCARD:
		standing->held[verdict->table] = none;
		if (bounce->source == SOURCE_OPERATOR)
			forget_failures(standing, verdict->category);
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
