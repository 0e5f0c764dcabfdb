/*
 * datetext: where a date begins and ends in running text, as mail servers write
 * them: RFC 5322, ISO 8601, ctime(3), and a log's.
 */
#ifndef JUDGE_DATETEXT_H
#define JUDGE_DATETEXT_H

#include "base/str.h"

/* The length of the date that the text begins with, with its time and zone if
   they are there; 0 if it begins with none. */
size_t datetext_length(struct str text);

/* The length of "10:00" or "10:00:00" at the front, or 0. */
size_t datetext_time_length(struct str text);

#endif
