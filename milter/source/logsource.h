/*
 * logsource: a mail log as lines with positions, wherever it lies: a file that
 * is rotated (logtail.h) or the journal (journal_reader.h).
 *
 * A position is a text that only its source understands. It is kept with what
 * was read, and given back after a restart.
 */
#ifndef SOURCE_LOGSOURCE_H
#define SOURCE_LOGSOURCE_H

#include "base/arena.h"

/* What a source is told at its beginning. */
struct logsource_begin {
	const char *position; /* of the last stop, NULL on the first start */
	bool backfill;        /* on the first start: from the beginning, not from now */
	int wake_fd;          /* becomes readable when nobody shall wait any more */
};

struct logsource {
	const char *name;     /* for people: a path, or "the journal" */
	unsigned gaps;        /* how often something was lost, and was warned of */
	unsigned overlong;    /* lines that nobody could have written */

	/*
	 * The next whole lines, each with its ending; wait for them at most
	 * `timeout_msec`. The lines are the source's until the next call.
	 * Returns 1, 0 if there are none yet, -1 with a sentence and its remedy
	 * if the log cannot be read now; it may be tried again.
	 */
	int (*read)(struct logsource *source, int timeout_msec, struct str *lines_r,
	    const char **error_r);

	/* The position behind the lines that were read, in the arena; NULL if there
	   is none yet. */
	const char *(*position)(struct logsource *source, struct arena *arena);

	/* Give out up to `bytes` of whole lines before the position, oldest first. */
	void (*recall)(struct logsource *source, size_t bytes,
	    void (*lines)(struct str lines, void *context), void *context);

	void (*close)(struct logsource *source);
};

#endif
