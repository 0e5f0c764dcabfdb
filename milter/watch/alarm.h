/*
 * alarm: says that our own authentication is broken. When providers refuse the
 * mail of one sending domain for its SPF, DKIM, DMARC, PTR or TLS, the mailboxes
 * are alive and the sender has to act; one line at syslog level "alert" names
 * the domain, the provider, how many recipients, and the newest words.
 *
 * Memory is bounded: the domain that failed longest ago makes room.
 */
#ifndef WATCH_ALARM_H
#define WATCH_ALARM_H

#include "bounce.h"

#define ALARM_RECIPIENTS 5          /* distinct recipients ... */
#define ALARM_WINDOW_SEC (15 * 60)  /* ... within this time ... */
#define ALARM_AGAIN_SEC (60 * 60)   /* ... are said at most once in this */

struct alarm;

struct alarm *alarm_new(void);
void alarm_free(struct alarm *alarm);

/* Is this a failure that the alarm is about? */
bool alarm_concerns(enum category category);

/* Note a failure, at a time on the monotonic clock. Returns true, and the line
   to be said, in `out`, if the alarm goes off now. */
bool alarm_note(struct alarm *alarm, const struct bounce *bounce, const struct verdict *verdict,
    int64_t now_sec, struct buf *out);

#endif
