/*
 * Programs that do what they should not: none of them keeps us waiting beyond its
 * limit, leaves a process in its group, or gets at anything of ours.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "command.h"

#define LONG_MSEC 60000 /* a limit that no test comes near */
#define SHORT_MSEC 100  /* one that is to be reached ... */
#define START_MSEC 1500 /* ... when something has to be done before */

static char directory[] = "/tmp/bm-command-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static const char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Make a program; in its text "%s" is the directory. */
static const char *
program(const char *text)
{
	const char *path = path_of("program");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nD=%s\n%s\n", directory, text);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* What a program has written; "" if it has not. */
static const char *
content(const char *name)
{
	static char text[4096];
	FILE *file = fopen(path_of(name), "r");
	size_t len = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

	text[len] = '\0';
	if (file != NULL)
		fclose(file);
	return text;
}

static unsigned
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* One that ended and that init has not seen yet is not. */
static bool
is_alive(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file != NULL) {
		assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
	}
	return state != 'Z';
}

static bool
is_gone_soon(pid_t pid)
{
	for (int i = 0; i < 1000 && is_alive(pid); i++)
		usleep(10000);
	return !is_alive(pid);
}

/* Run it; nothing is left of it here. Returns its sentence without the
   directory, "" for success. */
static const char *
run(const char *const *argv, struct str input, int64_t limit_msec)
{
	unsigned before = open_files();
	const char *error = "";
	static char text[512];
	int ret = command_run(argv, input, limit_msec, -1, &error);
	size_t len = strlen(directory);

	assert_int_equal(open_files(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(ret, error[0] == '\0' ? 0 : -1);
	if (strncmp(error, directory, len) == 0)
		error += len + 1;
	snprintf(text, sizeof(text), "%s", error);
	return text;
}

static const char *
run_program(const char *text, struct str input, int64_t limit_msec)
{
	const char *const argv[] = { program(text), NULL };

	return run(argv, input, limit_msec);
}

static void
test_input_and_arguments(void **state)
{
	const char *const argv[] = { program("cat >$D/out; printf '%s|' \"$0\" \"$@\" >$D/argv"),
		"a b", "$(id)", "", "*", NULL };
	char want[256];

	(void)state;
	assert_string_equal(run(argv, STR("{\"id\":1}\n"), LONG_MSEC), "");
	assert_string_equal(content("out"), "{\"id\":1}\n");
	snprintf(want, sizeof(want), "%s/program|a b|$(id)||*|", directory);
	assert_string_equal(content("argv"), want);
	assert_string_equal(run_program("cat >$D/out", STR_EMPTY, LONG_MSEC), "");
	assert_string_equal(content("out"), "");
}

static void
test_what_it_gets_of_ours(void **state)
{
	int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	unsigned long long blocked_there, ignored_there;
	sigset_t blocked, before;
	int pid, group;

	(void)state;
	assert_int_not_equal(fd, -1);
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	setenv("SECRET", "x", 1);
	assert_string_equal(run_program("ls /proc/self/fd | tr '\\n' ' ' >$D/files; env | grep -v -e "
	    "^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort | cut -d= -f1 | tr '\\n' ' ' >$D/env; "
	    "grep -E '^Sig(Blk|Ign)' /proc/self/status >$D/signals; "
	    "cut -d' ' -f1,5 /proc/$$/stat >$D/group; "
	    "O=$(readlink /proc/$$/fd/1 /proc/$$/fd/2); echo \"$O\" >$D/output", STR_EMPTY,
	    LONG_MSEC), "");
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	unsetenv("SECRET");
	close(fd);
	/* 3 is the directory that ls reads. */
	assert_string_equal(content("files"), "0 1 2 3 ");
	assert_string_equal(content("env"), "LANG PATH ");
	assert_int_equal(sscanf(content("signals"), "SigBlk: %llx SigIgn: %llx", &blocked_there,
	    &ignored_there), 2);
	/* glibc keeps 32 and 33 for itself. */
	assert_int_equal(blocked_there & 0x7fffffff, 0);
	assert_int_equal(ignored_there & 0x7fffffff, 0);
	assert_int_equal(sscanf(content("group"), "%d %d", &pid, &group), 2);
	assert_int_equal(pid, group);
	assert_string_equal(content("output"), "/dev/null\n/dev/null\n");
}

static void
test_failures_have_a_sentence(void **state)
{
	const char *const relative[] = { "program", NULL };
	const char *const missing[] = { "/nonexistent/program", NULL };
	const char *const data[] = { program(""), NULL };

	(void)state;
	assert_string_equal(run_program("exit 1", STR_EMPTY, LONG_MSEC),
	    "program: ended with status 1");
	assert_string_equal(run_program("exit 255", STR_EMPTY, LONG_MSEC),
	    "program: ended with status 255");
	assert_string_equal(run_program("kill -9 $$", STR_EMPTY, LONG_MSEC),
	    "program: was killed by signal 9");
	assert_string_equal(run(relative, STR_EMPTY, LONG_MSEC), "program: is not a full path");
	assert_string_equal(run(missing, STR_EMPTY, LONG_MSEC),
	    "/nonexistent/program: cannot be run: No such file or directory");
	assert_int_equal(chmod(data[0], 0644), 0);
	assert_string_equal(run(data, STR_EMPTY, LONG_MSEC),
	    "program: cannot be run: Permission denied");
	/* No "#!": there is no shell that would guess. */
	assert_int_equal(truncate(data[0], 0), 0);
	assert_int_equal(chmod(data[0], 0755), 0);
	assert_string_equal(run(data, STR_EMPTY, LONG_MSEC),
	    "program: cannot be run: Exec format error");
}

static void
assert_killed(const char *text, struct str input, int64_t limit_msec)
{
	const char *said = run_program(text, input, limit_msec);
	char rest[64];
	double seconds;

	check(sscanf(said, "program: had not ended after %lf s, %63[^\n]", &seconds, rest) == 2 &&
	    strcmp(rest, "and was killed") == 0, "%s: %s", text, said);
}

static void
test_the_limit(void **state)
{
	static char large[1024 * 1024];
	struct str input = { large, sizeof(large) };

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_killed("sleep 1000", STR_EMPTY, SHORT_MSEC);
	assert_killed("sleep 1000", input, SHORT_MSEC);
	assert_killed("exec sleep 1000", input, SHORT_MSEC);
	assert_killed("exec <&-; sleep 1000", input, SHORT_MSEC);
	assert_killed("trap '' TERM INT HUP; while :; do sleep 1000; done", STR_EMPTY, SHORT_MSEC);
	assert_killed("yes; sleep 1000", STR_EMPTY, SHORT_MSEC);
	assert_killed("kill -STOP $$", STR_EMPTY, SHORT_MSEC);
	/* These do not need it. */
	assert_string_equal(run_program("exec <&-", input, LONG_MSEC), "");
	assert_string_equal(run_program("head -c 100000000 /dev/zero; head -c 1000000 /dev/zero >&2",
	    input, LONG_MSEC), "");
	assert_string_equal(run_program("wc -c | tr -d ' ' >$D/count", input, LONG_MSEC), "");
	assert_string_equal(content("count"), "1048576\n");
}

static void
test_the_group(void **state)
{
	pid_t pid;

	(void)state;
	/* Of a program that is killed, one that ends, and one that does not hear
	   SIGTERM in a child. */
	assert_killed("sleep 1000 & echo $! >$D/child; wait", STR_EMPTY,
	    START_MSEC);
	pid = (pid_t)atol(content("child"));
	assert_true(pid > 1 && is_gone_soon(pid));
	assert_string_equal(run_program("sleep 1000 & echo $! >$D/child", STR_EMPTY, LONG_MSEC), "");
	pid = (pid_t)atol(content("child"));
	assert_true(pid > 1 && is_gone_soon(pid));
	assert_killed("(trap '' TERM; sleep 1000 & echo $! >$D/child; wait; wait) & wait", STR_EMPTY,
	    START_MSEC);
	pid = (pid_t)atol(content("child"));
	assert_true(pid > 1 && is_gone_soon(pid));
}

/* It may put things in order: the shell does when its child is gone. */
static void
test_a_last_word(void **state)
{
	(void)state;
	assert_killed("trap 'echo >$D/heard; exit 1' TERM; sleep 1000", STR_EMPTY, START_MSEC);
	assert_int_equal(access(path_of("heard"), F_OK), 0);
}

/* It is beyond reach, and does not keep us waiting. */
static void
test_a_group_of_its_own(void **state)
{
	const char *text = "setsid sh -c 'echo $$ >$D/child; exec sleep 1000' & "
	    "while ! test -s $D/child; do :; done";
	char program_text[256];
	pid_t pid;

	(void)state;
	unlink(path_of("child"));
	snprintf(program_text, sizeof(program_text), "export D; %s", text);
	assert_string_equal(run_program(program_text, STR("input"), LONG_MSEC), "");
	pid = (pid_t)atol(content("child"));
	assert_true(pid > 1);
	assert_true(is_alive(pid));
	kill(pid, SIGKILL);
	assert_true(is_gone_soon(pid));
}

static void
test_stopping(void **state)
{
	const char *const sleeps[] = { program("sleep 1000"), NULL };
	int fd = eventfd(1, EFD_CLOEXEC);
	int64_t began = clock_monotonic_msec();
	const char *error = "";

	(void)state;
	assert_int_equal(command_run(sleeps, STR_EMPTY, 10 * LONG_MSEC, fd, &error), -1);
	assert_non_null(strstr(error, "was killed"));
	assert_true(clock_monotonic_msec() - began >= COMMAND_STOP_MSEC);
	/* What is quick may end. */
	error = "";
	assert_int_equal(command_run((const char *const[]){ program("exit 0"), NULL }, STR_EMPTY,
	    LONG_MSEC, fd, &error), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_and_arguments),
		cmocka_unit_test(test_what_it_gets_of_ours),
		cmocka_unit_test(test_failures_have_a_sentence),
		cmocka_unit_test(test_the_limit),
		cmocka_unit_test(test_the_group),
		cmocka_unit_test(test_a_last_word),
		cmocka_unit_test(test_a_group_of_its_own),
		cmocka_unit_test(test_stopping),
	};

	return cmocka_run_group_tests_name("command", tests, set_up, tear_down);
}
