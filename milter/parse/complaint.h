/*
 * complaint: feedback reports (RFC 5965, RFC 6650): a recipient, or somebody in
 * his name, says that the message is spam.
 */
#ifndef PARSE_COMPLAINT_H
#define PARSE_COMPLAINT_H

#include "parse/reading.h"

/* Read a feedback report into bounces of the report, one each recipient that is
   known, and set its kind. reading->headers, mime, notice and returned are set.
   Returns 1, or 0 if it is none: then nothing has changed. */
int complaint_read(struct reading *reading);

#endif
