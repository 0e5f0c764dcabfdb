/*
 * header: the header block of a message, of a MIME part, or a group of
 * delivery-status fields: all are "Name: value" lines with folding (RFC 5322
 * section 2.2). Lines that are not of this form are passed over.
 */
#ifndef PARSE_HEADER_H
#define PARSE_HEADER_H

#include "base/arena.h"

struct header {
	struct str name;
	struct str value; /* as it stands there, folds included */
};

/* Split a message at its first blank line. A first "From " line of an mbox is
   dropped. Without a blank line, all of it is headers. */
void header_split(struct str message, struct str *headers_r, struct str *body_r);

/* Take the next field off the front of *rest. Returns false at the end. */
bool header_next(struct str *rest, struct header *header_r);

/* The value of the first field of that name.
   Returns 1, or 0 and an empty value if there is none. */
int header_find(struct str headers, struct str name, struct str *value_r);

/* The fields of a header block, for who asks for many. */
struct header_list {
	struct header *list;
	unsigned count;
};

/* The list is in the arena, its slices are in the headers. */
void header_list_make(struct str headers, struct arena *arena, struct header_list *list_r);

/* As header_find(). */
int header_list_find(const struct header_list *fields, struct str name, struct str *value_r);

/* The value on one line, folds replaced by a blank, at most
   LIMITS_FIELD_BYTES of it. In the arena. */
struct str header_unfold(struct str value, struct arena *arena);

/* The unfolded, decoded (RFC 2047) and cleaned value, at most `limit` bytes. In
   the arena. */
const char *header_decode(struct str value, size_t limit, struct arena *arena);

/* The unfolded, decoded (RFC 2047) and cleaned value of the first field of
   that name, at most `limit` bytes; "" if there is none. In the arena. */
const char *header_text(struct str headers, struct str name, size_t limit, struct arena *arena);

/* The Message-ID in the value of that field (RFC 5322 section 3.6.4), with its
   brackets, without what stands around it, clean and at most LIMITS_ID_BYTES; ""
   if there is none. In the arena. */
const char *header_message_id(struct str value, struct arena *arena);

/* The first address in the value of a field such as From, in normal form; "" if
   there is none. In the arena. */
const char *header_address(struct str value, struct arena *arena);

/* A parameter of a structured field such as Content-Type (RFC 2045 section
   5.1, RFC 2231 continuations and percent-encoding). `value` is unfolded.
   Returns 1 and the value, in the arena; 0 if there is none. */
int header_parameter(struct str value, struct str name, struct arena *arena, struct str *value_r);

#endif
