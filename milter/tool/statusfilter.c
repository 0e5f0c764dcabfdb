#include "tool/statusfilter.h"

#include "judge/classify.h"
#include "judge/rule_file.h"
#include "judge/rule_pcre.h"

/* What the table does about a rule. */
enum change { CHANGE_NOTHING, CHANGE_TO_SOFT, CHANGE_TO_HARD };

static const char head[] =
    "# Corrects failures whose code says the contrary of their words, for\n"
    "# smtp_delivery_status_filter of Postfix. Made from the rules in force by\n"
    "#\n"
    "#     bouncemilter-dump --delivery-status-filter\n"
    "#\n"
    "# and not to be edited: make it again when rules have changed. To install it:\n"
    "#\n"
    "#     postconf -e 'smtp_delivery_status_filter = "
    "pcre:/etc/postfix/bouncemilter-status.pcre'\n"
    "#     postfix reload\n"
    "#\n"
    "# 4$1 makes a failure temporary, 5$1 makes it final; $1 alone leaves it as it\n"
    "# is, and goes before the lines below it. The first line that matches decides.\n";

static bool
is_temporary(enum category category)
{
	switch (category) {
	case CATEGORY_THROTTLED:
	case CATEGORY_RECIPIENT_RATE:
	case CATEGORY_GREYLISTED:
	case CATEGORY_MAILBOX_FULL:
	case CATEGORY_SYSTEM_ERROR:
	case CATEGORY_SYSTEM_FULL:
	case CATEGORY_NETWORK_ERROR:
		return true;
	default:
		return false;
	}
}

static bool
matches_5xx(const struct rule_line *line)
{
	bool any = line->code_count == 0;

	for (unsigned i = 0; i < line->code_count; i++)
		any = any || line->codes[i].digits[0] == '5';
	return any;
}

static enum change
change_of(const struct rule_view *rule)
{
	if (rule->level > RULE_PROVIDER || rule->scope == NULL || rule->scope->host_count == 0)
		return CHANGE_NOTHING;
	if (is_temporary(rule->line->category) && matches_5xx(rule->line))
		return CHANGE_TO_SOFT;
	if (category_class(rule->line->category) == CLASS_HARD &&
	    rule_file_demands_soft(rule->line))
		return CHANGE_TO_HARD;
	return CHANGE_NOTHING;
}

/* A line of the table. Returns false if the rule cannot be carried over, and
   what was made instead, if anything, leaves the code alone. */
static bool
add_line(const struct rule_view *rule, enum rule_pcre_use use, const char *answer,
    struct buf *out)
{
	struct buf pattern = { 0 };
	int ret = rule_pcre(rule, use, &pattern);

	if (pattern.len > 0)
		buf_printf(out, "/%s/ %s\n", buf_cstr(&pattern), answer);
	buf_free(&pattern);
	return ret == 1;
}

/* All lines of a rule. Returns whether they change a code. */
static bool
add_rule(const struct rule_view *rule, struct buf *out)
{
	const struct rule_line *line = rule->line;
	enum change change = change_of(rule);
	bool changes = false, carried = true;

	buf_printf(out, "# %s: %s%s(%s)\n", line->id, line->comment,
	    line->comment[0] == '\0' ? "" : " ", category_name(line->category));
	if (change == CHANGE_TO_SOFT)
		changes = carried = add_line(rule, RULE_PCRE_CHANGE, "4$1", out);
	if (change == CHANGE_TO_HARD)
		changes = carried = add_line(rule, RULE_PCRE_CHANGE_RCPT, "5$1", out);
	/* A 5xx of the scope's hosts is settled; where the scope holds by its
	   texts, or other commands were refused, the rule still decides. */
	if (change != CHANGE_TO_SOFT || !carried || rule->scope->signature_count > 0)
		carried = add_line(rule, RULE_PCRE_KEEP, "$1", out);
	if (!carried)
		buf_printf(out, "# The expression of %s cannot be carried over: whatever "
		    "its codes\n# allow is left alone.\n", line->id);
	return changes;
}

/* The number behind the last rule that changes a code: what follows it has
   nothing to go before. */
static unsigned
end_of_table(const struct rule_set *set)
{
	unsigned end = 0;

	for (unsigned i = 0; i < rule_set_count(set); i++) {
		struct rule_view rule = rule_set_view(set, i);

		if (change_of(&rule) != CHANGE_NOTHING)
			end = i + 1;
	}
	return end;
}

static void
change_scope(const struct rule_scope_line *from, const struct rule_scope_line *to,
    struct buf *out)
{
	if (from == to)
		return;
	if (from != NULL)
		buf_add(out, STR("endif\n"));
	if (to != NULL) {
		buf_printf(out, "\n# Scope %s\nif /", to->name);
		rule_pcre_scope(to, out);
		buf_add(out, STR("/\n"));
	}
}

unsigned
statusfilter_print(const struct rule_set *set, struct buf *out)
{
	const struct rule_scope_line *scope = NULL;
	unsigned end = end_of_table(set), changes = 0;

	buf_add(out, str_of(head));
	if (end > 0)
		buf_add(out, STR("\n# " CLASSIFY_MARKER_RULE ": our own words, from whatever host\n"
		    "/^([45]\\.\\S+) .*" CLASSIFY_MARKER "/ $1\n"));
	for (unsigned i = 0; i < end; i++) {
		struct rule_view rule = rule_set_view(set, i);

		change_scope(scope, rule.scope, out);
		scope = rule.scope;
		changes += add_rule(&rule, out);
	}
	change_scope(scope, NULL, out);
	return changes;
}
