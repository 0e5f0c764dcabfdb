#include "tool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/msg.h"
#include "tool/names.h"

/* For the names of the first directory. */
#define NAMES_BYTES ((size_t)4 * 1024 * 1024)
#define NAMES_BYTES_LEAST ((size_t)64 * 1024)
#define DEPTH_MOST 100

/* A directory on the way down; memory for the names of each is half as much as
   for those of the one above. */
struct level {
	int fd;
	dev_t device;
	ino_t inode;
	bool maildir;
	size_t path_len;          /* of its own name */
	struct names names;       /* a portion of them */
	size_t next;              /* the one that comes next */
	char after[NAME_MAX + 1]; /* the last one of the portion before */
};

struct walker {
	const struct walk_craft *craft;
	void *context;
	struct buf path; /* where we are */
	struct level *levels[DEPTH_MOST];
	unsigned depth;
};

static int
trouble(struct walker *walker, const char *what)
{
	return walker->craft->trouble(buf_cstr(&walker->path), what, walker->context);
}

/* Why the last call failed, and what to do. */
static int
trouble_errno(struct walker *walker)
{
	char text[256];
	const char *remedy = "";

	if (errno == EACCES || errno == EPERM)
		remedy = "; run this as a user who may read it";
	else if (errno == ENOENT)
		remedy = "; check the name, or where the link leads";
	else if (errno == ELOOP)
		remedy = "; remove the link";
	snprintf(text, sizeof(text), "%s%s", strerror(errno), remedy);
	return trouble(walker, text);
}

static bool
has_directory(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static size_t
names_bytes(const struct walker *walker)
{
	size_t bytes = NAMES_BYTES >> (walker->depth < 16 ? walker->depth : 16);

	return bytes < NAMES_BYTES_LEAST ? NAMES_BYTES_LEAST : bytes;
}

static struct level *
level_new(const struct walker *walker, int fd, const struct stat *st)
{
	struct level *level = calloc(1, sizeof(*level));

	if (level == NULL)
		msg_out_of_memory();
	level->fd = fd;
	level->device = st->st_dev;
	level->inode = st->st_ino;
	level->maildir = has_directory(fd, "cur") && has_directory(fd, "new");
	level->path_len = walker->path.len;
	names_init(&level->names, names_bytes(walker));
	level->names.more = true;
	return level;
}

/* Go down into a directory; its descriptor is given away. */
static int
enter(struct walker *walker, int fd, const struct stat *st)
{
	for (unsigned i = 0; i < walker->depth; i++) {
		if (walker->levels[i]->device != st->st_dev ||
		    walker->levels[i]->inode != st->st_ino)
			continue;
		close(fd);
		return trouble(walker, "a directory loop: it leads back to a directory above it; "
		    "remove the link");
	}
	if (walker->depth == DEPTH_MOST) {
		close(fd);
		return trouble(walker, "too many directories in each other; name this one as an "
		    "argument");
	}
	walker->levels[walker->depth] = level_new(walker, fd, st);
	walker->depth++;
	return 0;
}

static void
leave(struct walker *walker)
{
	struct level *level = walker->levels[--walker->depth];

	close(level->fd);
	names_free(&level->names);
	free(level);
}

/* Returns 1 and the next name of a directory, 0 at its end, -1 with errno. */
static int
next_name(struct level *level, const char **name_r)
{
	struct names *names = &level->names;

	if (level->next == names->count) {
		if (!names->more)
			return 0;
		if (names->count > 0)
			memcpy(level->after, names->list[names->count - 1],
			    strlen(names->list[names->count - 1]) + 1);
		level->next = 0;
		if (names_read(names, level->fd, level->after) == -1) {
			names->count = 0;
			names->more = false;
			return -1;
		}
		if (names->count == 0)
			return 0;
	}
	*name_r = names->list[level->next++];
	return 1;
}

/* A file or directory that was opened; its descriptor is given away. */
static int
walk_open(struct walker *walker, int fd, const struct stat *st)
{
	int ret;

	if (S_ISDIR(st->st_mode))
		return enter(walker, fd, st);
	ret = walker->craft->file(fd, st, buf_cstr(&walker->path), walker->context);
	close(fd);
	return ret;
}

/* An entry of a directory; its path stands in the walker. */
static int
walk_entry(struct walker *walker, const struct level *level, const char *name)
{
	struct stat st;
	int fd;

	/* To open a device may do something, to open a FIFO may take for ever. */
	if (fstatat(level->fd, name, &st, 0) == -1)
		return trouble_errno(walker);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return trouble(walker, "a device, FIFO or socket is not read in a directory; "
		    "name it as an argument if it is meant");
	if (level->maildir && S_ISREG(st.st_mode))
		return 0;
	fd = openat(level->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1) {
		int ret = trouble_errno(walker);

		if (fd != -1)
			close(fd);
		return ret;
	}
	return walk_open(walker, fd, &st);
}

static void
set_path(struct walker *walker, size_t directory_len, const char *name)
{
	walker->path.len = directory_len;
	if (directory_len > 0 && walker->path.data[directory_len - 1] != '/')
		buf_add_byte(&walker->path, '/');
	buf_add(&walker->path, str_of(name));
}

/* One step: the next entry of the directory where we are, or back up. */
static int
step(struct walker *walker)
{
	struct level *level = walker->levels[walker->depth - 1];
	int found, ret = 0;
	const char *name;

	found = next_name(level, &name);
	if (found == 1) {
		set_path(walker, level->path_len, name);
		return walk_entry(walker, level, name);
	}
	if (found == -1) {
		walker->path.data[level->path_len] = '\0';
		ret = trouble_errno(walker);
	}
	leave(walker);
	return ret;
}

int
walk(const char *path, const struct walk_craft *craft, void *context)
{
	struct walker walker = { .craft = craft, .context = context };
	struct stat st;
	int fd, ret;

	buf_add(&walker.path, str_of(path));
	fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1)
		ret = trouble_errno(&walker);
	else
		ret = walk_open(&walker, fd, &st);
	while (ret == 0 && walker.depth > 0)
		ret = step(&walker);
	while (walker.depth > 0)
		leave(&walker);
	buf_free(&walker.path);
	return ret;
}
