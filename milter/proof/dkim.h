/*
 * dkim: DKIM signatures (RFC 6376, RFC 8463), verified by libopendkim. All keys
 * are fetched through dns.h.
 *
 * A report returns the headers of our message, mostly without its body. The
 * signature covers the headers, and in them the digest of the body: so that
 * they were signed by us can be verified without the body. What does not verify
 * may have been re-encoded on its way: that is "unknown", never "forged".
 *
 * Bounds: DKIM_SIGNATURES_MOST signatures are looked at, of those `wanted`;
 * what is named in h= over DKIM_FIELDS_MOST times, a key record over
 * DKIM_KEY_RECORD_BYTES (room for RSA with 4096 bits), a key below
 * DKIM_KEY_BITS_LEAST bits, and headers over LIMITS_HEADER_BLOCK_BYTES or with
 * LIMITS_HEADER_FIELDS fields do not count. Nor does a signature with rsa-sha1
 * (RFC 8301), a tag that stands twice, no From in h=, or a NUL byte in a signed
 * field. One that is past its x= by less than 60 days does.
 */
#ifndef PROOF_DKIM_H
#define PROOF_DKIM_H

#include "base/str.h"
#include "proof/dns.h"

#define DKIM_SIGNATURES_MOST 5
#define DKIM_FIELDS_MOST 100
#define DKIM_KEY_RECORD_BYTES 1024
#define DKIM_KEY_BITS_LEAST 1024

struct dkim_signature {
	const char *domain;   /* d=, lower case */
	const char *selector; /* s= */
	bool passed;
	bool temporary;       /* it may pass another time: DNS failed */
	/* It passed, the field is there, and all that have its name are covered:
	   nobody can have put another one on top. */
	bool from_signed, to_signed, message_id_signed;
	unsigned key_bits;    /* 256 for Ed25519, 0 if there was no key */
	const char *why;      /* why it did not pass, in a few words, else "" */
};

struct dkim_result {
	unsigned count;
	struct dkim_signature signatures[DKIM_SIGNATURES_MOST];
};

struct dkim_verifier;

/* `dns` must outlive it. Any thread may verify. Ends the process if libopendkim
   cannot be set up. */
struct dkim_verifier *dkim_verifier_new(struct dns *dns);
void dkim_verifier_free(struct dkim_verifier *verifier);

/* Is a signature of this domain (d=, lower case) of interest? Only then is its
   key fetched. */
typedef bool dkim_wanted(const char *domain, const void *context);

/* Verify the headers of a returned message, with any line endings, the body
   unknown. `wanted` NULL: all. Text of the result is in the arena. */
void dkim_verify_headers(struct dkim_verifier *verifier, struct str headers, dkim_wanted *wanted,
    const void *context, int64_t deadline_msec, struct arena *arena,
    struct dkim_result *result_r);

/* Verify a whole message, its body too. A signature whose l= leaves a part of
   the body out does not pass: anybody may have appended that. */
void dkim_verify_message(struct dkim_verifier *verifier, struct str message, dkim_wanted *wanted,
    const void *context, int64_t deadline_msec, struct arena *arena,
    struct dkim_result *result_r);

#endif
