#include "store/table_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"

/* Short, because a busy Postfix leaves only moments in which nobody reads. */
#define PAUSE_USEC 1000

#define HOLDER_BYTES 64

/* Open file description locks work against the fcntl locks of Postfix, and no
   close of another descriptor in this process can drop them.
   Returns 1, 0 if somebody else has it, -1 with a sentence. */
static int
try_lock(int fd, short type, const char *path, const char **error_r)
{
	struct flock request = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(fd, F_OFD_SETLK, &request) == -1) {
		if (errno == EAGAIN || errno == EACCES)
			return 0;
		if (errno != EINTR)
			return msg_failure(error_r, "%s: cannot lock: %s", path, strerror(errno));
	}
	return 1;
}

/* Who has it. Locks like ours do not tell. */
static const char *
print_holder(int fd, short type, char holder[HOLDER_BYTES])
{
	struct flock request = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &request) == 0 && request.l_type != F_UNLCK && request.l_pid > 0)
		snprintf(holder, HOLDER_BYTES, "process %d", (int)request.l_pid);
	else
		snprintf(holder, HOLDER_BYTES, "another program");
	return holder;
}

int
table_lock(int fd, short type, const char *path, const _Atomic int64_t *limit_msec,
    const char **error_r)
{
	int64_t began = clock_monotonic_msec(), waited;
	char holder[HOLDER_BYTES];
	bool said = false;
	int ret;

	while ((ret = try_lock(fd, type, path, error_r)) == 0) {
		waited = clock_monotonic_msec() - began;
		if (limit_msec != NULL && waited >= *limit_msec)
			return msg_failure(error_r, "%s is locked by %s", path,
			    print_holder(fd, type, holder));
		if (!said && waited >= TABLE_LOCK_ALERT_MSEC) {
			msg_alert("%s has been locked by %s for %d s: nothing is published until "
			    "it is free", path, print_holder(fd, type, holder),
			    TABLE_LOCK_ALERT_MSEC / 1000);
			said = true;
		}
		usleep(PAUSE_USEC);
	}
	if (said && ret == 1)
		msg_info("%s is free again", path);
	return ret == 1 ? 0 : -1;
}

void
table_unlock(int fd, const char *path)
{
	struct flock request = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &request) == -1)
		msg_warning("%s: cannot unlock: %s", path, strerror(errno));
}
