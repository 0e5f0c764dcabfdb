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

/* Add a literal of one byte or more, under a number of the caller's. */
void prefilter_add(struct prefilter *prefilter, struct str literal, unsigned number);

/* Finish: after this, nothing is added any more. */
void prefilter_build(struct prefilter *prefilter);

/* Call `found` with the number of each literal that occurs, in no order and
   possibly more than once. */
void prefilter_search(const struct prefilter *prefilter, struct str text,
    void (*found)(unsigned number, void *context), void *context);

#endif
