#include "tool/explain.h"

#include "base/words.h"
#include "judge/rule_file.h"

/* The column of a rule that did not fit. */
static const char *const try_names[] = {
	[RULE_TRY_CODE] = "code", [RULE_TRY_STATUS] = "status", [RULE_TRY_SCOPE] = "scope",
	[RULE_TRY_PATTERN] = "pattern", [RULE_TRY_MATCHED] = "matched",
};

static const struct words try_words = WORDS(try_names);

void
explain_begin(struct explain *explain, struct arena *arena)
{
	*explain = (struct explain){ .arena = arena };
	explain->tail = &explain->first;
}

void
explain_note(const struct rule_tried *tried, void *context)
{
	struct explain *explain = context;
	struct explain_rule *rule = arena_alloc(explain->arena, sizeof(*rule));

	rule->tried = *tried;
	*explain->tail = rule;
	explain->tail = &rule->next;
}

/* As classify() sees it. */
static const char *
speaker(const struct bounce *bounce)
{
	return bounce->remote_mta[0] != '\0' ? bounce->remote_mta : bounce->reporting_mta;
}

static void
add_codes(struct buf *out, const struct rule_line *rule)
{
	for (unsigned i = 0; i < rule->code_count; i++)
		buf_printf(out, "%s%.3s", i == 0 ? " " : " or ", rule->codes[i].digits);
}

static void
add_statuses(struct buf *out, const struct rule_line *rule)
{
	for (unsigned i = 0; i < rule->status_count; i++) {
		const struct rule_status *status = &rule->statuses[i];

		buf_printf(out, "%s%c.", i == 0 ? " " : " or ", status->class);
		if (status->subject == -1)
			buf_add_byte(out, 'x');
		else
			buf_printf(out, "%d", status->subject);
		if (status->first == -1)
			buf_add(out, STR(".x"));
		else if (status->first == status->last)
			buf_printf(out, ".%d", status->first);
		else
			buf_printf(out, ".%d-%d", status->first, status->last);
	}
}

/* Why it did not match, or what its author says of it. */
static void
add_reason(struct buf *out, const struct rule_tried *tried)
{
	const struct rule_line *rule = tried->view.line;

	switch (tried->result) {
	case RULE_TRY_CODE:
		buf_add(out, STR("the code is not"));
		add_codes(out, rule);
		break;
	case RULE_TRY_STATUS:
		buf_add(out, STR("the status is not"));
		add_statuses(out, rule);
		break;
	case RULE_TRY_SCOPE:
		buf_printf(out, "not said by %.*s", STR_ARGS(rule->scope));
		break;
	case RULE_TRY_PATTERN:
		buf_printf(out, "the words do not match /%s/", rule->pattern);
		break;
	case RULE_TRY_MATCHED:
		buf_add(out, str_of(rule->comment));
		break;
	}
}

static void
print_value(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "    %-8s %s\n", name, *value == '\0' ? "-" : value);
}

static void
print_rule(struct buf *out, const struct rule_tried *tried)
{
	bool matched = tried->result == RULE_TRY_MATCHED;

	buf_printf(out, "    %-8s %s (%s:%u)", matched ? "matched" : "tried",
	    tried->view.line->id, tried->file, tried->line_number);
	if (!matched || tried->view.line->comment[0] != '\0')
		buf_add(out, STR(": "));
	add_reason(out, tried);
	buf_add_byte(out, '\n');
}

void
explain_print(const struct explain *explain, const struct bounce *bounce,
    const struct verdict *verdict, struct buf *out)
{
	bool matched = false;

	print_value(out, "said by", speaker(bounce));
	buf_printf(out, "    %-8s ", "codes");
	if (bounce->code == 0)
		buf_add_byte(out, '-');
	else
		buf_printf(out, "%u", bounce->code);
	buf_printf(out, " %s\n", bounce->status[0] == '\0' ? "-" : bounce->status);
	print_value(out, "words", bounce->words);
	if (verdict->identity[0] != '\0')
		print_value(out, "names", verdict->identity);
	for (const struct explain_rule *rule = explain->first; rule != NULL; rule = rule->next) {
		print_rule(out, &rule->tried);
		matched = matched || rule->tried.result == RULE_TRY_MATCHED;
	}
	if (!matched)
		buf_printf(out, "    %-8s %s%s\n", "matched", verdict->rule[0] == '\0' ?
		    "no rule" : verdict->rule, verdict->rule[0] == '\0' ? "" : " (built in)");
}

void
explain_json(const struct explain *explain, const struct bounce *bounce, struct jsonline *json)
{
	struct buf reason = { 0 };

	jsonline_text(json, "said_by", speaker(bounce));
	jsonline_text(json, "words", bounce->words);
	jsonline_open(json, "tried", '[');
	for (const struct explain_rule *rule = explain->first; rule != NULL; rule = rule->next) {
		const struct rule_tried *tried = &rule->tried;

		buf_clear(&reason);
		add_reason(&reason, tried);
		jsonline_open(json, NULL, '{');
		jsonline_text(json, "rule", tried->view.line->id);
		jsonline_text(json, "file", tried->file);
		jsonline_number(json, "line", tried->line_number);
		jsonline_text(json, "result", words_name(&try_words, tried->result));
		jsonline_text(json, "why", buf_cstr(&reason));
		jsonline_close(json, '}');
	}
	jsonline_close(json, ']');
	buf_free(&reason);
}
