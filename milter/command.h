/*
 * command: runs a program of the operator's, without a shell, with something to
 * read on its standard input.
 *
 * It runs in a process group of its own, with standard output and error thrown
 * away. What hangs, forks away or does not read is killed with its whole group
 * when its time is over. No thread of ours but the calling one waits for it.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "base/str.h"

/*
 * Run argv[0], a full path; the last one is NULL. Blocks for `limit_msec` at most.
 * Returns 0 if it ended with status 0, or -1 with a sentence that names it.
 */
int command_run(const char *const *argv, struct str input, int64_t limit_msec,
    const char **error_r);

#endif
