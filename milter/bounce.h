/*
 * bounce: everything learned about one failure: "this recipient failed, says
 * this source, with these words". The first of the two nouns that the layers
 * share; the second is struct verdict.
 *
 * Absent is "" for text and 0 for a number, never NULL. All text is UTF-8
 * without control characters; whoever makes a bounce sees to that, and keeps
 * the memory (mostly one arena per report) for as long as the bounce is used.
 */
#ifndef BOUNCE_H
#define BOUNCE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/words.h"
#include "verdict.h"

/* Who told us. */
enum source {
	SOURCE_UNKNOWN,
	SOURCE_NET,      /* a report that came in by SMTP */
	SOURCE_LOCAL,    /* our own MTA's report */
	SOURCE_LOG,      /* our own MTA's log */
	SOURCE_THRESHOLD, /* earlier events together */
	SOURCE_OPERATOR, /* a person at a command line */
	SOURCE_CLOCK,    /* time has passed: a term has ended */
};

/* What became of the message (RFC 3464 section 2.3.3, "Action"). */
enum outcome {
	OUTCOME_NONE,
	OUTCOME_FAILED,    /* failed, Status 5.x.x */
	OUTCOME_EXPIRED,   /* failed, Status 4.x.x: the queue lifetime ended */
	OUTCOME_DELAYED,
	OUTCOME_DELIVERED, /* delivered, relayed or expanded */
	OUTCOME_COMPLAINT,
	OUTCOME_DEFERRED,  /* the MTA keeps the message and tries again */
	OUTCOME_COUNT,
};

/* The SMTP command that was refused. The reply to the end of DATA covers the
   whole transaction, all other replies one recipient or none. */
enum stage {
	STAGE_UNKNOWN,
	STAGE_CONNECT,
	STAGE_HELO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_EOD,
};

/* Of whom the words of a failure speak. */
enum about {
	ABOUT_NOBODY,
	ABOUT_RECIPIENT,
	ABOUT_SENDER,
	ABOUT_OTHER,
};

/* Limits that were hit while reading: the bounce may be incomplete. */
enum {
	LIMIT_SIZE = 1u << 0,       /* the report was cut */
	LIMIT_DEPTH = 1u << 1,      /* MIME parts nested too deeply */
	LIMIT_PARTS = 1u << 2,      /* too many MIME parts */
	LIMIT_HEADER = 1u << 3,     /* a header block or field was cut */
	LIMIT_RECIPIENTS = 1u << 4, /* more recipient groups than are read */
	LIMIT_TEXT = 1u << 5,       /* the reply text was cut */
	LIMIT_MEMORY = 1u << 6,     /* too many reports were being read at once */
	LIMIT_CUT = 1u << 7,        /* the message ends before its last part does */
};

struct bounce {
	int64_t time;           /* when we learned of it */
	int64_t arrival;        /* when the returned message came to its MTA */
	enum source source;
	enum outcome outcome;
	enum stage stage;
	unsigned code;          /* SMTP reply code, 100 to 599 */
	unsigned together;      /* recipients that the same reply covers */
	enum about about;       /* of whom the words speak (parse/about.h) */
	unsigned guessed;       /* 1: no mail system names the recipient, but the headers
	                           of the returned message, or a person; never acts */
	unsigned again;         /* 1: the message had failed so before; it counts
	                           for no threshold a second time */
	unsigned limits;        /* LIMIT_ bits */
	const char *recipient;  /* normal form of the address we had sent to */
	const char *final_recipient;
	const char *original_recipient;
	const char *sender;     /* envelope sender of the returned message */
	const char *message_id; /* of the returned message */
	const char *queue_id;   /* of the returned message at the reporting MTA */
	const char *envelope_id;
	const char *token;      /* ... of our own making (proof/tag.h) that came back with it */
	const char *report_id;  /* Message-ID of the report itself */
	const char *reporting_mta;
	const char *remote_mta; /* the host whose words these are */
	const char *relay;      /* what stood in brackets behind it: an address,
	                           or the path of a unix-domain socket */
	const char *server;     /* the server that our MTA asked */
	unsigned port;          /* ... its port, 0 if not known */
	const char *agent;      /* its delivery agent: "smtp", "local" ... */
	const char *client;     /* who handed us the report, or the message */
	const char *login;      /* ... and as whom (RFC 4954) */
	const char *status;     /* enhanced status, "5.1.1" (RFC 3463) */
	const char *diagnostic_type; /* "smtp", "x-postfix", ... */
	const char *text;       /* the whole reply, one line */
	const char *feedback;   /* what a complaint complains of, "abuse" (RFC 5965) */
	const char *words;      /* the reply without its codes; not stored */
	const char *report;     /* what is kept of the raw report */
};

extern const struct words source_words, outcome_words, stage_words, about_words;

/* A bounce with nothing in it; strings are "". */
void bounce_init(struct bounce *bounce);

/* Append the text form of both nouns: one "name value" line per field that is
   not empty, with \n, \r and \\ escaped. */
void bounce_print(const struct bounce *bounce, const struct verdict *verdict, struct buf *out);

/* Read the text form back; strings are copied to the arena. A name that this
   version does not know is passed over.
   Returns 0, or -1 if a line is not of that form. */
int bounce_scan(struct str text, struct arena *arena, struct bounce *bounce_r,
    struct verdict *verdict_r);

/* The words of LIMIT_ bits, separated by commas, in the arena. */
const char *bounce_limits_print(unsigned limits, struct arena *arena);

#endif
