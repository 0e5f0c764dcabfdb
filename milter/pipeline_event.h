/*
 * pipeline_event: what the lanes of the pipeline share, inside of it: how one
 * event, already read and classified, enters the store.
 */
#ifndef PIPELINE_EVENT_H
#define PIPELINE_EVENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "alerts.h"
#include "base/patience.h"
#include "campaigns.h"
#include "foreign.h"
#include "pipeline.h"
#include "pipeline_later.h"
#include "store/seen.h"

/* What there may be no room for. */
enum pipeline_lost {
	PIPELINE_LOST_REPORTS, /* unverified ones */
	PIPELINE_LOST_SENT,    /* rows of the ledger */
	PIPELINE_LOST_COUNT,
};

struct incident_job;

/* Changes of incidents on their way into the store, in their order. */
struct pipeline_keeping {
	pthread_mutex_t lock;
	struct incident_job *first;
	unsigned count;
	bool under_way;
};

struct pipeline {
	struct pipeline_parts parts;
	struct foreign *foreign;
	struct patience patience; /* of callbacks, for ledger and DNS */
	struct later *later;      /* reports that it did not last for */
	struct seen seen;
	_Atomic uint64_t lost[PIPELINE_LOST_COUNT]; /* and not yet counted in the store */
	/* Reports of our own MTA that wait for the log to tell the same. */
	pthread_mutex_t waiting_lock;
	struct report_job *waiting, **waiting_tail;
	unsigned waiting_count;
	/* The watch: what its clock has to be added to the monotonic one, which
	   campaigns there are, and what is on its way into the store. */
	_Atomic int64_t watch_base_msec;
	struct campaigns *campaigns;
	struct pipeline_keeping keeping;
	struct alerts_counts told;  /* and counted in the store */
	struct watch_size seen_size; /* the same */
	int64_t usual_hour, freed_minute; /* of the last tick */
	/* The log is being read: what it does not confirm is not believed. */
	atomic_bool log_runs;
};

/* What a job of the writer works with. */
struct pipeline_work {
	struct pipeline *pipeline;
	struct config *config; /* a reference */
	bool publish;          /* result: the tables have to change */
};

/*
 * One proven failure, inside the transaction: was it seen, what is known about
 * the address, what follows, and on the record with it. *watch_r says that the
 * watch has to hear of it, once it is committed.
 * Returns 0, or -1 with a sentence.
 */
int pipeline_bounce(struct pipeline_work *work, struct store_txn *txn,
    const struct bounce *bounce, struct verdict *verdict, bool *watch_r, const char **error_r);

/* A delivery: earlier failures count for no threshold any more. One to an
   address that is suppressed is recorded, and changes nothing.
   Returns 0, or -1 with a sentence. */
int pipeline_delivery(const struct policy *policy, struct store_txn *txn,
    const struct bounce *bounce, const char **error_r);

/* Judge a report that waited for it (pipeline_later.h); `context` is the pipeline. */
void pipeline_judge_later(void *context, struct str message,
    const struct pipeline_origin *origin, bool hurry);

/* Is it about a mail of ours to alert-mail? That is no event: it would alert again. */
bool pipeline_is_alert(const struct config *config, const struct bounce *bounce);

/* Has a lane recorded this failure? Returns 1, 0, or -1 with a sentence. */
int pipeline_is_known(struct pipeline *pipeline, struct store_txn *txn,
    const struct bounce *bounce, const struct verdict *verdict, const char **error_r);

#endif
