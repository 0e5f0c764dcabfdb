/*
 * stream: an open file, read once from front to end, through a window of fixed
 * size.
 */
#ifndef TOOL_STREAM_H
#define TOOL_STREAM_H

#include "base/str.h"

#define STREAM_BYTES (64 * 1024)

struct stream {
	int fd;
	int error;     /* errno of a failed read, else 0 */
	bool ended;    /* all was read, into the window at least */
	bool in_line;  /* the last piece of a line did not end it */
	size_t at, len; /* what of the window is not used up */
	uint64_t bytes; /* read so far */
	/* Called before a read that has to wait for somebody else; may be NULL. */
	void (*idle)(void *context);
	void *context;
	char window[STREAM_BYTES];
};

/* A line or a piece of one. */
struct stream_line {
	struct str text;  /* with its line ending; valid until the next call */
	bool is_front;    /* a line begins with it */
};

void stream_init(struct stream *stream, int fd, void (*idle)(void *context), void *context);

/* Read until there is a line, or the window is full, or the file has ended.
   Returns all that is in the window; empty at the end. */
struct str stream_fill(struct stream *stream);

/* Use up the first bytes of the window. */
void stream_skip(struct stream *stream, size_t len);

/* The next line up to `ending`; a line that does not fit into the window comes
   in pieces. Returns false at the end. */
bool stream_line(struct stream *stream, char ending, struct stream_line *line);

#endif
