/*
 * regex: one regular expression over the words of a reply; the file that knows
 * PCRE2. Case does not matter. A search has a limit of steps, so that no text
 * of a stranger's can hold up the rest.
 */
#ifndef JUDGE_REGEX_H
#define JUDGE_REGEX_H

#include "base/arena.h"

struct regex;

/* Returns 0 and an expression to be freed, or -1 with what is wrong with it. */
int regex_compile(const char *pattern, struct regex **regex_r, const char **error_r);

/* NULL is allowed. */
void regex_free(struct regex *regex);

/* Is every byte of it ASCII? Such a text needs less care. */
bool regex_is_ascii(struct str text);

/* What the searches of one text share: made by the first of them. */
struct regex_text {
	struct str text;
	void *data;
	bool ascii;
};

void regex_text_init(struct regex_text *text, struct str words);
void regex_text_free(struct regex_text *text);

/* Returns 1 if it matches somewhere, 0 if not, -1 if the limit was reached. */
int regex_matches(const struct regex *regex, struct regex_text *text);

#endif
