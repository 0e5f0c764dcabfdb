/*
 * milter: the milter protocol, and the only file that knows libmilter.
 */
#ifndef SOURCE_MILTER_H
#define SOURCE_MILTER_H

#include "source/session.h"

/* Say which socket to use and open it: "unix:/path", "inet:port@host".
   Nothing may own the socket. Returns 0, or -1 with a sentence. */
int milter_open(const char *socket, struct session_pool *pool, const char **error_r);

/* Serve until milter_stop() or SIGTERM. Returns 0, or -1 if it could not go
   on. Callbacks may still be running: wait for milter_is_idle(). */
int milter_run(void);

/* Ask milter_run() to end; it takes up to five seconds. */
void milter_stop(void);

/* Is no callback running? */
bool milter_is_idle(void);

/* From now on callbacks wait for the process to end, so that parts can be
   freed. Returns false if one is running still, and may use them. */
bool milter_close(void);

#endif
