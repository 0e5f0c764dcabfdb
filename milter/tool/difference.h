/*
 * difference: what two sets of rules say of the same bounce.
 */
#ifndef TOOL_DIFFERENCE_H
#define TOOL_DIFFERENCE_H

#include "judge/policy.h"
#include "judge/rule.h"
#include "base/jsonline.h"
#include "tool/totals.h"

/* What is concluded, and what follows for the recipient. */
struct difference_side {
	struct verdict verdict;
	enum action action;
};

struct difference {
	struct difference_side old, new;
};

/* What would follow from a verdict, were it about mail of ours and the only one
   about its recipient: what its category asks for, if the policy lets it. What
   a single line does not say, its recipient and who spoke, is no objection. */
enum action difference_action(const struct policy *policy, const struct bounce *bounce,
    const struct verdict *verdict);

/* Judge by both. Returns true, and counts it, if category, sub-cause or action
   are not the same. */
bool difference_find(const struct rule_set *old, const struct rule_set *new,
    const struct policy *policy, const struct bounce *bounce, struct arena *arena,
    struct totals *totals, struct difference *difference_r);

/* Append "OLD -> NEW" and the end of the line. */
void difference_print(const struct difference *difference, struct buf *out);

/* Append "old", "new" and "suppress" as members of an object. */
void difference_json(const struct difference *difference, struct jsonline *json);

/* Append how many of how many, as a line of text or a JSON object. */
void difference_print_totals(const struct totals *totals, bool json, struct buf *out);

#endif
