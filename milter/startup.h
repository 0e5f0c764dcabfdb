/*
 * startup: what a daemon does once before it serves: directories, privileges,
 * locks, the real path of its socket. Failures name the path and the remedy;
 * *status_r is the exit status for them (sysexits.h).
 */
#ifndef STARTUP_H
#define STARTUP_H

#include "config.h"

/* As many descriptors as this process may have: one is for each session. */
void startup_raise_limits(void);

/* Started as root: make the directories that are missing, owned by the user
   of the configuration, and become that user. Otherwise nothing.
   Returns 0 or -1. */
int startup_become_user(const struct config *config, int *status_r, const char **error_r);

/* Become the owner of the state directory, if started as root: what a tool
   writes must be the daemon's. Returns 0 or -1. */
int startup_become_owner(const struct config *config, const char **error_r);

/* Take the locks that make this the only instance of the state directory and
   of the socket, and find the real path of the socket behind any links.
   *socket_r, for milter_open(), is in the arena. Returns 0 or -1. */
int startup_lock(const struct config *config, struct arena *arena, const char **socket_r,
    int *status_r, const char **error_r);

/*
 * Go to the background. The parent stays until the child serves or has failed,
 * and ends with the child's status: who starts us from a script learns of a
 * failure. Returns, in the child, the descriptor to report to.
 */
int startup_detach(void);

/* Report the exit status of starting, 0 for success, and leave the terminal
   then. -1 for the descriptor: there is nobody to report to. */
void startup_report(int fd, int status);

#endif
