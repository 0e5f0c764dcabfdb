/*
 * rule_set: what a loaded set consists of, between rule.c, which loads it, and
 * rule_match.c, which asks it. Nobody else includes this.
 */
#ifndef JUDGE_RULE_SET_H
#define JUDGE_RULE_SET_H

#include <stdatomic.h>

#include "judge/prefilter.h"
#include "judge/regex.h"
#include "judge/rule.h"
#include "judge/rule_file.h"
#include "judge/rule_index.h"

#define RULE_SET_RULES_MOST 16384
#define RULE_SET_SCOPES_MOST 256
#define RULE_SET_CLUES_MOST 4096 /* more are not looked at */
#define RULE_SET_SCOPE_WORDS (RULE_SET_SCOPES_MOST / 64)

/* A rule is looked up by the best set of literals of its pattern. The second
   best often has words that half of all replies have: each of those is one clue
   for all rules, and is asked for only when the first set was found. */
struct rule {
	struct rule_line line;
	enum rule_level level;
	const char *file;
	unsigned line_number;
	int scope;            /* index, -1 for any */
	bool demands_soft;
	unsigned *clues;      /* one of these must occur too, if there are any */
	unsigned clue_count;
	struct regex *regex;
	atomic_bool reported; /* that it exceeded its limit */
};

struct rule_set {
	struct arena *arena;
	struct rule *rules; /* in the order of decision */
	unsigned rule_count;
	struct rule_scope_line scopes[RULE_SET_SCOPES_MOST];
	unsigned scope_count;
	struct prefilter *literals; /* of rules, by their number; behind
	                               rule_index_words() scopes, then clues */
	struct prefilter *foreign;  /* the same: those that are not ASCII, so that
	                               most texts need the smaller one alone */
	struct str *clues;
	unsigned clue_count;
	struct rule_index *index;
};

#endif
