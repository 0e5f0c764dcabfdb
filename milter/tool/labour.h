/*
 * labour: what a worker of bouncemilter-classify does with a batch: messages or
 * lines to answers.
 */
#ifndef TOOL_LABOUR_H
#define TOOL_LABOUR_H

#include "tool/answer.h"
#include "tool/crew.h"

enum labour_input { LABOUR_MESSAGES, LABOUR_LOG, LABOUR_REPLIES };

struct labour {
	enum labour_input input;
	struct answer answer;
	int64_t now;
};

/* The functions of struct crew_craft; `context` is a struct labour. */
void *labour_begin(void *context);
void labour_end(void *tools);
void labour_work(struct crew *crew, struct batch *batch, void *tools);

#endif
