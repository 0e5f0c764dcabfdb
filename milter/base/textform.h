/*
 * textform: a struct as lines of "name value", by a table of its fields. What is
 * done with all fields is a loop over that table, so that none can be written and
 * forgotten when reading.
 *
 * Absent is "" for text and 0 for anything else, and makes no line. \n, \r and \\
 * are escaped, so that no value can look like another field. A list has a line for
 * each of its members.
 */
#ifndef BASE_TEXTFORM_H
#define BASE_TEXTFORM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/words.h"

enum textform_kind {
	TEXTFORM_TEXT,     /* const char * */
	TEXTFORM_COUNT,    /* a struct of const char *name and uint64_t count */
	TEXTFORM_TIME,     /* int64_t */
	TEXTFORM_NUMBER,   /* uint64_t */
	TEXTFORM_UNSIGNED, /* unsigned */
	TEXTFORM_WORD,     /* an enum */
};

struct textform_field {
	const char *name;
	enum textform_kind kind;
	size_t offset;
	unsigned most; /* of a text or a count: so many members of an array; else 1 */
	const struct words *words;
};

struct textform {
	const struct textform_field *fields;
	size_t count;
};

#define TEXTFORM(array) { array, sizeof(array) / sizeof((array)[0]) }

/* Make all texts "". */
void textform_init(const struct textform *form, void *value);

/* Copy all texts of the struct to the arena, and let it point there. */
void textform_own(const struct textform *form, void *value, struct arena *arena);

/* Append the lines. */
void textform_print(const struct textform *form, const void *value, struct buf *out);

/* Read a line without its end; texts are copied to the arena, and members of a list
   for which there is no room are passed over.
   Returns 1, 0 if the form has no such name, -1 if the line is not of that form. */
int textform_scan(const struct textform *form, struct str line, struct arena *arena,
    void *value_r);

#endif
