/*
 * The journal: entries of syslog facility mail come once each, as lines, in the
 * order of their time, wherever reading stopped and however many files there
 * are. The journals are made by systemd-journal-remote.
 */
#include "store-support.h"

#include <unistd.h>

#include "base/buf.h"
#include "source/journal_reader.h"

#define REMOTE "/usr/lib/systemd/systemd-journal-remote"
#define BEGAN UINT64_C(1795186938) /* 2026-11-20T15:02:18Z */
#define MAIL 2
#define DAEMON 3

struct log {
	const char *directory;
	struct logsource *source;
	struct arena *arena;
	struct buf export, got;
	const char *error;
};

static int
set_up(void **state)
{
	struct log *log = calloc(1, sizeof(*log));

	if (make_directory((void **)&log->directory) == -1)
		return -1;
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
	buf_free(&log->export);
	buf_free(&log->got);
	arena_free(log->arena);
	free(log);
	return 0;
}

/* An entry of the journal to be: `second` is its time, and its text. */
static void
entry(struct log *log, unsigned facility, unsigned second, const char *more)
{
	buf_printf(&log->export, "__REALTIME_TIMESTAMP=%llu000007\n__MONOTONIC_TIMESTAMP=%u000000\n"
	    "_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mta\n_UID=0\nSYSLOG_FACILITY=%u\n"
	    "SYSLOG_IDENTIFIER=postfix/smtp\nSYSLOG_PID=17\n", (unsigned long long)(BEGAN + second),
	    second + 1, facility);
	if (more != NULL)
		buf_printf(&log->export, "%s\n\n", more);
	else
		buf_printf(&log->export, "MESSAGE=entry %u\n\n", second);
}

/* Make a file of the journal of the entries that gathered. */
static void
write_journal(struct log *log, const char *name)
{
	char path[256], command[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.export", log->directory, name);
	file = fopen(path, "w");
	fwrite(log->export.data, 1, log->export.len, file);
	fclose(file);
	snprintf(command, sizeof(command), REMOTE " --output=%s/%s.journal %s >%s/remote.log 2>&1",
	    log->directory, name, path, log->directory);
	if (system(command) != 0)
		fail_msg("%s", command);
	buf_clear(&log->export);
}

static void
start(struct log *log, const char *position, bool backfill)
{
	struct logsource_begin begin = { .position = position, .backfill = backfill, .wake_fd = -1 };

	if (log->source != NULL)
		log->source->close(log->source);
	log->source = journal_reader_open(log->directory, &begin);
}

/* All that can be read now. */
static const char *
read_on(struct log *log)
{
	struct str lines;
	int ret;

	buf_clear(&log->got);
	/* The first wait is for the library to notice a new file. */
	ret = log->source->read(log->source, 10, &lines, &log->error);
	if (ret == 0)
		ret = log->source->read(log->source, 10, &lines, &log->error);
	for (; ret == 1; ret = log->source->read(log->source, 0, &lines, &log->error))
		buf_add(&log->got, lines);
	if (ret == -1)
		fail_msg("%s", log->error);
	return buf_cstr(&log->got);
}

/* What the entries from one second to another look like as lines. */
static const char *
lines(struct log *log, unsigned from, unsigned to, unsigned step)
{
	struct buf out = { 0 };
	const char *text;

	for (unsigned i = from; i <= to; i += step)
		buf_printf(&out, "2026-11-20T15:%02u:%02u.000007Z mta postfix/smtp[17]: entry %u\n",
		    2 + (18 + i) / 60, (18 + i) % 60, i);
	text = arena_strdup(log->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static const char *
position(struct log *log)
{
	return log->source->position(log->source, log->arena);
}

static void
collect(struct str recalled, void *context)
{
	buf_add(context, recalled);
}

static void
test_facility(void **state)
{
	struct log *log = *state;

	for (unsigned i = 0; i < 30; i++)
		entry(log, i % 3 == 0 ? MAIL : i % 3 == 1 ? DAEMON : 10, i, NULL);
	write_journal(log, "a");
	start(log, NULL, true);
	assert_string_equal(read_on(log), lines(log, 0, 29, 3));
	assert_string_equal(read_on(log), "");
	/* On a first start, from now. */
	start(log, NULL, false);
	assert_string_equal(read_on(log), "");
	entry(log, MAIL, 30, NULL);
	write_journal(log, "b");
	assert_string_equal(read_on(log), lines(log, 30, 30, 1));
	assert_int_equal(log->source->gaps, 0);
}

static void
test_restart(void **state)
{
	struct log *log = *state;
	const char *where;

	for (unsigned i = 0; i < 5; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "a");
	start(log, NULL, true);
	assert_null(position(log));
	assert_string_equal(read_on(log), lines(log, 0, 4, 1));
	where = position(log);
	start(log, where, false);
	assert_string_equal(read_on(log), "");
	for (unsigned i = 5; i < 8; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "b");
	start(log, where, false);
	assert_string_equal(read_on(log), lines(log, 5, 7, 1));
	assert_int_equal(log->source->gaps, 0);
}

/* Several files, and more of them while it reads. */
static void
test_several_files(void **state)
{
	struct log *log = *state;
	const char *where;
	char name[16];

	for (unsigned file = 0; file < 4; file++) {
		for (unsigned i = 0; i < 5; i++) {
			entry(log, MAIL, file * 5 + i, NULL);
			entry(log, DAEMON, file * 5 + i, NULL);
		}
		snprintf(name, sizeof(name), "system@%u", file);
		write_journal(log, name);
	}
	start(log, NULL, true);
	assert_string_equal(read_on(log), lines(log, 0, 19, 1));
	where = position(log);
	for (unsigned i = 20; i < 25; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "system@5");
	assert_string_equal(read_on(log), lines(log, 20, 24, 1));
	start(log, where, false);
	assert_string_equal(read_on(log), lines(log, 20, 24, 1));
	assert_int_equal(log->source->gaps, 0);
}

/* More than is read in one go. */
static void
test_much(void **state)
{
	struct log *log = *state;
	struct str rest, line;
	unsigned count = 0;

	for (unsigned i = 0; i < 5000; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "a");
	start(log, NULL, true);
	read_on(log);
	rest = buf_str(&log->got);
	while (str_next_piece(&rest, '\n', &line)) {
		char want[32];

		snprintf(want, sizeof(want), ": entry %u", count++);
		assert_true(str_iends(line, str_of(want)));
	}
	assert_int_equal(count, 5000);
}

/* The journal was shortened while nobody read: the rest comes, and that some is
   missing is said. */
static void
test_shortened(void **state)
{
	struct log *log = *state;
	const char *where;
	char path[256];

	for (unsigned i = 0; i < 5; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "a");
	start(log, NULL, true);
	assert_string_equal(read_on(log), lines(log, 0, 4, 1));
	where = position(log);
	log->source->close(log->source);
	log->source = NULL;
	snprintf(path, sizeof(path), "%s/a.journal", log->directory);
	assert_int_equal(unlink(path), 0);
	for (unsigned i = 10; i < 15; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "b");
	start(log, where, false);
	log->source->recall(log->source, 1000, collect, &log->got);
	assert_string_equal(read_on(log), lines(log, 10, 14, 1));
	assert_int_equal(log->source->gaps, 1);
}

static void
test_empty(void **state)
{
	struct log *log = *state;

	start(log, NULL, false);
	assert_string_equal(read_on(log), "");
	entry(log, DAEMON, 0, NULL);
	write_journal(log, "a");
	assert_string_equal(read_on(log), "");
	/* The first mail there ever was. */
	entry(log, MAIL, 1, NULL);
	write_journal(log, "b");
	assert_string_equal(read_on(log), lines(log, 1, 1, 1));
}

/* An entry is one line, whatever is in it. */
static void
test_one_line_each(void **state)
{
	static const char front[] = "2026-11-20T15:02:18.000007Z mta postfix/smtp[17]: ";
	static const char binary[] = "MESSAGE\n\x0d\0\0\0\0\0\0\0" "a\nb\r\nNov 20 x";
	struct log *log = *state;
	struct str line, rest;

	entry(log, MAIL, 0, "PRIORITY=6");
	log->export.len -= 1; /* the end of the entry */
	buf_add(&log->export, (struct str){ binary, sizeof(binary) - 1 });
	buf_printf(&log->export, "\n\n");
	entry(log, MAIL, 1, "PRIORITY=6"); /* says nothing */
	write_journal(log, "a");
	start(log, NULL, true);
	rest = str_of(read_on(log));
	assert_true(str_next_piece(&rest, '\n', &line));
	assert_true(str_istarts(line, str_of(front)));
	assert_true(str_equal(str_sub(line, sizeof(front) - 1, line.len), STR("a?b??Nov 20 x")));
	assert_true(str_next_piece(&rest, '\n', &line));
	assert_true(str_iends(line, STR("postfix/smtp[17]: ")));
	assert_int_equal(rest.len, 0);
}

static void
test_recall(void **state)
{
	struct log *log = *state;
	const char *where;

	for (unsigned i = 0; i < 10; i++)
		entry(log, MAIL, i, NULL);
	write_journal(log, "a");
	start(log, NULL, true);
	read_on(log);
	where = position(log);
	entry(log, MAIL, 10, NULL);
	write_journal(log, "b");
	start(log, where, false);
	buf_clear(&log->got);
	log->source->recall(log->source, 1000000, collect, &log->got);
	assert_string_equal(buf_cstr(&log->got), lines(log, 0, 9, 1));
	assert_string_equal(read_on(log), lines(log, 10, 10, 1));
	assert_int_equal(log->source->gaps, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_facility), T(test_restart), T(test_several_files), T(test_much),
		T(test_shortened), T(test_empty), T(test_one_line_each), T(test_recall),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
