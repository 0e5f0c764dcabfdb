/*
 * batch: a piece of work for one worker, and what came of it: some messages, or
 * some lines, that were read together; later their answers, in their order.
 */
#ifndef TOOL_BATCH_H
#define TOOL_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "tool/totals.h"

#define BATCH_PIECES 64

/* A message. */
struct batch_piece {
	const char *name;  /* of its file, in the arena of the batch */
	size_t from, len;  /* in its content */
};

struct batch {
	struct arena *arena;
	struct buf content;
	struct batch_piece pieces[BATCH_PIECES]; /* none: the content is lines */
	unsigned piece_count;
	uint64_t bytes;       /* that were read for it */
	struct buf output;
	struct buf troubles;  /* sentences, each ends with NUL */
	struct totals totals;
};

void batch_init(struct batch *batch);
void batch_free(struct batch *batch);

/* Make it empty; what was very large gives its memory back. */
void batch_clear(struct batch *batch);

bool batch_is_empty(const struct batch *batch);

/* Note what is wrong with a file, and what to do about it. */
void batch_trouble(struct batch *batch, const char *name, const char *what);

#endif
