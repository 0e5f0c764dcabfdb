/*
 * explain: why a rule was chosen: what was judged, which rules were tried before,
 * and why each of them did not match.
 */
#ifndef TOOL_EXPLAIN_H
#define TOOL_EXPLAIN_H

#include "judge/rule.h"
#include "base/jsonline.h"

struct explain_rule {
	struct explain_rule *next;
	struct rule_tried tried;
};

/* The rules that were tried, in their order. */
struct explain {
	struct arena *arena;
	struct explain_rule *first, **tail;
};

/* The list is in the arena. */
void explain_begin(struct explain *explain, struct arena *arena);

/* Note one rule; `context` is a struct explain. For rule_set_explain(). */
void explain_note(const struct rule_tried *tried, void *context);

/* Append the story as indented lines. */
void explain_print(const struct explain *explain, const struct bounce *bounce,
    const struct verdict *verdict, struct buf *out);

/* Append what was judged, and the list "tried", as members of an object. */
void explain_json(const struct explain *explain, const struct bounce *bounce,
    struct jsonline *json);

#endif
