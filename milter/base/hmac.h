/*
 * hmac: keyed digests (HMAC-SHA-256 of RFC 2104 and FIPS 180-4, cut to 128
 * bits), so that nobody outside can make two different things look alike.
 */
#ifndef BASE_HMAC_H
#define BASE_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define HMAC_KEY_BYTES 32
#define HMAC_DIGEST_BYTES 16

/* Fill a new key from the kernel's random source.
   Returns 0, or -1 if there is none. */
int hmac_new_key(uint8_t key[HMAC_KEY_BYTES]);

/* A key made ready, which saves most of the time of a digest; any thread may
   use it. Ends the process if libcrypto cannot. */
struct hmac;

struct hmac *hmac_new(const uint8_t key[HMAC_KEY_BYTES]);
void hmac_free(struct hmac *hmac);

/* The digest of `text`. Returns 0, or -1 if libcrypto failed. */
int hmac_digest(const struct hmac *hmac, struct str text, uint8_t digest_r[HMAC_DIGEST_BYTES]);

/* Are two digests the same? In a time that does not tell where they differ. */
bool hmac_is_equal(const uint8_t a[HMAC_DIGEST_BYTES], const uint8_t b[HMAC_DIGEST_BYTES]);

#endif
