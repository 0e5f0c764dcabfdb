#include "base/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/msg.h"

int
hmac_new_key(uint8_t key[HMAC_KEY_BYTES])
{
	return getrandom(key, HMAC_KEY_BYTES, 0) == HMAC_KEY_BYTES ? 0 : -1;
}

struct hmac {
	EVP_MAC_CTX *keyed;
};

struct hmac *
hmac_new(const uint8_t key[HMAC_KEY_BYTES])
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	struct hmac *hmac = calloc(1, sizeof(*hmac));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (hmac == NULL || mac == NULL || (hmac->keyed = EVP_MAC_CTX_new(mac)) == NULL ||
	    EVP_MAC_init(hmac->keyed, key, HMAC_KEY_BYTES, parameters) != 1)
		msg_out_of_memory();
	EVP_MAC_free(mac);
	return hmac;
}

void
hmac_free(struct hmac *hmac)
{
	if (hmac == NULL)
		return;
	EVP_MAC_CTX_free(hmac->keyed);
	free(hmac);
}

int
hmac_digest(const struct hmac *hmac, struct str text, uint8_t digest_r[HMAC_DIGEST_BYTES])
{
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(hmac->keyed);
	unsigned char full[EVP_MAX_MD_SIZE];
	size_t len;
	int ret = -1;

	if (context != NULL && EVP_MAC_update(context, (const unsigned char *)text.data,
		text.len) == 1 && EVP_MAC_final(context, full, &len, sizeof(full)) == 1) {
		memcpy(digest_r, full, HMAC_DIGEST_BYTES);
		ret = 0;
	}
	EVP_MAC_CTX_free(context);
	return ret;
}

bool
hmac_is_equal(const uint8_t a[HMAC_DIGEST_BYTES], const uint8_t b[HMAC_DIGEST_BYTES])
{
	return CRYPTO_memcmp(a, b, HMAC_DIGEST_BYTES) == 0;
}
