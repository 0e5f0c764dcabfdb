/*
 * progress: one line on a terminal that says how far long work is. It stands on
 * the last line, and is taken away before anything else is written. Without a
 * terminal there is none.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on, shown;
	int64_t began, drawn; /* msec, monotonic */
	uint64_t bytes_all;   /* 0 if not known */
	uint64_t bytes, count;
};

/* `bytes_all` is how much there is to read, 0 if that is not known. A signal
   that ends the program takes the line away, too. */
void progress_begin(uint64_t bytes_all, struct progress *progress_r);

/* So much more was done. Draws the line, but not too often. */
void progress_add(struct progress *progress, uint64_t bytes, uint64_t count);

/* Take the line away: something is about to be written. */
void progress_hide(struct progress *progress);

#endif
