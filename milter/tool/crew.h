/*
 * crew: workers for batches. One thread, the caller's, fills batches and gets
 * them back in the same order when they are done; others work on them, each on
 * one at a time. There are few batches, so that a fast reader waits for slow
 * workers and memory stays bounded, however many cores there are.
 *
 * With one worker there are no threads: the caller does the work himself.
 */
#ifndef TOOL_CREW_H
#define TOOL_CREW_H

#include "tool/batch.h"

#define CREW_MOST 64 /* workers */

struct crew;

/* What is to be done. */
struct crew_craft {
	void *(*begin)(void *context);  /* a worker's own tools */
	void (*end)(void *tools);
	void (*work)(struct crew *crew, struct batch *batch, void *tools);
	void (*finish)(struct batch *batch, void *context); /* the caller's thread */
};

/* `workers` is from 1 to CREW_MOST; craft and context stay valid. Threads are
   started when there is work for them. */
struct crew *crew_new(unsigned workers, const struct crew_craft *craft, void *context);

/* The batch to be filled: the same one until it is submitted. */
struct batch *crew_batch(struct crew *crew);

/* Hand it to the workers. What is done by now is finished; if there is no other
   batch, this waits for one. */
void crew_submit(struct crew *crew);

/* Wait until all that was submitted is finished. */
void crew_drain(struct crew *crew);

/* End all workers; what they have not finished is dropped. */
void crew_free(struct crew *crew);

/* Memory that is needed to read a message is a multiple of its size, and all
   workers together have a limit: wait until there is room for one of so many
   bytes, and give it back. Between them a worker must not ask again. */
void crew_take_room(struct crew *crew, size_t bytes);
void crew_give_room(struct crew *crew, size_t bytes);

#endif
