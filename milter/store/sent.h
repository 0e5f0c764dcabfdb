/*
 * sent: the ledger of mail that left us, an LMDB environment of its own
 * (sent.lmdb): it is large, and a second of it is cheap to lose. A report from
 * a stranger about a message that is not in it proves nothing by its
 * Message-ID.
 *
 *   sent:          day (u16), digest of the Message-ID (8 bytes), digest of the
 *                  recipient (8 bytes) -> time, recipients of the message,
 *                  recipient, envelope sender, queue id
 *   sent-domains:  day (u16), domain of a recipient -> nothing
 *
 * Digests are keyed with a secret of this store, so that nobody can make two
 * messages look alike. Days are those of UTC. Whole days are pruned.
 *
 * Rows are written by jobs of a writer (writer.h) that runs on this store: many
 * of them gather into one transaction. The mail log's rows are committed before
 * the position in the log is; those of a milter session are posted, and mail
 * never waits for them. What could not be written is counted by the caller.
 *
 * A commit is as durable as any other of ours, though a second of the ledger is
 * cheap to lose. Of what would be less work, leaving the sync of the meta page to
 * the next commit (MDB_NOMETASYNC) and sorting the rows of a transaction gained
 * nothing; no sync at all (MDB_NOSYNC) halved the time, and may leave a damaged
 * file after a power loss. The rows of a day lie in the order of their digests,
 * so nearly each of a transaction writes a page of its own: with the hour in the
 * key that took half the time too, but a look-up would be 24 times as many.
 */
#ifndef STORE_SENT_H
#define STORE_SENT_H

#include "base/hmac.h"
#include "store/store.h"

#define SENT_SIBLINGS_MOST 8
#define SENT_COUNT_MOST 100

struct sent {
	struct store *store;
	struct hmac *hmac; /* with the secret of the store */
};

/* One message to one recipient. */
struct sent_mail {
	int64_t time;
	const char *message_id; /* with its brackets, as bounce.message_id; never "" */
	const char *recipient;  /* normal form */
	const char *sender;     /* envelope sender, without brackets */
	const char *queue_id;
	unsigned recipients;    /* of the whole message, 0 if not known */
};

/* What the ledger knows about a message. */
struct sent_found {
	bool matches;          /* it was sent to this recipient: */
	const char *sender;    /* ... the row's, else "" */
	const char *queue_id;
	int64_t time;
	unsigned recipients;   /* of the message: the largest number a row gives, or the
	                          number of different recipients if that is larger; 0 if the message
	                          is not there at all; counting stops at SENT_COUNT_MOST */
	const char *only;      /* its recipient, if it has one alone, else "" */
	/* Senders of the same message to other recipients, as many as there are
	   and SENT_SIBLINGS_MOST; with whom they were for. */
	struct sent_sibling { const char *recipient, *sender; } siblings[SENT_SIBLINGS_MOST];
	unsigned sibling_count;
};

/* Open sent.lmdb in a directory, making it if need be, and its secret.
   Returns 0, or -1 with a sentence that names the path and the remedy. */
int sent_open(const char *directory, uint64_t size_bytes, bool read_only, struct sent *sent_r,
    enum store_error *kind_r, const char **error_r);
void sent_close(struct sent *sent);

/* Put rows; the same message to the same recipient on the same day is one row,
   with the larger number of recipients. Some room is left free, so that days
   can be pruned from a ledger that takes no more (store_check_room()).
   Returns 0 or -1. */
int sent_put(const struct sent *sent, struct store_txn *txn, const struct sent_mail *mails,
    unsigned count, const char **error_r);

/* Look a message up, over the days from `now` back to `keep_sec` before it (and
   the next day, for clocks that differ). `recipient` may be "". Text is in the
   arena.
   Returns 0, also if nothing was found, or -1. */
int sent_find(const struct sent *sent, struct store_txn *txn, const char *message_id,
    const char *recipient, int64_t now, int64_t keep_sec, struct arena *arena,
    struct sent_found *found_r, const char **error_r);

/* Was anything sent to this domain (normal form) since then?
   Returns 1, 0 or -1. */
int sent_has_domain(struct store_txn *txn, const char *domain, int64_t now, int64_t keep_sec,
    const char **error_r);

/* Delete at most `most` rows of days that ended `keep_sec` or more before
   `now`, the oldest first. Returns how many were deleted, or -1. */
int sent_prune(struct store_txn *txn, int64_t now, int64_t keep_sec, unsigned most,
    const char **error_r);

#endif
