/*
 * reason: why a delivery failed, out of the sentences in which an MTA tells it:
 * "SMTP error from remote mail server after RCPT TO:<user@example.com>: host
 * mx.example.com [192.0.2.1]: 550 5.1.1 User unknown".
 */
#ifndef PARSE_REASON_H
#define PARSE_REASON_H

#include "bounce.h"

/* Read the paragraphs (ended by LF) in which a failure is told: the reply that
   is quoted there, who gave it, and to which command; else all of the words.
   Sets code, status, stage, text, words, remote_mta and relay of the bounce,
   and LIMIT_TEXT; strings are in the arena. Returns 1, or 0 if there are no
   words at all: then the bounce is as it was. */
int reason_read(struct str paragraphs, struct arena *arena, struct bounce *bounce);

#endif
