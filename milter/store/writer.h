/*
 * writer: the one thread that changes the store while the daemon runs.
 *
 * Callers hand over a job; the writer runs whatever has gathered as one
 * transaction, with one fsync for all (group commit), and then wakes them. A
 * job that fails by itself does not take the others with it: its transaction
 * is dropped and every job of the group gets one of its own.
 *
 * States of a job: queued -> committed | failed. A caller that waited long
 * enough goes away; the job runs nevertheless, and may still be committed.
 * That is why a job owns all it works on, and is freed by whoever sees it
 * last.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/store.h"

struct writer;

struct job {
	/* Change the store. May run more than once, if the transaction had to
	   be repeated; it must not change the job but for its own results.
	   Returns 0 or -1 with a sentence. */
	int (*apply)(struct job *job, struct store_txn *txn, const char **error_r);

	/* It was committed (called by the writer, outside of any transaction);
	   NULL for nothing. */
	void (*committed)(struct job *job);

	/* Free the job, once. */
	void (*release)(struct job *job);

	/* What the job holds in memory; 0 for a few bytes. */
	size_t bytes;

	/* The writer's own. */
	struct job *next;
	bool waited_for;
	bool done;
	bool failed;
	unsigned references;
};

struct writer *writer_start(struct store *store);

/* Commit what is queued and end the thread. */
void writer_stop(struct writer *writer);

/* Run a job and wait for its commit, at most `timeout_sec`.
   Returns 0 when it is on the disk; -1 if it failed or nobody knows yet.
   The job is not the caller's any more. */
int writer_run(struct writer *writer, struct job *job, int64_t timeout_sec);

/* Run a job some time soon, together with others. Nobody hears of the result.
   If too many are waiting, the job is released at once: returns false. */
bool writer_post(struct writer *writer, struct job *job);

/* When the writer last went round its loop, on the monotonic clock. It never
   rests longer than a second, unless something is wrong. */
int64_t writer_heartbeat_msec(const struct writer *writer);

#endif
