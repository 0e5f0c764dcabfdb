/*
 * mime: the parts of a message (RFC 2045, 2046, 6522). Nothing is copied: a
 * part is slices of the message, which must outlive it. The parser keeps a
 * list of parts still to be opened instead of calling itself, and reads every
 * byte at most once per level of nesting.
 */
#ifndef PARSE_MIME_H
#define PARSE_MIME_H

#include "base/arena.h"

struct mime_part {
	const char *type;    /* "text/plain", lower case */
	struct str content_type; /* the whole field, unfolded */
	struct str headers;
	struct str body;     /* still encoded */
	unsigned depth;      /* 0 for the message itself */
	bool enclosed;       /* inside a message/rfc822 part: somebody else's */
};

struct mime {
	struct mime_part *parts; /* in the order of the message; a container
	                            stands before its parts */
	unsigned count;
	unsigned limits;         /* LIMIT_ bits that were hit */
};

/* Find the parts of a message. The result is in the arena. */
void mime_parse(struct str message, struct arena *arena, struct mime *mime_r);

/* The content without its transfer encoding, at most `limit` bytes of it; what
   was cut is said by LIMIT_SIZE in *limits. In the message or the arena. */
struct str mime_content(const struct mime_part *part, size_t limit, struct arena *arena,
    unsigned *limits);

/* The same as UTF-8 by the charset of the part. */
struct str mime_text(const struct mime_part *part, size_t limit, struct arena *arena,
    unsigned *limits);

/* The first part of that type that is not inside an enclosed message, or NULL:
   a report that somebody forwards is not a report. */
const struct mime_part *mime_find(const struct mime *mime, const char *type);

#endif
