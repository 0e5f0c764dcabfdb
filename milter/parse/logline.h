/*
 * logline: one line of a mail log, as Postfix or Sendmail wrote it through
 * syslog, a file of its own, or the journal:
 *
 *     [<PRI>]TIME [HOST] PROGRAM[PID]: QUEUE-ID: name=value, ..., status=WORD (TEXT)
 *
 * Everything is read from the left, and a field ends where the MTA ends it:
 * addresses are scanned with their quotes, and whatever comes behind status=
 * (Sendmail: reply=) is a stranger's text, in which nothing is looked for. So
 * neither a remote server nor a local part in quotes can move a field.
 *
 * Slices point into the line, or into the reader where Sendmail has escaped
 * something, until the next line is read. What is absent is empty.
 */
#ifndef PARSE_LOGLINE_H
#define PARSE_LOGLINE_H

#include "base/str.h"

#define LOGLINE_MOST (16 * 1024) /* of a longer line the rest is not looked at */

enum log_kind {
	LOG_UNKNOWN,    /* of a program that is not known, or of no known form */
	LOG_NOTHING,    /* of a known program, and of no use here */
	LOG_CLIENT,     /* a message begins: client and login */
	LOG_MESSAGE_ID,
	LOG_SENDER,     /* envelope sender; a round of deliveries begins */
	LOG_MESSAGE,    /* Sendmail: client, message id and sender in one line */
	LOG_DELIVERY,   /* the outcome of one attempt for one recipient, or several */
	LOG_EXPIRED,    /* the MTA gives up: concerns all recipients that wait */
	LOG_REMOVED,    /* the message left the queue */
};

enum log_result {
	LOG_SENT,
	LOG_DEFERRED,
	LOG_BOUNCED,
	LOG_SUSPENDED, /* deferred without an attempt: the destination rests */
	LOG_PROBE,     /* an address verification probe */
};

struct logline {
	enum log_kind kind;
	int64_t time;          /* 0 if it cannot be read */
	struct str host;       /* "" where the line has none */
	struct str program;    /* "postfix-out/smtp", "sm-mta" */
	struct str instance;   /* what queue ids belong to: "postfix-out", "sendmail" */
	struct str queue_id;
	uint64_t hash;         /* of queue id, instance and host */
	bool is_sendmail;      /* else Postfix */
	struct str client;     /* address, or "" for local mail */
	struct str login;
	struct str message_id; /* with its <> */
	struct str sender;     /* without <>, "" for the null sender */
	unsigned recipient_count; /* of the message; 0 if not said */
	/* of LOG_DELIVERY */
	enum log_result result;
	struct str agent;      /* delivery agent: "smtp", "lmtp", "local", ... */
	struct str recipients; /* for logline_next_recipient() */
	struct str original;   /* the address before aliases, if they changed it */
	struct str word;       /* the outcome as it is logged, "sent" */
	struct str relay;      /* as it is logged, "name[address]:port" */
	struct str relay_host; /* the server that was asked, "" for none */
	struct str relay_address; /* its address, or the path of a socket */
	unsigned relay_port;   /* 0 if not said */
	int64_t delay_sec;     /* since the message came; -1 if not said */
	struct str status;     /* enhanced status, as the MTA sums it up */
	struct str text;       /* the words */
	bool is_reply;         /* the words are the server's alone, nobody is quoted */
	bool cut;              /* the words are not whole */
};

/* What reading needs besides the line: the time, for stamps without a year.
   The rest is kept by logline_parse(): lines mostly share a minute, and a line
   of Sendmail that has escapes is decoded there. */
struct logline_reader {
	int64_t now;
	char minute[20];
	int64_t minute_time;
	char decoded[LOGLINE_MOST];
};

/* Read a line, without its ending. It cannot fail: what it does not know is
   LOG_UNKNOWN, with as much of the front as could be read. */
void logline_parse(struct str line, struct logline_reader *reader, struct logline *line_r);

/* Take the next address, without its <>, off the front of *rest.
   Returns false if *rest was used up. */
bool logline_next_recipient(struct str *rest, struct str *address_r);

/* FNV-1a over a text and what was hashed before: queue ids are the MTA's own,
   nobody chooses them. */
#define LOGLINE_HASH_BEGIN UINT64_C(14695981039346656037)
uint64_t logline_hash(uint64_t hash, struct str text);

/* The parts: the first is for the tests, the others read what stands behind
   the queue id; they return LOG_NOTHING for what is of no use. */
size_t logline_stamp(struct str line, struct logline_reader *reader, int64_t *time_r);
enum log_kind logline_postfix(struct str daemon, struct str rest, struct logline *line_r);
enum log_kind logline_sendmail(struct str rest, struct logline *line_r);

/* Decode what Sendmail writes for a backslash and for bytes that are not
   printable ASCII. Returns the text itself if there is none, else it is in
   `decoded`, which has room for as much as the text. */
struct str logline_decode(struct str text, char *decoded);

/* The offset of the ">" that ends the address which begins with "<" at `from`,
   minding quotes. Returns 1, or 0 if there is none. */
int logline_address_end(struct str text, size_t from, size_t *end_r);

/* Where an address without <> ends that begins at `from`: at a comma that is in
   no quotes, or with the text. */
size_t logline_bare_address(struct str text, size_t from);

/* Split "name[address]:port" or "name [address]". */
void logline_relay(struct str value, struct logline *line_r);

/* Whole seconds of "0.04", "12345". Returns -1 if it is not a number. */
int64_t logline_seconds(struct str text);

#endif
