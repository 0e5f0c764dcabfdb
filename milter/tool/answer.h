/*
 * answer: what bouncemilter-classify prints, as text for people, or as JSON:
 * one object a line, in the form that bouncemilter-classify(1) documents.
 */
#ifndef TOOL_ANSWER_H
#define TOOL_ANSWER_H

#include "judge/policy.h"
#include "judge/rule.h"
#include "parse/logline.h"
#include "parse/report.h"

struct answer {
	const struct rule_set *rules;
	const struct policy *policy;
	bool json;
};

/* A message that was read from `file`. */
void answer_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena);

/* A reply, "MX<TAB>reply" or the reply alone. */
void answer_reply(const struct answer *answer, struct str line);

/* A delivery line of a mail log, and one of its recipients. */
void answer_delivery(const struct answer *answer, const struct logline *line,
    struct str recipient);

#endif
