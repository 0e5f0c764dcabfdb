#include "source/follower.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "source/journal_reader.h"
#include "source/logtail.h"

#define WAIT_MSEC 1000   /* for lines; a change of the log wakes earlier */
#define GATHER_MSEC 100  /* the same, while something waits to be committed */
#define HURRY_MSEC 200   /* while there is more to read, a failure waits at most so long */
#define RETRY_USEC 1000000
#define RECALL_BYTES ((size_t)16 * 1024 * 1024)
#define SILENT_MSEC (10 * 60 * 1000)

struct follower {
	struct pipeline *pipeline;
	struct pipeline_log *log;
	struct logsource *source;
	unsigned gaps, overlong; /* of the source, as far as counted */
	bool reading;            /* the last try to read went well */
	int64_t unlogged_msec;   /* when mail first went by since the last line */
	bool silent;             /* it was warned of */
	atomic_bool unreadable;
	int wake_fd;
	pthread_t thread;
	atomic_bool stopping;
	_Atomic int64_t last_line_msec;
};

static void
recall(struct str lines, void *context)
{
	pipeline_log_recall(context, lines);
}

/* Say a change of state, once. */
static void
note_reading(struct follower *follower, bool reading, const char *error)
{
	if (reading == follower->reading)
		return;
	follower->reading = reading;
	follower->unreadable = !reading;
	pipeline_log_runs(follower->pipeline, reading);
	if (reading)
		msg_info("%s: reading it again", follower->source->name);
	else
		msg_alert("the mail log cannot be read, what it tells is missing: %s", error);
}

static void
count_losses(struct follower *follower)
{
	for (; follower->gaps < follower->source->gaps; follower->gaps++)
		pipeline_log_count(follower->log, "log_gaps_total");
	for (; follower->overlong < follower->source->overlong; follower->overlong++)
		pipeline_log_count(follower->log, "log_overlong_lines_total");
}

/* Until it works: what was read is not lost, it waits. */
static void
commit(struct follower *follower)
{
	struct arena *arena = arena_new();
	const char *position = follower->source->position(follower->source, arena);
	bool failing = false;

	while (position != NULL && pipeline_log_commit(follower->log, position) == -1) {
		if (!failing)
			msg_alert("%s: what it tells cannot be stored, reading waits",
			    follower->source->name);
		failing = true;
		if (follower->stopping)
			break;
		usleep(RETRY_USEC);
	}
	if (failing && !follower->stopping)
		msg_info("%s: storing what it tells again", follower->source->name);
	arena_free(arena);
}

static void *
run(void *argument)
{
	struct follower *follower = argument;
	struct logsource *source = follower->source;
	int wait_msec = WAIT_MSEC;

	source->recall(source, RECALL_BYTES, recall, follower->log);
	commit(follower);
	while (!follower->stopping) {
		const char *error = "";
		struct str lines;
		int ret = source->read(source, wait_msec, &lines, &error);

		note_reading(follower, ret != -1, error);
		if (ret == 1) {
			pipeline_log_add(follower->log, lines);
			follower->last_line_msec = clock_monotonic_msec();
		}
		count_losses(follower);
		/* A log that is behind is read on: more in one commit. */
		if (pipeline_log_is_due(follower->log, ret == 1 ? HURRY_MSEC : 0))
			commit(follower);
		wait_msec = ret == 1 ? 0 : pipeline_log_is_empty(follower->log) ? WAIT_MSEC :
		    GATHER_MSEC;
	}
	commit(follower);
	return NULL;
}

static struct logsource *
open_source(const struct config *config, const struct logsource_begin *begin)
{
	if (config->log_from == LOG_FROM_JOURNAL)
		return journal_reader_open(config->log_journal_dir, begin);
	return logtail_open(config->log_file, begin);
}

struct follower *
follower_start(struct pipeline *pipeline, const struct config *config, bool backfill)
{
	struct follower *follower;
	struct logsource_begin begin = { .backfill = backfill };
	struct arena *arena;
	const char *error;
	int known;

	if (config->log_from == LOG_FROM_NOWHERE) {
		msg_info("no mail log is read (%s): deferrals and deliveries stay unseen, and what "
		    "our own MTA reports is believed", config->log_why);
		return NULL;
	}
	follower = calloc(1, sizeof(*follower));
	if (follower == NULL || (follower->wake_fd = eventfd(0, EFD_CLOEXEC)) == -1)
		msg_out_of_memory();
	arena = arena_new();
	follower->pipeline = pipeline;
	follower->log = pipeline_log_new(pipeline);
	known = pipeline_log_position(follower->log, arena, &begin.position, &error);
	if (known == -1)
		msg_error("%s", error);
	if (known == 1 && backfill)
		msg_info("the log has been read before: going on from there, not from its beginning");
	begin.wake_fd = follower->wake_fd;
	follower->source = open_source(config, &begin);
	arena_free(arena);
	follower->reading = true;
	follower->last_line_msec = clock_monotonic_msec();
	pipeline_log_runs(pipeline, true);
	msg_info("reading the mail log: %s (%s)", follower->source->name, config->log_why);
	if (pthread_create(&follower->thread, NULL, run, follower) != 0)
		msg_out_of_memory();
	return follower;
}

void
follower_stop(struct follower *follower)
{
	const uint64_t one = 1;

	if (follower == NULL)
		return;
	follower->stopping = true;
	if (write(follower->wake_fd, &one, sizeof(one)) != sizeof(one))
		msg_warning("the reader of the log ends a second later");
	pthread_join(follower->thread, NULL);
	follower->source->close(follower->source);
	pipeline_log_free(follower->log);
	close(follower->wake_fd);
	free(follower);
}

void
follower_check(struct follower *follower, int64_t last_mail_msec)
{
	int64_t last_line_msec;
	bool silent;

	if (follower == NULL)
		return;
	last_line_msec = follower->last_line_msec;
	/* After a quiet night the first mail may be seen before its lines. */
	if (follower->unlogged_msec <= last_line_msec)
		follower->unlogged_msec = last_mail_msec;
	silent = last_mail_msec > last_line_msec &&
	    last_mail_msec - follower->unlogged_msec >= SILENT_MSEC;
	if (silent && !follower->silent)
		msg_warning("%s says nothing for ten minutes, although mail goes by: set log in "
		    "bouncemilter.conf to where the mail log is, and see that the daemon may "
		    "read it", follower->source->name);
	follower->silent = silent;
	pipeline_log_fails(follower->pipeline, follower->unreadable ? "it cannot be read" :
	    silent ? "it says nothing, although mail goes by" : NULL);
}
