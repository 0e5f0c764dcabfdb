/*
 * logjoin: what the lines of a mail log say together. A delivery line names
 * recipient, server and words; sender, Message-ID, client and login stand in
 * other lines of the same queue id, and "expired" concerns recipients that
 * were named earlier. This keeps, for each message in the queue, what is still
 * needed, in bounded memory: the message that was quiet for longest makes
 * room, and only its details are lost, never an outcome.
 *
 * No I/O, no clock: the same lines give the same events.
 */
#ifndef PARSE_LOGJOIN_H
#define PARSE_LOGJOIN_H

#include "bounce.h"
#include "parse/logline.h"

#define LOGJOIN_BYTES ((size_t)16 * 1024 * 1024) /* for all messages together */

struct logjoin;

/* What became of one recipient in one attempt. */
struct logjoin_event {
	struct logjoin_event *next;
	struct bounce bounce; /* source log; outcome delivered, deferred, failed or
	                         expired; of a delivery only who, which message and
	                         where, and `together`: the recipients of the message,
	                         0 if not known */
	bool has_origin;      /* client and login are known: without either, the
	                         message came by sendmail(1) */
};

/* What is only counted. */
enum logjoin_notice {
	LOGJOIN_LINES,
	LOGJOIN_SUSPENDED, /* deferred without an attempt */
	LOGJOIN_PROBES,    /* address verification */
	LOGJOIN_FORGOTTEN, /* expired, but the recipients are not known any more */
	LOGJOIN_NOTICE_COUNT,
};

extern const struct words logjoin_notice_words;

#define LOGJOIN_PROGRAMS 32
#define LOGJOIN_PROGRAM_BYTES 32

/* A message has come, and its Message-ID is known. The strings are valid until the
   next line is read. */
struct logjoin_arrival {
	const char *message_id; /* NULL: this line tells of none */
	const char *client, *login;
};

struct logjoin_result {
	struct logjoin_arrival arrival; /* of the last line */
	struct logjoin_event *first, **tail;
	unsigned count;
	uint64_t notices[LOGJOIN_NOTICE_COUNT];
	uint64_t unknown[LOGJOIN_PROGRAMS]; /* lines, by program */
	int64_t newest; /* the time of the newest line */
};

/* A program whose lines are not understood, as a label of a counter; the last
   one stands for all that came when there was no other place left. "" if there
   is none. */
const char *logjoin_program(const struct logjoin *join, unsigned i);

/* `bytes_most` bounds what is kept, LOGJOIN_BYTES. */
struct logjoin *logjoin_new(size_t bytes_most);
void logjoin_free(struct logjoin *join);

/* An empty result. */
void logjoin_begin(struct logjoin_result *result);

/* What one delivery line alone says of one of its recipients. */
void logjoin_bounce(const struct logline *line, struct str address, struct arena *arena,
    struct bounce *bounce_r);

/* Read one line, without its ending, at the time `now`, and append its events,
   in the arena, to the result. */
void logjoin_line(struct logjoin *join, struct str line, int64_t now, struct arena *arena,
    struct logjoin_result *result);

#endif
