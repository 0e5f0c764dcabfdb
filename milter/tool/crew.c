#include "tool/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/msg.h"

/* Of messages that are being read at one time. What a message needs while it is
   read is up to thirty times its size. */
#define ROOM_BYTES ((size_t)1024 * 1024)

struct slot {
	struct batch batch;
	bool done;
};

struct crew {
	const struct crew_craft *craft;
	void *context;
	void *own_tools; /* of the caller, if he works himself */
	unsigned workers;
	struct slot *slots;
	unsigned slot_count;
	pthread_t threads[CREW_MOST];
	unsigned started;
	pthread_mutex_t lock; /* guards all that follows, and slot.done */
	pthread_cond_t has_work, is_done, has_room;
	uint64_t submitted, taken, finished; /* batches */
	unsigned idle;
	size_t room;
	bool over;
};

static struct slot *
slot_of(struct crew *crew, uint64_t number)
{
	return &crew->slots[number % crew->slot_count];
}

struct crew *
crew_new(unsigned workers, const struct crew_craft *craft, void *context)
{
	struct crew *crew = calloc(1, sizeof(*crew));

	if (crew == NULL)
		msg_out_of_memory();
	crew->craft = craft;
	crew->context = context;
	crew->workers = workers;
	crew->slot_count = workers == 1 ? 1 : workers + 2 + workers / 4;
	crew->slots = calloc(crew->slot_count, sizeof(crew->slots[0]));
	if (crew->slots == NULL)
		msg_out_of_memory();
	for (unsigned i = 0; i < crew->slot_count; i++)
		batch_init(&crew->slots[i].batch);
	if (workers == 1)
		crew->own_tools = craft->begin(context);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->has_work, NULL);
	pthread_cond_init(&crew->is_done, NULL);
	pthread_cond_init(&crew->has_room, NULL);
	crew->room = ROOM_BYTES;
	return crew;
}

/* The next batch for a worker, or NULL when it is over. Called with the lock. */
static struct slot *
wait_for_work(struct crew *crew)
{
	crew->idle++;
	while (!crew->over && crew->taken == crew->submitted)
		pthread_cond_wait(&crew->has_work, &crew->lock);
	crew->idle--;
	return crew->over ? NULL : slot_of(crew, crew->taken++);
}

static void *
worker(void *argument)
{
	struct crew *crew = argument;
	void *tools = crew->craft->begin(crew->context);
	struct slot *slot;

	pthread_mutex_lock(&crew->lock);
	while ((slot = wait_for_work(crew)) != NULL) {
		pthread_mutex_unlock(&crew->lock);
		crew->craft->work(crew, &slot->batch, tools);
		pthread_mutex_lock(&crew->lock);
		slot->done = true;
		pthread_cond_signal(&crew->is_done);
	}
	pthread_mutex_unlock(&crew->lock);
	crew->craft->end(tools);
	return NULL;
}

/* One more thread, if all are at work. It is no failure that there can be no
   more, if there is one. Called with the lock. */
static void
start_worker(struct crew *crew)
{
	if (crew->started == crew->workers ||
	    crew->submitted - crew->taken <= crew->idle)
		return;
	if (pthread_create(&crew->threads[crew->started], NULL, worker, crew) == 0) {
		crew->started++;
	} else if (crew->started == 0) {
		msg_error("cannot start a thread; try --threads 1");
		exit(EX_OSERR);
	} else {
		crew->workers = crew->started;
	}
}

/* Finish the oldest batch. Called with the lock, which is not held meanwhile;
   no worker touches a batch that is done. */
static void
finish_oldest(struct crew *crew)
{
	struct slot *slot = slot_of(crew, crew->finished);

	while (!slot->done)
		pthread_cond_wait(&crew->is_done, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
	crew->craft->finish(&slot->batch, crew->context);
	batch_clear(&slot->batch);
	slot->done = false;
	pthread_mutex_lock(&crew->lock);
	crew->finished++;
}

struct batch *
crew_batch(struct crew *crew)
{
	/* Only this thread counts them. */
	return &slot_of(crew, crew->submitted)->batch;
}

void
crew_submit(struct crew *crew)
{
	struct batch *batch = crew_batch(crew);

	if (crew->own_tools != NULL) {
		crew->craft->work(crew, batch, crew->own_tools);
		crew->craft->finish(batch, crew->context);
		batch_clear(batch);
		return;
	}
	pthread_mutex_lock(&crew->lock);
	crew->submitted++;
	start_worker(crew);
	pthread_cond_signal(&crew->has_work);
	while (crew->submitted - crew->finished == crew->slot_count ||
	    (crew->finished < crew->submitted && slot_of(crew, crew->finished)->done))
		finish_oldest(crew);
	pthread_mutex_unlock(&crew->lock);
}

void
crew_drain(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	while (crew->finished < crew->submitted)
		finish_oldest(crew);
	pthread_mutex_unlock(&crew->lock);
}

void
crew_free(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	crew->over = true;
	pthread_cond_broadcast(&crew->has_work);
	pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->started; i++)
		pthread_join(crew->threads[i], NULL);
	if (crew->own_tools != NULL)
		crew->craft->end(crew->own_tools);
	for (unsigned i = 0; i < crew->slot_count; i++)
		batch_free(&crew->slots[i].batch);
	pthread_cond_destroy(&crew->has_room);
	pthread_cond_destroy(&crew->is_done);
	pthread_cond_destroy(&crew->has_work);
	pthread_mutex_destroy(&crew->lock);
	free(crew->slots);
	free(crew);
}

void
crew_take_room(struct crew *crew, size_t bytes)
{
	if (crew->own_tools != NULL)
		return;
	pthread_mutex_lock(&crew->lock);
	while (crew->room < bytes)
		pthread_cond_wait(&crew->has_room, &crew->lock);
	crew->room -= bytes;
	pthread_mutex_unlock(&crew->lock);
}

void
crew_give_room(struct crew *crew, size_t bytes)
{
	if (crew->own_tools != NULL)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->room += bytes;
	pthread_cond_broadcast(&crew->has_room);
	pthread_mutex_unlock(&crew->lock);
}
