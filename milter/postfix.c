#include "postfix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "proof/trust.h"

#define OUTPUT_BYTES (1024 * 1024)
#define TIMEOUT_MSEC 30000 /* while the machine boots, all is slow */
#define PARAMETERS_MOST 32

/* postconf lives in sbin, which is not in everybody's PATH. */
static const char *const search_path = "PATH=/usr/sbin:/usr/local/sbin:/usr/bin:/bin:/sbin";

/* Read all that the child writes. Returns 0, or -1 if it takes too long. */
static int
read_output(int fd, struct buf *output)
{
	int64_t end = clock_monotonic_msec() + TIMEOUT_MSEC;
	char chunk[4096];

	for (;;) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_monotonic_msec();
		ssize_t got;

		if (left <= 0 || poll(&poller, 1, (int)left) <= 0)
			return -1;
		got = read(fd, chunk, sizeof(chunk));
		if (got <= 0)
			return got == 0 ? 0 : -1;
		buf_add(output, (struct str){ chunk, (size_t)got });
		if (output->len > OUTPUT_BYTES)
			return -1;
	}
}

/* Start a program of search_path with its output in a pipe. */
static int
start(char *const argv[], pid_t *pid_r, int *fd_r)
{
	char *const environment[] = { (char *)search_path, "LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	/* The daemon blocks its signals; the child must not inherit that. */
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(pid_r, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (ret != 0) {
		close(ends[0]);
		errno = ret;
		return -1;
	}
	*fd_r = ends[0];
	return 0;
}

static const char *
find_postconf(void)
{
	static const char *const places[] = { "/usr/sbin/postconf", "/usr/local/sbin/postconf" };
	const char *named = getenv("POSTCONF");

	if (named != NULL)
		return named;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

/* A package without a configuration is no Postfix yet. */
static bool
is_configured(const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/main.cf", directory);
	return access(path, F_OK) == 0;
}

/* Run postconf with these arguments. Returns as postfix_parameters() does. */
static int
postconf(char *argv[], const char *directory, struct buf *output, const char **error_r)
{
	int fd, status, ret;
	pid_t pid;

	argv[0] = (char *)find_postconf();
	if (argv[0] == NULL || !is_configured(directory))
		return 0;
	if (start(argv, &pid, &fd) == -1)
		return msg_failure(error_r, "%s: %s", argv[0], strerror(errno));
	ret = read_output(fd, output);
	if (ret == -1)
		kill(pid, SIGKILL);
	close(fd);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (ret == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return msg_failure(error_r, "%s -c %s failed: run it by hand to see why", argv[0],
		    directory);
	return 1;
}

int
postfix_parameters(const char *directory, bool expand, const char *const names[],
    unsigned count, struct arena *arena, const char **values_r, const char **error_r)
{
	char *argv[PARAMETERS_MOST + 5] = { NULL, "-c", (char *)directory, expand ? "-xh" : "-h" };
	struct buf output = { 0 };
	struct str rest, line;
	int ret;

	for (unsigned i = 0; i < count && i < PARAMETERS_MOST; i++)
		argv[4 + i] = (char *)names[i];
	ret = postconf(argv, directory, &output, error_r);
	rest = buf_str(&output);
	for (unsigned i = 0; ret == 1 && i < count; i++) {
		if (!str_next_piece(&rest, '\n', &line))
			line = STR_EMPTY;
		values_r[i] = arena_strdup(arena, str_trim(line));
	}
	buf_free(&output);
	return ret;
}

int
postfix_services(const char *directory, struct arena *arena, struct str *lines_r,
    const char **error_r)
{
	char *argv[] = { NULL, "-c", (char *)directory, "-M", NULL };
	struct buf output = { 0 };
	int ret;

	ret = postconf(argv, directory, &output, error_r);
	*lines_r = str_of(arena_strdup(arena, buf_str(&output)));
	buf_free(&output);
	return ret;
}

int
postfix_has_type(const char *directory, struct str type, const char **error_r)
{
	char *argv[] = { NULL, "-c", (char *)directory, "-m", NULL };
	struct buf output = { 0 };
	struct str rest, line;
	int ret = postconf(argv, directory, &output, error_r), found = 0;

	rest = buf_str(&output);
	while (str_next_piece(&rest, '\n', &line))
		found |= str_equal(line, type);
	buf_free(&output);
	return ret == -1 ? -1 : found;
}

bool
postfix_is_table(struct str item)
{
	size_t at;

	if (item.len > 0 && item.data[0] == '!')
		item = str_sub(item, 1, item.len);
	if (item.len > 0 && item.data[0] == '/')
		return true;
	/* "[::1]/128" has colons, but no table is named in brackets. */
	return item.len > 0 && item.data[0] != '[' && str_find(item, STR(":/"), 0, &at) == 1;
}

bool
postfix_next_item(struct str *list, struct str *item_r)
{
	size_t end = 0;

	while (list->len > 0 && strchr(" \t\r\n,", list->data[0]) != NULL)
		*list = str_sub(*list, 1, list->len);
	while (end < list->len && strchr(" \t\r\n,", list->data[end]) == NULL)
		end++;
	*item_r = str_sub(*list, 0, end);
	*list = str_sub(*list, end, list->len);
	return item_r->len > 0;
}

/* The value of "-o name=value" in the line of a service of master.cf; empty if
   there is none. */
static struct str
service_option(struct str services, struct str service, struct str option)
{
	struct str line, word, value = STR_EMPTY;

	while (str_next_piece(&services, '\n', &line)) {
		if (!str_next_word(&line, &word) || !str_equal(word, service))
			continue;
		while (str_next_word(&line, &word)) {
			if (word.len > option.len && word.data[option.len] == '=' &&
			    str_equal(str_sub(word, 0, option.len), option))
				value = str_sub(word, option.len + 1, word.len);
		}
	}
	return value;
}

bool
postfix_has_separate_pickup(struct str services)
{
	struct str cleanup = service_option(services, STR("pickup"), STR("cleanup_service_name"));

	return cleanup.len > 0 && str_equal(service_option(services, cleanup,
	    STR("milter_macro_daemon_name")), STR(TRUST_PICKUP_NAME));
}
