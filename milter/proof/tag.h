/*
 * tag: a mark on outgoing mail by which we know it again: a token that nobody
 * without our key can make. It goes out as a header field (TAG_HEADER) and as
 * the ENVID of RFC 3461, and comes back in the returned headers and as
 * Original-Envelope-Id.
 *
 *   "b1", id of the key, then in hexadecimal: day (UTC, 2 bytes), number of
 *   recipients (2), digest of the Message-ID (8), digest of the recipients (8),
 *   MAC over all of it (16: HMAC-SHA-256 cut to 128 bits)
 *
 * The digests are keyed too: a token tells nobody whom the message went to.
 * That of the recipients is the exclusive or over all of them, so that their
 * order does not matter; of a single one it can be compared.
 *
 * A token proves that the message is ours, not who sent the report: everybody
 * who got the message has it.
 */
#ifndef PROOF_TAG_H
#define PROOF_TAG_H

#include "base/arena.h"
#include "base/hmac.h"

#define TAG_HEADER "X-Bouncemilter-Tag"
#define TAG_KEYS_MOST 2
#define TAG_PART_BYTES 8
#define TAG_RECIPIENTS_MOST 65535 /* also for all larger numbers */

struct tag_keys;

/*
 * Read a key file: lines "ID KEY", an ID of one letter or digit, a KEY of 64
 * hexadecimal digits; "#" begins a comment. The first key signs, both prove. A
 * file that others can read is refused.
 * Returns 0, or -1 with "file:line: what is wrong".
 */
int tag_keys_load(const char *path, struct tag_keys **keys_r, const char **error_r);

/* NULL is allowed. */
void tag_keys_free(struct tag_keys *keys);

/* What a token is made for. */
struct tag_mail {
	int64_t time;
	const char *message_id;        /* "" if the MTA will make one */
	const char *const *recipients; /* normal form */
	unsigned count;
};

/* The token, in the arena; NULL if libcrypto failed. */
const char *tag_make(const struct tag_keys *keys, const struct tag_mail *mail,
    struct arena *arena);

/* A token that one of our keys has made. */
struct tag {
	const struct hmac *key;
	int64_t time;        /* the day's first second */
	unsigned recipients; /* at least 1 */
	uint8_t message[TAG_PART_BYTES];
	uint8_t recipient[TAG_PART_BYTES];
};

/* Is the text a token of ours, made between `now` and keep_sec before?
   Returns 1, or 0. Takes the same time for all that look like one. */
int tag_read(const struct tag_keys *keys, const char *text, int64_t now, int64_t keep_sec,
    struct tag *tag_r);

/* Was it made for this Message-ID? One made for a message without one is of any. */
bool tag_is_of_message(const struct tag *tag, const char *message_id);

/* Was it made for this recipient, in normal form, and nobody else? */
bool tag_is_for(const struct tag *tag, const char *recipient);

#endif
