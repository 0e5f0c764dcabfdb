/*
 * seen: which failures were reported already. The same failure may come as a
 * report of our MTA, again from a relay, and again when a report is sent
 * twice: the first one acts.
 *
 *   seen: keyed digest of what identifies the failure -> time, sequence of
 *         the event, arrival time of the message
 *
 * The digest is keyed with a secret of this store, so that nobody can make two
 * different failures collide.
 */
#ifndef STORE_SEEN_H
#define STORE_SEEN_H

#include "base/hmac.h"
#include "bounce.h"
#include "store/store.h"

#define SEEN_KEEP_SEC (10 * 86400) /* longer than any queue lifetime */

struct seen {
	uint8_t secret[HMAC_KEY_BYTES];
};

/* Read the secret of the store, making it on the first day. Returns 0 or -1. */
int seen_open(struct store *store, struct seen *seen_r, const char **error_r);

/* Was this failure reported already?
   Returns 1 and the sequence of that event, 0 if not, -1 with a sentence. */
int seen_find(const struct seen *seen, struct store_txn *txn, const struct bounce *bounce,
    uint64_t *sequence_r, const char **error_r);

/* Remember all keys of a failure. Returns 0 or -1. */
int seen_put(const struct seen *seen, struct store_txn *txn, const struct bounce *bounce,
    uint64_t sequence, const char **error_r);

/* Look at the next `most` rows and delete those that are too old; the table is
   gone through in rounds. `*position` is where it goes on; zeroed at first.
   Returns how many were deleted, or -1. */
int seen_prune(struct store_txn *txn, int64_t now, unsigned most,
    uint8_t position[HMAC_DIGEST_BYTES], const char **error_r);

#endif
