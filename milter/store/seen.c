#include "store/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/msg.h"
#include "store/secret.h"

#define ARRIVAL_DIFFERENCE_SEC 5
#define MESSAGE_DIFFERENCE_SEC 86400
#define VALUE_BYTES (3 * STORE_NUMBER_BYTES)

int
seen_open(struct store *store, struct seen *seen_r, const char **error_r)
{
	return secret_open(store, &seen_r->hmac, error_r);
}

void
seen_close(struct seen *seen)
{
	hmac_free(seen->hmac);
}

static int
add_key(const struct seen *seen, struct arena *arena, const char *kind, const char *id,
    const struct bounce *bounce, const char *outcome, bool needs_arrival,
    struct seen_keys *keys, const char **error_r)
{
	struct seen_key *key = &keys->keys[keys->count++];
	/* \1 cannot stand in any of the parts: text is free of controls. */
	const char *text = arena_printf(arena, "%s\1%s\1%s\1%s", kind, id, bounce->recipient,
	    outcome);

	key->needs_arrival = needs_arrival;
	if (hmac_digest(seen->hmac, str_of(text), key->digest) == -1)
		return msg_failure(error_r, "libcrypto cannot make a digest");
	return 0;
}

int
seen_make(const struct seen *seen, const struct bounce *bounce, const char *outcome,
    struct seen_keys *keys_r, const char **error_r)
{
	struct arena *arena = arena_new();
	int ret = 0;

	keys_r->count = 0;
	keys_r->time = bounce->time;
	keys_r->arrival = bounce->source == SOURCE_NET ? 0 : bounce->arrival;
	if (bounce->queue_id[0] != '\0' && keys_r->arrival != 0)
		ret = add_key(seen, arena, "queue", bounce->queue_id, bounce, outcome, true, keys_r,
		    error_r);
	if (ret == 0 && bounce->message_id[0] != '\0')
		ret = add_key(seen, arena, "message", bounce->message_id, bounce, outcome, false,
		    keys_r, error_r);
	if (ret == 0 && bounce->token[0] != '\0')
		ret = add_key(seen, arena, "token", bounce->token, bounce, outcome, false, keys_r,
		    error_r);
	if (ret == 0 && keys_r->count == 0 && bounce->report_id[0] != '\0')
		ret = add_key(seen, arena, "report", bounce->report_id, bounce, outcome, false,
		    keys_r, error_r);
	arena_free(arena);
	return ret;
}

static struct str
key_str(const struct seen_key *key)
{
	return (struct str){ (const char *)key->digest, HMAC_DIGEST_BYTES };
}

static int64_t
value_number(struct str value, unsigned index)
{
	return (int64_t)store_scan_number(str_sub(value, index * STORE_NUMBER_BYTES,
	    (index + 1) * STORE_NUMBER_BYTES));
}

/* Short queue ids are used again at once; and an application may write one and
   the same Message-ID into all that it sends. */
static bool
is_same_arrival(const struct seen_key *key, int64_t before, int64_t now)
{
	if (!key->needs_arrival && (before == 0 || now == 0))
		return true;
	return llabs(before - now) <=
	    (key->needs_arrival ? ARRIVAL_DIFFERENCE_SEC : MESSAGE_DIFFERENCE_SEC);
}

int
seen_find(struct store_txn *txn, const struct seen_keys *keys, struct seen_row *row_r,
    const char **error_r)
{
	for (unsigned i = 0; i < keys->count; i++) {
		const struct seen_key *key = &keys->keys[i];
		struct str value;
		int ret = store_get(txn, STORE_SEEN, key_str(key), &value, error_r);

		if (ret == -1)
			return -1;
		if (ret == 0 || value.len != VALUE_BYTES ||
		    value_number(value, 0) < keys->time - SEEN_KEEP_SEC)
			continue;
		if (!is_same_arrival(key, value_number(value, 2), keys->arrival))
			continue;
		*row_r = (struct seen_row){ value_number(value, 0),
			(uint64_t)value_number(value, 1) };
		return 1;
	}
	return 0;
}

int
seen_put(struct store_txn *txn, const struct seen_keys *keys, uint64_t sequence,
    const char **error_r)
{
	char value[VALUE_BYTES];

	store_number((uint64_t)keys->time, value);
	store_number(sequence, value + STORE_NUMBER_BYTES);
	store_number((uint64_t)keys->arrival, value + 2 * STORE_NUMBER_BYTES);
	for (unsigned i = 0; i < keys->count; i++) {
		if (store_put(txn, STORE_SEEN, key_str(&keys->keys[i]),
			(struct str){ value, VALUE_BYTES }, error_r) == -1)
			return -1;
	}
	return 0;
}

int
seen_prune(struct store_txn *txn, int64_t now, unsigned most,
    uint8_t position[HMAC_DIGEST_BYTES], const char **error_r)
{
	struct str key = { (const char *)position, HMAC_DIGEST_BYTES }, value;
	struct store_cursor *cursor;
	int deleted = 0, ret;

	if (store_cursor_open(txn, STORE_SEEN, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, key, &key, &value, error_r);
	for (unsigned i = 0; ret == 1 && i < most; i++) {
		if (value.len != VALUE_BYTES || value_number(value, 0) < now - SEEN_KEEP_SEC) {
			if (store_cursor_delete(cursor, error_r) == -1) {
				ret = -1;
				break;
			}
			deleted++;
		}
		ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	if (ret == 1 && key.len == HMAC_DIGEST_BYTES)
		memcpy(position, key.data, HMAC_DIGEST_BYTES);
	else
		memset(position, 0, HMAC_DIGEST_BYTES);
	store_cursor_close(cursor);
	return ret == -1 ? -1 : deleted;
}
