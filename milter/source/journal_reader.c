#include "source/journal_reader.h"

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"

#define READ_ENTRIES 2000  /* in one go */
#define RECALL_BYTES_OF_ENTRY 200
#define FACILITY_MAIL "SYSLOG_FACILITY=2"

struct journal_reader {
	struct logsource source;
	char *directory;
	char *cursor; /* of the entry that was read last; NULL: of none */
	sd_journal *journal;
	struct buf lines;
	bool backfill;
	bool shortened; /* the entry of the cursor is gone, and that was said */
	int wake_fd;
};

static struct journal_reader *
reader_of(struct logsource *source)
{
	return (struct journal_reader *)source;
}

/* sd_journal_open() succeeds and shows nothing where the files cannot be read. */
static int
check_access(const char **error_r)
{
	static const char *const patterns[] = {
		"/var/log/journal/*/system.journal", "/run/log/journal/*/system.journal",
	};
	const struct passwd *user = getpwuid(geteuid());
	glob_t files = { 0 };
	bool readable = false;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		glob(patterns[i], i == 0 ? 0 : GLOB_APPEND, NULL, &files);
	for (size_t i = 0; i < files.gl_pathc; i++)
		readable |= access(files.gl_pathv[i], R_OK) == 0;
	readable |= files.gl_pathc == 0;
	globfree(&files);
	if (readable)
		return 0;
	return msg_failure(error_r, "the journal cannot be read: put user %s into group "
	    "systemd-journal and start again", user == NULL ? "?" : user->pw_name);
}

static void
keep_cursor(struct journal_reader *reader)
{
	char *cursor;

	if (sd_journal_get_cursor(reader->journal, &cursor) < 0)
		return;
	free(reader->cursor);
	reader->cursor = cursor;
	reader->shortened = false;
}

/* Go to where reading goes on: sd_journal_next() is the next entry to read. */
static int
seek(struct journal_reader *reader)
{
	int ret;

	if (reader->cursor == NULL && reader->backfill)
		return sd_journal_seek_head(reader->journal);
	if (reader->cursor == NULL) {
		ret = sd_journal_seek_tail(reader->journal);
		if (ret >= 0)
			ret = sd_journal_previous(reader->journal);
		if (ret > 0)
			keep_cursor(reader);
		return ret;
	}
	ret = sd_journal_seek_cursor(reader->journal, reader->cursor);
	if (ret >= 0)
		ret = sd_journal_next(reader->journal);
	if (ret <= 0)
		return ret;
	ret = sd_journal_test_cursor(reader->journal, reader->cursor);
	if (ret != 0)
		return ret;
	if (!reader->shortened) {
		reader->source.gaps++;
		msg_warning("the journal has been shortened: entries are lost");
	}
	reader->shortened = true;
	/* The entry that is next was not read: go to before it. */
	return sd_journal_seek_cursor(reader->journal, reader->cursor);
}

static int
open_journal(struct journal_reader *reader, const char **error_r)
{
	int ret;

	if (reader->directory[0] == '\0' && check_access(error_r) == -1)
		return -1;
	ret = reader->directory[0] == '\0' ?
	    sd_journal_open(&reader->journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) :
	    sd_journal_open_directory(&reader->journal, reader->directory, 0);
	if (ret >= 0)
		ret = sd_journal_add_match(reader->journal, FACILITY_MAIL, 0);
	if (ret >= 0)
		ret = seek(reader);
	if (ret >= 0)
		return 0;
	sd_journal_close(reader->journal);
	reader->journal = NULL;
	return msg_failure(error_r, "the journal%s%s: %s", reader->directory[0] == '\0' ? "" : " in ",
	    reader->directory, strerror(-ret));
}

/* The value of a field of the current entry, "" if it has none. */
static struct str
field(sd_journal *journal, const char *name)
{
	size_t len, skip = strlen(name) + 1;
	const void *data;

	if (sd_journal_get_data(journal, name, &data, &len) < 0 || len < skip)
		return STR_EMPTY;
	return (struct str){ (const char *)data + skip, len - skip };
}

/* An entry may have several lines; it comes out as one. */
static void
add_message(struct str message, struct buf *out)
{
	for (size_t i = 0; i < message.len; i++)
		buf_add_byte(out, message.data[i] == '\n' || message.data[i] == '\r' ? '?' :
		    message.data[i]);
	buf_add_byte(out, '\n');
}

/* A name as it may stand in front of a line: one word. */
static void
add_word(struct str word, const char *otherwise, struct buf *out)
{
	if (word.len == 0)
		word = str_of(otherwise);
	for (size_t i = 0; i < word.len; i++)
		buf_add_byte(out, word.data[i] <= ' ' ? '?' : word.data[i]);
}

/* Who sent an entry is written by the journal itself: one of a user with a shell,
   by logger(1), is not the MTA's. */
static bool
is_of_mta(sd_journal *journal)
{
	static const char *const users[] = { "postfix", "smmta", "smmsp" };
	struct str uid = field(journal, "_UID");
	const struct passwd *user;
	uint64_t number;

	if (str_number(uid, &number) == -1)
		return false;
	for (size_t i = 0; number != 0 && i < sizeof(users) / sizeof(users[0]); i++) {
		user = getpwnam(users[i]);
		if (user != NULL && user->pw_uid == number)
			number = 0;
	}
	return number == 0;
}

static void
add_entry(sd_journal *journal, struct buf *out)
{
	uint64_t usec = 0;
	char text[32];
	struct tm tm;
	time_t time;

	sd_journal_get_realtime_usec(journal, &usec);
	time = (time_t)(usec / 1000000);
	gmtime_r(&time, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%06uZ ", text, (unsigned)(usec % 1000000));
	add_word(field(journal, "_HOSTNAME"), "localhost", out);
	buf_add_byte(out, ' ');
	add_word(field(journal, "SYSLOG_IDENTIFIER"), "?", out);
	buf_add_byte(out, '[');
	add_word(field(journal, "SYSLOG_PID"), "0", out);
	buf_add(out, STR("]: "));
	add_message(field(journal, "MESSAGE"), out);
}

static void
wait_for_change(struct journal_reader *reader, int timeout_msec)
{
	struct pollfd fds[2] = {
		{ .fd = sd_journal_get_fd(reader->journal), .events = POLLIN },
		{ .fd = reader->wake_fd, .events = POLLIN },
	};

	poll(fds, 2, timeout_msec);
	sd_journal_process(reader->journal);
}

static int
reader_read(struct logsource *source, int timeout_msec, struct str *lines_r,
    const char **error_r)
{
	struct journal_reader *reader = reader_of(source);
	unsigned read = 0;
	int ret = 1;

	if (reader->journal == NULL && open_journal(reader, error_r) == -1)
		return -1;
	buf_clear(&reader->lines);
	for (unsigned i = 0; i < READ_ENTRIES; i++) {
		ret = sd_journal_next(reader->journal);
		if (ret <= 0)
			break;
		if (is_of_mta(reader->journal))
			add_entry(reader->journal, &reader->lines);
		read++;
	}
	if (read > 0) {
		keep_cursor(reader);
		*lines_r = buf_str(&reader->lines);
		return 1;
	}
	if (ret < 0) {
		sd_journal_close(reader->journal);
		reader->journal = NULL;
		return msg_failure(error_r, "the journal: %s", strerror(-ret));
	}
	if (timeout_msec > 0)
		wait_for_change(reader, timeout_msec);
	return 0;
}

static const char *
reader_position(struct logsource *source, struct arena *arena)
{
	struct journal_reader *reader = reader_of(source);

	return reader->cursor == NULL ? NULL : arena_printf(arena, "journal %s", reader->cursor);
}

static void
reader_recall(struct logsource *source, size_t bytes,
    void (*lines)(struct str lines, void *context), void *context)
{
	struct journal_reader *reader = reader_of(source);
	unsigned entries = (unsigned)(bytes / RECALL_BYTES_OF_ENTRY);
	const char *error;
	int back;

	if (reader->cursor == NULL ||
	    (reader->journal == NULL && open_journal(reader, &error) == -1))
		return;
	back = sd_journal_previous_skip(reader->journal, entries);
	buf_clear(&reader->lines);
	for (int i = 0; i <= back; i++) {
		if (is_of_mta(reader->journal))
			add_entry(reader->journal, &reader->lines);
		if (sd_journal_next(reader->journal) <= 0)
			break;
	}
	lines(buf_str(&reader->lines), context);
	seek(reader);
}

static void
reader_close(struct logsource *source)
{
	struct journal_reader *reader = reader_of(source);

	sd_journal_close(reader->journal);
	buf_free(&reader->lines);
	free(reader->cursor);
	free(reader->directory);
	free(reader);
}

struct logsource *
journal_reader_open(const char *directory, const struct logsource_begin *how)
{
	static const char prefix[] = "journal ";
	struct journal_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL || (reader->directory = strdup(directory)) == NULL)
		msg_out_of_memory();
	reader->source = (struct logsource){
		.name = "the journal", .read = reader_read, .position = reader_position,
		.recall = reader_recall, .close = reader_close,
	};
	reader->backfill = how->backfill;
	reader->wake_fd = how->wake_fd;
	if (how->position != NULL && strncmp(how->position, prefix, sizeof(prefix) - 1) == 0)
		reader->cursor = strdup(how->position + sizeof(prefix) - 1);
	return &reader->source;
}
