/*
 * report: a whole message to bounces. This is the only entrance to the parse
 * layer that the pipeline uses.
 */
#ifndef PARSE_REPORT_H
#define PARSE_REPORT_H

#include "bounce.h"

enum report_kind {
	REPORT_OTHER,     /* not a report about mail */
	REPORT_DSN,       /* a failure or delay of at least one recipient */
	REPORT_DELIVERED, /* tells of successes only */
	REPORT_COMPLAINT, /* somebody complains of the message (RFC 5965) */
	REPORT_AUTO_REPLY, /* a vacation notice and its like (RFC 3834) */
	REPORT_CHALLENGE, /* wants the sender to prove that he is a person */
	REPORT_KIND_COUNT,
};

extern const struct words report_kind_words;

struct report {
	enum report_kind kind;
	unsigned limits;         /* LIMIT_ bits that were hit anywhere */
	struct bounce *bounces;  /* failures, delays and successes, one each
	                            recipient; time, source and client are not
	                            set, recipient is the final one, "" where
	                            that is not valid */
	unsigned count;
	const char *format;      /* whose words they are, "rfc3464", "qmail" ...; "" for
	                            nobody's known */
	const char *report_id;   /* Message-ID of the report */
	struct str returned;     /* headers of the returned message, empty if none */
	const char *returned_to; /* the first address of its To, "" if unknown */
	const char *from_domain; /* of the returned message's From, "" if unknown */
	bool to_list;            /* the returned message went to a mailing list */
};

/* Does this header field say that the message may be a report, so that its body
   is worth reading? */
bool report_is_candidate(struct str name, struct str value);

/* What the caller knows or wants, for report_parse(). */
enum {
	REPORT_KEEP = 1u << 0,        /* keep up to 8 KiB of the report in every bounce */
	REPORT_NULL_SENDER = 1u << 1, /* it came with MAIL FROM:<> */
};

/*
 * Read a message, headers and body, with any line endings. All that is found,
 * strings included, is in the arena or in `message`. `options` are REPORT_ bits.
 *
 * It cannot fail: what is no report is of kind REPORT_OTHER with no bounces.
 */
void report_parse(struct str message, unsigned options, struct arena *arena,
    struct report *report_r);

#endif
