/*
 * rule_file: one line of a rules file to its fields, checked
 * (bouncemilter-rules(5)). Knows the form of rules, not how they match.
 */
#ifndef JUDGE_RULE_FILE_H
#define JUDGE_RULE_FILE_H

#include "base/arena.h"
#include "verdict.h"

/* "550", "55x" or "5xx"; an "x" is any digit. */
struct rule_code {
	char digits[3];
};

/* "5.1.1", "x.1.1", "5.7.x", "5.7.606-649". */
struct rule_status {
	char class;       /* '2', '4', '5', or 'x' for any */
	int subject;      /* -1 for any */
	int first, last;  /* detail; -1 for any */
};

enum rule_pattern { RULE_PATTERN_NONE, RULE_PATTERN_LITERAL, RULE_PATTERN_REGEX };

struct rule_line {
	const char *id;
	struct str scope;         /* empty for any */
	struct rule_code *codes;  /* none: any */
	unsigned code_count;
	struct rule_status *statuses;
	unsigned status_count;
	enum rule_pattern kind;
	const char *pattern;
	enum category category;
	const char *subcause;
	const char *comment;
};

/* "scope NAME host SUFFIX... text "SIGNATURE"..." */
struct rule_scope_line {
	const char *name;
	struct str *hosts;
	unsigned host_count;
	struct str *signatures;
	unsigned signature_count;
};

/* Is it a line that declares a scope? */
bool rule_file_is_scope(struct str line);

/* Read a rule, or a scope; strings are in the arena.
   Returns 0, or -1 with a sentence (without file and line). */
int rule_file_parse(struct str line, struct arena *arena, struct rule_line *rule_r,
    const char **error_r);
int rule_file_parse_scope(struct str line, struct arena *arena, struct rule_scope_line *scope_r,
    const char **error_r);

/* Read "5.1.1", or one of the forms of a rule. Returns 0, or -1 if it is none. */
int rule_file_parse_status(struct str word, struct rule_status *status_r);

/* Does a code or a status (NULL: none) satisfy the rule's columns? */
bool rule_file_code_matches(const struct rule_line *rule, unsigned code);
bool rule_file_status_matches(const struct rule_line *rule, const struct rule_status *status);

/* Does one of its columns ask for nothing but 4xx replies, or 4.x.x? */
bool rule_file_demands_soft(const struct rule_line *rule);

#endif
