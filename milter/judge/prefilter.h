/*
 * prefilter: which of many literals occur in a text, in one pass over it
 * (Aho and Corasick, 1975), without regard to ASCII case.
 */
#ifndef JUDGE_PREFILTER_H
#define JUDGE_PREFILTER_H

#include "base/str.h"

struct prefilter;

struct prefilter *prefilter_new(void);
void prefilter_free(struct prefilter *prefilter);

/* Add a literal of one byte or more, under a number of the caller's; its bytes
   must stay until prefilter_build() is done. Several may have one number. */
void prefilter_add(struct prefilter *prefilter, struct str literal, unsigned number);

/* Finish: after this, nothing is added any more. */
void prefilter_build(struct prefilter *prefilter);

/* Set the bit of the number of each literal that occurs: bit 0 is the lowest of
   the first word. */
void prefilter_search(const struct prefilter *prefilter, struct str text, uint64_t *bits);

#endif
