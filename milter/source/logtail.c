#include "source/logtail.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "source/logfile.h"

#define BUFFER_BYTES ((size_t)256 * 1024)
#define GRACE_NSEC INT64_C(2000000000) /* who renames a log may still write to it */

struct logtail {
	struct logsource source;
	char *path;
	struct logfile file; /* fd -1: none is open */
	/* The bytes of the file from mark.offset on; of them `given` were given
	   out, and `skipped` were dropped because their line has no end. */
	char *buffer;
	size_t filled, given, skipped;
	int inotify, watch;
	int wake_fd;
};

static struct logtail *
tail_of(struct logsource *source)
{
	return (struct logtail *)source;
}

/* Forget what was given out: the position is behind it. */
static void
advance(struct logtail *tail)
{
	if (tail->given == 0)
		return;
	tail->file.mark.offset += (int64_t)(tail->skipped + tail->given);
	tail->skipped = 0;
	tail->filled -= tail->given;
	memmove(tail->buffer, tail->buffer + tail->given, tail->filled);
	tail->given = 0;
}

/* Begin with a file that was just opened, at the place of its mark. */
static void
begin(struct logtail *tail, const struct logfile *file)
{
	logfile_close(&tail->file);
	tail->file = *file;
	tail->filled = tail->given = tail->skipped = 0;
	if (tail->watch != -1)
		inotify_rm_watch(tail->inotify, tail->watch);
	tail->watch = inotify_add_watch(tail->inotify, tail->path, IN_MODIFY | IN_ATTRIB);
}

static void
warn_of_gap(struct logtail *tail, const char *why)
{
	tail->source.gaps++;
	msg_warning("%s: %s: lines of it are lost", tail->path, why);
}

/* From now: behind the last line that is whole. */
static int64_t
end_of_lines(const struct logfile *file)
{
	char tail[4096];
	struct stat st;
	int64_t from;
	ssize_t len;

	if (fstat(file->fd, &st) == -1)
		return 0;
	from = st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail) : 0;
	len = pread(file->fd, tail, sizeof(tail), from);
	while (len > 0 && tail[len - 1] != '\n')
		len--;
	return from + (len > 0 ? len : 0);
}

static bool
is_empty(const struct logfile *file)
{
	struct stat st;

	return fstat(file->fd, &st) == 0 && st.st_size == 0;
}

/* The file that comes after the mark. As long as nothing is in it, the one before
   may still be written to. Returns 1, 0 if there is none yet, -1 with errno if
   it cannot be opened. */
static int
begin_next(struct logtail *tail, const struct logfile_mark *after)
{
	struct logfile file;
	bool gap;

	if (logfile_next(tail->path, after, &file, &gap) == 0)
		return errno == ENOENT ? 0 : -1;
	if (is_empty(&file)) {
		logfile_close(&file);
		return 0;
	}
	if (gap)
		warn_of_gap(tail, "a file that it was rotated to has been compressed");
	begin(tail, &file);
	return 1;
}

/* Where the last stop was, or what is nearest to it. What cannot be opened yet
   is told by read(), and resumed when it can be. */
static void
resume(struct logtail *tail, const struct logfile_mark *mark)
{
	struct logfile file;

	if (logfile_find(tail->path, mark, &file) == 1) {
		begin(tail, &file);
		return;
	}
	if (access(tail->path, R_OK) == -1) {
		tail->file.mark = *mark;
		return;
	}
	tail->file.mark.inode = 0;
	warn_of_gap(tail, "the file that was read last is not there any more");
	begin_next(tail, mark);
}

static void
first_start(struct logtail *tail, bool backfill)
{
	struct logfile file;

	if (logfile_open(tail->path, &file) == -1)
		return; /* when it is there, from its beginning */
	if (!backfill)
		file.mark.offset = end_of_lines(&file);
	begin(tail, &file);
}

/* Who may read the file, and what makes us one of them. */
static int
cannot_read(const struct logtail *tail, int code, const char **error_r)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group;
	struct stat st;

	if (code == EACCES && stat(tail->path, &st) == -1)
		return msg_failure(error_r, "%s: %s: let user %s enter its directory", tail->path,
		    strerror(code), user == NULL ? "?" : user->pw_name);
	if (code != EACCES)
		return msg_failure(error_r, "%s: %s: set log in bouncemilter.conf to where the mail "
		    "log is", tail->path, strerror(code));
	group = getgrgid(st.st_gid);
	if ((st.st_mode & S_IRGRP) != 0 && group != NULL)
		return msg_failure(error_r, "%s: %s: put user %s into group %s and start again",
		    tail->path, strerror(code), user == NULL ? "?" : user->pw_name,
		    group->gr_name);
	return msg_failure(error_r, "%s: %s: its mode is %04o; let syslog write the log, or set "
	    "maillog_file_permissions in Postfix 3.9 or later", tail->path, strerror(code),
	    (unsigned)(st.st_mode & 07777));
}

/* Was the file cut, or written anew, in its place? */
static bool
was_cut(struct logtail *tail)
{
	struct stat st;

	if (fstat(tail->file.fd, &st) == 0 && st.st_size >=
	    tail->file.mark.offset + (int64_t)(tail->skipped + tail->filled) &&
	    logfile_is_same(&tail->file, &tail->file.mark))
		return false;
	return true;
}

/* Is the path another file than the one that is open? */
static bool
is_replaced(const struct logtail *tail)
{
	struct stat st;

	return stat(tail->path, &st) == 0 && (st.st_ino != tail->file.mark.inode ||
	    st.st_dev != tail->file.mark.device);
}

static int64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * At the end of the open file: has the log gone on elsewhere? A file that was
 * renamed is left only when nobody has written to it for a while. What stands
 * at its end without a newline is given out as a line then.
 * Returns 1 if there may be more to read now, 0 if not, -1.
 */
static int
change_file(struct logtail *tail, struct str *lines_r, const char **error_r)
{
	int64_t idle;
	int ret;

	logfile_update(&tail->file);
	if (!is_replaced(tail))
		return 0;
	idle = now_nsec() - tail->file.mark.mtime_nsec;
	if (idle >= 0 && idle < GRACE_NSEC)
		return 0;
	if (tail->filled > 0 && tail->skipped == 0) {
		*lines_r = (struct str){ tail->buffer, tail->filled };
		tail->given = tail->filled;
		return 1;
	}
	ret = begin_next(tail, &tail->file.mark);
	return ret == -1 ? cannot_read(tail, errno, error_r) : ret;
}

static void
wait_for_change(struct logtail *tail, int timeout_msec)
{
	struct pollfd fds[2] = {
		{ .fd = tail->inotify, .events = POLLIN }, { .fd = tail->wake_fd, .events = POLLIN },
	};
	char events[4096];

	if (poll(fds, 2, timeout_msec) > 0 && (fds[0].revents & POLLIN) != 0) {
		while (read(tail->inotify, events, sizeof(events)) > 0)
			;
	}
}

/* A line that does not end: nothing of it is kept, and the position stays in
   front of it until its end is found. */
static void
skip_overlong(struct logtail *tail)
{
	if (tail->skipped == 0)
		tail->source.overlong++;
	tail->skipped += tail->filled;
	tail->filled = 0;
}

/* Give out what is whole. Returns 1 if there is something. */
static int
give_lines(struct logtail *tail, struct str *lines_r)
{
	const char *last = memrchr(tail->buffer, '\n', tail->filled);
	const char *first = tail->buffer;

	if (last == NULL) {
		if (tail->filled == BUFFER_BYTES)
			skip_overlong(tail);
		return 0;
	}
	tail->given = (size_t)(last + 1 - tail->buffer);
	/* The end of a line that was skipped is no line. */
	if (tail->skipped > 0)
		first = (const char *)memchr(tail->buffer, '\n', tail->filled) + 1;
	*lines_r = (struct str){ first, (size_t)(last + 1 - first) };
	return 1;
}

/* Returns 1, 0, or -1 as read() does; nothing waits. */
static int
read_more(struct logtail *tail, struct str *lines_r, const char **error_r)
{
	const struct logfile_mark mark = tail->file.mark;
	struct logfile file;
	ssize_t len;

	if (tail->file.fd == -1) {
		if (logfile_open(tail->path, &file) == -1)
			return cannot_read(tail, errno, error_r);
		if (mark.inode == 0) {
			begin(tail, &file);
		} else {
			logfile_close(&file);
			resume(tail, &mark);
			return tail->file.fd == -1 ? 0 : 1;
		}
	}
	if (was_cut(tail)) {
		warn_of_gap(tail, "it was cut");
		if (logfile_find(tail->path, &mark, &file) == 0 &&
		    logfile_open(tail->path, &file) == -1) {
			int code = errno;

			/* It is not warned of again, while it cannot be opened. */
			logfile_close(&tail->file);
			tail->file.mark.inode = 0;
			return cannot_read(tail, code, error_r);
		}
		begin(tail, &file);
	}
	len = pread(tail->file.fd, tail->buffer + tail->filled, BUFFER_BYTES - tail->filled,
	    tail->file.mark.offset + (int64_t)(tail->skipped + tail->filled));
	if (len == -1)
		return cannot_read(tail, errno, error_r);
	tail->filled += (size_t)len;
	if (len == 0)
		return change_file(tail, lines_r, error_r);
	give_lines(tail, lines_r);
	return 1;
}

static int
tail_read(struct logsource *source, int timeout_msec, struct str *lines_r, const char **error_r)
{
	struct logtail *tail = tail_of(source);
	int ret;

	*lines_r = STR_EMPTY;
	advance(tail);
	while ((ret = read_more(tail, lines_r, error_r)) == 1 && lines_r->len == 0)
		;
	if (ret == 1 || timeout_msec == 0)
		return ret;
	wait_for_change(tail, timeout_msec);
	return ret;
}

static const char *
tail_position(struct logsource *source, struct arena *arena)
{
	struct logtail *tail = tail_of(source);

	if (tail->file.fd == -1)
		return NULL;
	advance(tail);
	logfile_update(&tail->file);
	return logfile_print(&tail->file.mark, tail->path, arena);
}

/* Give out the whole lines of the last `bytes` before `end`. */
static void
recall_part(int fd, int64_t end, size_t bytes,
    void (*lines)(struct str lines, void *context), void *context)
{
	size_t want = (int64_t)bytes < end ? bytes : (size_t)end;
	char *buffer = malloc(want + 1), *first = buffer;
	ssize_t len;

	if (buffer == NULL)
		msg_out_of_memory();
	len = pread(fd, buffer, want, end - (int64_t)want);
	if (len > 0 && (int64_t)want < end)
		first = memchr(buffer, '\n', (size_t)len);
	if (len > 0 && first != NULL)
		lines((struct str){ first, (size_t)(buffer + len - first) }, context);
	free(buffer);
}

static void
tail_recall(struct logsource *source, size_t bytes,
    void (*lines)(struct str lines, void *context), void *context)
{
	struct logtail *tail = tail_of(source);
	int64_t offset = tail->file.mark.offset;
	struct logfile before;
	struct stat st;

	if (tail->file.fd == -1)
		return;
	if (offset < (int64_t)bytes && logfile_before(tail->path, &tail->file.mark, &before) == 1) {
		if (fstat(before.fd, &st) == 0)
			recall_part(before.fd, st.st_size, bytes - (size_t)offset, lines, context);
		logfile_close(&before);
	}
	recall_part(tail->file.fd, offset, bytes, lines, context);
}

static void
tail_close(struct logsource *source)
{
	struct logtail *tail = tail_of(source);

	logfile_close(&tail->file);
	if (tail->inotify != -1)
		close(tail->inotify);
	free(tail->buffer);
	free(tail->path);
	free(tail);
}

struct logsource *
logtail_open(const char *path, const struct logsource_begin *how)
{
	struct logtail *tail = calloc(1, sizeof(*tail));
	struct logfile_mark mark;
	char directory[PATH_MAX];

	if (tail == NULL || (tail->path = strdup(path)) == NULL ||
	    (tail->buffer = malloc(BUFFER_BYTES)) == NULL)
		msg_out_of_memory();
	tail->source = (struct logsource){
		.name = tail->path, .read = tail_read, .position = tail_position,
		.recall = tail_recall, .close = tail_close,
	};
	tail->file.fd = tail->watch = -1;
	tail->wake_fd = how->wake_fd;
	/* Where there is no inotify, the time-out of every wait does it. */
	tail->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	snprintf(directory, sizeof(directory), "%s", path);
	inotify_add_watch(tail->inotify, dirname(directory), IN_CREATE | IN_MOVED_TO);
	if (how->position != NULL && logfile_scan(how->position, path, &mark) == 0)
		resume(tail, &mark);
	else
		first_start(tail, how->backfill);
	return &tail->source;
}
