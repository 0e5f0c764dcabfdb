/*
 * milter: the milter protocol, and the only file that knows libmilter.
 */
#ifndef SOURCE_MILTER_H
#define SOURCE_MILTER_H

#include "source/session.h"

/* Say which socket to use and open it: "unix:/path", "inet:port@host".
   Nothing may own the socket. Returns 0, or -1 with a sentence. */
int milter_open(const char *socket, struct session_pool *pool, const char **error_r);

/* Serve until milter_stop(), or until the signal thread of libmilter gets HUP, TERM
   or INT. Returns 0, or -1 if it could not go on. Callbacks may still be running. */
int milter_run(void);

/* Ask milter_run() to end. From now on libmilter may leave sessions without an
   answer until the process ends. */
void milter_stop(void);

/* From now on callbacks that begin wait for the process to end. When
   milter_is_idle() then, none is running any more, and parts can be freed. */
void milter_close(void);
bool milter_is_idle(void);

#endif
