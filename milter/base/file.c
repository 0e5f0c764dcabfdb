#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/msg.h"

static int
read_all(int fd, const char *path, size_t limit, struct buf *content, const char **error_r)
{
	char chunk[16384];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_add(content, (struct str){ chunk, (size_t)got });
		if (content->len > limit)
			return msg_failure(error_r, "%s: more than %zu bytes", path, limit);
	}
	if (got < 0)
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	return 1;
}

static int
read_file(const char *path, bool secret, size_t limit, struct buf *content,
    const char **error_r)
{
	struct stat st;
	int fd, ret;

	/* O_NONBLOCK: a FIFO put in the place of the file must not hang us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		if (errno == ENOENT)
			return 0;
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	}
	if (fstat(fd, &st) == -1)
		ret = msg_failure(error_r, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ret = msg_failure(error_r, "%s: not a regular file", path);
	else if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		ret = msg_failure(error_r, "%s: others than its owner can read it: run chmod 600 %s",
		    path, path);
	else
		ret = read_all(fd, path, limit, content, error_r);
	close(fd);
	return ret;
}

int
file_read(const char *path, size_t limit, struct buf *content, const char **error_r)
{
	return read_file(path, false, limit, content, error_r);
}

int
file_read_secret(const char *path, size_t limit, struct buf *content, const char **error_r)
{
	return read_file(path, true, limit, content, error_r);
}

int
file_lock(const char *path, int *fd_r, const char **error_r)
{
	/* An open file description lock: it cannot be lost because some
	   library opens and closes the same file elsewhere in the process. */
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return msg_failure(error_r, "%s: %s: the directory must be there, and writable "
		    "for this user", path, strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
		*fd_r = fd;
		return 1;
	}
	if (errno == EAGAIN || errno == EACCES) {
		close(fd);
		return 0;
	}
	msg_failure(error_r, "%s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

int
file_make_directory(const char *path, mode_t mode, const char **error_r)
{
	struct stat st;

	if (mkdir(path, mode) == -1 && errno != EEXIST)
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (stat(path, &st) == -1)
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return msg_failure(error_r, "%s: not a directory", path);
	return 0;
}

int
file_sync_directory(const char *path, const char **error_r)
{
	char copy[PATH_MAX];
	int fd, ret = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		ret = msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return ret;
}
