/*
 * rule: the rules that say what a reply means, loaded from files.
 *
 * One rule is one line; bouncemilter-rules(5) describes the form. A loaded set
 * never changes and may be used by all threads at once; a reload makes a new
 * set and drops the old one when its last user is done.
 *
 * Matching runs in two steps: one pass of an automaton (prefilter.h) finds the
 * literals that occur in the text; only rules whose literal was found, and whose
 * code and status agree (rule_index.h), are tried. A regular expression runs with a match limit: one that exceeds it
 * does not match, and is reported once by file and line.
 */
#ifndef JUDGE_RULE_H
#define JUDGE_RULE_H

#include "bounce.h"

struct rule_line;       /* rule_file.h */
struct rule_scope_line;
struct rule_set;

/* What is asked: the words of a reply and who said them. All are slices
   without case; empty or 0 where not known. */
struct rule_query {
	struct str words;
	struct str text;   /* words with the codes, for the signatures of a scope */
	struct str host;
	struct str status; /* "5.1.1" */
	unsigned code;
};

struct rule_hit {
	const char *id;
	const char *subcause;
	enum category category;
	bool demands_soft; /* the rule itself asks for nothing but 4xx replies, or 4.x.x */
};

/* The order in which rules are asked (taxonomy: order of decision). */
enum rule_level {
	RULE_LOCAL,    /* the site's own */
	RULE_PROVIDER, /* packaged, for named hosts or signatures */
	RULE_TEXT,     /* packaged, by words alone */
	RULE_STATUS,   /* by enhanced status alone */
	RULE_CODE,     /* by reply code alone */
	RULE_LEVEL_COUNT,
};

/* A rule as it was read, for those who carry it elsewhere. */
struct rule_view {
	const struct rule_line *line;
	const struct rule_scope_line *scope; /* NULL for any */
	enum rule_level level;
};

/* What became of a rule that was tried: what did not hold, in the order in
   which it is looked at. */
enum rule_try {
	RULE_TRY_CODE,
	RULE_TRY_STATUS,
	RULE_TRY_SCOPE,
	RULE_TRY_PATTERN,
	RULE_TRY_MATCHED,
};

struct rule_tried {
	struct rule_view view;
	const char *file;
	unsigned line_number;
	enum rule_try result;
};

/*
 * Load all *.rules files of the directory of packaged rules and of the site's
 * own, each in the order of their names. The site's directory may be missing.
 * Returns 0 and a set to be freed, or -1 with "file:line: what to do".
 */
int rule_set_load(const char *packaged_dir, const char *local_dir, struct rule_set **set_r,
    const char **error_r);

void rule_set_free(struct rule_set *set);

/* How many rules there are. */
unsigned rule_set_count(const struct rule_set *set);

/* The rule of this number, from 0 on, in the order of decision; it belongs to
   the set. */
struct rule_view rule_set_view(const struct rule_set *set, unsigned number);

/* How many rules have exceeded their match limit so far. */
unsigned rule_set_slow(const struct rule_set *set);

/* The first rule that matches, by level, file and line; of RULE_CODE where
   only the code spoke. Returns 1, or 0 if no rule does. The strings of the
   answer belong to the set. */
int rule_set_match(const struct rule_set *set, const struct rule_query *query,
    struct rule_hit *hit_r);

/* The same answer, and on the way to it `tried` is called for each rule that is
   tried: one whose literal occurs in the words, or that has none. */
int rule_set_explain(const struct rule_set *set, const struct rule_query *query,
    void (*tried)(const struct rule_tried *tried, void *context), void *context,
    struct rule_hit *hit_r);

#endif
