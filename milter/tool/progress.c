#include "tool/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define EVERY_MSEC 200
#define BAR_COLUMNS 40
#define ERASE "\r\033[K"

/* Does nothing that a signal handler must not. The line may not be there. */
static void
erase_and_die(int number)
{
	if (write(STDERR_FILENO, ERASE, sizeof(ERASE) - 1) == -1)
		_exit(128 + number);
	raise(number); /* SA_RESETHAND: once more, and it ends us */
}

void
progress_begin(uint64_t bytes_all, struct progress *progress_r)
{
	struct sigaction action = { .sa_handler = erase_and_die,
		.sa_flags = (int)SA_RESETHAND };
	const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction before;

	*progress_r = (struct progress){ .on = isatty(STDERR_FILENO) == 1,
		.bytes_all = bytes_all };
	progress_r->began = progress_r->drawn = clock_monotonic_msec();
	for (size_t i = 0; progress_r->on && i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		/* nohup(1) has said that it shall not. */
		if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(deadly[i], &action, NULL);
	}
}

/* At most 78 columns. */
static void
draw(struct progress *progress, int64_t now)
{
	int64_t msec = now - progress->began;
	uint64_t rate = msec <= 0 ? 0 : progress->count * 1000 / (uint64_t)msec;
	uint64_t part = progress->bytes < progress->bytes_all ? progress->bytes :
	    progress->bytes_all;
	char bar[BAR_COLUMNS + 1];
	size_t full;

	if (progress->bytes_all == 0) {
		fprintf(stderr, "\r%" PRIu64 " done, %" PRIu64 " a second\033[K", progress->count,
		    rate);
		return;
	}
	full = (size_t)(part / (progress->bytes_all / BAR_COLUMNS + 1));
	memset(bar, '-', BAR_COLUMNS);
	memset(bar, '#', full);
	bar[BAR_COLUMNS] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %%, %" PRIu64 " a second\033[K", bar,
	    100 * (double)part / (double)progress->bytes_all, rate);
}

void
progress_add(struct progress *progress, uint64_t bytes, uint64_t count)
{
	int64_t now;

	progress->bytes += bytes;
	progress->count += count;
	if (!progress->on)
		return;
	now = clock_monotonic_msec();
	if (now - progress->drawn < EVERY_MSEC)
		return;
	/* If that is the same terminal, its text comes first. */
	fflush(stdout);
	progress->drawn = now;
	progress->shown = true;
	draw(progress, now);
}

void
progress_hide(struct progress *progress)
{
	if (!progress->shown)
		return;
	fputs(ERASE, stderr);
	progress->shown = false;
}
