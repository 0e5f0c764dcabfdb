/*
 * rule_index: which rules the literals, the reply code and the status leave
 * over, as sets of bits: one bit a rule, 64 to a word. All rules are narrowed at
 * once, so those that ask for something else cost nothing.
 */
#ifndef JUDGE_RULE_INDEX_H
#define JUDGE_RULE_INDEX_H

#include "judge/rule_file.h"

struct rule_index;

/* For so many rules, none of which is known yet. */
struct rule_index *rule_index_new(unsigned rule_count);
void rule_index_free(struct rule_index *index);

/* The words of a set. */
unsigned rule_index_words(const struct rule_index *index);

/* Enter a rule under its number. */
void rule_index_add(struct rule_index *index, unsigned number, const struct rule_line *line);

/* A rule without a literal is left over whatever was found. */
void rule_index_assume(struct rule_index *index, unsigned number);

/* The rules without a literal; the set belongs to the index. */
const uint64_t *rule_index_assumed(const struct rule_index *index);

/* Take out rules that do not hold for this code and status (NULL: none). The
   first digit of a status is not looked at. */
void rule_index_narrow(const struct rule_index *index, unsigned code,
    const struct rule_status *status, uint64_t *set);

#endif
