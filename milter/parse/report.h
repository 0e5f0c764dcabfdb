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
	REPORT_DELIVERED, /* a delivery status, of successes only */
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
	const char *report_id;   /* Message-ID of the report */
	const char *from_domain; /* of the returned message's From, "" if unknown */
	bool to_list;            /* the returned message went to a mailing list */
};

/* Could a message with these header values be a report? Decides whether its
   body is worth reading, from Content-Type alone. */
bool report_is_candidate(struct str content_type);

/*
 * Read a message, headers and body, with any line endings. All that is found,
 * strings included, is in the arena or in `message`. `keep_report` keeps up to
 * 8 KiB of the raw report in every bounce.
 *
 * It cannot fail: what is no report is of kind REPORT_OTHER with no bounces.
 */
void report_parse(struct str message, bool keep_report, struct arena *arena,
    struct report *report_r);

#endif
