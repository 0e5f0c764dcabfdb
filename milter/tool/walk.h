/*
 * walk: the files that a name stands for: the file itself, or all below a
 * directory, by name. Links are followed, and a link that leads back to a
 * directory above it is noticed. A directory may have any number of entries:
 * its names are read in portions of bounded size.
 *
 * In a Maildir, which has cur and new, only these, tmp and its folders are
 * read: the files beside them are no messages.
 */
#ifndef TOOL_WALK_H
#define TOOL_WALK_H

#include <sys/stat.h>

#include "base/str.h"

/* What happens on the way. Any of them may end the walk by returning -1. */
struct walk_craft {
	/* A file was opened; it is closed afterwards. */
	int (*file)(int fd, const struct stat *st, const char *path, void *context);
	/* It cannot be read: why, and what to do. */
	int (*trouble)(const char *path, const char *what, void *context);
};

/* "-" stands for standard input. Returns 0, or -1 if it was ended. */
int walk(const char *path, const struct walk_craft *craft, void *context);

#endif
