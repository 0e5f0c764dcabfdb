/*
 * reply: the words of an SMTP server, as an MTA quotes them (RFC 5321 section
 * 4.2, RFC 3463). A reply of several lines, a quotation such as
 *
 *     host mx.example.com[192.0.2.1] said: 550 5.1.1 <user@example.com>: User
 *     unknown (in reply to RCPT TO command)
 *
 * and the bare words all come out alike.
 */
#ifndef PARSE_REPLY_H
#define PARSE_REPLY_H

#include "bounce.h"

struct reply {
	unsigned code;      /* reply code, 0 if none was seen */
	const char *status; /* enhanced status "5.1.1", "" if none was seen */
	const char *words;  /* the text without the codes that lead its lines */
	const char *text;   /* the whole reply on one line */
	const char *host;   /* the quoted host, "" if nobody is quoted */
	const char *relay;  /* what stood in brackets behind it */
	enum stage stage;
	unsigned limits;    /* LIMIT_TEXT if the text was cut */
};

/* Read a reply; all strings are in the arena. It cannot fail: a text without
   any code is words alone. */
void reply_parse(struct str text, struct arena *arena, struct reply *reply_r);

/* Take an enhanced status "5.1.1" off the front of *rest, with the "#" and ":"
   that some servers put around it. Returns 1 and the status, else 0. */
int reply_take_status(struct str *rest, struct arena *arena, const char **status_r);

/* Does the address stand in the text, and not as a part of another one?
   "jo@example.com" is not named by "<banjo@example.com>". */
bool reply_names_address(struct str text, struct str address);

/* Does the domain stand in the text, alone or as the end of a longer name, and not
   in an address? */
bool reply_names_domain(struct str text, struct str domain);

#endif
