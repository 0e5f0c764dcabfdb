/*
 * classify: what the words of a failure mean (the order of decision is in
 * bouncemilter-rules(5)). No I/O, no clock: the same bounce and the same rules
 * give the same answer.
 */
#ifndef JUDGE_CLASSIFY_H
#define JUDGE_CLASSIFY_H

#include "bounce.h"
#include "judge/rule.h"

/* Every refusal that we write, in a table or at RCPT, contains this. Read from
   any host, it is our own word and says nothing about the mailbox. */
#define CLASSIFY_MARKER "suppressed by bouncemilter"

/* The rule that is named then. */
#define CLASSIFY_MARKER_RULE "marker"

/* Set category, sub-cause, identity and rule of the verdict; the strings are
   constants, or belong to the set or the arena. */
void classify(const struct rule_set *set, const struct bounce *bounce, struct arena *arena,
    struct verdict *verdict);

/* The same, and on the way to it `tried` is called as rule_set_explain() does;
   not at all where no rule was asked. */
void classify_explain(const struct rule_set *set, const struct bounce *bounce,
    struct arena *arena, void (*tried)(const struct rule_tried *tried, void *context),
    void *context, struct verdict *verdict);

#endif
