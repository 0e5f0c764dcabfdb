/*
 * arf: the fields of a feedback report (RFC 5965 section 3, RFC 6591 section
 * 3.1). Values are unfolded slices of the report or of the arena; empty where
 * the field is missing. Where a field that may stand once stands again, the
 * first one counts.
 */
#ifndef PARSE_ARF_H
#define PARSE_ARF_H

#include "base/arena.h"

struct arf_list {
	struct str *values; /* at most LIMITS_RECIPIENTS */
	unsigned count;
};

struct arf {
	struct str feedback_type;  /* "abuse", "not-spam" ... */
	struct str mail_from;      /* Original-Mail-From */
	struct str envelope_id;    /* Original-Envelope-Id */
	struct str reporting_mta;
	struct str arrival_date;   /* or Received-Date, its older name */
	struct str auth_failure;   /* of auth-failure: "dkim", "dmarc" ... */
	struct str authentication; /* Authentication-Results */
	struct arf_list recipients; /* Original-Rcpt-To: all of the transaction */
	struct arf_list removals;  /* Removal-Recipient: who wants no more */
	unsigned limits;           /* LIMIT_RECIPIENTS if there were more */
};

/* Read the fields of a message/feedback-report part. */
void arf_parse(struct str content, struct arena *arena, struct arf *arf_r);

/* Add a value to a list; what has no room is said by LIMIT_RECIPIENTS. */
void arf_add(struct arf *arf, struct arf_list *list, struct str value, struct arena *arena);

/* Find the fields where their part was not declared: the lines without a blank
   one between them that have a Feedback-Type, a User-Agent and a Version, which
   every report must have. Returns them, or nothing. */
struct str arf_within(struct str text);

#endif
