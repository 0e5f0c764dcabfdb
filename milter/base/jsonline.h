/*
 * jsonline: JSON written as it comes, without a tree in between (RFC 8259).
 * Commas come by themselves. Text has to be valid UTF-8.
 */
#ifndef BASE_JSONLINE_H
#define BASE_JSONLINE_H

#include "base/buf.h"

struct jsonline {
	struct buf *out;
	bool comma; /* something stands before, on this level */
};

/* Begin the object of a line, and end it with its line feed. */
void jsonline_begin(struct jsonline *json, struct buf *out);
void jsonline_end(struct jsonline *json);

/* Begin a member that is an object or a list, by its opening bracket, and end
   it with the closing one. An element of a list has the name NULL. */
void jsonline_open(struct jsonline *json, const char *name, char bracket);
void jsonline_close(struct jsonline *json, char bracket);

/* A member of an object, or with the name NULL an element of a list. */
void jsonline_text(struct jsonline *json, const char *name, const char *value);
void jsonline_number(struct jsonline *json, const char *name, uint64_t value);
void jsonline_null(struct jsonline *json, const char *name);

/* The same, null if the text is empty. */
void jsonline_text_or_null(struct jsonline *json, const char *name, const char *value);

/* A reply code as a text, null for 0. */
void jsonline_code(struct jsonline *json, const char *name, unsigned code);

#endif
