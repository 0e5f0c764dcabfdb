#include "pipeline_later.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/msg.h"

#define THREADS 4

struct item {
	struct item *next;
	struct arena *arena; /* of all of it */
	struct str message;
	struct pipeline_origin origin;
	int64_t due_msec;
};

struct later {
	void (*judge)(void *context, struct str message, const struct pipeline_origin *origin,
	    bool hurry);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct item *first, **tail; /* in the order of coming */
	unsigned count;
	size_t bytes;
	bool stopping;
	unsigned thread_count;
	pthread_t threads[THREADS];
};

/* The lock is held. */
static struct item *
take_first(struct later *later)
{
	struct item *item = later->first;

	later->first = item->next;
	if (later->first == NULL)
		later->tail = &later->first;
	later->count--;
	later->bytes -= item->message.len;
	return item;
}

/* The first that is due; waits for it. NULL at the end. */
static struct item *
wait_for_item(struct later *later)
{
	struct item *item = NULL;

	pthread_mutex_lock(&later->lock);
	while (!later->stopping && item == NULL) {
		if (later->first == NULL) {
			pthread_cond_wait(&later->changed, &later->lock);
		} else if (later->first->due_msec > clock_monotonic_msec()) {
			const struct timespec due = clock_timespec(later->first->due_msec);

			pthread_cond_timedwait(&later->changed, &later->lock, &due);
		} else {
			item = take_first(later);
		}
	}
	pthread_mutex_unlock(&later->lock);
	return item;
}

static void
judge(struct later *later, struct item *item, bool hurry)
{
	later->judge(later->context, item->message, &item->origin, hurry);
	arena_free(item->arena);
}

static void *
run(void *context)
{
	struct later *later = context;
	struct item *item;

	while ((item = wait_for_item(later)) != NULL)
		judge(later, item, false);
	return NULL;
}

struct later *
later_new(void (*judge_it)(void *context, struct str message, const struct pipeline_origin *origin,
    bool hurry), void *context)
{
	struct later *later = calloc(1, sizeof(*later));

	if (later == NULL)
		msg_out_of_memory();
	later->judge = judge_it;
	later->context = context;
	later->tail = &later->first;
	pthread_mutex_init(&later->lock, NULL);
	clock_condition_init(&later->changed);
	/* Without any, nothing is taken in. */
	while (later->thread_count < THREADS && pthread_create(
	    &later->threads[later->thread_count], NULL, run, later) == 0)
		later->thread_count++;
	return later;
}

static void
end_threads(struct later *later)
{
	pthread_mutex_lock(&later->lock);
	later->stopping = true;
	pthread_cond_broadcast(&later->changed);
	pthread_mutex_unlock(&later->lock);
	for (; later->thread_count > 0; later->thread_count--)
		pthread_join(later->threads[later->thread_count - 1], NULL);
}

void
later_stop(struct later *later)
{
	end_threads(later);
	while (later->first != NULL)
		judge(later, take_first(later), true);
}

void
later_free(struct later *later)
{
	end_threads(later);
	while (later->first != NULL)
		arena_free(take_first(later)->arena);
	pthread_mutex_destroy(&later->lock);
	pthread_cond_destroy(&later->changed);
	free(later);
}

static struct item *
copy_item(struct str message, const struct pipeline_origin *origin, int64_t msec)
{
	struct arena *arena = arena_new();
	struct item *item = arena_alloc(arena, sizeof(*item));

	*item = (struct item){ .arena = arena, .origin = *origin,
		.message = { arena_strdup(arena, message), message.len },
		.due_msec = clock_monotonic_msec() + msec };
	item->origin.client = arena_strdup(arena, str_of(origin->client));
	item->origin.daemon_name = arena_strdup(arena, str_of(origin->daemon_name));
	item->origin.host_name = arena_strdup(arena, str_of(origin->host_name));
	item->origin.helo = arena_strdup(arena, str_of(origin->helo));
	item->origin.envelope_sender = arena_strdup(arena, str_of(origin->envelope_sender));
	item->origin.envelope_recipient = arena_strdup(arena, str_of(origin->envelope_recipient));
	return item;
}

bool
later_add(struct later *later, struct str message, const struct pipeline_origin *origin,
    int64_t msec)
{
	struct item *item;
	bool room;

	pthread_mutex_lock(&later->lock);
	room = !later->stopping && later->thread_count > 0 && later->count < LATER_MOST &&
	    later->bytes + message.len <= LATER_BYTES;
	if (room) {
		item = copy_item(message, origin, msec);
		*later->tail = item;
		later->tail = &item->next;
		later->count++;
		later->bytes += message.len;
		pthread_cond_signal(&later->changed);
	}
	pthread_mutex_unlock(&later->lock);
	return room;
}
