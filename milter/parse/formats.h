/*
 * formats: how the notices of mail servers show themselves. What they have in
 * common is read by unstructured.h; a format of its own is a row of a table
 * here, not code.
 */
#ifndef PARSE_FORMATS_H
#define PARSE_FORMATS_H

#include "parse/reading.h"

enum formats_kind {
	FORMATS_OTHER,      /* no report */
	FORMATS_FAILURE,
	FORMATS_DELAY,      /* the MTA still tries */
	FORMATS_SUCCESS,    /* it has arrived */
	FORMATS_AUTO_REPLY, /* a person's own answering machine (RFC 3834) */
	FORMATS_CHALLENGE,  /* wants a proof that a person has sent the mail */
};

/* What kind of message it is, by its headers and its notice, whatever the lines
   of recipients may be worth. `format_r` gets the name of the format, a
   constant; "" for one that no row describes. */
enum formats_kind formats_kind(const struct reading *reading, const char **format_r);

/* Does a mail system speak, by the headers, and not a person who passes on what one
   has said? */
bool formats_is_system(const struct reading *reading);

/* Does this header field make it worth while to read the message? */
bool formats_is_candidate(struct str name, struct str value);

/* Are these the headers of a report? */
bool formats_is_report(struct str headers, struct arena *arena);

#endif
