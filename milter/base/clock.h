/*
 * clock: points in time and spans of time.
 *
 * A point in time is seconds since 1970 in UTC, 0 meaning "not known". A span
 * is whole seconds. Time-outs are measured on the monotonic clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

#define CLOCK_DAY_SEC 86400
#define CLOCK_LEAST INT64_C(946684800) /* a time before 2000 is nonsense too */
#define CLOCK_AHEAD_SEC CLOCK_DAY_SEC /* a time further in the future is nonsense */
#define CLOCK_TEXT_BYTES 32

int64_t clock_now(void);
int64_t clock_now_msec(void);

/* Milliseconds on a clock that never steps. */
int64_t clock_monotonic_msec(void);

/* How long until that time of it; 0 if it has come. */
int64_t clock_left_msec(int64_t monotonic_msec);

/* A time of that clock as the system wants to have it. */
struct timespec clock_timespec(int64_t monotonic_msec);

/* A condition variable whose timed waits are on that clock. */
void clock_condition_init(pthread_cond_t *condition);

/* "2026-11-20T14:02:00Z" (RFC 3339), or "" for 0. Returns text. */
const char *clock_print(int64_t time, char text[CLOCK_TEXT_BYTES]);

/* What a person types as a time: RFC 3339, a date alone (midnight UTC), or a
   span before now ("2h"). Returns 0, or -1 if it is none of them. */
int clock_scan(struct str text, int64_t now, int64_t *time_r);

/* The date of a mail header, "Fri, 20 Nov 2026 15:02:18 +0000 (UTC)"
   (RFC 5322 section 3.3). Returns 0, or -1 if it is not one. */
int clock_scan_header(struct str text, int64_t *time_r);

/* A span with its unit: 30s, 15m, 12h, 365d, or 0.
   Returns 0, or -1 if it is none. */
int clock_scan_span(struct str text, int64_t *span_r);

#endif
