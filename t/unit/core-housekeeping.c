/*
 * What ends because time passes, and what does not end because a clock leaps. The
 * clocks of this program are moved: clock_gettime() and time() are its own.
 */
#include "pipeline-support.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "housekeeping.h"
#include "record.h"
#include "store/rates.h"

#define MINUTE INT64_C(60)
#define DAY INT64_C(86400)
#define YEAR (365 * DAY)

static _Atomic int64_t realtime_shift, monotonic_shift;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += realtime_shift;
	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += monotonic_shift;
	return ret;
}

time_t
time(time_t *now_r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now_r != NULL)
		*now_r = now.tv_sec;
	return now.tv_sec;
}

struct daemon {
	struct machine machine;
	struct housekeeping *housekeeping;
	int standard_error;
	char log[256];
};

/* What is not published yet would not be deleted. */
static const char config[] =
    "mode = observe\nown-domains = { \"example.com\" }\nledger = milter\nlog { none = yes }\n";

/* An address whose term ends in 30 days, and rows of each kind that is pruned. */
static void
fill(struct machine *machine)
{
	struct sent_mail mail = { .time = clock_now(), .message_id = "<1@example.com>",
		.recipient = "a@remote.test", .sender = "app@example.com", .queue_id = "4XyZabcdef" };
	struct verdict verdict;
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, "a@remote.test", clock_now());
	verdict_init(&verdict);
	verdict.category = CATEGORY_USER_UNKNOWN;
	verdict.decision = DECISION_SUPPRESS;
	verdict.until = clock_now() + 30 * DAY;
	assert_done(store_begin(machine->parts.store, &txn, &error));
	for (unsigned i = 0; i < 3; i++)
		assert_done(record_event(txn, &bounce, &verdict, &sequence, &error));
	assert_done(rates_add(txn, clock_now(), "example.com", "remote.test", "attempts", 1, &error));
	assert_done(store_commit(txn, &error));
	assert_done(store_begin(machine->parts.sent->store, &txn, &error));
	assert_done(sent_put(machine->parts.sent, txn, &mail, 1, &error));
	assert_done(store_commit(txn, &error));
}

static int
set_up(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	daemon->standard_error = dup(STDERR_FILENO);
	realtime_shift = monotonic_shift = 0;
	machine_open(&daemon->machine, config);
	fill(&daemon->machine);
	daemon->housekeeping = housekeeping_new(&daemon->machine.parts);
	*state = daemon;
	return 0;
}

static int
tear_down(void **state)
{
	struct daemon *daemon = *state;

	dup2(daemon->standard_error, STDERR_FILENO);
	close(daemon->standard_error);
	machine_close(&daemon->machine);
	housekeeping_free(daemon->housekeeping);
	free(daemon);
	return 0;
}

static uint64_t
count(struct store *store, enum store_table table)
{
	struct store_txn *txn;
	const char *error;
	uint64_t rows;

	assert_done(store_begin_read(store, &txn, &error));
	assert_done(store_count(txn, table, &rows, &error));
	store_abort(txn);
	return rows;
}

static bool
is_suppressed(const struct daemon *daemon)
{
	struct standing standing;
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin_read(daemon->machine.parts.store, &txn, &error));
	assert_int_equal(standing_get(txn, "a@remote.test", &standing, &error), 1);
	store_abort(txn);
	return standing.suppressed[TABLE_MAIN].event != 0;
}

/* The clocks go on by so many seconds, and the daemon looks. */
static void
move(struct daemon *daemon, int64_t realtime, int64_t monotonic)
{
	realtime_shift += realtime;
	monotonic_shift += monotonic;
	housekeeping_tick(daemon->housekeeping);
	assert_int_equal(settle(daemon->machine.parts.writer, 600), 0);
	assert_int_equal(settle(daemon->machine.parts.sent_writer, 600), 0);
}

static void
pass(struct daemon *daemon, int64_t seconds)
{
	move(daemon, seconds, seconds);
}

/* Is everything there still? */
static bool
is_untouched(const struct daemon *daemon)
{
	const struct pipeline_parts *parts = &daemon->machine.parts;

	return is_suppressed(daemon) && count(parts->store, STORE_JOURNAL) == 3 &&
	    count(parts->store, STORE_RATES) > 0 && count(parts->sent->store, STORE_SENT) == 1;
}

static bool
is_all_gone(const struct daemon *daemon)
{
	const struct pipeline_parts *parts = &daemon->machine.parts;

	/* The newest event stays. */
	return !is_suppressed(daemon) && count(parts->store, STORE_JOURNAL) == 1 &&
	    count(parts->store, STORE_RATES) == 0 && count(parts->sent->store, STORE_SENT) == 0;
}

/* From now on the log is in a file. */
static void
catch_log(struct daemon *daemon)
{
	int fd;

	snprintf(daemon->log, sizeof(daemon->log), "%s/log", daemon->machine.directory);
	fd = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

/* How many lines of it have a text. */
static unsigned
count_in_log(const struct daemon *daemon, const char *text)
{
	FILE *file = fopen(daemon->log, "r");
	unsigned lines = 0;
	char line[1024];

	while (fgets(line, sizeof(line), file) != NULL)
		lines += strstr(line, text) != NULL;
	fclose(file);
	return lines;
}

static void
test_time_passes(void **state)
{
	struct daemon *daemon = *state;

	pass(daemon, 0);
	assert_true(is_untouched(daemon));
	pass(daemon, 29 * DAY);
	assert_true(is_suppressed(daemon));
	assert_int_equal(count(daemon->machine.parts.sent->store, STORE_SENT), 0);
	pass(daemon, 2 * DAY);
	assert_false(is_suppressed(daemon));
	assert_int_equal(count(daemon->machine.parts.store, STORE_JOURNAL), 4);
	pass(daemon, 2 * YEAR);
	assert_true(is_all_gone(daemon));
}

/* It leaps, is set right after a while, and time goes on. */
static void
test_a_clock_that_is_set_right(void **state)
{
	struct daemon *daemon = *state;
	char before[CLOCK_TEXT_BYTES], want[64];

	catch_log(daemon);
	snprintf(want, sizeof(want), "the clock leapt from %.7s-",
	    clock_print(clock_now(), before));
	move(daemon, 12 * YEAR, 0);
	assert_true(is_untouched(daemon));
	pass(daemon, 9 * MINUTE);
	assert_true(is_untouched(daemon));
	move(daemon, -12 * YEAR, 0);
	pass(daemon, 20 * MINUTE);
	assert_true(is_untouched(daemon));
	assert_int_equal(count_in_log(daemon, "the clock leapt from "), 1);
	assert_int_equal(count_in_log(daemon, want), 1);
	pass(daemon, 31 * DAY);
	assert_false(is_suppressed(daemon));
	assert_int_equal(count_in_log(daemon, "the clock leapt from "), 1);
}

/* It is believed when it was not set for ten minutes. */
static void
test_a_clock_that_stays(void **state)
{
	struct daemon *daemon = *state;

	move(daemon, 12 * YEAR, 0);
	pass(daemon, 8 * MINUTE);
	move(daemon, -6 * YEAR, 0);
	pass(daemon, 8 * MINUTE);
	assert_true(is_untouched(daemon));
	move(daemon, 6 * YEAR, 0);
	pass(daemon, 8 * MINUTE);
	assert_true(is_untouched(daemon));
	pass(daemon, 3 * MINUTE);
	pass(daemon, 2 * MINUTE);
	assert_true(is_all_gone(daemon));
}

/* A clock is corrected by less than an hour, and back by as much as it may be. */
static void
test_a_clock_that_is_corrected(void **state)
{
	struct daemon *daemon = *state;

	pass(daemon, 30 * DAY - 30 * MINUTE);
	assert_true(is_suppressed(daemon));
	move(daemon, -70 * MINUTE, 0);
	move(daemon, 50 * MINUTE, 0);
	assert_true(is_suppressed(daemon));
	move(daemon, 55 * MINUTE, 0);
	assert_false(is_suppressed(daemon));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_time_passes), T(test_a_clock_that_is_set_right), T(test_a_clock_that_stays),
		T(test_a_clock_that_is_corrected),
	};

	return cmocka_run_group_tests_name("housekeeping", tests, NULL, NULL);
}
