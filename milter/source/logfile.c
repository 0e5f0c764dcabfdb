#include "source/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUIET_NSEC INT64_C(20000000) /* more than a file system's clock may be late */
#define QUIET_USEC 5000
#define QUIET_TRIES 100
#define HEAD_LEAST 64 /* fewer bytes may be those of another file */

static int64_t
nsec_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* FNV-1a of the first bytes. Returns 0, or -1 if there are not so many. */
static int
hash_head(int fd, unsigned bytes, uint64_t *hash_r)
{
	unsigned char head[LOGFILE_HEAD_BYTES];
	uint64_t hash = 14695981039346656037u;

	if (bytes > sizeof(head) || pread(fd, head, bytes, 0) != (ssize_t)bytes)
		return -1;
	for (unsigned i = 0; i < bytes; i++)
		hash = (hash ^ head[i]) * 1099511628211u;
	*hash_r = hash;
	return 0;
}

int
logfile_open(const char *path, struct logfile *file_r)
{
	struct stat st;

	file_r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file_r->fd == -1)
		return -1;
	if (fstat(file_r->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		close(file_r->fd);
		file_r->fd = -1;
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	file_r->mark = (struct logfile_mark){
		.device = st.st_dev, .inode = st.st_ino, .mtime_nsec = nsec_of(&st.st_mtim),
	};
	return 0;
}

void
logfile_close(struct logfile *file)
{
	if (file->fd != -1)
		close(file->fd);
	file->fd = -1;
}

void
logfile_update(struct logfile *file)
{
	struct logfile_mark *mark = &file->mark;
	unsigned bytes = mark->offset < LOGFILE_HEAD_BYTES ? (unsigned)mark->offset :
	    LOGFILE_HEAD_BYTES;
	struct stat st;

	if (mark->head_bytes != bytes && hash_head(file->fd, bytes, &mark->head_hash) == 0)
		mark->head_bytes = bytes;
	if (fstat(file->fd, &st) == 0)
		mark->mtime_nsec = nsec_of(&st.st_mtim);
}

bool
logfile_is_same(const struct logfile *file, const struct logfile_mark *mark)
{
	struct stat st;
	uint64_t hash;

	if (fstat(file->fd, &st) == -1 || st.st_size < mark->offset)
		return false;
	return mark->head_bytes == 0 ||
	    (hash_head(file->fd, mark->head_bytes, &hash) == 0 && hash == mark->head_hash);
}

/* What a walk through the directory looks for. */
struct search {
	const struct logfile_mark *mark;
	int64_t after, before; /* bounds of the last write, exclusive */
	const struct logfile_mark *left; /* not this one, though somebody wrote to it
	                                    since, and none where nothing is in it */
	char found[PATH_MAX];
	int64_t found_mtime;
	bool newest; /* the newest between the bounds, not the oldest */
	bool compressed; /* only names that cannot be read any more */
};

static bool
is_compressed(const char *name)
{
	static const char *const endings[] = { ".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzo" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (str_iends(str_of(name), str_of(endings[i])))
			return true;
	}
	return false;
}

static bool
has_mark(const char *path, const struct logfile_mark *mark)
{
	struct logfile file;
	bool same;

	if (logfile_open(path, &file) == -1)
		return false;
	same = ((file.mark.device == mark->device && file.mark.inode == mark->inode) ||
	    mark->head_bytes >= HEAD_LEAST) && logfile_is_same(&file, mark);
	logfile_close(&file);
	return same;
}

static void
look_at(struct search *search, const char *path)
{
	bool better;
	struct stat st;
	int64_t mtime;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode) ||
	    is_compressed(path) != search->compressed)
		return;
	mtime = nsec_of(&st.st_mtim);
	if (mtime <= search->after || mtime >= search->before)
		return;
	if (search->left != NULL && (st.st_size == 0 || (st.st_ino == search->left->inode &&
	    st.st_dev == search->left->device)))
		return;
	better = search->newest ? mtime > search->found_mtime : mtime < search->found_mtime;
	if (search->found[0] != '\0' && !better)
		return;
	if (search->mark != NULL && !has_mark(path, search->mark))
		return;
	snprintf(search->found, sizeof(search->found), "%s", path);
	search->found_mtime = mtime;
}

/* Look at all files that the one called `path` was rotated to: FILE.1,
   FILE-20261120, FILE.20261120-150218 ... */
static bool
walk(const char *path, struct search *search)
{
	char directory[PATH_MAX], base[PATH_MAX], other[PATH_MAX];
	struct dirent *entry;
	const char *name;
	size_t len;
	DIR *dir;

	snprintf(directory, sizeof(directory), "%s", path);
	snprintf(base, sizeof(base), "%s", path);
	name = basename(base);
	len = strlen(name);
	dir = opendir(dirname(directory));
	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, name, len) != 0 ||
		    (entry->d_name[len] != '.' && entry->d_name[len] != '-'))
			continue;
		if (snprintf(other, sizeof(other), "%s/%s", directory, entry->d_name) <
		    (int)sizeof(other))
			look_at(search, other);
	}
	closedir(dir);
	return search->found[0] != '\0';
}

/* When names in the directory of the log changed last. */
static int64_t
names_changed(const char *path)
{
	char directory[PATH_MAX];
	struct stat st;

	snprintf(directory, sizeof(directory), "%s", path);
	return stat(dirname(directory), &st) == -1 ? 0 : nsec_of(&st.st_mtim);
}

/*
 * A rotation renames many files, one after the other: who looks meanwhile takes
 * one for another, or passes it over. So names are looked at when they have been
 * quiet, and again if they were not.
 */
struct quiet {
	int64_t since;
	unsigned tries;
};

static void
wait_for_quiet(const char *path, struct quiet *quiet)
{
	struct timespec now;

	for (; quiet->tries < QUIET_TRIES; quiet->tries++) {
		quiet->since = names_changed(path);
		clock_gettime(CLOCK_REALTIME, &now);
		if (nsec_of(&now) < quiet->since || nsec_of(&now) - quiet->since >= QUIET_NSEC)
			break;
		usleep(QUIET_USEC);
	}
	quiet->tries++;
}

/* Was it quiet? Where it never is, what was found has to do. */
static bool
was_quiet(const char *path, const struct quiet *quiet)
{
	return quiet->tries >= QUIET_TRIES || names_changed(path) == quiet->since;
}

static int
find_once(const char *path, const struct logfile_mark *mark, struct logfile *file_r)
{
	struct search search = { .mark = mark, .after = INT64_MIN, .before = INT64_MAX };

	if (has_mark(path, mark))
		snprintf(search.found, sizeof(search.found), "%s", path);
	else if (!walk(path, &search))
		return 0;
	if (logfile_open(search.found, file_r) == -1)
		return 0;
	file_r->mark.offset = mark->offset;
	file_r->mark.head_bytes = mark->head_bytes;
	file_r->mark.head_hash = mark->head_hash;
	return 1;
}

int
logfile_find(const char *path, const struct logfile_mark *mark, struct logfile *file_r)
{
	struct quiet quiet = { 0 };

	for (;;) {
		int ret;

		wait_for_quiet(path, &quiet);
		ret = find_once(path, mark, file_r);
		if (was_quiet(path, &quiet))
			return ret;
		if (ret == 1)
			logfile_close(file_r);
	}
}

static int
next_once(const char *path, const struct logfile_mark *after, struct logfile *file_r,
    bool *gap_r)
{
	struct search plain = { .after = after->mtime_nsec, .before = INT64_MAX, .left = after };
	struct search compressed = { .after = after->mtime_nsec, .before = INT64_MAX,
		.compressed = true };
	bool found = walk(path, &plain);

	*gap_r = walk(path, &compressed) &&
	    (!found || compressed.found_mtime < plain.found_mtime);
	return logfile_open(found ? plain.found : path, file_r) == 0;
}

int
logfile_next(const char *path, const struct logfile_mark *after, struct logfile *file_r,
    bool *gap_r)
{
	struct quiet quiet = { 0 };

	for (;;) {
		int ret;

		wait_for_quiet(path, &quiet);
		ret = next_once(path, after, file_r, gap_r);
		if (was_quiet(path, &quiet))
			return ret;
		if (ret == 1)
			logfile_close(file_r);
	}
}

static int
before_once(const char *path, const struct logfile_mark *mark, struct logfile *file_r)
{
	struct search search = { .after = INT64_MIN, .before = mark->mtime_nsec, .newest = true };

	if (!walk(path, &search) || logfile_open(search.found, file_r) == -1)
		return 0;
	if (file_r->mark.inode != mark->inode || file_r->mark.device != mark->device)
		return 1;
	logfile_close(file_r);
	return 0;
}

int
logfile_before(const char *path, const struct logfile_mark *mark, struct logfile *file_r)
{
	struct quiet quiet = { 0 };

	for (;;) {
		int ret;

		wait_for_quiet(path, &quiet);
		ret = before_once(path, mark, file_r);
		if (was_quiet(path, &quiet))
			return ret;
		if (ret == 1)
			logfile_close(file_r);
	}
}

const char *
logfile_print(const struct logfile_mark *mark, const char *path, struct arena *arena)
{
	return arena_printf(arena, "file %llu %llu %lld %u %llu %lld %s",
	    (unsigned long long)mark->device, (unsigned long long)mark->inode,
	    (long long)mark->offset, mark->head_bytes, (unsigned long long)mark->head_hash,
	    (long long)mark->mtime_nsec, path);
}

int
logfile_scan(const char *text, const char *path, struct logfile_mark *mark_r)
{
	unsigned long long device, inode, hash;
	long long offset, mtime;
	int at = 0;

	if (sscanf(text, "file %llu %llu %lld %u %llu %lld %n", &device, &inode, &offset,
		&mark_r->head_bytes, &hash, &mtime, &at) != 6 || at == 0 ||
	    strcmp(text + at, path) != 0 || mark_r->head_bytes > LOGFILE_HEAD_BYTES)
		return -1;
	mark_r->device = device;
	mark_r->inode = inode;
	mark_r->offset = offset;
	mark_r->head_hash = hash;
	mark_r->mtime_nsec = mtime;
	return 0;
}
