/*
 * names: the entries of a directory in the order of their bytes, in memory of
 * bounded size: a Maildir may have millions of messages. Each portion takes
 * another pass over the directory.
 */
#ifndef TOOL_NAMES_H
#define TOOL_NAMES_H

#include "base/buf.h"

struct names {
	struct buf text;        /* the names, each ends with NUL */
	const char **list;      /* sorted; they point into the text */
	size_t count, size;
	size_t bytes_most;
	bool more;              /* there are names behind the last one */
};

/* At most so many bytes of names and pointers at a time. */
void names_init(struct names *names, size_t bytes_most);
void names_free(struct names *names);

/* Read the first names behind `after`, "" for all, of the open directory, but
   not "." and "..". `after` must not be one of the list. Returns 0, or -1 with
   errno. */
int names_read(struct names *names, int dir_fd, const char *after);

#endif
