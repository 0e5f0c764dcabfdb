/*
 * command: runs a program of the operator's, without a shell, with something to
 * read on its standard input.
 *
 * It runs in a process group of its own, with standard output and error thrown
 * away, no other descriptor of ours, no signal blocked or ignored, and PATH and
 * LANG for an environment. Its standard input is a file in memory: who does not
 * read it keeps nobody waiting.
 *
 * What hangs is killed with its whole group when its time is over: SIGTERM, and
 * SIGKILL a second later. What it leaves behind in its group when it ends is
 * killed then. A process that made a group of its own, as with setsid(1), is
 * beyond reach: it lives on, holding nothing of ours but that file.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "base/str.h"

#define COMMAND_STOP_MSEC 2000

/*
 * Run argv[0], a full path; the last one is NULL. Blocks for `limit_msec` at most,
 * and two seconds more if it has to be killed. Once `stop_fd` can be read (-1: none),
 * what is left of its time is COMMAND_STOP_MSEC at most.
 *
 * Returns 0 if it ended with status 0, or -1 with a sentence that names it. Any
 * thread may call; nobody may wait for children that he does not know, and
 * SIGCHLD must not be ignored.
 */
int command_run(const char *const *argv, struct str input, int64_t limit_msec, int stop_fd,
    const char **error_r);

#endif
