/*
 * session: one SMTP connection as the milter protocol tells of it, without any
 * type of libmilter. It decides how much of a message we want to see, and
 * hands what may be a report to the pipeline.
 *
 * States of a message:
 *
 *   mail ---> accepted                  an own client's mail: nothing more
 *        \--> outgoing ---> end of message: marked   the same, where outgoing
 *        |                               mail is to be known again (outgoing.h)
 *        \--> headers ---> accepted     no sign of a report
 *                     \--> body ---> end of message: answered
 *
 * Guarantees: ordinary mail is always accepted, whatever fails here. A message
 * is answered "try again" only if it is a report from the network that could
 * not be received whole for lack of memory, or is proven ours and could not be
 * recorded. On the local lane nothing is ever
 * refused: Postfix would keep such mail in its queue.
 *
 * The callbacks of one session come one after the other, but on different
 * threads; a session has no state outside of its struct.
 */
#ifndef SOURCE_SESSION_H
#define SOURCE_SESSION_H

#include <stdatomic.h>

#include "outgoing.h"
#include "pipeline.h"

/* What all sessions share. */
struct session_pool {
	struct pipeline *pipeline;
	_Atomic size_t buffered; /* bytes of reports being received */
	_Atomic int64_t last_mail_msec; /* when MAIL was last seen, monotonic clock */
};

struct session;

enum session_answer {
	SESSION_CONTINUE,
	SESSION_ACCEPT, /* this message is of no further interest */
	SESSION_ENOUGH, /* the rest of the body is of no interest */
	SESSION_RETRY,  /* 4xx */
	SESSION_REFUSE, /* 550, with session_refusal() */
};

/* A connection from this address and port; port 0 and "" when not known. */
struct session *session_new(struct session_pool *pool, const char *address, unsigned port);
void session_free(struct session *session);

/* The macros that a message begins with; "" if absent. */
struct session_macros {
	const char *daemon_name; /* {daemon_name} */
	const char *host_name;   /* {j} */
	const char *login;       /* {auth_authen} */
};

/* The client has said HELO or EHLO with this name. */
void session_helo(struct session *session, const char *name);

/* MAIL FROM, arguments as they came, the last one NULL; begins a message. */
enum session_answer session_mail(struct session *session, char *const *arguments,
    const struct session_macros *macros);

/* RCPT TO, argument as it came. */
enum session_answer session_rcpt(struct session *session, const char *argument);

enum session_answer session_header(struct session *session, const char *name,
    const char *value);
enum session_answer session_end_of_headers(struct session *session);
enum session_answer session_body(struct session *session, struct str chunk);
enum session_answer session_end_of_message(struct session *session, const char *queue_id);

/* After the end of an outgoing message: what it is to be marked with. */
struct session_mark {
	const char *header;   /* value of the field TAG_HEADER, NULL for none */
	const char *envelope_id; /* for ENVID, NULL for none; the sender stays: */
	const char *sender;   /* ... as it came in MAIL FROM, "<>" not being one */
	const char *parameters; /* that the client gave there but SIZE, a blank before each */
};
struct session_mark session_mark(const struct session *session);

/* The message was given up; what was received of it is forgotten. */
void session_abort(struct session *session);

/* After SESSION_REFUSE: the enhanced status and the words. */
void session_refusal(const struct session *session, const char **status_r,
    const char **words_r);

#endif
