/*
 * phrase_words: the tables of phrase.h. Adding a format, or the words of one more
 * language, is a line in phrase_words.c.
 */
#ifndef PARSE_PHRASE_WORDS_H
#define PARSE_PHRASE_WORDS_H

#include "parse/phrase.h"

struct phrase_stage {
	const char *words;
	enum stage stage;
};

/* By set, each list ended by NULL; PHRASE_STAGE and PHRASE_FORMAT have tables of
   their own. */
extern const char *const *const phrase_words[PHRASE_FORMAT];

extern const struct phrase_stage phrase_stages[];
extern const unsigned phrase_stage_count;

#endif
