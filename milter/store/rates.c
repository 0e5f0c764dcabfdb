#include "store/rates.h"

#include <string.h>

#include "base/clock.h"

#define HOUR_SEC 3600
#define PART_BYTES 160 /* of a name in the key */

/* Append a name, cut if need be, and a NUL. */
static char *
add_part(char *at, const char *part)
{
	size_t len = strnlen(part, PART_BYTES - 1);

	memcpy(at, part, len);
	at[len] = '\0';
	return at + len + 1;
}

struct str
rates_key(int64_t time, char bytes[STORE_NUMBER_BYTES])
{
	return store_number((uint64_t)(time / HOUR_SEC), bytes);
}

int
rates_add(struct store_txn *txn, int64_t time, const char *domain, const char *provider,
    const char *kind, uint64_t add, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES + 3 * PART_BYTES], number[STORE_NUMBER_BYTES], *end;
	struct str key = { bytes, 0 }, have;
	uint64_t count = 0;
	int ret;

	rates_key(time, bytes);
	end = add_part(bytes + STORE_NUMBER_BYTES, domain);
	end = add_part(end, provider);
	end = add_part(end, kind);
	key.len = (size_t)(end - bytes);
	ret = store_get(txn, STORE_RATES, key, &have, error_r);
	if (ret == -1)
		return -1;
	if (ret == 1)
		count = store_scan_number(have);
	return store_put(txn, STORE_RATES, key, store_number(count + add, number), error_r);
}

int
rates_scan(const struct pages_row *row, struct rates_row *row_r)
{
	const char *at = row->key.data + STORE_NUMBER_BYTES;
	const char *end = row->key.data + row->key.len;
	const char **parts[] = { &row_r->domain, &row_r->provider, &row_r->kind };

	if (row->key.len < STORE_NUMBER_BYTES || row->value.len != STORE_NUMBER_BYTES)
		return -1;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

		if (nul == NULL)
			return -1;
		*parts[i] = at;
		at = nul + 1;
	}
	row_r->hour = (int64_t)store_scan_number(str_sub(row->key, 0, STORE_NUMBER_BYTES)) *
	    HOUR_SEC;
	row_r->count = store_scan_number(row->value);
	return 0;
}

int
rates_prune(struct store_txn *txn, int64_t time, unsigned most, const char **error_r)
{
	struct store_cursor *cursor;
	unsigned deleted = 0;
	struct str key;
	int ret;

	if (store_cursor_open(txn, STORE_RATES, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, NULL, error_r);
	while (ret == 1 && deleted < most &&
	    (int64_t)store_scan_number(str_sub(key, 0, STORE_NUMBER_BYTES)) < time / HOUR_SEC) {
		if (store_cursor_delete(cursor, error_r) == -1) {
			ret = -1;
			break;
		}
		deleted++;
		ret = store_cursor_seek(cursor, STR_EMPTY, &key, NULL, error_r);
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : (int)deleted;
}
