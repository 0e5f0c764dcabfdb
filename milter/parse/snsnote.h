/*
 * snsnote: what Amazon SES tells of a message by way of SNS: a JSON object in
 * a mail that SNS sends. Only what a complaint has is read, not JSON as such.
 */
#ifndef PARSE_SNSNOTE_H
#define PARSE_SNSNOTE_H

#include "parse/arf.h"

/* Read the complaint that the text tells of, as if it were a feedback report.
   Returns 1, or 0 if the text is no such object or tells of something else. */
int snsnote_read_complaint(struct str text, struct arena *arena, struct arf *arf_r);

#endif
