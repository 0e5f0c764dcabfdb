#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/msg.h"

#define LINKS_MOST 8

void
startup_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			msg_warning("the limit of open files stays as it is: %s", strerror(errno));
	}
}

/* Make a directory for the user, with the group that Postfix runs in: what is
   made inside gets that group by the setgid bit. */
static int
make_directory(const char *path, const struct passwd *user, const char **error_r)
{
	const struct group *postfix = getgrnam("postfix");
	gid_t group = postfix == NULL ? user->pw_gid : postfix->gr_gid;
	struct stat st;
	int fd, ret = 0;

	if (stat(path, &st) == 0)
		return 0;
	if (file_make_directory(path, 0750, error_r) == -1)
		return -1;
	/* By descriptor: nobody can put something else in its place meanwhile. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fchown(fd, user->pw_uid, group) == -1 || fchmod(fd, 02750) == -1)
		ret = msg_failure(error_r, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return ret;
}

static int
become(const struct passwd *user, const char **error_r)
{
	if (initgroups(user->pw_name, user->pw_gid) == -1 || setgid(user->pw_gid) == -1 ||
	    setuid(user->pw_uid) == -1)
		return msg_failure(error_r, "cannot become user %s: %s", user->pw_name,
		    strerror(errno));
	return 0;
}

int
startup_become_user(const struct config *config, int *status_r, const char **error_r)
{
	const char *socket = config_socket_path(config);
	const struct passwd *user;
	char copy[PATH_MAX];

	if (geteuid() != 0)
		return 0;
	*status_r = EX_CONFIG;
	user = getpwnam(config->user);
	if (user == NULL)
		return msg_failure(error_r, "user \"%s\" does not exist: make it with adduser "
		    "--system --group --no-create-home %s, or set user in %s", config->user,
		    config->user, config->path);
	*status_r = EX_CANTCREAT;
	if (make_directory(config->state_dir, user, error_r) == -1 ||
	    make_directory(config->table_dir, user, error_r) == -1)
		return -1;
	if (socket != NULL) {
		snprintf(copy, sizeof(copy), "%s", socket);
		if (make_directory(dirname(copy), user, error_r) == -1)
			return -1;
	}
	return user->pw_uid == 0 ? 0 : become(user, error_r);
}

int
startup_become_owner(const struct config *config, const char **error_r)
{
	const struct passwd *user;
	struct stat st;

	if (geteuid() != 0 || stat(config->state_dir, &st) == -1 || st.st_uid == 0)
		return 0;
	user = getpwuid(st.st_uid);
	if (user == NULL)
		return msg_failure(error_r, "%s belongs to a user without a name",
		    config->state_dir);
	return become(user, error_r);
}

/* Follow links by name, as far as the last part of the path is one. libmilter
   would replace the link by its socket instead. */
static int
follow_links(const char *path, char real[PATH_MAX], const char **error_r)
{
	char target[PATH_MAX], copy[PATH_MAX];

	snprintf(real, PATH_MAX, "%s", path);
	for (int i = 0; i < LINKS_MOST; i++) {
		ssize_t len = readlink(real, target, sizeof(target) - 1);

		if (len == -1)
			return 0;
		target[len] = '\0';
		snprintf(copy, sizeof(copy), "%s", real);
		if (target[0] == '/')
			snprintf(real, PATH_MAX, "%s", target);
		else if (snprintf(real, PATH_MAX, "%s/%s", dirname(copy), target) >= PATH_MAX)
			break;
	}
	return msg_failure(error_r, "%s: too many links", path);
}

static int
lock(const char *path, const char *what, const char **error_r)
{
	int fd, ret = file_lock(path, &fd, error_r);

	/* The descriptor stays open as long as the process lives. */
	if (ret == 1)
		return 0;
	if (ret == 0)
		return msg_failure(error_r, "%s is in use by another bouncemilter: stop that one, "
		    "or change the setting in its configuration", what);
	return -1;
}

int
startup_lock(const struct config *config, struct arena *arena, const char **socket_r,
    int *status_r, const char **error_r)
{
	const char *socket = config_socket_path(config);
	char real[PATH_MAX];
	struct stat st;

	*status_r = EX_CANTCREAT;
	if (lock(arena_printf(arena, "%s/lock", config->state_dir), config->state_dir,
		error_r) == -1)
		return -1;
	*socket_r = config->socket;
	if (socket == NULL)
		return 0;
	if (follow_links(socket, real, error_r) == -1)
		return -1;
	if (lstat(real, &st) == 0 && !S_ISSOCK(st.st_mode))
		return msg_failure(error_r, "%s: there is something that is not a socket: move it "
		    "away, or change socket in %s", real, config->path);
	if (lock(arena_printf(arena, "%s.lock", real), real, error_r) == -1)
		return -1;
	*socket_r = arena_printf(arena, "unix:%s", real);
	return 0;
}

int
startup_detach(void)
{
	unsigned char status = EX_OSERR;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		msg_out_of_memory();
	switch (fork()) {
	case -1:
		msg_out_of_memory();
	case 0:
		setsid();
		if (chdir("/") == -1)
			msg_warning("cannot leave the working directory");
		close(ends[0]);
		return ends[1];
	default:
		close(ends[1]);
		if (read(ends[0], &status, 1) != 1)
			status = EX_SOFTWARE;
		_exit(status);
	}
}

void
startup_report(int fd, int status)
{
	unsigned char byte = (unsigned char)status;
	int null;

	if (fd == -1)
		return;
	if (status == 0 && (null = open("/dev/null", O_RDWR)) != -1) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		msg_open("bouncemilter", true);
	}
	if (write(fd, &byte, 1) != 1)
		msg_error("cannot report to the parent");
	close(fd);
}
