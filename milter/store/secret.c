#include "store/secret.h"

#include <string.h>

#include "base/msg.h"

static const struct str secret_key = { "secret", 6 };

/* Returns 1, 0 if there is none yet, or -1. */
static int
read_secret(struct store_txn *txn, uint8_t secret_r[HMAC_KEY_BYTES], const char **error_r)
{
	struct str value;
	int ret = store_get(txn, STORE_META, secret_key, &value, error_r);

	if (ret == 1 && value.len == HMAC_KEY_BYTES)
		memcpy(secret_r, value.data, HMAC_KEY_BYTES);
	return ret == 1 && value.len != HMAC_KEY_BYTES ? 0 : ret;
}

/* Another process may have made it meanwhile. Returns 0 or -1. */
static int
make_secret(struct store *store, uint8_t secret_r[HMAC_KEY_BYTES], const char **error_r)
{
	struct store_txn *txn;
	int ret;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	ret = read_secret(txn, secret_r, error_r);
	if (ret == 0 && hmac_new_key(secret_r) == -1)
		ret = msg_failure(error_r, "the kernel gives no random bytes");
	if (ret == 0)
		ret = store_put(txn, STORE_META, secret_key,
		    (struct str){ (const char *)secret_r, HMAC_KEY_BYTES }, error_r);
	if (ret == -1) {
		store_abort(txn);
		return -1;
	}
	return store_commit(txn, error_r);
}

int
secret_open(struct store *store, struct hmac **hmac_r, const char **error_r)
{
	uint8_t secret[HMAC_KEY_BYTES];
	struct store_txn *txn;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = read_secret(txn, secret, error_r);
	store_abort(txn);
	if (ret == 0)
		ret = make_secret(store, secret, error_r);
	if (ret == -1)
		return -1;
	*hmac_r = hmac_new(secret);
	return 0;
}
