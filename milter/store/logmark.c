#include "store/logmark.h"

static const struct str key = { "log", 3 };

int
logmark_get(struct store_txn *txn, struct arena *arena, const char **position_r,
    const char **error_r)
{
	struct str value;
	int ret = store_get(txn, STORE_META, key, &value, error_r);

	if (ret == 1)
		*position_r = arena_strdup(arena, value);
	return ret;
}

int
logmark_put(struct store_txn *txn, const char *position, const char **error_r)
{
	return store_put(txn, STORE_META, key, str_of(position), error_r);
}
