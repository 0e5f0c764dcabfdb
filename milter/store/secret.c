#include "store/secret.h"

#include <string.h>

#include "base/msg.h"

static const struct str secret_key = { "secret", 6 };

static int
make_secret(struct store_txn *txn, uint8_t secret[HMAC_KEY_BYTES], const char **error_r)
{
	if (hmac_new_key(secret) == -1)
		return msg_failure(error_r, "the kernel gives no random bytes");
	return store_put(txn, STORE_META, secret_key,
	    (struct str){ (const char *)secret, HMAC_KEY_BYTES }, error_r);
}

int
secret_open(struct store *store, struct hmac **hmac_r, const char **error_r)
{
	uint8_t secret[HMAC_KEY_BYTES];
	struct store_txn *txn;
	struct str value;
	int ret;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	ret = store_get(txn, STORE_META, secret_key, &value, error_r);
	if (ret == 1 && value.len == HMAC_KEY_BYTES)
		memcpy(secret, value.data, HMAC_KEY_BYTES);
	else if (ret != -1)
		ret = make_secret(txn, secret, error_r);
	if (ret == -1) {
		store_abort(txn);
		return -1;
	}
	if (store_commit(txn, error_r) == -1)
		return -1;
	*hmac_r = hmac_new(secret);
	return 0;
}
