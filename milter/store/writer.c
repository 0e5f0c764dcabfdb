#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/msg.h"

#define GROUP_MOST 1000       /* jobs in one transaction */
#define POSTED_MOST 10000     /* jobs in the queue that nobody waits for ... */
#define POSTED_BYTES ((size_t)16 * 1024 * 1024) /* ... and what they hold */
#define POSTED_WAIT_MSEC 1000 /* they are committed within this time, or as a full group */
#define REFUSED_EVERY_MSEC 60000 /* of the same kind, one line in this time */

struct writer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the queue and the state of all jobs */
	pthread_cond_t queued;
	pthread_cond_t finished;
	struct job *head, **tail;
	unsigned posted;
	size_t posted_bytes;
	bool waiting; /* somebody waits for a job in the queue */
	bool stopping;
	bool alerted;
	int64_t refused_msec; /* when it was last said that a job cannot be done, or 0 */
	_Atomic int64_t heartbeat_msec;
};

static struct timespec
after_msec(int64_t msec)
{
	return clock_timespec(clock_monotonic_msec() + msec);
}

/* Is there a reason to commit at once? The lock is held. */
static bool
is_due(const struct writer *writer)
{
	return writer->waiting || writer->stopping || writer->posted >= GROUP_MOST;
}

/* Take all that is queued, at most a group. Jobs that nobody waits for are
   left to gather for a while. Returns NULL when stopping and all is done. */
static struct job *
take_group(struct writer *writer)
{
	struct job *group = NULL, **end = &group;
	unsigned count = 0;
	struct timespec until;

	until = after_msec(POSTED_WAIT_MSEC);
	pthread_mutex_lock(&writer->lock);
	while (!is_due(writer)) {
		writer->heartbeat_msec = clock_monotonic_msec();
		if (pthread_cond_timedwait(&writer->queued, &writer->lock, &until) == 0)
			continue;
		if (writer->head != NULL)
			break;
		until = after_msec(POSTED_WAIT_MSEC);
	}
	while (writer->head != NULL && count < GROUP_MOST) {
		struct job *job = writer->head;

		writer->head = job->next;
		job->next = NULL;
		if (!job->waited_for) {
			writer->posted--;
			writer->posted_bytes -= job->bytes;
		}
		*end = job;
		end = &job->next;
		count++;
	}
	if (writer->head == NULL) {
		writer->tail = &writer->head;
		writer->waiting = false;
	}
	pthread_mutex_unlock(&writer->lock);
	writer->heartbeat_msec = clock_monotonic_msec();
	return group;
}

/* Jobs from `first` to before `end` in one transaction.
   Returns 0, 1 if a job failed, -1 if the transaction did. */
static int
run_transaction(struct writer *writer, struct job *first, const struct job *end,
    const char **error_r)
{
	struct store_txn *txn;

	if (store_begin(writer->store, &txn, error_r) == -1)
		return -1;
	for (struct job *job = first; job != end; job = job->next) {
		if (job->apply(job, txn, error_r) == -1) {
			store_abort(txn);
			return 1;
		}
	}
	return store_commit(txn, error_r);
}

static void
note_failure(struct writer *writer, const char *error)
{
	/* One alert until it works again; every bounce that is answered 4xx
	   because of it comes back. */
	if (!writer->alerted)
		msg_alert("cannot write the store, bounces are answered 4xx until it works: %s",
		    error);
	writer->alerted = true;
}

static void
note_success(struct writer *writer)
{
	if (writer->alerted)
		msg_info("the store can be written again");
	writer->alerted = false;
}

/* The whole group in one transaction. After a failure, which may be an earlier
   one of another thread, LMDB refuses further work until it is opened anew: the
   second try is for reports of the local lane, which do not come again.
   Returns as run_transaction() does. */
static int
try_group(struct writer *writer, struct job *group, const char **error_r)
{
	int ret = run_transaction(writer, group, NULL, error_r);

	if (ret == 0 || (ret == 1 && !store_is_failing(writer->store)))
		return ret;
	if (!writer->alerted)
		msg_warning("%s; trying again", *error_r);
	return store_recover(writer->store, error_r) == -1 ? -1 :
	    run_transaction(writer, group, NULL, error_r);
}

/* A job that cannot be done, while others can. On a full ledger that is every one. */
static void
say_refused(struct writer *writer, const char *error)
{
	int64_t now_msec = clock_monotonic_msec();

	if (writer->refused_msec == 0 || now_msec - writer->refused_msec >= REFUSED_EVERY_MSEC) {
		msg_error("it could not be recorded: %s", error);
		writer->refused_msec = now_msec;
	}
}

static void
run_group(struct writer *writer, struct job *group)
{
	const char *error;
	int ret = try_group(writer, group, &error);

	for (struct job *job = group; job != NULL; job = job->next)
		job->failed = ret != 0;
	if (ret == 1 && !store_is_failing(writer->store)) {
		for (struct job *job = group; job != NULL; job = job->next) {
			if (run_transaction(writer, job, job->next, &error) == 0)
				job->failed = false;
			else
				say_refused(writer, error);
		}
		return;
	}
	if (ret == 0)
		note_success(writer);
	else
		note_failure(writer, error);
}

/* Drop a reference; the lock is held. Returns true if it was the last. */
static bool
drop(struct job *job)
{
	return --job->references == 0;
}

static void
finish_group(struct writer *writer, struct job *group)
{
	while (group != NULL) {
		struct job *job = group;
		bool last;

		group = job->next;
		if (!job->failed && job->committed != NULL)
			job->committed(job);
		pthread_mutex_lock(&writer->lock);
		job->done = true;
		last = drop(job);
		pthread_mutex_unlock(&writer->lock);
		if (last)
			job->release(job);
	}
	pthread_mutex_lock(&writer->lock);
	pthread_cond_broadcast(&writer->finished);
	pthread_mutex_unlock(&writer->lock);
}

static void *
run(void *argument)
{
	struct writer *writer = argument;
	struct job *group;
	bool stopping;

	do {
		group = take_group(writer);
		if (group != NULL) {
			run_group(writer, group);
			finish_group(writer, group);
		}
		pthread_mutex_lock(&writer->lock);
		stopping = writer->stopping && writer->head == NULL;
		pthread_mutex_unlock(&writer->lock);
	} while (!stopping);
	return NULL;
}

struct writer *
writer_start(struct store *store)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		msg_out_of_memory();
	writer->store = store;
	writer->tail = &writer->head;
	writer->heartbeat_msec = clock_monotonic_msec();
	pthread_mutex_init(&writer->lock, NULL);
	clock_condition_init(&writer->queued);
	clock_condition_init(&writer->finished);
	if (pthread_create(&writer->thread, NULL, run, writer) != 0)
		msg_out_of_memory();
	return writer;
}

void
writer_stop(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->queued);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->queued);
	pthread_cond_destroy(&writer->finished);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

/* Put a job at the end of the queue; the lock is held. */
static void
enqueue(struct writer *writer, struct job *job)
{
	job->next = NULL;
	*writer->tail = job;
	writer->tail = &job->next;
}

int
writer_run(struct writer *writer, struct job *job, int64_t timeout_sec)
{
	struct timespec until;
	bool last;
	int ret, waited = 0;

	until = after_msec(timeout_sec * 1000);
	job->references = 2;
	job->waited_for = true;
	job->done = job->failed = false;
	pthread_mutex_lock(&writer->lock);
	enqueue(writer, job);
	writer->waiting = true;
	pthread_cond_signal(&writer->queued);
	while (!job->done && waited == 0)
		waited = pthread_cond_timedwait(&writer->finished, &writer->lock, &until);
	ret = job->done && !job->failed ? 0 : -1;
	last = drop(job);
	pthread_mutex_unlock(&writer->lock);
	if (last)
		job->release(job);
	return ret;
}

bool
writer_post(struct writer *writer, struct job *job)
{
	bool room;

	job->references = 1;
	job->waited_for = false;
	job->done = job->failed = false;
	pthread_mutex_lock(&writer->lock);
	/* Small jobs are our own chores, and few. */
	room = job->bytes == 0 || (writer->posted < POSTED_MOST &&
	    writer->posted_bytes + job->bytes <= POSTED_BYTES);
	if (room) {
		writer->posted++;
		writer->posted_bytes += job->bytes;
		enqueue(writer, job);
		pthread_cond_signal(&writer->queued);
	}
	pthread_mutex_unlock(&writer->lock);
	if (!room)
		job->release(job);
	return room;
}

int64_t
writer_heartbeat_msec(const struct writer *writer)
{
	return writer->heartbeat_msec;
}
