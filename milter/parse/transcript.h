/*
 * transcript: the SMTP sessions that Sendmail and its kin show in a notice:
 *
 *     ... while talking to mx.example.com.:
 *     >>> RCPT To:<user@example.com>
 *     <<< 550 5.7.1 Blocked
 *     550 5.1.1 <user@example.com>... User unknown
 *
 * The last line is what the sending MTA makes of it, often by the reply code
 * alone; the server's own words stand behind "<<<". Only entries.h asks for them.
 */
#ifndef PARSE_TRANSCRIPT_H
#define PARSE_TRANSCRIPT_H

#include "base/arena.h"

struct transcript_answer {
	const char *address; /* normal form */
	struct str words;    /* host, command and reply, as one paragraph */
};

struct transcript {
	struct transcript_answer *list; /* no address twice: the last refusal counts */
	unsigned count;                 /* at most LIMITS_RECIPIENTS */
};

/* Read who was refused in the trimmed lines, and in what words. All is in the
   arena; the lines need not outlive the call. */
void transcript_read(const struct str *lines, unsigned line_count, struct arena *arena,
    struct transcript *transcript_r);

/* What a server answered about the address; "" if the lines show nothing. */
struct str transcript_words(const struct transcript *transcript, const char *address);

#endif
