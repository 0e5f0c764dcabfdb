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

#define TELLING_MAIL_COLUMNS 78
#define TELLING_COLUMNS 80

/* Field of every mail of ours: the id of the incident, or "digest". */
#define TELLING_MARKER "X-Bouncemilter-Alert"
#define TELLING_MESSAGE_ID "<bouncemilter." /* how Message-ID begins */

/*
 * One line of key=value for syslog, the sentence first:
 *
 *   incident 7 opened: DKIM is failing at ...; rule=auth severity=critical domain=...
 *
 * A value that is not made of letters, digits and "._:/@+-" stands in quotes, with
 * a backslash before a quote and a backslash. No text of a server is in it, and no
 * diagnosis.
 */
void telling_line(const struct incident *incident, enum notice notice, int64_t now,
    struct buf *out);

/* Append one more to it: name="value", cut to what a line of syslog has room for. */
void telling_line_add(const char *name, const char *value, struct buf *out);

/*
 * One JSON object and a line feed, the same as bouncemilter-dump --incidents
 * --json prints. The names stay as they are:
 *
 *   id            number, from 1
 *   notice        "opened", "risen", "grown", "lasting", "closed"; not there for
 *                 NOTICE_NONE
 *   rule, severity, category          words
 *   sentence      what the log says
 *   since, opened, newest             times (RFC 3339) or null
 *   closed        the same; null while it is open
 *   domain, provider, condition, cause, subcause, identity, address, selector,
 *   from_domain   text or null
 *   sender_domain text or null
 *   recipients, messages, failures    numbers
 *   attempts      number, null if not known
 *   providers     list of {"name", "recipients"}, most first
 *   causes        list of {"name", "count"}, "auth-failure/dkim"
 *   codes         the same, "550 5.7.26"
 *   campaigns     the same
 *   texts         list of the newest replies; a stranger's words
 *   diagnosis     text of several lines, or null
 *   notified      number: how often people were told
 *   notified_time time of the last one, or null
 *   notified_recipients               number, at that time
 *   manual        "bouncemilter-alerts(7), section auth"
 */
void telling_json(const struct incident *incident, enum notice notice, int64_t now,
    struct buf *out);

/* {"digest": text} and a line feed. */
void telling_digest_json(const char *digest, struct buf *out);

/* A whole message for sendmail(1), lines ending in LF: from and to `to`, an address
   in normal form (anything else becomes "postmaster"), our marker, a Subject of names
   and numbers only, the evidence, the diagnosis, and where the manual has the
   advice. The null sender is the business of who sends it. */
void telling_mail(const struct incident *incident, enum notice notice, const char *to,
    int64_t now, struct buf *out);

/* The same for a digest: what there were too many notices of. */
void telling_digest_mail(const char *digest, const char *to, int64_t now, struct buf *out);

/* The evidence and the diagnosis for a terminal or a mail, indented lines of at
   most TELLING_COLUMNS; the words of servers are last, each line behind "> ". */
void telling_evidence(const struct incident *incident, struct buf *out);

#endif
