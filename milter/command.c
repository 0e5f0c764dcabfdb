#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"

#define LEAVE_MSEC 1000 /* from SIGTERM to SIGKILL, and for what SIGKILL takes */
#define LOOK_MSEC 20    /* whether it has ended, at least this often */

/* What it will read, from the beginning. Returns a descriptor or -1. */
static int
open_input(struct str input)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	while (fd != -1 && input.len > 0) {
		ssize_t len = write(fd, input.data, input.len);

		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1) {
			close(fd);
			return -1;
		}
		input = str_sub(input, (size_t)len, input.len);
	}
	if (fd != -1)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int
set_files(posix_spawn_file_actions_t *actions, int input_fd)
{
	int code = posix_spawn_file_actions_adddup2(actions, input_fd, STDIN_FILENO);

	for (int fd = STDOUT_FILENO; code == 0 && fd <= STDERR_FILENO; fd++)
		code = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_WRONLY, 0);
	if (code == 0)
		code = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return code;
}

/* Returns 0 or an error number. */
static int
start(const char *const *argv, int input_fd, pid_t *pid_r)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", NULL,
	};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int code;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&actions);
	code = set_files(&actions, input_fd);
	if (code == 0)
		code = posix_spawn(pid_r, argv[0], &actions, &attributes, (char *const *)argv,
		    (char *const *)environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return code;
}

/* Wait for its end; it is not reaped, so that its number and that of its group
   stay its own. Returns false if the time was over before. */
static bool
wait_for(pid_t pid, int64_t limit_msec, int stop_fd, siginfo_t *end_r)
{
	int64_t until = clock_monotonic_msec() + limit_msec, left = limit_msec;

	for (int64_t pause = 1;; pause = pause < LOOK_MSEC ? pause * 2 : pause) {
		struct pollfd stop = { .fd = stop_fd, .events = POLLIN };

		end_r->si_pid = 0;
		if (waitid(P_PID, (id_t)pid, end_r, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    end_r->si_pid == pid)
			return true;
		if (left <= 0)
			return false;
		if (poll(&stop, 1, (int)(left < pause ? left : pause)) == 1) {
			stop_fd = -1;
			if (until > clock_monotonic_msec() + COMMAND_STOP_MSEC)
				until = clock_monotonic_msec() + COMMAND_STOP_MSEC;
		}
		left = until - clock_monotonic_msec();
	}
}

/* Returns 0 or -1. */
static int
judge_end(const char *name, const siginfo_t *end, const char **error_r)
{
	if (end->si_code != CLD_EXITED)
		return msg_failure(error_r, "%s: was killed by signal %d", name, end->si_status);
	if (end->si_status != 0)
		return msg_failure(error_r, "%s: ended with status %d", name, end->si_status);
	return 0;
}

int
command_run(const char *const *argv, struct str input, int64_t limit_msec, int stop_fd,
    const char **error_r)
{
	int64_t began = clock_monotonic_msec();
	siginfo_t end = { 0 };
	int input_fd, code, ret;
	pid_t pid = -1;

	if (argv[0][0] != '/')
		return msg_failure(error_r, "%s: is not a full path", argv[0]);
	input_fd = open_input(input);
	if (input_fd == -1)
		return msg_failure(error_r, "%s: no memory for its input: %s", argv[0],
		    strerror(errno));
	code = start(argv, input_fd, &pid);
	close(input_fd);
	if (code != 0)
		return msg_failure(error_r, "%s: cannot be run: %s", argv[0], strerror(code));
	if (wait_for(pid, limit_msec, stop_fd, &end)) {
		ret = judge_end(argv[0], &end, error_r);
		kill(-pid, SIGKILL);
	} else {
		ret = msg_failure(error_r, "%s: had not ended after %.1f s, and was killed", argv[0],
		    (double)(clock_monotonic_msec() - began) / 1000);
		kill(-pid, SIGTERM);
		wait_for(pid, LEAVE_MSEC, -1, &end);
		kill(-pid, SIGKILL);
		/* One that is stuck in the kernel is left to the end of this process. */
		wait_for(pid, LEAVE_MSEC, -1, &end);
	}
	waitpid(pid, NULL, WNOHANG);
	return ret;
}
