/*
 * file: files and directories, opened so that nobody else's link or device is
 * ever followed by mistake. Descriptors are close-on-exec.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/* Append the whole content of a regular file of at most `limit` bytes.
   Returns 1, 0 if there is no such file, -1 with a sentence on failure. */
int file_read(const char *path, size_t limit, struct buf *content, const char **error_r);

/* The same of a file that only its owner may read or write: any other mode is a
   failure, with the command that mends it. */
int file_read_secret(const char *path, size_t limit, struct buf *content, const char **error_r);

/* Take the lock of a lock file, which is made if need be, and keep it until
   the descriptor is closed or the process ends. Nothing waits.
   Returns 1 and the descriptor, 0 if another process holds it, -1 on failure. */
int file_lock(const char *path, int *fd_r, const char **error_r);

/* Make sure that `path` is a directory, made with `mode` if it is missing.
   Returns 0, or -1 with a sentence. */
int file_make_directory(const char *path, mode_t mode, const char **error_r);

/* Make a rename or a new file in the directory of `path` survive a crash.
   Returns 0, or -1 with a sentence. */
int file_sync_directory(const char *path, const char **error_r);

#endif
