#include "store/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/msg.h"

/* LMDB gives a reader a cache line, and has a few lines of its own in front. From
   the size of a file that is there it takes how many readers there may be. */
#define READER_BYTES 64
#define FRONT_READERS 4

#define BLOCK_BYTES 512 /* of st_blocks */

int
store_file_check(const char *path, bool read_only, enum store_error *kind_r,
    const char **error_r)
{
	struct stat st;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT && !read_only)
			return 0;
		return msg_failure(error_r, "%s: %s", path, strerror(errno));
	}
	if (S_ISREG(st.st_mode))
		return 0;
	*kind_r = STORE_ERROR_CONFIG;
	return msg_failure(error_r, "%s: not a regular file: move it away", path);
}

/* Has another process the store open? Only asked: a lock of ours, however short,
   would tell another one that the file is ready for use. */
static bool
is_used(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	return fcntl(fd, F_GETLK, &lock) == -1 || lock.l_type != F_UNLCK;
}

/* Returns 0 or -1 with errno. */
static int
fill(int fd, off_t size)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	/* Who has a shorter file mapped must not meet readers behind its end. */
	if (st.st_size >= size || (st.st_size > 0 && is_used(fd)))
		size = st.st_size;
	if (size == 0 || (st.st_size == size && st.st_blocks * BLOCK_BYTES >= size))
		return 0;
	/* Not posix_fallocate(): where the file system cannot, that writes zeros
	   over what others may just have written. */
	if (fallocate(fd, 0, 0, size) == 0)
		return 0;
	return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
}

int
store_file_reserve_lock(const char *path, unsigned readers, const char **error_r)
{
	char *lock;
	int fd, ret = 0;

	if (asprintf(&lock, "%s-lock", path) == -1)
		msg_out_of_memory();
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* If it cannot be opened, LMDB says so, where it needs it. */
	if (fd != -1) {
		if (fill(fd, (off_t)(readers + FRONT_READERS) * READER_BYTES) == -1)
			ret = msg_failure(error_r, "%s: %s: make room on its disk", lock,
			    strerror(errno));
		close(fd);
	}
	free(lock);
	return ret;
}
