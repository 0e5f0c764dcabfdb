/*
 * reading: one report while it is read. The readers of the parse layer share
 * it, each with the part it knows: the delivery status (status.h), a complaint
 * (complaint.h), or words alone (unstructured.h). Nobody outside of parse/
 * includes this.
 */
#ifndef PARSE_READING_H
#define PARSE_READING_H

#include "parse/header.h"
#include "parse/mime.h"
#include "parse/report.h"

struct reading {
	struct arena *arena;
	struct report *report;
	struct mime mime;
	struct str headers;   /* of the report itself */
	struct header_list fields; /* ... one by one */
	struct str notice;    /* the part that people read, UTF-8, its lines ended by LF */
	struct str returned;  /* headers of the returned message, empty if none came back */
	struct header_list returned_fields; /* ... one by one, once returned_describe() has run */
	struct str enclosed;  /* the returned message as far as it came back, empty if only
	                         headers did */
	bool wraps;           /* the enclosed message is the report, and this one wraps it */
	bool certain;         /* subject and notice both say that it is a report */
	bool null_sender;     /* the report came from <> */
	struct bounce common; /* fields that all bounces of this report share */
};

/* One clean line of at most `limit` bytes, in the arena; whatever charset the
   bytes are in. */
const char *reading_clean(struct reading *reading, struct str text, size_t limit);

/* Make room for `count` bounces in the report. */
void reading_begin_bounces(struct reading *reading, unsigned count);

/* The next bounce of the report, filled with what all share, or NULL if there
   is no room. */
struct bounce *reading_add_bounce(struct reading *reading);

#endif
