/*
 * dsn: the fields of a delivery-status part (RFC 3464, RFC 6533, with the
 * fields that Postfix adds). Values are unfolded slices of the part or of the
 * arena; empty where the field is missing. Fields are told apart by name, not
 * by group: many reporting MTAs forget the blank lines between the groups.
 */
#ifndef PARSE_DSN_H
#define PARSE_DSN_H

#include "base/arena.h"

/* RFC 3464 section 2.3: what is said of one recipient. */
struct dsn_recipient {
	struct str original_recipient;
	struct str final_recipient;
	struct str action;
	struct str status;
	struct str remote_mta;
	struct str diagnostic_code;
};

/* RFC 3464 section 2.2: what is said of the message. */
struct dsn {
	struct str original_envelope_id;
	struct str reporting_mta;
	struct str arrival_date;
	struct str queue_id; /* X-Postfix-Queue-ID */
	struct str sender;   /* X-Postfix-Sender */
	struct dsn_recipient *recipients;
	unsigned count;
	unsigned limits;     /* LIMIT_RECIPIENTS if there were more */
};

/* Read the fields of a delivery-status part. */
void dsn_parse(struct str content, struct arena *arena, struct dsn *dsn_r);

/* The value of a typed field without its type: "dns; mx.example.com" is
   "mx.example.com". The type, in lower case, goes to *type_r; "" if none. */
struct str dsn_untyped(struct str value, struct arena *arena, const char **type_r);

#endif
