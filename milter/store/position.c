#include "store/position.h"

static const struct str keys[] = {
	[TABLE_LMDB] = { "published", 9 }, [TABLE_CDB] = { "published-cdb", 13 },
};

int
position_get(struct store_txn *txn, enum table_type type, uint64_t *sequence_r,
    const char **error_r)
{
	struct str value;
	int ret = store_get(txn, STORE_META, keys[type], &value, error_r);

	*sequence_r = ret == 1 ? store_scan_number(value) : 0;
	return ret == -1 ? -1 : 0;
}

int
position_save(struct store *store, enum table_type type, uint64_t before, uint64_t sequence,
    const char **error_r)
{
	char bytes[STORE_NUMBER_BYTES];
	struct store_txn *txn;
	uint64_t have;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	if (position_get(txn, type, &have, error_r) == -1 ||
	    (have == before && store_put(txn, STORE_META, keys[type],
		store_number(sequence, bytes), error_r) == -1)) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

int
position_forget(struct store *store, enum table_type type, const char **error_r)
{
	struct store_txn *txn;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	for (unsigned one = 0; one < TABLE_BOTH; one++) {
		if ((type == TABLE_BOTH || type == one) &&
		    store_delete(txn, STORE_META, keys[one], error_r) == -1) {
			store_abort(txn);
			return -1;
		}
	}
	return store_commit(txn, error_r);
}
