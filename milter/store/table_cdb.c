#include "store/table_cdb.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/msg.h"
#include "store/table_lock.h"

/* The first bytes of a file: place and length of each of the hash tables. */
#define HASH_TABLES 256
#define HASH_SLOT_BYTES 8

struct table_file {
	char *path;
	char *aside;
	char *lock_path;
	int lock_fd;          /* -1 outside of begin and commit */
	int fd;               /* of the file aside; -1: it is not begun */
	struct cdb_make make; /* valid with fd */
};

static int
fail(const char *path, const char **error_r)
{
	return msg_failure(error_r, "%s: %s", path, strerror(errno));
}

static int
open_table(const char *path, struct table_file **table_r, const char **error_r)
{
	struct table_file *table = calloc(1, sizeof(*table));

	(void)error_r;
	if (table == NULL || (table->path = strdup(path)) == NULL ||
	    asprintf(&table->aside, "%s.tmp", path) == -1 ||
	    asprintf(&table->lock_path, "%s.lock", path) == -1)
		msg_out_of_memory();
	table->lock_fd = table->fd = -1;
	*table_r = table;
	return 0;
}

static void
close_table(struct table_file *table)
{
	if (table == NULL)
		return;
	free(table->lock_path);
	free(table->aside);
	free(table->path);
	free(table);
}

static int
lock(struct table_file *table, const _Atomic int64_t *limit_msec, const char **error_r)
{
	table->lock_fd = open(table->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (table->lock_fd == -1)
		return fail(table->lock_path, error_r);
	if (table_lock(table->lock_fd, F_WRLCK, table->lock_path, limit_msec, error_r) == 0)
		return 0;
	close(table->lock_fd);
	table->lock_fd = -1;
	return -1;
}

static void
unlock(struct table_file *table)
{
	close(table->lock_fd);
	table->lock_fd = -1;
}

/* The file aside belongs to whoever has the lock. */
static int
start(struct table_file *table, const char **error_r)
{
	if (unlink(table->aside) == -1 && errno != ENOENT)
		return fail(table->aside, error_r);
	table->fd = open(table->aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (table->fd == -1)
		return fail(table->aside, error_r);
	cdb_make_start(&table->make, table->fd);
	return 0;
}

static int
put(struct table_file *table, struct str key, struct str value, const char **error_r)
{
	if (table->fd == -1 && start(table, error_r) == -1)
		return -1;
	if (cdb_make_add(&table->make, key.data, (unsigned)key.len, value.data,
		(unsigned)value.len) == 0)
		return 0;
	if (errno == ENOMEM)
		return msg_failure(error_r, "%s: out of memory, or more than the 4 GB that such a "
		    "file can hold", table->path);
	return fail(table->aside, error_r);
}

/* Complete the file aside and give it the name, and the mode that an operator
   may have set for the one that has it. */
static int
finish(struct table_file *table, const char **error_r)
{
	struct stat old;

	if (cdb_make_finish(&table->make) == -1)
		return fail(table->aside, error_r);
	if (stat(table->path, &old) == 0 && (fchown(table->fd, (uid_t)-1, old.st_gid) == -1 ||
	    fchmod(table->fd, old.st_mode & 0777) == -1))
		return fail(table->aside, error_r);
	if (fsync(table->fd) == -1 || rename(table->aside, table->path) == -1)
		return fail(table->aside, error_r);
	return file_sync_directory(table->path, error_r);
}

static int
commit(struct table_file *table, const char **error_r)
{
	int ret = 0;

	if (table->fd == -1)
		ret = start(table, error_r);
	if (ret == 0)
		ret = finish(table, error_r);
	if (table->fd != -1)
		close(table->fd);
	table->fd = -1;
	if (ret == -1)
		unlink(table->aside);
	unlock(table);
	return ret;
}

static void
abort_changes(struct table_file *table)
{
	if (table->fd != -1) {
		/* The library has no other way to give its memory back. */
		cdb_make_finish(&table->make);
		close(table->fd);
		table->fd = -1;
		unlink(table->aside);
	}
	unlock(table);
}

static int
create(const char *path, const char **error_r)
{
	struct table_file *table;
	int ret;

	open_table(path, &table, error_r);
	ret = lock(table, NULL, error_r);
	if (ret == 0)
		ret = commit(table, error_r);
	close_table(table);
	return ret;
}

/* Read a file that is there, checking all that is used of it.
   Returns 1 if it is whole, 0 if it is not, -1 if `row` said so. */
static int
walk(struct cdb *cdb, int (*row)(struct str key, struct str value, void *context), void *context)
{
	unsigned at;
	int ret;

	cdb_seqinit(&at, cdb);
	while ((ret = cdb_seqnext(&at, cdb)) == 1) {
		struct str key = { cdb_getkey(cdb), cdb_keylen(cdb) };
		struct str value = { cdb_getdata(cdb), cdb_datalen(cdb) };

		if (key.data == NULL || value.data == NULL)
			return 0;
		if (row(key, value, context) == -1)
			return -1;
	}
	return ret == 0;
}

static int
each(struct table_file *table, int (*row)(struct str key, struct str value, void *context),
    void *context, const char **error_r)
{
	int fd = open(table->path, O_RDONLY | O_CLOEXEC), ret = 0;
	struct cdb cdb;

	if (fd == -1)
		return fail(table->path, error_r);
	if (cdb_init(&cdb, fd) == 0) {
		ret = walk(&cdb, row, context);
		cdb_free(&cdb);
	}
	close(fd);
	if (ret == 0)
		return msg_failure(error_r, "%s: damaged: it is made again when bouncemilter is "
		    "restarted", table->path);
	return ret == 1 ? 0 : -1;
}

/* Do all hash tables lie inside of the file? They are at its end, so that none
   does where something was cut off. */
static bool
is_whole(const struct cdb *cdb)
{
	const unsigned char *slot = cdb->cdb_mem;

	for (unsigned i = 0; i < HASH_TABLES; i++, slot += HASH_SLOT_BYTES) {
		uint64_t begin_at = cdb_unpack(slot), count = cdb_unpack(slot + 4);

		if (begin_at + count * HASH_SLOT_BYTES > cdb->cdb_fsize)
			return false;
	}
	return true;
}

/* What check_row() looks at: the same file a second time, to look keys up. */
struct inspection {
	struct cdb cdb;
	struct str marker;
	enum table_state state;
};

static int
check_row(struct str key, struct str value, void *context)
{
	struct inspection *inspection = context;
	size_t at;

	if (str_find(value, inspection->marker, 0, &at) == 0)
		inspection->state = TABLE_FOREIGN;
	else if (cdb_find(&inspection->cdb, key.data, (unsigned)key.len) != 1)
		inspection->state = TABLE_TORN;
	return inspection->state == TABLE_GOOD ? 0 : -1;
}

static enum table_state
inspect_content(int fd, struct str marker)
{
	struct inspection inspection = { .marker = marker, .state = TABLE_GOOD };
	struct cdb cdb;

	/* One that is too short for its first table is no CDB file. */
	if (cdb_init(&cdb, fd) == -1)
		return TABLE_TORN;
	inspection.cdb = cdb;
	if (!is_whole(&cdb) || walk(&cdb, check_row, &inspection) == 0)
		inspection.state = TABLE_TORN;
	cdb_free(&cdb);
	return inspection.state;
}

static int
inspect(const char *path, struct str marker, enum table_state *state_r, const char **error_r)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == -1) {
		*state_r = TABLE_MISSING;
		return errno == ENOENT ? 0 : fail(path, error_r);
	}
	if (!S_ISREG(st.st_mode))
		return msg_failure(error_r, "%s: not a regular file: move it away", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return fail(path, error_r);
	*state_r = inspect_content(fd, marker);
	close(fd);
	return 0;
}

const struct table_format table_cdb = {
	.suffix = ".cdb", .inspect = inspect, .create = create, .open = open_table,
	.close = close_table, .begin = lock, .put = put, .commit = commit,
	.abort = abort_changes, .each = each,
};
