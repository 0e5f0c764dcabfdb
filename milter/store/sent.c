#include "store/sent.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "parse/address.h"
#include "store/secret.h"

#define DAY_BYTES 2
#define DIGEST_BYTES 8
#define PREFIX_BYTES (DAY_BYTES + DIGEST_BYTES)
#define KEY_BYTES (PREFIX_BYTES + DIGEST_BYTES)

/* A value: version, second of the day, recipients, and three texts, each with
   the NUL behind it. Numbers are big-endian. */
#define ROW_VERSION 1
#define SECOND_AT 1
#define SECOND_BYTES 3
#define RECIPIENTS_AT (SECOND_AT + SECOND_BYTES)
#define RECIPIENTS_BYTES 4
#define TEXTS_AT (RECIPIENTS_AT + RECIPIENTS_BYTES)

int
sent_open(const char *directory, uint64_t size_bytes, bool read_only, struct sent *sent_r,
    enum store_error *kind_r, const char **error_r)
{
	if (store_open_sent(directory, size_bytes, read_only, &sent_r->store, kind_r, error_r) == -1)
		return -1;
	if (secret_open(sent_r->store, &sent_r->hmac, error_r) == -1) {
		*kind_r = STORE_ERROR_IO;
		store_close(sent_r->store);
		return -1;
	}
	return 0;
}

void
sent_close(struct sent *sent)
{
	hmac_free(sent->hmac);
	store_close(sent->store);
}

static unsigned
day_of(int64_t time)
{
	int64_t day = time / CLOCK_DAY_SEC;

	return day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (unsigned)day;
}

static void
print_number(uint64_t number, char *at, size_t bytes)
{
	while (bytes-- > 0) {
		at[bytes] = (char)(number & 0xff);
		number >>= 8;
	}
}

static void
print_day(unsigned day, char *bytes)
{
	print_number(day, bytes, DAY_BYTES);
}

static unsigned
scan_day(struct str key)
{
	return (unsigned)store_scan_number(str_sub(key, 0, DAY_BYTES));
}

static int
add_digest(const struct sent *sent, const char *text, char *bytes, const char **error_r)
{
	uint8_t digest[HMAC_DIGEST_BYTES];

	if (hmac_digest(sent->hmac, str_of(text), digest) == -1)
		return msg_failure(error_r, "libcrypto cannot make a digest");
	memcpy(bytes, digest, DIGEST_BYTES);
	return 0;
}

/* The key but for the day. Returns 0 or -1. */
static int
make_key(const struct sent *sent, const char *message_id, const char *recipient,
    char key_r[KEY_BYTES], const char **error_r)
{
	return add_digest(sent, message_id, key_r + DAY_BYTES, error_r) == -1 ? -1 :
	    add_digest(sent, recipient, key_r + PREFIX_BYTES, error_r);
}

/* A row, its strings in the value. */
struct row {
	int64_t time;
	unsigned recipients;
	const char *recipient, *sender, *queue_id;
};

/* Returns 0, or -1 if it is damaged or of another version. */
static int
scan_row(struct str key, struct str value, struct row *row_r)
{
	struct str rest = str_sub(value, TEXTS_AT, value.len), texts[3];

	if (rest.len == 0 || value.data[0] != ROW_VERSION || rest.data[rest.len - 1] != '\0')
		return -1;
	for (unsigned i = 0; i < 3; i++) {
		if (!str_next_piece(&rest, '\0', &texts[i]))
			return -1;
	}
	row_r->time = (int64_t)scan_day(key) * CLOCK_DAY_SEC +
	    (int64_t)store_scan_number(str_sub(value, SECOND_AT, RECIPIENTS_AT));
	row_r->recipients = (unsigned)store_scan_number(str_sub(value, RECIPIENTS_AT, TEXTS_AT));
	row_r->recipient = texts[0].data;
	row_r->sender = texts[1].data;
	row_r->queue_id = texts[2].data;
	return 0;
}

static void
add_text(struct buf *value, const char *text)
{
	buf_add(value, (struct str){ text, strlen(text) + 1 });
}

static void
print_row(const struct row *row, struct buf *value)
{
	char numbers[TEXTS_AT] = { ROW_VERSION };

	print_number((uint64_t)row->time % CLOCK_DAY_SEC, numbers + SECOND_AT, SECOND_BYTES);
	print_number(row->recipients, numbers + RECIPIENTS_AT, RECIPIENTS_BYTES);
	buf_clear(value);
	buf_add(value, (struct str){ numbers, TEXTS_AT });
	add_text(value, row->recipient);
	add_text(value, row->sender);
	add_text(value, row->queue_id);
}

/* Put the row of a mail; `value` is room for it. Returns 0 or -1. */
static int
put_row(const struct sent *sent, struct store_txn *txn, const struct sent_mail *mail,
    struct buf *value, const char **error_r)
{
	struct row row = { mail->time, mail->recipients, mail->recipient, mail->sender,
		mail->queue_id }, before;
	char bytes[KEY_BYTES];
	const struct str key = { bytes, KEY_BYTES };
	struct str found;
	int ret;

	if (store_check_room(txn, error_r) == -1 ||
	    make_key(sent, mail->message_id, mail->recipient, bytes, error_r) == -1)
		return -1;
	print_day(day_of(mail->time), bytes);
	ret = store_get(txn, STORE_SENT, key, &found, error_r);
	if (ret == -1)
		return -1;
	if (ret == 1 && scan_row(key, found, &before) == 0 && before.recipients > row.recipients)
		row.recipients = before.recipients;
	print_row(&row, value);
	return store_put(txn, STORE_SENT, key, buf_str(value), error_r);
}

/* Returns 0 or -1. */
static int
put_domain(struct store_txn *txn, unsigned day, const char *domain, const char **error_r)
{
	char bytes[STORE_KEY_BYTES];
	size_t len = strlen(domain);
	const struct str key = { bytes, DAY_BYTES + len };
	struct str value;
	int ret;

	if (len == 0 || key.len > sizeof(bytes))
		return 0;
	print_day(day, bytes);
	memcpy(bytes + DAY_BYTES, domain, len);
	/* Most are there already, and a put costs the writing of a page. */
	ret = store_get(txn, STORE_SENT_DOMAINS, key, &value, error_r);
	return ret == 0 ? store_put(txn, STORE_SENT_DOMAINS, key, STR_EMPTY, error_r) :
	    ret == 1 ? 0 : -1;
}

int
sent_put(const struct sent *sent, struct store_txn *txn, const struct sent_mail *mails,
    unsigned count, const char **error_r)
{
	struct buf value = { 0 };
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < count; i++) {
		ret = put_row(sent, txn, &mails[i], &value, error_r);
		if (ret == 0)
			ret = put_domain(txn, day_of(mails[i].time),
			    address_domain(mails[i].recipient), error_r);
	}
	buf_free(&value);
	return ret;
}

/* A look-up on its way. */
struct search {
	struct store_cursor *cursor;
	struct arena *arena;
	const char *recipient;
	struct sent_found *found;
	unsigned count;                                /* of different recipients */
	char seen[SENT_COUNT_MOST][DIGEST_BYTES];
};

/* Is it a recipient that no earlier row had? */
static bool
is_new(struct search *search, struct str key)
{
	const char *digest = key.data + PREFIX_BYTES;

	for (unsigned i = 0; i < search->count; i++) {
		if (memcmp(search->seen[i], digest, DIGEST_BYTES) == 0)
			return false;
	}
	memcpy(search->seen[search->count++], digest, DIGEST_BYTES);
	return true;
}

static void
note_row(struct search *search, struct str key, const struct row *row)
{
	struct sent_found *found = search->found;
	bool new = is_new(search, key);

	if (row->recipients > found->recipients)
		found->recipients = row->recipients;
	if (strcmp(row->recipient, search->recipient) == 0) {
		if (found->matches)
			return;
		found->matches = true;
		found->time = row->time;
		found->sender = arena_strdup(search->arena, str_of(row->sender));
		found->queue_id = arena_strdup(search->arena, str_of(row->queue_id));
	} else if (new && found->sibling_count < SENT_SIBLINGS_MOST) {
		found->siblings[found->sibling_count].recipient =
		    arena_strdup(search->arena, str_of(row->recipient));
		found->siblings[found->sibling_count++].sender =
		    arena_strdup(search->arena, str_of(row->sender));
	}
	if (search->count == 1)
		found->only = arena_strdup(search->arena, str_of(row->recipient));
}

/* The rows of a message on one day, as many as are counted, from a key on.
   Returns 0 or -1. */
static int
search_day(struct search *search, struct str from, const char **error_r)
{
	struct str key, value;
	struct row row;
	int ret = store_cursor_seek(search->cursor, from, &key, &value, error_r);

	for (unsigned i = 0; ret == 1 && i < SENT_COUNT_MOST && search->count < SENT_COUNT_MOST &&
	    key.len == KEY_BYTES && memcmp(key.data, from.data, PREFIX_BYTES) == 0; i++) {
		if (scan_row(key, value, &row) == 0)
			note_row(search, key, &row);
		ret = store_cursor_next(search->cursor, &key, &value, error_r);
	}
	return ret == -1 ? -1 : 0;
}

/* The row of the recipient itself, which may stand behind very many others. */
static int
search_recipient(struct search *search, struct store_txn *txn, struct str key,
    const char **error_r)
{
	struct str value;
	struct row row;
	int ret = search->recipient[0] == '\0' ? 0 :
	    store_get(txn, STORE_SENT, key, &value, error_r);

	if (ret == 1 && scan_row(key, value, &row) == 0)
		note_row(search, key, &row);
	return ret == -1 ? -1 : 0;
}

int
sent_find(const struct sent *sent, struct store_txn *txn, const char *message_id,
    const char *recipient, int64_t now, int64_t keep_sec, struct arena *arena,
    struct sent_found *found_r, const char **error_r)
{
	struct search search = { .arena = arena, .recipient = recipient, .found = found_r };
	unsigned first = day_of(now - keep_sec), last = day_of(now + CLOCK_DAY_SEC);
	char key[KEY_BYTES];
	int ret = 0;

	*found_r = (struct sent_found){ .sender = "", .queue_id = "", .only = "" };
	if (make_key(sent, message_id, recipient, key, error_r) == -1 ||
	    store_cursor_open(txn, STORE_SENT, &search.cursor, error_r) == -1)
		return -1;
	for (unsigned day = last + 1; ret == 0 && day-- > first;) {
		print_day(day, key);
		ret = search_recipient(&search, txn, (struct str){ key, KEY_BYTES }, error_r);
	}
	for (unsigned day = last + 1; ret == 0 && day-- > first;) {
		print_day(day, key);
		ret = search_day(&search, (struct str){ key, PREFIX_BYTES }, error_r);
	}
	store_cursor_close(search.cursor);
	if (search.count > found_r->recipients)
		found_r->recipients = search.count;
	if (search.count != 1)
		found_r->only = "";
	return ret;
}

int
sent_has_domain(struct store_txn *txn, const char *domain, int64_t now, int64_t keep_sec,
    const char **error_r)
{
	unsigned first = day_of(now - keep_sec), last = day_of(now + CLOCK_DAY_SEC);
	char key[STORE_KEY_BYTES];
	size_t len = strlen(domain);
	struct str value;
	int ret = 0;

	if (len == 0 || len > sizeof(key) - DAY_BYTES)
		return 0;
	memcpy(key + DAY_BYTES, domain, len);
	for (unsigned day = last + 1; ret == 0 && day-- > first;) {
		print_day(day, key);
		ret = store_get(txn, STORE_SENT_DOMAINS, (struct str){ key, DAY_BYTES + len }, &value,
		    error_r);
	}
	return ret;
}

/* Delete at most `most` rows of one table before that day. Returns how many, or -1. */
static int
prune_table(struct store_txn *txn, enum store_table table, unsigned first, unsigned most,
    const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	unsigned deleted = 0;
	int ret;

	if (store_cursor_open(txn, table, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &value, error_r);
	while (ret == 1 && deleted < most && scan_day(key) < first) {
		ret = store_cursor_delete(cursor, error_r) == -1 ? -1 : 1;
		deleted += ret == 1;
		if (ret == 1)
			ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : (int)deleted;
}

int
sent_prune(struct store_txn *txn, int64_t now, int64_t keep_sec, unsigned most,
    const char **error_r)
{
	unsigned first = day_of(now - keep_sec);
	int rows = prune_table(txn, STORE_SENT, first, most, error_r), domains;

	if (rows == -1 || (unsigned)rows == most)
		return rows;
	domains = prune_table(txn, STORE_SENT_DOMAINS, first, most - (unsigned)rows, error_r);
	return domains == -1 ? -1 : rows + domains;
}
