#include "tool/difference.h"

#include <inttypes.h>

#include "judge/classify.h"

enum action
difference_action(const struct policy *policy, const struct bounce *bounce,
    const struct verdict *verdict)
{
	enum action action = policy->categories[verdict->category].action;
	struct policy_history history = { .count = 0 };
	struct verdict decided = *verdict;
	struct bounce supposed = *bounce;

	if (action != ACTION_SUPPRESS && action != ACTION_THRESHOLD)
		return action;
	/* Names that can be nobody's (RFC 2606). */
	if (supposed.recipient[0] == '\0')
		supposed.recipient = "recipient@domain.invalid";
	if (supposed.source == SOURCE_UNKNOWN && supposed.remote_mta[0] == '\0' &&
	    supposed.reporting_mta[0] == '\0')
		supposed.remote_mta = "server.invalid";
	decided.proof = PROOF_RELAY;
	policy_decide(policy, &supposed, &history, &decided);
	switch (decided.decision) {
	case DECISION_SUPPRESS:
		return ACTION_SUPPRESS;
	case DECISION_COUNT:
		/* Below a threshold; what is only deferred is soft, and counts. */
		return action == ACTION_THRESHOLD ||
		    category_class(verdict->category) == CLASS_HARD ? ACTION_THRESHOLD :
		    ACTION_COUNT;
	default:
		return ACTION_COUNT;
	}
}

static bool
suppresses(const struct difference_side *side)
{
	return side->action == ACTION_SUPPRESS || side->action == ACTION_THRESHOLD;
}

static bool
begins(const struct difference *difference)
{
	return !suppresses(&difference->old) && suppresses(&difference->new);
}

static bool
ceases(const struct difference *difference)
{
	return suppresses(&difference->old) && !suppresses(&difference->new);
}

static void
judge(const struct rule_set *rules, const struct policy *policy, const struct bounce *bounce,
    struct arena *arena, struct difference_side *side)
{
	verdict_init(&side->verdict);
	classify(rules, bounce, arena, &side->verdict);
	side->action = difference_action(policy, bounce, &side->verdict);
}

bool
difference_find(const struct rule_set *old, const struct rule_set *new,
    const struct policy *policy, const struct bounce *bounce, struct arena *arena,
    struct totals *totals, struct difference *difference_r)
{
	const struct verdict *a = &difference_r->old.verdict, *b = &difference_r->new.verdict;

	judge(old, policy, bounce, arena, &difference_r->old);
	judge(new, policy, bounce, arena, &difference_r->new);
	totals_recipient(totals, bounce, b);
	if (a->category == b->category && strcmp(a->subcause, b->subcause) == 0 &&
	    difference_r->old.action == difference_r->new.action)
		return false;
	totals->changed++;
	totals->begins += begins(difference_r);
	totals->ceases += ceases(difference_r);
	return true;
}

/* "hard user-unknown (google.no-such-user), suppress" */
static void
print_side(const struct difference_side *side, struct buf *out)
{
	const struct verdict *verdict = &side->verdict;

	buf_printf(out, "%s %s%s%s (%s), %s",
	    words_name(&class_words, category_class(verdict->category)),
	    category_name(verdict->category), verdict->subcause[0] == '\0' ? "" : ":",
	    verdict->subcause, verdict->rule[0] == '\0' ? "no rule" : verdict->rule,
	    words_name(&action_words, side->action));
}

void
difference_print(const struct difference *difference, struct buf *out)
{
	print_side(&difference->old, out);
	buf_add(out, STR(" -> "));
	print_side(&difference->new, out);
	if (begins(difference))
		buf_add(out, STR(": begins to suppress"));
	else if (ceases(difference))
		buf_add(out, STR(": ceases to suppress"));
	buf_add_byte(out, '\n');
}

static void
json_side(const struct difference_side *side, const char *name, struct jsonline *json)
{
	const struct verdict *verdict = &side->verdict;

	jsonline_open(json, name, '{');
	jsonline_text(json, "class",
	    words_name(&class_words, category_class(verdict->category)));
	jsonline_text(json, "category", category_name(verdict->category));
	jsonline_text(json, "subcause", verdict->subcause);
	jsonline_text(json, "rule", verdict->rule);
	jsonline_text(json, "action", words_name(&action_words, side->action));
	jsonline_close(json, '}');
}

void
difference_json(const struct difference *difference, struct jsonline *json)
{
	json_side(&difference->old, "old", json);
	json_side(&difference->new, "new", json);
	jsonline_text(json, "suppress", begins(difference) ? "begins" :
	    ceases(difference) ? "ceases" : "");
}

void
difference_print_totals(const struct totals *totals, bool json, struct buf *out)
{
	struct jsonline line;

	if (!json) {
		buf_printf(out, "%" PRIu64 " of %" PRIu64 " change; %" PRIu64 " begin and %"
		    PRIu64 " cease to suppress\n", totals->changed, totals->recipients,
		    totals->begins, totals->ceases);
		return;
	}
	jsonline_begin(&line, out);
	jsonline_number(&line, "judged", totals->recipients);
	jsonline_number(&line, "changed", totals->changed);
	jsonline_number(&line, "begin", totals->begins);
	jsonline_number(&line, "cease", totals->ceases);
	jsonline_end(&line);
}
