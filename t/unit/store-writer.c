#include "store-support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "store/writer.h"

static atomic_int released;

/* A job that puts one key, or fails. */
struct put_job {
	struct job job;
	char key[32];
	bool fails;
	atomic_int *committed;
	int sleep_msec;
};

static int
put_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	struct put_job *job = (struct put_job *)base;

	usleep((useconds_t)job->sleep_msec * 1000);
	if (job->fails)
		return msg_failure(error_r, "this one fails");
	return store_put(txn, STORE_META, str_of(job->key), STR("x"), error_r);
}

static void
put_committed(struct job *base)
{
	(*((struct put_job *)base)->committed)++;
}

static void
put_release(struct job *base)
{
	released++;
	free(base);
}

static struct job *
new_job(const char *key, bool fails, int sleep_msec, atomic_int *committed)
{
	struct put_job *job = calloc(1, sizeof(*job));

	snprintf(job->key, sizeof(job->key), "%s", key);
	job->fails = fails;
	job->committed = committed;
	job->sleep_msec = sleep_msec;
	job->job.apply = put_apply;
	job->job.committed = put_committed;
	job->job.release = put_release;
	job->job.bytes = sizeof(*job);
	return &job->job;
}

static bool
has_key(struct store *store, const char *key)
{
	struct store_txn *txn;
	struct str value;
	const char *error;
	int ret;

	assert_done(store_begin_read(store, &txn, &error));
	ret = store_get(txn, STORE_META, str_of(key), &value, &error);
	store_abort(txn);
	return ret == 1;
}

struct caller {
	struct writer *writer;
	int number;
	atomic_int *committed;
	int answer;
};

static void *
call(void *argument)
{
	struct caller *caller = argument;
	char key[32];

	snprintf(key, sizeof(key), "key%d", caller->number);
	caller->answer = writer_run(caller->writer,
	    new_job(key, caller->number % 10 == 3, 0, caller->committed), 30);
	return NULL;
}

/* Fifty callers at once: each gets the answer to its own job. */
static void
test_a_failing_job_fails_alone(void **state)
{
	struct store *store = open_store(*state);
	struct writer *writer = writer_start(store);
	struct caller callers[50];
	pthread_t threads[50];
	atomic_int committed = 0;
	char key[32];

	released = 0;
	for (int i = 0; i < 50; i++) {
		callers[i] = (struct caller){ writer, i, &committed, 9 };
		pthread_create(&threads[i], NULL, call, &callers[i]);
	}
	for (int i = 0; i < 50; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].answer, i % 10 == 3 ? -1 : 0);
		snprintf(key, sizeof(key), "key%d", i);
		assert_int_equal(has_key(store, key), i % 10 != 3);
	}
	writer_stop(writer);
	assert_int_equal(committed, 45);
	assert_int_equal(released, 50);
	store_close(store);
}

/* Who does not want to wait is told "failed"; the job is done all the same. */
static void
test_a_caller_may_go_away(void **state)
{
	struct store *store = open_store(*state);
	struct writer *writer = writer_start(store);
	atomic_int committed = 0;

	released = 0;
	assert_int_equal(writer_run(writer, new_job("slow", false, 1500, &committed), 1), -1);
	assert_int_equal(released, 0);
	writer_stop(writer);
	assert_int_equal(committed, 1);
	assert_int_equal(released, 1);
	assert_true(has_key(store, "slow"));
	store_close(store);
}

static void
test_posted_jobs_are_done_and_bounded(void **state)
{
	struct store *store = open_store(*state);
	struct writer *writer = writer_start(store);
	atomic_int committed = 0;
	int taken = 0;

	released = 0;
	/* The writer is busy for a while: the queue fills up. */
	writer_post(writer, new_job("slow", false, 0, &committed));
	for (int i = 0; i < 30000; i++)
		taken += writer_post(writer, new_job("posted", false, i == 0 ? 300 : 0, &committed));
	assert_in_range(taken, 9999, 30000);
	writer_stop(writer);
	assert_int_equal(released, 30001);
	assert_int_equal(committed, taken + 1);
	assert_true(has_key(store, "posted"));
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_a_failing_job_fails_alone), T(test_a_caller_may_go_away),
		T(test_posted_jobs_are_done_and_bounded),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
