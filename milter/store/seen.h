/*
 * seen: which failures were reported already. The same failure may come as a
 * report of our MTA, again from a relay, and again when a report is sent
 * twice: the first one acts.
 *
 *   seen: keyed digest of what identifies the failure -> time, sequence of
 *         the event, arrival time of the message
 *
 * What a report from the network says of times and queue ids is a stranger's
 * word: it is known by the Message-ID and our own token alone, for as long as
 * rows are kept. So a proof from the ledger can be used once for each outcome.
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
	struct hmac *hmac; /* with the secret of the store */
};

/* Read the secret of the store, making it on the first day. Returns 0 or -1. */
int seen_open(struct store *store, struct seen *seen_r, const char **error_r);
void seen_close(struct seen *seen);

#define SEEN_KEYS_MOST 3

struct seen_key {
	uint8_t digest[HMAC_DIGEST_BYTES];
	/* Short queue ids are used again and again; only with the arrival time
	   they name one message. */
	bool needs_arrival;
};

/* All that one failure can be known by. */
struct seen_keys {
	struct seen_key keys[SEEN_KEYS_MOST];
	unsigned count;
	int64_t time, arrival; /* of the bounce */
};

/* What was remembered of a failure. */
struct seen_row {
	int64_t time;      /* when it was put, or put again */
	uint64_t sequence; /* of the event that recorded it */
};

/* Make the keys of a failure. `outcome` is a word: that of the bounce, or one
   that tells more (a message may be deferred for several reasons).
   Returns 0 or -1. */
int seen_make(const struct seen *seen, const struct bounce *bounce, const char *outcome,
    struct seen_keys *keys_r, const char **error_r);

/* Was this failure reported already?
   Returns 1 and what was put, 0 if not, -1 with a sentence. */
int seen_find(struct store_txn *txn, const struct seen_keys *keys, struct seen_row *row_r,
    const char **error_r);

/* Remember all keys of a failure, over what was put by the same keys.
   Returns 0 or -1. */
int seen_put(struct store_txn *txn, const struct seen_keys *keys, uint64_t sequence,
    const char **error_r);

/* Look at the next `most` rows and delete those that are too old; the table is
   gone through in rounds. `*position` is where it goes on; zeroed at first.
   Returns how many were deleted, or -1. */
int seen_prune(struct store_txn *txn, int64_t now, unsigned most,
    uint8_t position[HMAC_DIGEST_BYTES], const char **error_r);

#endif
