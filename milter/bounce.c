#include "bounce.h"

#include <stddef.h>

#include "base/textform.h"

static const char *const source_names[] = {
	[SOURCE_UNKNOWN] = "unknown", [SOURCE_NET] = "net", [SOURCE_LOCAL] = "local",
	[SOURCE_LOG] = "log", [SOURCE_THRESHOLD] = "threshold",
	[SOURCE_OPERATOR] = "operator", [SOURCE_CLOCK] = "clock",
};

static const char *const outcome_names[] = {
	[OUTCOME_NONE] = "none", [OUTCOME_FAILED] = "failed", [OUTCOME_EXPIRED] = "expired",
	[OUTCOME_DELAYED] = "delayed", [OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_COMPLAINT] = "complaint", [OUTCOME_DEFERRED] = "deferred",
};

static const char *const stage_names[] = {
	[STAGE_UNKNOWN] = "unknown", [STAGE_CONNECT] = "connect", [STAGE_HELO] = "helo",
	[STAGE_MAIL] = "mail", [STAGE_RCPT] = "rcpt", [STAGE_DATA] = "data",
	[STAGE_EOD] = "eod",
};

static const char *const about_names[] = {
	[ABOUT_NOBODY] = "nobody", [ABOUT_RECIPIENT] = "recipient", [ABOUT_SENDER] = "sender",
	[ABOUT_OTHER] = "other",
};

static const char *const limit_names[] = {
	"size", "depth", "parts", "header", "recipients", "text", "memory", "cut",
};

const struct words source_words = WORDS(source_names);
const struct words outcome_words = WORDS(outcome_names);
const struct words stage_words = WORDS(stage_names);
const struct words about_words = WORDS(about_names);

/* The text form is these tables, bounce and verdict behind each other. */
#define B(member) offsetof(struct bounce, member)
#define V(member) offsetof(struct verdict, member)

static const struct textform_field bounce_fields[] = {
	{ "time", TEXTFORM_TIME, B(time), 1, NULL },
	{ "arrival", TEXTFORM_TIME, B(arrival), 1, NULL },
	{ "source", TEXTFORM_WORD, B(source), 1, &source_words },
	{ "outcome", TEXTFORM_WORD, B(outcome), 1, &outcome_words },
	{ "stage", TEXTFORM_WORD, B(stage), 1, &stage_words },
	{ "code", TEXTFORM_UNSIGNED, B(code), 1, NULL },
	{ "together", TEXTFORM_UNSIGNED, B(together), 1, NULL },
	{ "about", TEXTFORM_WORD, B(about), 1, &about_words },
	{ "guessed", TEXTFORM_UNSIGNED, B(guessed), 1, NULL },
	{ "again", TEXTFORM_UNSIGNED, B(again), 1, NULL },
	{ "limits", TEXTFORM_UNSIGNED, B(limits), 1, NULL },
	{ "recipient", TEXTFORM_TEXT, B(recipient), 1, NULL },
	{ "final-recipient", TEXTFORM_TEXT, B(final_recipient), 1, NULL },
	{ "original-recipient", TEXTFORM_TEXT, B(original_recipient), 1, NULL },
	{ "sender", TEXTFORM_TEXT, B(sender), 1, NULL },
	{ "message-id", TEXTFORM_TEXT, B(message_id), 1, NULL },
	{ "queue-id", TEXTFORM_TEXT, B(queue_id), 1, NULL },
	{ "envelope-id", TEXTFORM_TEXT, B(envelope_id), 1, NULL },
	{ "token", TEXTFORM_TEXT, B(token), 1, NULL },
	{ "report-id", TEXTFORM_TEXT, B(report_id), 1, NULL },
	{ "reporting-mta", TEXTFORM_TEXT, B(reporting_mta), 1, NULL },
	{ "remote-mta", TEXTFORM_TEXT, B(remote_mta), 1, NULL },
	{ "relay", TEXTFORM_TEXT, B(relay), 1, NULL },
	{ "server", TEXTFORM_TEXT, B(server), 1, NULL },
	{ "port", TEXTFORM_UNSIGNED, B(port), 1, NULL },
	{ "agent", TEXTFORM_TEXT, B(agent), 1, NULL },
	{ "client", TEXTFORM_TEXT, B(client), 1, NULL },
	{ "login", TEXTFORM_TEXT, B(login), 1, NULL },
	{ "status", TEXTFORM_TEXT, B(status), 1, NULL },
	{ "diagnostic-type", TEXTFORM_TEXT, B(diagnostic_type), 1, NULL },
	{ "text", TEXTFORM_TEXT, B(text), 1, NULL },
	{ "feedback", TEXTFORM_TEXT, B(feedback), 1, NULL },
	{ "report", TEXTFORM_TEXT, B(report), 1, NULL },
};

static const struct textform_field verdict_fields[] = {
	{ "category", TEXTFORM_WORD, V(category), 1, &category_words },
	{ "subcause", TEXTFORM_TEXT, V(subcause), 1, NULL },
	{ "identity", TEXTFORM_TEXT, V(identity), 1, NULL },
	{ "rule", TEXTFORM_TEXT, V(rule), 1, NULL },
	{ "proof", TEXTFORM_WORD, V(proof), 1, &proof_words },
	{ "evidence", TEXTFORM_TEXT, V(evidence), 1, NULL },
	{ "decision", TEXTFORM_WORD, V(decision), 1, &decision_words },
	{ "table", TEXTFORM_WORD, V(table), 1, &table_set_words },
	{ "reason", TEXTFORM_TEXT, V(reason), 1, NULL },
	{ "until", TEXTFORM_TIME, V(until), 1, NULL },
	{ "batch", TEXTFORM_TIME, V(batch), 1, NULL },
	{ "takes-back", TEXTFORM_TIME, V(takes_back), 1, NULL },
	{ "was", TEXTFORM_TEXT, V(was), 1, NULL },
	{ "becomes", TEXTFORM_TEXT, V(becomes), 1, NULL },
};

static const struct textform bounce_form = TEXTFORM(bounce_fields);
static const struct textform verdict_form = TEXTFORM(verdict_fields);

void
bounce_init(struct bounce *bounce)
{
	*bounce = (struct bounce){ .words = "" };
	textform_init(&bounce_form, bounce);
}

void
bounce_print(const struct bounce *bounce, const struct verdict *verdict, struct buf *out)
{
	textform_print(&bounce_form, bounce, out);
	textform_print(&verdict_form, verdict, out);
}

int
bounce_scan(struct str text, struct arena *arena, struct bounce *bounce_r,
    struct verdict *verdict_r)
{
	struct str line;

	bounce_init(bounce_r);
	verdict_init(verdict_r);
	while (str_next_piece(&text, '\n', &line)) {
		int ret = textform_scan(&bounce_form, line, arena, bounce_r);

		if (ret == 0)
			ret = textform_scan(&verdict_form, line, arena, verdict_r);
		if (ret == -1)
			return -1;
	}
	return 0;
}

const char *
bounce_limits_print(unsigned limits, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
		if (limits & (1u << i))
			text = arena_printf(arena, "%s%s%s", text, *text == '\0' ? "" : ",",
			    limit_names[i]);
	}
	return text;
}
