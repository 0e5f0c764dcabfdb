/*
 * answer: what bouncemilter-classify says of a message, a reply or a line of a
 * log: as text for people, or as JSON, one object a line, in the form that
 * bouncemilter-classify(1) documents.
 *
 * The answer is appended to a batch, and counted in its totals. What is asked
 * for never changes, and may be used by all threads.
 */
#ifndef TOOL_ANSWER_H
#define TOOL_ANSWER_H

#include "judge/policy.h"
#include "judge/rule.h"
#include "parse/logline.h"
#include "parse/report.h"
#include "tool/batch.h"

struct answer {
	const struct rule_set *rules;
	const struct rule_set *new_rules; /* show only what they change; NULL for all */
	const struct policy *policy;
	bool json, explain, quiet;
};

/* A message that was read from `file`. */
void answer_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena, struct batch *batch);

/* A reply, "MX<TAB>reply" or the reply alone. */
void answer_reply(const struct answer *answer, struct str line, struct arena *arena,
    struct batch *batch);

/* A delivery line of a mail log, and one of its recipients. */
void answer_delivery(const struct answer *answer, const struct logline *line,
    struct str recipient, struct arena *arena, struct batch *batch);

#endif
