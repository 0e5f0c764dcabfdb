/*
 * logfile: one file of a log and those it was rotated to: finding the one that
 * was read last, the one that comes next, and the one before.
 */
#ifndef SOURCE_LOGFILE_H
#define SOURCE_LOGFILE_H

#include <sys/types.h>

#include "base/arena.h"

#define LOGFILE_HEAD_BYTES 256 /* a file is known again by so many of its first bytes */

/* What a file is known by, and where in it one is. */
struct logfile_mark {
	uint64_t device, inode;
	int64_t offset;
	unsigned head_bytes; /* how many the hash is of */
	uint64_t head_hash;
	int64_t mtime_nsec;  /* when it was written last, as far as was seen */
};

struct logfile {
	int fd;
	struct logfile_mark mark;
};

/* Open a regular file, at its beginning. Returns 0, or -1 with errno. */
int logfile_open(const char *path, struct logfile *file_r);
void logfile_close(struct logfile *file);

/* Bring the mark up to date with what the file is now: head and time. */
void logfile_update(struct logfile *file);

/* Does the file still begin with the bytes of its mark? */
bool logfile_is_same(const struct logfile *file, const struct logfile_mark *mark);

/* Open the file of that mark, under the name it has now, at the place of the
   mark. Returns 1, or 0 if there is none. */
int logfile_find(const char *path, const struct logfile_mark *mark, struct logfile *file_r);

/*
 * Open the file that was begun next after one that was last written at
 * `mtime_nsec`; the one called `path` is the newest. `*gap_r` says that there
 * was one in between that cannot be read any more.
 * Returns 1, or 0 if there is none.
 */
int logfile_next(const char *path, const struct logfile_mark *after, struct logfile *file_r,
    bool *gap_r);

/* Open the file that was rotated away last before this one.
   Returns 1, or 0 if there is none. */
int logfile_before(const char *path, const struct logfile_mark *mark, struct logfile *file_r);

/* The text form of a mark and the path, in the arena, and back.
   Returns 0, or -1 if it is not one of this path. */
const char *logfile_print(const struct logfile_mark *mark, const char *path,
    struct arena *arena);
int logfile_scan(const char *text, const char *path, struct logfile_mark *mark_r);

#endif
