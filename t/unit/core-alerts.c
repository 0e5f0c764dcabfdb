/*
 * Who hears of an incident, in which order, and what happens when a sink fails,
 * hangs, or is too slow.
 */
#include "store-support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts.h"
#include "base/clock.h"
#include "config.h"

#define PATIENCE_MSEC 120000 /* no machine is so slow */

/* A daemon's alerts, with programs in a directory of its own; what goes to
   syslog goes to the file "log". */
struct scene {
	char *directory;
	int standard_error;
	struct config *config;
	struct alerts_parts parts;
	struct alerts *alerts;
	_Atomic unsigned diagnosed;
	char diagnosis[4096]; /* the newest; to be read when alerts has stopped */
	char command[64], sendmail[64];
	const char *argv[2];
};

static const char *
path_of(const struct scene *scene, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", scene->directory, name);
	return path;
}

static void
write_file(const struct scene *scene, const char *name, const char *before, const char *text)
{
	FILE *file = fopen(path_of(scene, name), "w");

	assert_non_null(file);
	fprintf(file, "%s%s\n", before, text);
	assert_int_equal(fclose(file), 0);
}

/* A program; in its text $D is the directory. */
static void
write_program(const struct scene *scene, const char *name, const char *text)
{
	char before[128];

	snprintf(before, sizeof(before), "#!/bin/sh\nD=%s\n", scene->directory);
	write_file(scene, name, before, text);
	assert_int_equal(chmod(path_of(scene, name), 0755), 0);
}

/* All of a file, "" if there is none; to be freed. */
static char *
read_file(const struct scene *scene, const char *name)
{
	FILE *file = fopen(path_of(scene, name), "r");
	char *text = calloc(1, 1 << 20);

	if (file != NULL) {
		assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
		fclose(file);
	}
	return text;
}

static unsigned
count_in(const struct scene *scene, const char *name, const char *needle)
{
	char *text = read_file(scene, name);
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
		count++;
	free(text);
	return count;
}

static void
wait_for(const struct scene *scene, const char *name)
{
	int64_t until = clock_monotonic_msec() + PATIENCE_MSEC;

	while (access(path_of(scene, name), F_OK) == -1 && clock_monotonic_msec() < until)
		usleep(5000);
	assert_int_equal(access(path_of(scene, name), F_OK), 0);
}

/* Until so many have gone one way or the other. */
static void
wait_told(const struct scene *scene, enum alerts_sink sink, uint64_t sent, uint64_t failed)
{
	int64_t until = clock_monotonic_msec() + PATIENCE_MSEC;
	struct alerts_counts counts;

	do {
		usleep(5000);
		alerts_counts(scene->alerts, &counts);
	} while ((counts.sent[sink] < sent || counts.failed[sink] < failed) &&
	    clock_monotonic_msec() < until);
	assert_int_equal(counts.sent[sink], sent);
	assert_int_equal(counts.failed[sink], failed);
}

static void
note_diagnosis(void *context, const struct incident *incident)
{
	struct scene *scene = context;

	scene->diagnosed++;
	snprintf(scene->diagnosis, sizeof(scene->diagnosis), "%s", incident->diagnosis);
}

static void
make_config(struct scene *scene)
{
	const char *rules = getenv("BM_RULES"), *error;
	char text[256];

	snprintf(text, sizeof(text), "postfix-config = \"/nonexistent\"\nlocal-rules-dir = "
	    "\"/nonexistent\"\nrules-dir = \"%s\"\n", rules == NULL ? "rules" : rules);
	write_file(scene, "conf", text, "");
	assert_done(config_load(path_of(scene, "conf"), &scene->config, &error));
	snprintf(scene->command, sizeof(scene->command), "%s/command", scene->directory);
	snprintf(scene->sendmail, sizeof(scene->sendmail), "%s/sendmail", scene->directory);
	scene->argv[0] = scene->command;
	scene->config->alert_command = scene->argv;
	scene->config->alert_command_limit_sec = 3600;
	scene->config->alert_mail = "postmaster@example.com";
	scene->config->sendmail_path = scene->sendmail;
	scene->config->outbound_address = "192.0.2.1";
	config_set_current(scene->config);
}

static int
set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (make_directory((void **)&scene->directory) == -1)
		return -1;
	scene->standard_error = dup(STDERR_FILENO);
	scene->parts.diagnosed = note_diagnosis;
	scene->parts.context = scene;
	make_config(scene);
	write_program(scene, "command", "cat >>$D/json; echo command >>$D/order; "
	    "cp $D/log $D/log-at-command");
	write_program(scene, "sendmail", "echo \"$*\" >>$D/argv; cat >>$D/mail; "
	    "echo mail >>$D/order");
	*state = scene;
	return 0;
}

static void
start(struct scene *scene)
{
	int fd = open(path_of(scene, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	scene->alerts = alerts_start(&scene->parts);
}

static void
stop(struct scene *scene)
{
	alerts_stop(scene->alerts);
	scene->alerts = NULL;
	dup2(scene->standard_error, STDERR_FILENO);
}

static int
tear_down(void **state)
{
	struct scene *scene = *state;

	stop(scene);
	close(scene->standard_error);
	spf_free(scene->parts.spf);
	dkim_verifier_free(scene->parts.dkim);
	dns_free(scene->parts.dns);
	config_set_current(NULL);
	remove_directory((void **)&scene->directory);
	free(scene);
	return 0;
}

/* Tell of an incident; nothing of what is given lives on. */
static void
tell(struct scene *scene, uint64_t id, enum watch_rule_id rule, enum severity severity,
    enum notice notice)
{
	struct arena *arena = arena_new();
	struct watch_change change = { .notice = notice, .headers = STR_EMPTY };
	const struct watch_changes changes = { .first = &change };

	incident_init(&change.incident);
	change.incident.id = id;
	change.incident.rule = rule;
	change.incident.severity = severity;
	change.incident.domain = arena_strdup(arena, STR("example.com"));
	change.incident.selector = arena_printf(arena, "s%u", (unsigned)id);
	change.incident.texts[0] = arena_strdup(arena, STR("550 no"));
	alerts_post(scene->alerts, &changes);
	arena_free(arena);
}

static void
test_sinks_in_order(void **state)
{
	struct scene *scene = *state;
	char *text;

	start(scene);
	tell(scene, 1, WATCH_BLOCKLIST, SEVERITY_CRITICAL, NOTICE_OPENED);
	wait_told(scene, ALERTS_MAIL, 1, 0);
	wait_told(scene, ALERTS_COMMAND, 1, 0);
	wait_told(scene, ALERTS_SYSLOG, 1, 0);
	stop(scene);
	assert_int_equal(count_in(scene, "log", "test: alert: incident 1 opened: "), 1);
	assert_int_equal(count_in(scene, "log", "\n"), 1);
	assert_int_equal(count_in(scene, "log-at-command", "incident 1 opened: "), 1);
	text = read_file(scene, "order");
	assert_string_equal(text, "command\nmail\n");
	free(text);
	text = read_file(scene, "argv");
	assert_string_equal(text, "-i -f <> -- postmaster@example.com\n");
	free(text);
	assert_int_equal(count_in(scene, "json", "{\"id\":1,\"notice\":\"opened\",\"rule\":"
	    "\"blocklist\","), 1);
	assert_int_equal(count_in(scene, "mail", "\nX-Bouncemilter-Alert: 1\n"), 1);
	assert_int_equal(scene->diagnosed, 0);
}

static void
test_who_hears_of_what(void **state)
{
	struct scene *scene = *state;

	start(scene);
	tell(scene, 1, WATCH_HYGIENE, SEVERITY_NOTICE, NOTICE_OPENED);
	tell(scene, 2, WATCH_HYGIENE, SEVERITY_WARNING, NOTICE_OPENED);
	tell(scene, 3, WATCH_HYGIENE, SEVERITY_CRITICAL, NOTICE_LASTING);
	tell(scene, 4, WATCH_HYGIENE, SEVERITY_CRITICAL, NOTICE_CLOSED);
	tell(scene, 5, WATCH_HYGIENE, SEVERITY_CRITICAL, NOTICE_NONE);
	wait_told(scene, ALERTS_MAIL, 3, 0);
	stop(scene);
	assert_int_equal(count_in(scene, "log", "test: incident 1 opened: "), 1);
	assert_int_equal(count_in(scene, "log", "test: warning: incident 2 opened: "), 1);
	assert_int_equal(count_in(scene, "log", "test: alert: incident 3 lasting: "), 1);
	assert_int_equal(count_in(scene, "log", "test: incident 4 closed: "), 1);
	assert_int_equal(count_in(scene, "log", "\n"), 4);
	assert_int_equal(count_in(scene, "json", "\n"), 3);
	assert_int_equal(count_in(scene, "json", "\"severity\":\"notice\""), 0);
	assert_int_equal(count_in(scene, "mail", "\nSubject: "), 3);
}

static void
test_no_sinks(void **state)
{
	struct scene *scene = *state;
	struct alerts_counts counts;

	scene->argv[0] = NULL;
	scene->config->alert_mail = "";
	start(scene);
	tell(scene, 1, WATCH_BLOCKLIST, SEVERITY_CRITICAL, NOTICE_OPENED);
	wait_told(scene, ALERTS_SYSLOG, 1, 0);
	alerts_counts(scene->alerts, &counts);
	stop(scene);
	assert_int_equal(counts.sent[ALERTS_COMMAND] + counts.failed[ALERTS_COMMAND], 0);
	assert_int_equal(counts.sent[ALERTS_MAIL] + counts.failed[ALERTS_MAIL], 0);
	assert_int_equal(count_in(scene, "log", "\n"), 1);
}

static void
test_digest(void **state)
{
	const struct watch_changes changes = { .digest = "5 more:\nauth example.com" };
	struct scene *scene = *state;

	start(scene);
	alerts_post(scene->alerts, &changes);
	wait_told(scene, ALERTS_MAIL, 1, 0);
	stop(scene);
	assert_int_equal(count_in(scene, "log", "warning: digest of alerts: 5 more: auth "
	    "example.com\n"), 1);
	assert_int_equal(count_in(scene, "json", "{\"digest\":\"5 more:\\nauth example.com\"}\n"), 1);
	assert_int_equal(count_in(scene, "mail", "\nX-Bouncemilter-Alert: digest\n\n5 more:\n"
	    "auth example.com\n"), 1);
}

static void
test_trouble_is_said_once(void **state)
{
	struct scene *scene = *state;

	write_program(scene, "command", "test ! -e $D/broken");
	write_file(scene, "broken", "", "");
	start(scene);
	for (uint64_t id = 1; id <= 3; id++)
		tell(scene, id, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_told(scene, ALERTS_COMMAND, 0, 3);
	unlink(path_of(scene, "broken"));
	for (uint64_t id = 4; id <= 5; id++)
		tell(scene, id, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_told(scene, ALERTS_COMMAND, 2, 3);
	write_file(scene, "broken", "", "");
	tell(scene, 6, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_told(scene, ALERTS_COMMAND, 2, 4);
	/* The other sinks do not mind. */
	wait_told(scene, ALERTS_MAIL, 6, 0);
	stop(scene);
	assert_int_equal(count_in(scene, "log", "error: alerts cannot be told by command until it "
	    "works: "), 2);
	assert_int_equal(count_in(scene, "log", "/command: ended with status 1\n"), 2);
	assert_int_equal(count_in(scene, "log", "test: alerts can be told by command again\n"), 1);
	assert_int_equal(count_in(scene, "log", "\n"), 9);
}

static void
test_a_command_that_hangs(void **state)
{
	struct scene *scene = *state;

	scene->config->alert_command_limit_sec = 1;
	write_program(scene, "command", "sleep 1000");
	start(scene);
	tell(scene, 1, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	tell(scene, 2, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_told(scene, ALERTS_MAIL, 2, 0);
	stop(scene);
	assert_int_equal(count_in(scene, "log", "and was killed\n"), 1);
	assert_int_equal(count_in(scene, "log", "incident 2 opened: "), 1);
}

static void
test_the_queue_is_bounded(void **state)
{
	struct scene *scene = *state;
	struct alerts_counts counts;

	write_program(scene, "command", "echo >$D/running; while ! test -e $D/go; do sleep 0.05; done");
	start(scene);
	tell(scene, 1, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_for(scene, "running");
	for (uint64_t id = 2; id <= 1 + ALERTS_WAITING + 3; id++)
		tell(scene, id, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	/* The last three, by this thread. */
	alerts_counts(scene->alerts, &counts);
	assert_int_equal(counts.sent[ALERTS_SYSLOG], 4);
	assert_int_equal(counts.failed[ALERTS_COMMAND], 3);
	assert_int_equal(counts.failed[ALERTS_MAIL], 3);
	assert_int_equal(count_in(scene, "log", "test: warning: incident 68 opened: "), 1);
	assert_int_equal(count_in(scene, "log", "of this one only the log knows\n"), 3);
	write_file(scene, "go", "", "");
	wait_told(scene, ALERTS_MAIL, 1 + ALERTS_WAITING, 3);
	stop(scene);
	assert_int_equal(count_in(scene, "log", " opened: "), 1 + ALERTS_WAITING + 3);
}

static void
test_stop_tells_what_waits(void **state)
{
	struct scene *scene = *state;

	start(scene);
	for (uint64_t id = 1; id <= 3; id++)
		tell(scene, id, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	stop(scene);
	assert_int_equal(count_in(scene, "log", " opened: "), 3);
}

static void
test_stop_while_a_command_hangs(void **state)
{
	struct scene *scene = *state;
	int64_t began;

	write_program(scene, "command", "trap '' TERM; echo >$D/running; while :; do sleep 1000; done");
	start(scene);
	tell(scene, 1, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	wait_for(scene, "running");
	for (uint64_t id = 2; id <= 20; id++)
		tell(scene, id, WATCH_BLOCKLIST, SEVERITY_WARNING, NOTICE_OPENED);
	began = clock_monotonic_msec();
	stop(scene);
	assert_true(clock_monotonic_msec() - began < PATIENCE_MSEC);
	assert_int_equal(count_in(scene, "log", " opened: "), 20);
	assert_int_equal(count_in(scene, "log", "and was killed\n"), 1);
}

static void
use_zone(struct scene *scene, const char *zone)
{
	const char *error = "";

	write_file(scene, "zone", "", zone);
	assert_done(dns_new(path_of(scene, "zone"), "", &scene->parts.dns, &error));
	scene->parts.spf = spf_new(scene->parts.dns);
	scene->parts.dkim = dkim_verifier_new(scene->parts.dns);
}

/* The key is not there. */
#define ZONE "example.com. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n" \
	"_dmarc.example.com. TXT \"v=DMARC1; p=reject\"\n" \
	"1.2.0.192.in-addr.arpa. PTR mail.example.com.\nmail.example.com. A 192.0.2.1\n"

static void
test_diagnosis(void **state)
{
	struct scene *scene = *state;
	char *text;

	use_zone(scene, ZONE);
	start(scene);
	tell(scene, 1, WATCH_AUTH, SEVERITY_WARNING, NOTICE_OPENED);
	wait_told(scene, ALERTS_MAIL, 1, 0);
	assert_int_equal(scene->diagnosed, 1);
	/* Others are not, at other times it is not. */
	tell(scene, 2, WATCH_AUTH_FIRST, SEVERITY_WARNING, NOTICE_OPENED);
	tell(scene, 1, WATCH_AUTH, SEVERITY_WARNING, NOTICE_GROWN);
	tell(scene, 1, WATCH_AUTH, SEVERITY_WARNING, NOTICE_CLOSED);
	wait_told(scene, ALERTS_MAIL, 4, 0);
	assert_int_equal(scene->diagnosed, 1);
	tell(scene, 1, WATCH_AUTH, SEVERITY_CRITICAL, NOTICE_RISEN);
	wait_told(scene, ALERTS_MAIL, 5, 0);
	stop(scene);
	assert_int_equal(scene->diagnosed, 2);
	assert_int_equal(count_in(scene, "log", " diagnosis=\""), 2);
	text = read_file(scene, "mail");
	assert_non_null(strstr(text, "s1._domainkey.example.com"));
	assert_non_null(strstr(scene->diagnosis, "s1._domainkey.example.com"));
	free(text);
	assert_int_equal(count_in(scene, "json", "\"diagnosis\":\""), 2);
}

/* More incidents than are remembered, each with its own. */
static void
test_many_diagnoses(void **state)
{
	struct scene *scene = *state;

	use_zone(scene, ZONE);
	scene->config->alert_mail = "";
	scene->argv[0] = NULL;
	start(scene);
	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t id = 1; id <= 40; id++)
			tell(scene, id, WATCH_AUTH, SEVERITY_WARNING, NOTICE_OPENED);
		wait_told(scene, ALERTS_SYSLOG, 40 * (round + 1), 0);
	}
	stop(scene);
	assert_int_equal(scene->diagnosed, 80);
	assert_int_equal(count_in(scene, "log", " diagnosis=\""), 80);
	for (unsigned id = 1; id <= 40; id++) {
		char key[64];

		snprintf(key, sizeof(key), " s%u._domainkey.example.com ", id);
		assert_int_equal(count_in(scene, "log", key), 2);
	}
}

/* Nobody answers: it takes the time that there is, and the notice leaves. */
static void
test_diagnosis_of_silence(void **state)
{
	struct scene *scene = *state;
	int64_t began;

	use_zone(scene, "example.com. SILENT\ns1._domainkey.example.com. SILENT\n"
	    "_dmarc.example.com. SILENT\n1.2.0.192.in-addr.arpa. SILENT\n");
	start(scene);
	began = clock_monotonic_msec();
	tell(scene, 1, WATCH_AUTH, SEVERITY_CRITICAL, NOTICE_OPENED);
	tell(scene, 2, WATCH_AUTH, SEVERITY_CRITICAL, NOTICE_OPENED);
	while (count_in(scene, "log", "incident 1 opened: ") == 0 &&
	    clock_monotonic_msec() - began < PATIENCE_MSEC)
		usleep(10000);
	/* The second one is not diagnosed any more. */
	stop(scene);
	assert_true(clock_monotonic_msec() - began < PATIENCE_MSEC);
	assert_int_equal(count_in(scene, "log", "incident 1 opened: "), 1);
	assert_int_equal(count_in(scene, "log", "incident 2 opened: "), 1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_sinks_in_order),
		test(test_who_hears_of_what),
		test(test_no_sinks),
		test(test_digest),
		test(test_trouble_is_said_once),
		test(test_a_command_that_hangs),
		test(test_the_queue_is_bounded),
		test(test_stop_tells_what_waits),
		test(test_stop_while_a_command_hangs),
		test(test_diagnosis),
		test(test_many_diagnoses),
		test(test_diagnosis_of_silence),
	};

	return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
