/*
 * table_file: one file that the MTA reads, and what every format of such a
 * file can do. table.c knows what stands in the files and asks no more of a
 * format than this; each format has a struct table_file of its own.
 */
#ifndef STORE_TABLE_FILE_H
#define STORE_TABLE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct table_file;

enum table_state {
	TABLE_GOOD,
	TABLE_MISSING,
	TABLE_TORN,    /* cut, damaged, or no file of this format at all */
	TABLE_FOREIGN, /* a good table with a value that is not ours */
};

struct table_format {
	const char *suffix; /* of the name of a file */

	/* Look at a file without changing it. `marker` is in all values of ours.
	   Returns 0 and what it is, or -1 with a sentence if that cannot be told. */
	int (*inspect)(const char *path, struct str marker, enum table_state *state_r,
	    const char **error_r);

	/* Make an empty table in the place of whatever is there: written aside,
	   synced, renamed. Returns 0 or -1. */
	int (*create)(const char *path, const char **error_r);

	/* Open a table for writing. Returns 0 or -1. */
	int (*open)(const char *path, struct table_file **file_r, const char **error_r);
	void (*close)(struct table_file *file); /* NULL is allowed */

	/* Lock other writers out and begin; the limit is that of table_lock().
	   Returns 0 or -1. */
	int (*begin)(struct table_file *file, const _Atomic int64_t *limit_msec,
	    const char **error_r);

	/* Put or remove a key between begin and commit; removing what is not
	   there is no failure. Where `remove` is NULL, files are only written as
	   a whole: what was not put is not in it any more.
	   Returns 0 or -1. */
	int (*put)(struct table_file *file, struct str key, struct str value,
	    const char **error_r);
	int (*remove)(struct table_file *file, struct str key, const char **error_r);

	/* Make it durable, or drop it, and give the lock back. Returns 0 or -1. */
	int (*commit)(struct table_file *file, const char **error_r);
	void (*abort)(struct table_file *file);

	/* Call `row` for every key and value that the MTA sees, between begin and
	   the first put; it stops when `row` returns -1. Returns 0 or -1. */
	int (*each)(struct table_file *file,
	    int (*row)(struct str key, struct str value, void *context), void *context,
	    const char **error_r);
};

/* An open table: one of those of table_content.h, in a format. */
struct table {
	const struct table_format *format;
	struct table_file *file;
	unsigned which;
	const _Atomic int64_t *limit_msec; /* for its lock */
};

#endif
