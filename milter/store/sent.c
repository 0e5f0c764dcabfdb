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
#define NUMBERS_BYTES (2 * STORE_NUMBER_BYTES) /* time and recipients */

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
print_day(unsigned day, char *bytes)
{
	bytes[0] = (char)(day >> 8);
	bytes[1] = (char)day;
}

static unsigned
scan_day(struct str key)
{
	return key.len < DAY_BYTES ? 0 :
	    (unsigned)(unsigned char)key.data[0] << 8 | (unsigned char)key.data[1];
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

/* Returns 0, or -1 if it is damaged. */
static int
scan_row(struct str value, struct row *row_r)
{
	struct str rest, texts[3];

	if (value.len < NUMBERS_BYTES || value.data[value.len - 1] != '\0')
		return -1;
	row_r->time = (int64_t)store_scan_number(value);
	row_r->recipients = (unsigned)store_scan_number(str_sub(value, STORE_NUMBER_BYTES,
	    value.len));
	rest = str_sub(value, NUMBERS_BYTES, value.len);
	for (unsigned i = 0; i < 3; i++) {
		if (!str_next_piece(&rest, '\0', &texts[i]))
			return -1;
	}
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

static int
put_row(struct store_txn *txn, struct str key, const struct row *row, const char **error_r)
{
	char number[STORE_NUMBER_BYTES];
	struct buf value = { 0 };
	int ret;

	buf_add(&value, store_number((uint64_t)row->time, number));
	buf_add(&value, store_number(row->recipients, number));
	add_text(&value, row->recipient);
	add_text(&value, row->sender);
	add_text(&value, row->queue_id);
	ret = store_put(txn, STORE_SENT, key, buf_str(&value), error_r);
	buf_free(&value);
	return ret;
}

/* Returns 0 or -1. */
static int
put_domain(struct store_txn *txn, unsigned day, const char *domain, const char **error_r)
{
	char key[STORE_KEY_BYTES];
	size_t len = strlen(domain);

	if (len == 0 || len > sizeof(key) - DAY_BYTES)
		return 0;
	print_day(day, key);
	memcpy(key + DAY_BYTES, domain, len);
	return store_put(txn, STORE_SENT_DOMAINS, (struct str){ key, DAY_BYTES + len }, STR_EMPTY,
	    error_r);
}

int
sent_put(const struct sent *sent, struct store_txn *txn, const struct sent_mail *mails,
    unsigned count, const char **error_r)
{
	char bytes[KEY_BYTES];
	const struct str key = { bytes, KEY_BYTES };

	for (unsigned i = 0; i < count; i++) {
		const struct sent_mail *mail = &mails[i];
		struct row row = { mail->time, mail->recipients, mail->recipient, mail->sender,
			mail->queue_id }, before;
		struct str value;
		int ret;

		if (make_key(sent, mail->message_id, mail->recipient, bytes, error_r) == -1)
			return -1;
		print_day(day_of(mail->time), bytes);
		ret = store_get(txn, STORE_SENT, key, &value, error_r);
		if (ret == 1 && scan_row(value, &before) == 0 && before.recipients > row.recipients)
			row.recipients = before.recipients;
		if (ret == -1 || put_row(txn, key, &row, error_r) == -1 ||
		    put_domain(txn, day_of(mail->time), address_domain(mail->recipient),
			error_r) == -1)
			return -1;
	}
	return 0;
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

/* All rows of a message on one day, as far as they are counted, from a key on.
   Returns 0 or -1. */
static int
search_day(struct search *search, struct str from, const char **error_r)
{
	struct str key, value;
	struct row row;
	int ret = store_cursor_seek(search->cursor, from, &key, &value, error_r);

	while (ret == 1 && search->count < SENT_COUNT_MOST && key.len == KEY_BYTES &&
	    memcmp(key.data, from.data, PREFIX_BYTES) == 0) {
		if (scan_row(value, &row) == 0)
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
	int ret = search->recipient[0] == '\0' || search->count == SENT_COUNT_MOST ? 0 :
	    store_get(txn, STORE_SENT, key, &value, error_r);

	if (ret == 1 && scan_row(value, &row) == 0)
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
