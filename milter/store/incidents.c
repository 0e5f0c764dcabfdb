#include "store/incidents.h"

static const struct str usual_key = { "usual", sizeof("usual") - 1 };

/* No more than one row is new at a time, so there is never much to delete. */
static int
prune(struct store_txn *txn, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	uint64_t count;
	int ret;

	if (store_count(txn, STORE_INCIDENTS, &count, error_r) == -1)
		return -1;
	if (count <= INCIDENTS_KEEP)
		return 0;
	if (store_cursor_open(txn, STORE_INCIDENTS, &cursor, error_r) == -1)
		return -1;
	for (ret = 1; ret == 1 && count > INCIDENTS_KEEP; count--) {
		ret = store_cursor_move(cursor, STORE_FIRST, &key, &value, error_r);
		if (ret == 1 && store_cursor_delete(cursor, error_r) == -1)
			ret = -1;
	}
	store_cursor_close(cursor);
	return ret == -1 ? -1 : 0;
}

int
incidents_put(struct store_txn *txn, uint64_t id, struct str text, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];

	if (store_put(txn, STORE_INCIDENTS, store_number(id, bytes), text, error_r) == -1)
		return -1;
	return prune(txn, error_r);
}

int
incidents_get(struct store_txn *txn, uint64_t id, struct str *text_r, const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];

	return store_get(txn, STORE_INCIDENTS, store_number(id, bytes), text_r, error_r);
}

uint64_t
incidents_id(const struct pages_row *row)
{
	return store_scan_number(row->key);
}

int
incidents_newest(struct store_txn *txn, uint64_t *id_r, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	int ret;

	if (store_cursor_open(txn, STORE_INCIDENTS, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_last(cursor, &key, &value, error_r);
	*id_r = ret == 1 ? store_scan_number(key) : 0;
	store_cursor_close(cursor);
	return ret == -1 ? -1 : 0;
}

int
incidents_put_usual(struct store_txn *txn, struct str text, const char **error_r)
{
	return store_put(txn, STORE_META, usual_key, text, error_r);
}

int
incidents_get_usual(struct store_txn *txn, struct str *text_r, const char **error_r)
{
	return store_get(txn, STORE_META, usual_key, text_r, error_r);
}
