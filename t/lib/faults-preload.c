/*
 * faults-preload.so: loaded into the daemon with LD_PRELOAD, it lets system
 * calls on *.lmdb and *.cdb fail as a test wants, and counts them.
 *
 * BM_FAULTS names a file of FIELD_COUNT 32-bit numbers in the byte order of
 * the machine, which is mapped: the test changes it while the daemon runs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	FIELD_FILES,  /* which files, bits of FILE_ */
	FIELD_CALLS,  /* which calls, bits of CALL_ */
	FIELD_ERROR,  /* errno; 0: a write writes only half */
	FIELD_FIRST,  /* the first call to fail, from 1; 0: none */
	FIELD_HOW_MANY, /* calls that fail; 0: all from then on */
	FIELD_SEEN,   /* calls that matched */
	FIELD_FAILED, /* those of them that failed */
	FIELD_SYNCS,  /* all that wait for the disk, whatever the rest says */
	FIELD_COUNT
};
enum { FILE_STATE = 1, FILE_TABLE = 2, FILE_CDB = 4, FILE_SENT = 8 };
enum { CALL_WRITE = 1, CALL_SYNC = 2, CALL_TRUNCATE = 4, CALL_OPEN = 8, CALL_RENAME = 16 };

static _Atomic uint32_t *fields;

__attribute__((constructor)) static void
map_fields(void)
{
	const char *path = getenv("BM_FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd != -1)
		map = mmap(NULL, FIELD_COUNT * 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		fields = map;
	if (fd != -1)
		close(fd);
}

/* state.lmdb, sent.lmdb, another *.lmdb or *.cdb or something that is made into one, or
   neither. */
static unsigned
file_of(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name == NULL ? path : name + 1;
	if (strcmp(name, "state.lmdb") == 0)
		return FILE_STATE;
	if (strcmp(name, "sent.lmdb") == 0)
		return FILE_SENT;
	if (strstr(name, ".cdb") != NULL && strstr(name, ".lock") == NULL)
		return FILE_CDB;
	return strstr(name, ".lmdb") != NULL && strstr(name, "-lock") == NULL ? FILE_TABLE : 0;
}

static unsigned
file_of_fd(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return 0;
	path[len] = '\0';
	return file_of(path);
}

/* Does this call fail? */
static int
fails(unsigned call, unsigned file)
{
	int saved = errno;
	uint32_t seen, first, how_many;

	if (fields == NULL || (fields[FIELD_FILES] & file) == 0 ||
	    (fields[FIELD_CALLS] & call) == 0)
		return 0;
	seen = ++fields[FIELD_SEEN];
	first = fields[FIELD_FIRST];
	how_many = fields[FIELD_HOW_MANY];
	errno = saved;
	if (first == 0 || seen < first || (how_many != 0 && seen >= first + how_many))
		return 0;
	fields[FIELD_FAILED]++;
	return 1;
}

/* The next function of that name, the real one. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t
fail(void)
{
	errno = (int)fields[FIELD_ERROR];
	return -1;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (fields != NULL && fails(CALL_WRITE, file_of_fd(fd))) {
		if (fields[FIELD_ERROR] != 0)
			return fail();
		len /= 2;
	}
	return REAL(pwrite)(fd, data, len, offset);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	if (fields != NULL && fails(CALL_WRITE, file_of_fd(fd))) {
		if (fields[FIELD_ERROR] != 0)
			return fail();
		len /= 2;
	}
	return REAL(write)(fd, data, len);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	if (fields != NULL && fails(CALL_WRITE, file_of_fd(fd))) {
		if (fields[FIELD_ERROR] != 0)
			return fail();
		return REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2);
	}
	return REAL(writev)(fd, parts, count);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	if (fields != NULL && fails(CALL_WRITE, file_of_fd(fd))) {
		if (fields[FIELD_ERROR] != 0)
			return fail();
		return REAL(pwrite)(fd, parts[0].iov_base, parts[0].iov_len / 2, offset);
	}
	return REAL(pwritev)(fd, parts, count, offset);
}

/* Syncs of every kind; an msync() is of no file that we could tell. */
static int
sync_fails(int fd)
{
	if (fields == NULL)
		return 0;
	fields[FIELD_SYNCS]++;
	return fails(CALL_SYNC, file_of_fd(fd));
}

int
fsync(int fd)
{
	return sync_fails(fd) ? (int)fail() : REAL(fsync)(fd);
}

int
fdatasync(int fd)
{
	return sync_fails(fd) ? (int)fail() : REAL(fdatasync)(fd);
}

int
ftruncate(int fd, off_t size)
{
	return fields != NULL && fails(CALL_TRUNCATE, file_of_fd(fd)) ? (int)fail() :
	    REAL(ftruncate)(fd, size);
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	if (fields != NULL && fails(CALL_OPEN, file_of(path)))
		return (int)fail();
	return REAL(open)(path, flags, mode);
}

int
rename(const char *from, const char *to)
{
	return fields != NULL && fails(CALL_RENAME, file_of(to)) ? (int)fail() :
	    REAL(rename)(from, to);
}
