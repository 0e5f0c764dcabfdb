/*
 * A log file that grows, is rotated, cut, taken away and given back. Whatever
 * happens, each line comes once and in order, or it is said that some are lost.
 */
#include "store-support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "source/logtail.h"

/* One log under test: what was read of it, and where reading stood. */
struct log {
	const char *directory;
	char path[128];
	struct logsource *source;
	struct arena *arena;
	struct buf got;
	const char *error;
	int clock; /* gives files their times, a minute apart */
};

static int
set_up(void **state)
{
	struct log *log = calloc(1, sizeof(*log));

	if (make_directory((void **)&log->directory) == -1)
		return -1;
	snprintf(log->path, sizeof(log->path), "%s/mail.log", log->directory);
	log->arena = arena_new();
	*state = log;
	return 0;
}

static int
tear_down(void **state)
{
	struct log *log = *state;

	if (log->source != NULL)
		log->source->close(log->source);
	remove_directory((void **)&log->directory);
	buf_free(&log->got);
	arena_free(log->arena);
	free(log);
	return 0;
}

/* The path of "", ".1" and so on. */
static const char *
name(struct log *log, const char *ending)
{
	return arena_printf(log->arena, "%s%s", log->path, ending);
}

static void
append(struct log *log, const char *ending, const char *text)
{
	int fd = open(name(log, ending), O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Nobody writes to a file any more: each call makes one a minute younger than
   the one before, and all of them are older than now. */
static void
rest(struct log *log, const char *ending)
{
	struct timeval times[2] = { { .tv_sec = time(NULL) - 86400 + 60 * ++log->clock } };

	times[1] = times[0];
	assert_int_equal(utimes(name(log, ending), times), 0);
}

static void
move(struct log *log, const char *from, const char *to)
{
	assert_int_equal(rename(name(log, from), name(log, to)), 0);
}

static void
start(struct log *log, const char *position, bool backfill)
{
	struct logsource_begin begin = { .position = position, .backfill = backfill, .wake_fd = -1 };

	if (log->source != NULL)
		log->source->close(log->source);
	log->source = logtail_open(log->path, &begin);
}

static const char *
position(struct log *log)
{
	return log->source->position(log->source, log->arena);
}

static void
collect(struct str lines, void *context)
{
	buf_add(context, lines);
}

/* All that can be read now. Returns the last answer. */
static int
read_on(struct log *log)
{
	struct str lines;
	int ret;

	buf_clear(&log->got);
	while ((ret = log->source->read(log->source, 0, &lines, &log->error)) == 1)
		collect(lines, &log->got);
	return ret;
}

#define reads(want) do { \
		assert_int_equal(read_on(log), 0); \
		assert_string_equal(buf_cstr(&log->got), want); \
	} while (0)

static void
test_growth(void **state)
{
	struct log *log = *state;

	append(log, "", "old\nnot whole");
	start(log, NULL, false);
	reads("");
	append(log, "", " yet\nnew\n");
	reads("not whole yet\nnew\n");
	append(log, "", "a\nb");
	reads("a\n");
	append(log, "", "c");
	reads("");
	append(log, "", "d\n");
	reads("bcd\n");
	reads("");
	/* On the first start, if it is asked for, from the beginning. */
	start(log, NULL, true);
	reads("old\nnot whole yet\nnew\na\nbcd\n");
	assert_int_equal(log->source->gaps, 0);
}

static void
test_restart(void **state)
{
	struct log *log = *state;
	const char *first, *second;

	append(log, "", "a\nb\nc");
	start(log, NULL, true);
	first = position(log);
	reads("a\nb\n");
	second = position(log);
	append(log, "", "d\ne\n");
	start(log, second, false);
	reads("cd\ne\n");
	start(log, first, false);
	reads("a\nb\ncd\ne\n");
	/* Where somebody else stood says nothing. */
	start(log, "journal s=1", true);
	reads("a\nb\ncd\ne\n");
	start(log, "file 1 2 3 0 4 5 /other/mail.log", true);
	reads("a\nb\ncd\ne\n");
	assert_int_equal(log->source->gaps, 0);
}

/* Who has the file open goes on writing for a moment after it was renamed. */
static void
test_rotation(void **state)
{
	struct log *log = *state;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	move(log, "", ".1");
	reads("");
	append(log, "", "new1\n");
	append(log, ".1", "late1\n");
	reads("late1\n");
	append(log, ".1", "late2\n");
	append(log, "", "new2\n");
	reads("late2\n");
	rest(log, ".1");
	reads("new1\nnew2\n");
	append(log, "", "new3\n");
	reads("new3\n");
	assert_int_equal(log->source->gaps, 0);
}

/* Who rotates may make the new file long before it is written to. */
static void
test_rotation_with_an_empty_file(void **state)
{
	struct log *log = *state;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	move(log, "", ".1");
	append(log, "", "");
	rest(log, ".1");
	reads("");
	reads("");
	append(log, ".1", "late\n");
	reads("late\n");
	rest(log, ".1");
	append(log, "", "new\n");
	reads("new\n");
	assert_int_equal(log->source->gaps, 0);
}

/* A day on which nothing was said. */
static void
test_an_empty_file_among_the_rotated(void **state)
{
	struct log *log = *state;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	rest(log, "");
	move(log, "", ".2");
	append(log, ".1", "");
	rest(log, ".1");
	append(log, "", "b\n");
	reads("b\n");
	assert_int_equal(log->source->gaps, 0);
}

/* What stands at the end of a file that was left, without its newline, is a line. */
static void
test_rotation_of_an_unfinished_file(void **state)
{
	struct log *log = *state;

	append(log, "", "a\nb");
	start(log, NULL, true);
	reads("a\n");
	move(log, "", ".1");
	append(log, "", "c\n");
	rest(log, ".1");
	reads("bc\n");
	assert_int_equal(log->source->gaps, 0);
}

/* The position of the file that is left, and of the one that comes next. */
static void
test_restart_in_the_middle_of_a_rotation(void **state)
{
	struct log *log = *state;
	const char *where;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	move(log, "", ".1");
	append(log, ".1", "b\n");
	append(log, "", "c\n");
	reads("b\n");
	where = position(log);
	append(log, ".1", "late\n");
	rest(log, ".1");
	start(log, where, false);
	reads("late\nc\n");
	where = position(log);
	start(log, where, false);
	reads("");
	append(log, "", "d\n");
	reads("d\n");
	assert_int_equal(log->source->gaps, 0);
}

static void
test_rotation_while_stopped(void **state)
{
	static const char *const names[][4] = {
		{ ".4", ".3", ".2", ".1" },
		{ "-20261117", "-20261118", "-20261119", "-20261120" },
		{ ".20261117-000000", ".20261118-000000", ".20261119-000000", ".20261120-000000" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct log *log = *state;
		const char *where;

		append(log, "", "a\nb\n");
		rest(log, "");
		start(log, NULL, true);
		reads("a\nb\n");
		where = position(log);
		/* One file */
		append(log, "", "c\n");
		rest(log, "");
		move(log, "", names[i][0]);
		append(log, "", "d\n");
		start(log, where, false);
		reads("c\nd\n");
		where = position(log);
		/* Three */
		for (unsigned j = 1; j < 4; j++) {
			append(log, "", "x\n");
			rest(log, "");
			move(log, "", names[i][j]);
			append(log, "", arena_printf(log->arena, "%u\n", j));
		}
		start(log, where, false);
		reads("x\n1\nx\n2\nx\n3\n");
		assert_int_equal(log->source->gaps, 0);
		log->source->close(log->source);
		log->source = NULL;
		for (unsigned j = 0; j < 4; j++)
			unlink(name(log, names[i][j]));
		unlink(log->path);
	}
}

/* Another file has its inode, which nobody may take for the old one. */
static void
test_another_file_with_the_same_inode(void **state)
{
	struct log *log = *state;
	const char *where;

	append(log, "", "a line that is long enough to know a file by it, and some more of it\n");
	start(log, NULL, true);
	read_on(log);
	where = position(log);
	log->source->close(log->source);
	log->source = NULL;
	assert_int_equal(truncate(log->path, 0), 0);
	append(log, "", "another line that is long enough to know a file by it, and some more of it\n");
	start(log, where, false);
	reads("another line that is long enough to know a file by it, and some more of it\n");
	assert_int_equal(log->source->gaps, 1);
}

static void
copy(struct log *log, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp %s %s", log->path, name(log, to));
	assert_int_equal(system(command), 0);
}

#define LONG "a first line, long enough that the file is known by it wherever it is later on\n"

static void
test_copytruncate(void **state)
{
	struct log *log = *state;

	append(log, "", LONG);
	start(log, NULL, true);
	reads(LONG);
	/* A copy is left: what was not read yet is read there. */
	append(log, "", "b\n");
	copy(log, ".1");
	rest(log, ".1");
	assert_int_equal(truncate(log->path, 0), 0);
	append(log, "", "c\n");
	reads("b\nc\n");
	assert_int_equal(log->source->gaps, 1);
	append(log, "", "d\n");
	reads("d\n");
	/* None is left: the rest is lost, and that is said. */
	append(log, "", "lost\n");
	assert_int_equal(truncate(log->path, 0), 0);
	append(log, "", "e\n");
	reads("e\n");
	assert_int_equal(log->source->gaps, 2);
}

static void
test_copytruncate_while_stopped(void **state)
{
	struct log *log = *state;
	const char *where;

	append(log, "", LONG);
	start(log, NULL, true);
	reads(LONG);
	where = position(log);
	append(log, "", "b\n");
	copy(log, ".1");
	rest(log, ".1");
	assert_int_equal(truncate(log->path, 0), 0);
	append(log, "", "c\n");
	start(log, where, false);
	reads("b\nc\n");
}

/* Compressed meanwhile: lost, and said, but nothing else is lost. */
static void
test_compressed(void **state)
{
	struct log *log = *state;
	const char *where;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	where = position(log);
	append(log, "", "lost\n");
	rest(log, "");
	move(log, "", ".2.gz");
	append(log, "", "b\n");
	rest(log, "");
	move(log, "", ".1");
	append(log, "", "c\n");
	start(log, NULL, false); /* nothing is known: from the end */
	reads("");
	rest(log, ".2.gz");
	rest(log, ".1");
	/* It was read last before all of that. */
	start(log, arena_printf(log->arena, "file 1 1 2 2 1 %lld %s", (long long)(time(NULL) - 86400) *
	    1000000000, log->path), false);
	reads("b\nc\n");
	assert_in_range(log->source->gaps, 1, 2);
	(void)where;
}

static void
test_missing(void **state)
{
	struct log *log = *state;

	start(log, NULL, false);
	assert_int_equal(read_on(log), -1);
	assert_non_null(strstr(log->error, log->path));
	assert_non_null(strstr(log->error, "set log"));
	assert_null(position(log));
	append(log, "", "a\n");
	reads("a\n");
	/* Away again for a moment, while it is rotated. */
	move(log, "", ".1");
	reads("");
	rest(log, ".1");
	reads("");
	append(log, "", "b\n");
	reads("b\n");
	assert_int_equal(log->source->gaps, 0);
}

/* Root's group alone would be enough to read the file. */
static void
become(uid_t uid, gid_t gid)
{
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setgroups(0, NULL), 0);
	assert_int_equal(setegid(gid), 0);
	assert_int_equal(seteuid(uid), 0);
}

/* A directory where the log should be, a file that nobody may read. */
static void
test_unreadable(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct log *log = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(log->path, 0755), 0);
	start(log, NULL, false);
	assert_int_equal(read_on(log), -1);
	assert_int_equal(rmdir(log->path), 0);
	assert_int_equal(chmod(log->directory, 0755), 0);
	append(log, "", "a\n");
	assert_int_equal(chmod(log->path, 0640), 0);
	become(nobody->pw_uid, nobody->pw_gid);
	start(log, NULL, false);
	assert_int_equal(read_on(log), -1);
	assert_non_null(strstr(log->error, "put user nobody into group root and start again"));
	become(0, 0);
	assert_int_equal(chmod(log->path, 0600), 0);
	become(nobody->pw_uid, nobody->pw_gid);
	assert_int_equal(read_on(log), -1);
	assert_non_null(strstr(log->error, "its mode is 0600"));
	become(0, 0);
	assert_int_equal(chmod(log->path, 0644), 0);
	become(nobody->pw_uid, nobody->pw_gid);
	assert_int_equal(read_on(log), 0);
	become(0, 0);
	assert_string_equal(buf_cstr(&log->got), "a\n");
}

/* A line that nobody could have written is left out, and counted. */
static void
test_overlong(void **state)
{
	size_t len = (size_t)1024 * 1024;
	struct log *log = *state;
	char *line = malloc(len + 1);
	const char *where;

	memset(line, 'x', len);
	line[len] = '\0';
	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	append(log, "", line);
	reads("");
	where = position(log);
	append(log, "", "\nb\nc\n");
	reads("b\nc\n");
	assert_int_equal(log->source->overlong, 1);
	/* It was not read when the position was in front of it. */
	start(log, where, false);
	reads("b\nc\n");
	/* It is the last one of a file that was rotated. */
	append(log, "", line);
	reads("");
	move(log, "", ".1");
	rest(log, ".1");
	append(log, "", "d\n");
	reads("d\n");
	assert_int_equal(log->source->overlong, 2);
	assert_int_equal(log->source->gaps, 0);
	free(line);
}

static void
test_any_bytes(void **state)
{
	struct log *log = *state;
	char bytes[3 * 256 + 1];
	FILE *file = fopen(log->path, "w");

	for (int i = 0; i < 3 * 256; i++)
		bytes[i] = (char)(i * 7);
	bytes[3 * 256] = '\n';
	fwrite(bytes, 1, sizeof(bytes), file);
	fclose(file);
	start(log, NULL, true);
	assert_int_equal(read_on(log), 0);
	assert_int_equal(log->got.len, sizeof(bytes));
	assert_memory_equal(log->got.data, bytes, sizeof(bytes));
}

/* More than one buffer holds, in one go. */
static void
test_much(void **state)
{
	struct log *log = *state;
	FILE *file = fopen(log->path, "w");
	struct str lines, line;
	unsigned count = 0;
	int ret;

	for (unsigned i = 0; i < 100000; i++)
		fprintf(file, "line %u\n", i);
	fclose(file);
	start(log, NULL, true);
	while ((ret = log->source->read(log->source, 0, &lines, &log->error)) == 1) {
		while (str_next_piece(&lines, '\n', &line)) {
			char want[32];

			snprintf(want, sizeof(want), "line %u", count++);
			assert_true(str_equal(line, str_of(want)));
		}
	}
	assert_int_equal(ret, 0);
	assert_int_equal(count, 100000);
}

/* Before the position: whole lines, of this file and the one before. */
static void
test_recall(void **state)
{
	struct log *log = *state;
	const char *where;

	append(log, "", "one\ntwo\n");
	rest(log, "");
	move(log, "", ".1");
	append(log, "", "three\nfour\n");
	start(log, NULL, true);
	reads("three\nfour\n");
	append(log, "", "not yet\n");
	where = position(log);
	start(log, where, false);
	buf_clear(&log->got);
	log->source->recall(log->source, 1000, collect, &log->got);
	assert_string_equal(buf_cstr(&log->got), "one\ntwo\nthree\nfour\n");
	buf_clear(&log->got);
	log->source->recall(log->source, 8, collect, &log->got);
	assert_string_equal(buf_cstr(&log->got), "\nfour\n");
	reads("not yet\n");
}

/* Somebody who waits for lines is woken by one. */
static void
test_waits(void **state)
{
	struct log *log = *state;
	struct str lines;
	int ret;

	append(log, "", "a\n");
	start(log, NULL, true);
	reads("a\n");
	if (fork() == 0) {
		usleep(100000);
		append(log, "", "b\n");
		_exit(0);
	}
	for (unsigned i = 0; (ret = log->source->read(log->source, 10000, &lines, &log->error)) == 0 &&
	    i < 10; i++)
		;
	assert_int_equal(ret, 1);
	assert_true(str_equal(lines, STR("b\n")));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_growth), T(test_restart), T(test_rotation), T(test_rotation_with_an_empty_file),
		T(test_an_empty_file_among_the_rotated), T(test_rotation_of_an_unfinished_file), T(test_restart_in_the_middle_of_a_rotation),
		T(test_rotation_while_stopped), T(test_another_file_with_the_same_inode),
		T(test_copytruncate), T(test_copytruncate_while_stopped), T(test_compressed),
		T(test_missing), T(test_unreadable), T(test_overlong), T(test_any_bytes), T(test_much),
		T(test_recall), T(test_waits),
	};

	return cmocka_run_group_tests_name("logtail", tests, NULL, NULL);
}
