/*
 * intake: files to batches. A file is a message, or an mbox, or lines; of a
 * message only the front is kept, as far as it will be read (parse/limits.h),
 * and the rest is passed over.
 */
#ifndef TOOL_INTAKE_H
#define TOOL_INTAKE_H

#include "tool/crew.h"
#include "tool/stream.h"
#include "tool/walk.h"

/* A file that is larger is no message. */
#define INTAKE_MESSAGE_BYTES ((int64_t)64 * 1024 * 1024)

struct intake {
	struct crew *crew;
	bool lines;            /* else messages */
	size_t batch_bytes;    /* of content, from which on a batch is submitted */
	const bool *over;      /* nothing more is wanted */
	/* Called when there is nothing to read for now, and all is answered. */
	void (*idle)(void *context);
	void *context;
	/* of the message that is being read */
	bool in_message;
	size_t from;           /* where it begins in the batch */
	uint64_t counted;      /* bytes of the stream that a batch has counted */
	struct stream stream;
};

/* An intake is made by filling in the first six. This reads a file, or notes
   what is wrong with it; see walk.h. */
extern const struct walk_craft intake_craft;

/* All files were read: submit what there is, and wait for it. */
void intake_end(struct intake *intake);

#endif
