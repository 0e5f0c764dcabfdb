/*
 * table_lock: the lock of a table, which strangers take too: smtpd, postmap, a
 * tool. It is waited for, but with a limit that may change meanwhile, and not in
 * silence.
 */
#ifndef STORE_TABLE_LOCK_H
#define STORE_TABLE_LOCK_H

#include <stdint.h>

/* The longest that anybody waits for a lock, in milliseconds; it may be set while
   somebody waits. */
#define TABLE_LOCK_FOREVER INT64_MAX
#define TABLE_LOCK_ALERT_MSEC 10000 /* of waiting, then it is said, once */

/*
 * Take a lock of the open file, F_RDLCK or F_WRLCK, in place of any that `fd` has.
 * NULL for the limit: wait as long as it takes.
 * Returns 0, or -1 with a sentence.
 */
int table_lock(int fd, short type, const char *path, const _Atomic int64_t *limit_msec,
    const char **error_r);

void table_unlock(int fd, const char *path);

#endif
