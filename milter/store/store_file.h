/*
 * store_file: the files of a store, before LMDB opens them.
 */
#ifndef STORE_STORE_FILE_H
#define STORE_STORE_FILE_H

#include "store/store.h"

/* A link or a device in the place of the file is refused, as it is not followed.
   Returns 0, also if there is none and it may be made; -1 with a sentence. */
int store_file_check(const char *path, bool read_only, enum store_error *kind_r,
    const char **error_r);

/*
 * Give the lock file, which is made if there is none, room on the disk for so
 * many readers. LMDB makes it with holes and maps it: on a full disk a reader in
 * a hole ends the process with SIGBUS.
 *
 * Never while this process has the store open: the close of the lock file here
 * would drop LMDB's locks on it, as POSIX has it.
 *
 * Returns 0, also where a file system cannot set room aside; -1 with a sentence
 * if there is none.
 */
int store_file_reserve_lock(const char *path, unsigned readers, const char **error_r);

#endif
