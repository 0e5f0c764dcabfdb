#include "proof/dns_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "proof/dns_name.h"

enum state { WAITING, ASKED, DONE };

struct question {
	struct question *next, *previous; /* of those that are not done, in their order */
	enum dns_type type;
	char name[DNS_NAME_BYTES];
	enum state state;
	unsigned references; /* one for each who waits, and one for the worker */
	int64_t asked_msec;
	struct arena *arena; /* of the answer */
	struct dns_answer answer;
	uint32_t ttl_sec;
};

struct dns_pool {
	struct dns_servers servers;
	struct dns_cache *cache;
	pthread_mutex_t lock; /* guards everything but the names and answers of questions */
	pthread_cond_t queued;
	pthread_cond_t finished; /* a question is done, or a worker has ended */
	struct question *first, *last;
	unsigned waiting;
	unsigned workers, idle, at_tcp;
	bool stopping;
	bool abandoned; /* the last worker frees the pool */
};

/* The functions from here to dns_pool_new() are called with the lock held, but
   for those of the worker that say otherwise. */

static void
append(struct dns_pool *pool, struct question *question)
{
	question->previous = pool->last;
	*(pool->last != NULL ? &pool->last->next : &pool->first) = question;
	pool->last = question;
}

static void
take_out(struct dns_pool *pool, struct question *question)
{
	*(question->previous != NULL ? &question->previous->next : &pool->first) = question->next;
	*(question->next != NULL ? &question->next->previous : &pool->last) = question->previous;
}

static void
drop(struct question *question)
{
	if (--question->references > 0)
		return;
	arena_free(question->arena);
	free(question);
}

static struct question *
next_waiting(const struct dns_pool *pool)
{
	struct question *question = pool->first;

	while (question != NULL && question->state != WAITING)
		question = question->next;
	return question;
}

/* Returns NULL when the pool ends. */
static struct question *
take_question(struct dns_pool *pool)
{
	struct question *question;

	pool->idle++;
	while (pool->waiting == 0 && !pool->stopping)
		pthread_cond_wait(&pool->queued, &pool->lock);
	pool->idle--;
	if (pool->stopping)
		return NULL;
	question = next_waiting(pool);
	question->state = ASKED;
	question->asked_msec = clock_monotonic_msec();
	question->references++;
	pool->waiting--;
	return question;
}

/* Without the lock. */
static int
ask(const struct dns_pool *pool, struct question *question, enum dns_transport transport)
{
	return dns_system_ask(&pool->servers, transport, question->type, question->name,
	    question->arena, &question->answer, &question->ttl_sec);
}

static void
answer_question(struct dns_pool *pool, struct question *question)
{
	int ret;

	pthread_mutex_unlock(&pool->lock);
	ret = ask(pool, question, DNS_UDP);
	pthread_mutex_lock(&pool->lock);
	if (ret == 0 && pool->at_tcp < DNS_WORKERS_TCP && !pool->stopping) {
		pool->at_tcp++;
		pthread_mutex_unlock(&pool->lock);
		ask(pool, question, DNS_TCP);
		pthread_mutex_lock(&pool->lock);
		pool->at_tcp--;
	}
	/* The cache may be gone when the pool ends. */
	if (!pool->stopping)
		dns_cache_put(pool->cache, question->type, question->name, &question->answer,
		    question->ttl_sec, clock_monotonic_msec());
	take_out(pool, question);
	question->state = DONE;
	drop(question);
	pthread_cond_broadcast(&pool->finished);
}

static void
destroy(struct dns_pool *pool)
{
	pthread_cond_destroy(&pool->queued);
	pthread_cond_destroy(&pool->finished);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* A worker; without the lock at first. */
static void *
run(void *argument)
{
	struct dns_pool *pool = argument;
	struct question *question;
	bool last;

	pthread_mutex_lock(&pool->lock);
	while ((question = take_question(pool)) != NULL)
		answer_question(pool, question);
	pool->workers--;
	pthread_cond_broadcast(&pool->finished);
	last = pool->abandoned && pool->workers == 0;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		destroy(pool);
	return NULL;
}

/* Start a worker if all are busy. */
static void
call_worker(struct dns_pool *pool)
{
	pthread_attr_t detached;
	pthread_t thread;

	pthread_cond_signal(&pool->queued);
	if (pool->idle >= pool->waiting || pool->workers == DNS_WORKERS)
		return;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	/* Where there is no thread to be had, deadlines come. */
	if (pthread_create(&thread, &detached, run, pool) == 0)
		pool->workers++;
	pthread_attr_destroy(&detached);
}

/* The question that is under way, or a new one; NULL if too many wait. */
static struct question *
get_question(struct dns_pool *pool, enum dns_type type, const char *name)
{
	struct question *question;

	for (question = pool->first; question != NULL; question = question->next) {
		if (question->type == type && strcmp(question->name, name) == 0) {
			question->references++;
			return question;
		}
	}
	if (pool->waiting == DNS_WAITING)
		return NULL;
	question = calloc(1, sizeof(*question));
	if (question == NULL)
		msg_out_of_memory();
	question->type = type;
	stpcpy(question->name, name);
	question->references = 1;
	question->arena = arena_new();
	append(pool, question);
	pool->waiting++;
	call_worker(pool);
	return question;
}

static void
give_up(struct dns_pool *pool, struct question *question)
{
	int64_t now = clock_monotonic_msec();

	if (question->state == ASKED && now - question->asked_msec >= DNS_SILENCE_MSEC)
		dns_cache_put(pool->cache, question->type, question->name,
		    &(struct dns_answer){ .status = DNS_FAILED }, 0, now);
	if (question->state == WAITING && question->references == 1) {
		take_out(pool, question);
		pool->waiting--;
	}
}

struct dns_pool *
dns_pool_new(const struct dns_servers *servers, struct dns_cache *cache)
{
	struct dns_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		msg_out_of_memory();
	pool->servers = *servers;
	pool->cache = cache;
	pthread_mutex_init(&pool->lock, NULL);
	clock_condition_init(&pool->queued);
	clock_condition_init(&pool->finished);
	return pool;
}

void
dns_pool_free(struct dns_pool *pool)
{
	struct timespec until = clock_timespec(clock_monotonic_msec() + DNS_END_MSEC);
	int waited = 0;
	bool abandoned;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->queued);
	while (pool->workers > 0 && waited == 0)
		waited = pthread_cond_timedwait(&pool->finished, &pool->lock, &until);
	abandoned = pool->abandoned = pool->workers > 0;
	pthread_mutex_unlock(&pool->lock);
	if (!abandoned)
		destroy(pool);
}

void
dns_pool_ask(struct dns_pool *pool, enum dns_type type, const char *name,
    int64_t deadline_msec, struct arena *arena, struct dns_answer *answer_r)
{
	struct timespec until = clock_timespec(deadline_msec);
	struct question *question;
	int waited = 0;

	*answer_r = (struct dns_answer){ .status = DNS_FAILED };
	pthread_mutex_lock(&pool->lock);
	question = get_question(pool, type, name);
	if (question != NULL) {
		while (question->state != DONE && waited == 0)
			waited = pthread_cond_timedwait(&pool->finished, &pool->lock, &until);
		if (question->state == DONE)
			dns_cache_copy(&question->answer, arena, answer_r);
		else
			give_up(pool, question);
		drop(question);
	}
	pthread_mutex_unlock(&pool->lock);
}
