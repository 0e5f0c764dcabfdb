/*
 * status: bounces out of a delivery-status part (RFC 3464), completed by what
 * the part for people says about the same recipients.
 */
#ifndef PARSE_STATUS_H
#define PARSE_STATUS_H

#include "parse/reading.h"

/* Read the fields of a delivery status into bounces of the report.
   Returns 1, or 0 if they name no recipient: then nothing has changed. */
int status_read(struct reading *reading, struct str fields);

#endif
