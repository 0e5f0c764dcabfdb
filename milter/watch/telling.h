/*
 * telling: an incident in the words and forms that people and programs get: a
 * line for syslog, an object of JSON, a mail. Pure.
 *
 * The words of servers come last or not at all, printable, cut and quoted: a
 * stranger cannot end a line, begin a header field, or look like a field of ours.
 */
#ifndef WATCH_TELLING_H
#define WATCH_TELLING_H

#include "watch/incident.h"

/* One line of key=value for syslog, the sentence first:
   incident 7 opened: DKIM is failing at ...; rule=auth severity=critical domain=... */
void telling_line(const struct incident *incident, enum notice notice, int64_t now,
    struct buf *out);

/* One JSON object and a line feed, the same as bouncemilter-dump --incidents
   --json prints, and "notice" where there is one. */
void telling_json(const struct incident *incident, enum notice notice, int64_t now,
    struct buf *out);

/* A whole message for sendmail(1) -t -i: null sender, our marker (Auto-Submitted
   and a field of our own), a Subject of names and numbers only, the evidence, the
   diagnosis, and where the manual has the advice. */
void telling_mail(const struct incident *incident, enum notice notice, const char *to,
    int64_t now, struct buf *out);

/* The same for a digest: what there were too many notices of. */
void telling_digest_mail(const char *digest, const char *to, int64_t now, struct buf *out);

/* The evidence and the diagnosis for a terminal or a mail, indented lines of at
   most 80 columns. */
void telling_evidence(const struct incident *incident, struct buf *out);

#endif
