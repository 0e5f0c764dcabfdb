#include "base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>

int
hmac_new_key(uint8_t key[HMAC_KEY_BYTES])
{
	return getrandom(key, HMAC_KEY_BYTES, 0) == HMAC_KEY_BYTES ? 0 : -1;
}

int
hmac_digest(const uint8_t key[HMAC_KEY_BYTES], struct str text,
    uint8_t digest_r[HMAC_DIGEST_BYTES])
{
	unsigned char full[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (HMAC(EVP_sha256(), key, HMAC_KEY_BYTES, (const unsigned char *)text.data, text.len,
		full, &len) == NULL)
		return -1;
	memcpy(digest_r, full, HMAC_DIGEST_BYTES);
	return 0;
}
