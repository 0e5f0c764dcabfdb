/*
 * words: the names of the values of an enum, in their order. What is written
 * in a file, printed, or typed is a word; what the code compares is a value.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/str.h"

struct words {
	const char *const *names;
	unsigned count;
};

#define WORDS(array) { array, sizeof(array) / sizeof((array)[0]) }

/* The word of a value; a constant. "?" for a value that is none of them. */
const char *words_name(const struct words *words, unsigned value);

/* The value of a word. Returns 1, or 0 if there is no such word. */
int words_find(const struct words *words, struct str name, unsigned *value_r);

#endif
