/*
 * bouncemilter: the daemon. It puts the parts together, in this order: options,
 * configuration, privileges, locks, store, tables, threads, socket; and takes
 * them apart in the reverse order. Each part is described in its header.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "advice.h"
#include "base/clock.h"
#include "base/msg.h"
#include "config_alert.h"
#include "housekeeping.h"
#include "pipeline_incident.h"
#include "proofs.h"
#include "source/follower.h"
#include "source/milter.h"
#include "startup.h"
#include "store/table_lock.h"

#define WRITER_STUCK_MSEC 60000 /* then the watchdog is not fed any more */
#define DRAIN_MSEC 10000        /* callbacks may finish in this time */
#define START_LOCK_MSEC 10000   /* for a table that somebody else has locked */
#define THREAD_STACK_BYTES (1024 * 1024)

/* At the end sessions get no answer any more, until they see their sockets close.
   Commits and tables take seconds, alerts twenty (alerts.h): whatever takes longer
   waits for somebody who does not let go. */
#define COMMIT_LIMIT_MSEC 10000
#define TELL_LIMIT_MSEC 25000

static const char usage_text[] =
    "usage: bouncemilter [-dfhptV] [-c FILE] [--backfill]\n"
    "\n"
    "      --backfill      when the mail log is read for the first time, begin at\n"
    "                      its beginning, not at its end\n"
    "  -c, --config FILE   the configuration, default\n"
    "                      " CONFIG_FILE "\n"
    "  -d, --debug         say more in the log\n"
    "  -f, --foreground    stay in the foreground, log to standard error\n"
    "  -p, --print         print all settings as they are in force, and exit\n"
    "  -t, --test          test configuration and rules, print which mail log is\n"
    "                      read and the lines that Postfix lacks, and exit\n"
    "  -h, --help          print this, and exit\n"
    "  -V, --version       print the version, and exit\n"
    "\n"
    "SIGUSR1 makes it read configuration and rules again.\n";

enum { OPT_BACKFILL = 256 };

static const struct option long_options[] = {
	{ "backfill", no_argument, NULL, OPT_BACKFILL },
	{ "config", required_argument, NULL, 'c' }, { "debug", no_argument, NULL, 'd' },
	{ "foreground", no_argument, NULL, 'f' }, { "print", no_argument, NULL, 'p' },
	{ "test", no_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

/* The parts of the running daemon. */
struct daemon {
	const char *config_path;
	bool backfill;
	struct pipeline_parts parts;
	struct tables *tables;
	struct proofs proofs;
	struct pipeline *pipeline;
	struct alerts *alerts;
	struct follower *follower;
	struct housekeeping *housekeeping;
	struct session_pool pool;
	pthread_t milter;
	int milter_status;
	atomic_bool stopping;       /* the milter has ended */
	_Atomic int64_t limit_msec; /* of what is done at the end */
};

/* The settings that take a restart, because something is open by them. */
static bool
needs_restart(const struct config *a, const struct config *b)
{
	return strcmp(a->socket, b->socket) != 0 || strcmp(a->user, b->user) != 0 ||
	    strcmp(a->state_dir, b->state_dir) != 0 || strcmp(a->table_dir, b->table_dir) != 0 ||
	    a->table_type != b->table_type || a->store_size_bytes != b->store_size_bytes ||
	    a->log_from != b->log_from || strcmp(a->log_file, b->log_file) != 0 ||
	    strcmp(a->log_journal_dir, b->log_journal_dir) != 0 ||
	    (a->ledger == LEDGER_NONE) != (b->ledger == LEDGER_NONE) ||
	    a->ledger_size_bytes != b->ledger_size_bytes ||
	    strcmp(a->dns_servers, b->dns_servers) != 0 || strcmp(a->dns_zone, b->dns_zone) != 0;
}

static void
reload(struct daemon *daemon)
{
	struct config *fresh, *old = config_get();
	const char *error;

	if (config_load(daemon->config_path, &fresh, &error) == -1) {
		msg_error("%s; the old configuration stays in force", error);
		pipeline_incident_condition(daemon->pipeline, CONDITION_RULES, true, error);
	} else {
		if (needs_restart(old, fresh))
			msg_warning("%s: socket, user, log, state-dir, table-dir, table-type, "
			    "store-size, ledger, ledger-size, dns-servers and dns-zone change with the "
			    "next restart", daemon->config_path);
		publish_pause(daemon->parts.publisher, fresh->mode == MODE_OBSERVE);
		/* In force before it is said: who reads the log may rely on it. */
		config_set_current(fresh);
		msg_info("configuration read again, %u rules", rule_set_count(fresh->rules));
		pipeline_incident_condition(daemon->pipeline, CONDITION_RULES, false, "");
	}
	config_put(old);
}

static void *
run_milter(void *argument)
{
	struct daemon *daemon = argument;

	daemon->milter_status = milter_run() == -1 ? EX_SOFTWARE : EXIT_SUCCESS;
	daemon->stopping = true;
	/* However it came to its end, control() hears of it. */
	kill(getpid(), SIGUSR2);
	return NULL;
}

static sigset_t
our_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	return signals;
}

/* Wait for signals, and for a second to pass; until the milter has ended. A thread
   of libmilter waits for HUP, TERM and INT too. The kernel prefers the first thread
   of a process if that waits, so that must be this one: libmilter would take five
   seconds to stop. */
static void
control(struct daemon *daemon)
{
	const struct timespec second = { .tv_sec = 1 };
	const sigset_t signals = our_signals();

	while (!daemon->stopping) {
		int signal = sigtimedwait(&signals, NULL, &second);

		if (signal == SIGUSR1) {
			reload(daemon);
		} else if (signal != -1 && !daemon->stopping) {
			milter_stop();
			break;
		}
		housekeeping_tick(daemon->housekeeping);
		pipeline_tick(daemon->pipeline, false);
		pipeline_incident_tick(daemon->pipeline, daemon->alerts);
		follower_check(daemon->follower, daemon->pool.last_mail_msec);
		if (clock_monotonic_msec() - writer_heartbeat_msec(daemon->parts.writer) <
		    WRITER_STUCK_MSEC)
			sd_notify(0, "WATCHDOG=1");
	}
	pthread_join(daemon->milter, NULL);
}

/* Every thread is born with the signals blocked that control() waits for. */
static void
block_signals(void)
{
	const sigset_t signals = our_signals();

	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
start_threads(struct daemon *daemon, const struct config *config)
{
	pthread_attr_t attributes;

	/* libmilter starts a thread for every busy session. */
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
	daemon->parts.publisher = publish_start(daemon->parts.store, daemon->tables,
	    config->mode == MODE_OBSERVE);
	daemon->parts.writer = writer_start(daemon->parts.store);
	daemon->parts.watch = watch_new();
	daemon->housekeeping = housekeeping_new(&daemon->parts);
}

/* Everything up to the socket. Returns 0, or the exit status. */
static int
start(struct daemon *daemon, const struct config *config, struct arena *arena,
    const char **error_r)
{
	enum store_error kind;
	const char *socket;
	bool damaged;
	int status;

	if (startup_become_user(config, &status, error_r) == -1 ||
	    startup_lock(config, arena, &socket, &status, error_r) == -1)
		return status;
	if (store_open(config->state_dir, config->store_size_bytes, false, &daemon->parts.store, &kind,
		error_r) == -1 ||
	    table_inspect(config->table_dir, config->table_type, &damaged, &kind, error_r) == -1)
		return kind == STORE_ERROR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
	/* Before the first mail: what was refused yesterday is refused today. If
	   that fails, the publisher says so and tries again. */
	if (damaged && publish_reset(daemon->parts.store, error_r) == -1)
		msg_alert("%s: run bouncemilter-suppress --verify", *error_r);
	if (table_open(config->table_dir, config->table_type, &daemon->tables, &kind,
		error_r) == -1)
		return kind == STORE_ERROR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
	sd_notify(0, "EXTEND_TIMEOUT_USEC=600000000");
	table_limit_waiting(daemon->tables, START_LOCK_MSEC);
	if (config->mode == MODE_ENFORCE &&
	    publish_catch_up(daemon->parts.store, daemon->tables, error_r) == -1)
		msg_warning("%s", *error_r);
	table_limit_waiting(daemon->tables, TABLE_LOCK_FOREVER);
	start_threads(daemon, config);
	if (proofs_open(config, &daemon->proofs, &daemon->parts, &kind, error_r) == -1)
		return kind == STORE_ERROR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
	if (pipeline_new(&daemon->parts, &daemon->pipeline, error_r) == -1 ||
	    pipeline_incident_recall(daemon->pipeline, error_r) == -1)
		return EX_CANTCREAT;
	daemon->alerts = alerts_start(&(struct alerts_parts){ daemon->parts.dns, daemon->parts.spf,
	    daemon->parts.dkim, pipeline_incident_diagnosed, daemon->pipeline });
	daemon->pool.pipeline = daemon->pipeline;
	daemon->follower = follower_start(daemon->pipeline, config, daemon->backfill);
	umask(0007); /* the socket: for the group that Postfix is in */
	return milter_open(socket, &daemon->pool, error_r) == -1 ? EX_CANTCREAT : 0;
}

/* The thread that ends the process if the end does not come by itself. What was
   acknowledged is on the disk before that; all else is told or made again. */
static void *
limit_end(void *argument)
{
	const struct daemon *daemon = argument;

	while (clock_monotonic_msec() < daemon->limit_msec)
		usleep(100000);
	msg_error("stopping takes too long, somebody may have locked the store or a table: ended "
	    "without the rest");
	_exit(EXIT_FAILURE);
}

/* Commit, publish, and tell what is left, in this order: what takes longest is of
   the least use to the next start. */
static void
finish(struct daemon *daemon)
{
	pthread_t limit;

	daemon->limit_msec = clock_monotonic_msec() + COMMIT_LIMIT_MSEC;
	if (pthread_create(&limit, NULL, limit_end, daemon) != 0)
		msg_out_of_memory();
	follower_stop(daemon->follower);
	pipeline_tick(daemon->pipeline, true);
	pipeline_incident_tick(daemon->pipeline, daemon->alerts);
	writer_stop(daemon->parts.writer);
	publish_stop(daemon->parts.publisher);
	daemon->limit_msec = clock_monotonic_msec() + TELL_LIMIT_MSEC;
	alerts_stop(daemon->alerts);
	/* What is on its way to the ledger knows the next two. */
	proofs_close(&daemon->proofs);
	pthread_cancel(limit);
	pthread_join(limit, NULL);
}

/* Returns false if callbacks are still running: nothing may be freed then. */
static bool
stop(struct daemon *daemon)
{
	int64_t end = clock_monotonic_msec() + DRAIN_MSEC;

	milter_close();
	while (!milter_is_idle() && clock_monotonic_msec() < end)
		usleep(10000);
	if (!milter_is_idle()) {
		msg_warning("a message is still being worked on: ended without its answer");
		return false;
	}
	finish(daemon);
	housekeeping_free(daemon->housekeeping);
	pipeline_free(daemon->pipeline);
	watch_free(daemon->parts.watch);
	table_close(daemon->tables);
	store_close(daemon->parts.store);
	return true;
}

static int
serve(struct config *config, bool foreground, bool backfill)
{
	/* The whole path: in the background the directory is another one. */
	char *path = realpath(config->path, NULL);
	struct daemon daemon = { .config_path = path == NULL ? config->path : path,
		.backfill = backfill };
	int parent = foreground ? -1 : startup_detach(), status;
	struct arena *arena = arena_new();
	const char *error, *alerts;

	block_signals();
	startup_raise_limits();
	config_set_current(config);
	/* Before there is a socket: nobody waits while Postfix is asked. */
	advice_warn(config);
	status = start(&daemon, config, arena, &error);
	if (status != 0)
		msg_error("%s", error);
	startup_report(parent, status);
	if (status != 0)
		_exit(status);
	msg_info("started, version %s, %u rules%s", VERSION, rule_set_count(config->rules),
	    config->mode == MODE_OBSERVE ? ", only observing" : "");
	msg_info("reports act if proven by: %s", proofs_print(config, arena));
	alerts = alert_without_log(config, arena);
	if (alerts != NULL)
		msg_info("%s", alerts);
	sd_notify(0, "READY=1");
	if (pthread_create(&daemon.milter, NULL, run_milter, &daemon) != 0)
		msg_out_of_memory();
	control(&daemon);
	status = daemon.milter_status;
	sd_notify(0, "STOPPING=1");
	if (!stop(&daemon))
		_exit(status);
	arena_free(arena);
	free(path);
	msg_info("stopped");
	return status;
}

/* Which mail log is read, and what made it this one. That root may read it
   says nothing about the user whom the daemon becomes. */
static void
print_log(const struct config *config)
{
	bool file = config->log_from == LOG_FROM_FILE;
	bool directory = config->log_from == LOG_FROM_JOURNAL && config->log_journal_dir[0] != '\0';

	printf("mail log: %s%s%s (%s)%s\n", file ? config->log_file :
	    config->log_from == LOG_FROM_JOURNAL ? "the journal" : "none",
	    directory ? " in " : "", directory ? config->log_journal_dir : "", config->log_why,
	    file && access(config->log_file, F_OK) == -1 ? ", not there" : "");
}

static int
test(const struct config *config)
{
	struct buf advice = { 0 };
	struct arena *arena;
	const char *error, *alerts;
	struct dns *dns;
	int ret;

	if (dns_new(config->dns_zone, config->dns_servers, &dns, &error) == -1) {
		msg_error("%s", error);
		return EX_CONFIG;
	}
	dns_free(dns);
	ret = advice_print(config, &advice, &error);
	printf("%s: good, %u rules\n", config->path, rule_set_count(config->rules));
	print_log(config);
	arena = arena_new();
	printf("proofs: %s\n", proofs_print(config, arena));
	alerts = alert_without_log(config, arena);
	if (alerts != NULL)
		printf("%s\n", alerts);
	arena_free(arena);
	if (ret == -1)
		msg_warning("%s", error);
	if (ret == 0)
		printf("no Postfix found here\n");
	if (ret == 1 && advice.len == 0)
		printf("Postfix has all the lines it needs\n");
	if (advice.len > 0)
		printf("Postfix lacks these; then run: postfix reload\n\n%s", buf_cstr(&advice));
	buf_free(&advice);
	return EXIT_SUCCESS;
}

static int
print(const struct config *config)
{
	struct buf text = { 0 };

	config_print(config, &text);
	fputs(buf_cstr(&text), stdout);
	buf_free(&text);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	const char *path = CONFIG_FILE, *error;
	bool foreground = false, backfill = false;
	struct config *config;
	int option, what = 0;

	msg_open("bouncemilter", false);
	while ((option = getopt_long(argc, argv, "c:dfhptV", long_options, NULL)) != -1) {
		switch (option) {
		case OPT_BACKFILL:
			backfill = true;
			break;
		case 'c':
			path = optarg;
			break;
		case 'd':
			msg_set_debug(true);
			break;
		case 'f':
			foreground = true;
			break;
		case 'p': case 't':
			what = option;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("bouncemilter %s\n", VERSION);
			return EXIT_SUCCESS;
		default:
			fputs("Try 'bouncemilter --help'.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "bouncemilter: unexpected \"%s\". Try 'bouncemilter --help'.\n",
		    argv[optind]);
		return 2;
	}
	if (config_load(path, &config, &error) == -1) {
		msg_error("%s", error);
		return EX_CONFIG;
	}
	if (what != 0) {
		int status = what == 't' ? test(config) : print(config);

		config_put(config);
		return status;
	}
	return serve(config, foreground, backfill);
}
