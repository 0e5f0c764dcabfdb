#include "tool/answer.h"

#include "base/clock.h"
#include "judge/classify.h"
#include "parse/charset.h"
#include "parse/limits.h"
#include "parse/logjoin.h"
#include "parse/reply.h"
#include "tool/difference.h"
#include "tool/explain.h"

/* What was concluded about one bounce. */
struct judged {
	struct verdict verdict;
	struct explain explain;
};

/* Bytes of a line, which need not be UTF-8. */
static const char *
clean(struct str text, struct arena *arena)
{
	return charset_clean_line(text, LIMITS_REPLY_BYTES, arena);
}

static const char *
class_of(const struct verdict *verdict)
{
	return words_name(&class_words, category_class(verdict->category));
}

static void
put(struct buf *out, const char *text)
{
	buf_add(out, str_of(text));
}

/* A name as it is, but on one line. */
static void
put_name(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		buf_add_byte(out, (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

static void
judge(const struct answer *answer, const struct bounce *bounce, struct arena *arena,
    struct batch *batch, struct judged *judged_r)
{
	verdict_init(&judged_r->verdict);
	if (answer->explain) {
		explain_begin(&judged_r->explain, arena);
		classify_explain(answer->rules, bounce, arena, explain_note, &judged_r->explain,
		    &judged_r->verdict);
	} else {
		classify(answer->rules, bounce, arena, &judged_r->verdict);
	}
	totals_recipient(&batch->totals, bounce, &judged_r->verdict);
}

static void
json_verdict(const struct answer *answer, const struct bounce *bounce,
    const struct judged *judged, struct jsonline *json)
{
	const struct verdict *verdict = &judged->verdict;

	jsonline_text(json, "class", class_of(verdict));
	jsonline_text(json, "category", category_name(verdict->category));
	jsonline_text(json, "subcause", verdict->subcause);
	jsonline_text(json, "rule", verdict->rule);
	if (answer->explain)
		explain_json(&judged->explain, bounce, json);
}

/* "hard user-unknown (google.no-such-user)" */
static void
print_verdict(const struct answer *answer, const struct bounce *bounce,
    const struct judged *judged, struct buf *out)
{
	const struct verdict *verdict = &judged->verdict;

	put(out, class_of(verdict));
	buf_add_byte(out, ' ');
	put(out, category_name(verdict->category));
	if (verdict->subcause[0] != '\0')
		buf_add_byte(out, ':');
	put(out, verdict->subcause);
	put(out, " (");
	put(out, verdict->rule[0] == '\0' ? "no rule" : verdict->rule);
	put(out, ")\n");
	if (answer->explain)
		explain_print(&judged->explain, bounce, verdict, out);
}

/* The word of RFC 3464 section 2.3.3. */
static const char *
action_of(const struct bounce *bounce)
{
	if (bounce->outcome == OUTCOME_DELIVERED || bounce->outcome == OUTCOME_DELAYED)
		return words_name(&outcome_words, bounce->outcome);
	return "failed";
}

/* --- messages ------------------------------------------------------------ */

static void
json_recipient(const struct answer *answer, const struct bounce *bounce,
    const struct judged *judged, struct jsonline *json)
{
	jsonline_open(json, NULL, '{');
	jsonline_text(json, "address", bounce->recipient);
	jsonline_text_or_null(json, "status", bounce->status);
	jsonline_code(json, "replycode", bounce->code);
	jsonline_text(json, "action", action_of(bounce));
	json_verdict(answer, bounce, judged, json);
	jsonline_text(json, "identity", judged->verdict.identity);
	jsonline_text(json, "feedback", bounce->feedback);
	jsonline_text(json, "text", bounce->text);
	jsonline_close(json, '}');
}

static void
json_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena, struct batch *batch)
{
	struct str name = charset_to_utf8(str_of(file), STR_EMPTY, arena);
	struct jsonline json;
	struct judged judged;

	jsonline_begin(&json, &batch->output);
	jsonline_text(&json, "file", arena_strdup(arena, name));
	jsonline_text(&json, "kind", words_name(&report_kind_words, report->kind));
	jsonline_text(&json, "limits", bounce_limits_print(report->limits, arena));
	jsonline_open(&json, "recipients", '[');
	for (unsigned i = 0; i < report->count; i++) {
		judge(answer, &report->bounces[i], arena, batch, &judged);
		json_recipient(answer, &report->bounces[i], &judged, &json);
	}
	jsonline_close(&json, ']');
	jsonline_end(&json);
}

/* "1.eml: gone@example.net " */
static void
put_recipient(struct buf *out, const char *file, const struct bounce *bounce)
{
	put_name(out, file);
	put(out, ": ");
	put(out, bounce->recipient[0] == '\0' ? "(no certain address)" : bounce->recipient);
}

static void
print_recipient(const struct answer *answer, const char *file, const struct bounce *bounce,
    const struct judged *judged, struct buf *out)
{
	put_recipient(out, file, bounce);
	buf_add_byte(out, ' ');
	put(out, action_of(bounce));
	buf_add_byte(out, ' ');
	put(out, bounce->status[0] == '\0' ? "-" : bounce->status);
	buf_add_byte(out, ' ');
	print_verdict(answer, bounce, judged, out);
}

static void
print_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena, struct batch *batch)
{
	struct judged judged;

	if (report->count == 0 && !answer->quiet) {
		put_name(&batch->output, file);
		put(&batch->output, ": ");
		put(&batch->output, words_name(&report_kind_words, report->kind));
		buf_add_byte(&batch->output, '\n');
	}
	for (unsigned i = 0; i < report->count; i++) {
		judge(answer, &report->bounces[i], arena, batch, &judged);
		if (!answer->quiet)
			print_recipient(answer, file, &report->bounces[i], &judged,
			    &batch->output);
	}
}

/* Is there a change to be shown? */
static bool
differs(const struct answer *answer, const struct bounce *bounce, struct arena *arena,
    struct batch *batch, struct difference *difference_r)
{
	return bounce->outcome != OUTCOME_DELIVERED &&
	    difference_find(answer->rules, answer->new_rules, answer->policy, bounce, arena,
	    &batch->totals, difference_r) && !answer->quiet;
}

static void
change_recipient(const struct answer *answer, const char *file, const struct bounce *bounce,
    struct arena *arena, struct batch *batch)
{
	struct difference difference;
	struct jsonline json;

	if (!differs(answer, bounce, arena, batch, &difference))
		return;
	if (answer->json) {
		struct str name = charset_to_utf8(str_of(file), STR_EMPTY, arena);

		jsonline_begin(&json, &batch->output);
		jsonline_text(&json, "file", arena_strdup(arena, name));
		jsonline_text(&json, "address", bounce->recipient);
		difference_json(&difference, &json);
		jsonline_text(&json, "text", bounce->text);
		jsonline_end(&json);
	} else {
		put_recipient(&batch->output, file, bounce);
		put(&batch->output, ": ");
		difference_print(&difference, &batch->output);
	}
}

void
answer_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena, struct batch *batch)
{
	batch->totals.messages++;
	batch->totals.kinds[report->kind]++;
	if (report->limits & LIMIT_CUT) {
		batch->totals.cut++;
		batch_trouble(batch, file, "cut off: it ends before its last part does; what "
		    "there is was read; get the whole of it");
	}
	if (answer->new_rules == NULL && answer->json && !answer->quiet) {
		json_report(answer, file, report, arena, batch);
	} else if (answer->new_rules == NULL) {
		print_report(answer, file, report, arena, batch);
	} else {
		for (unsigned i = 0; i < report->count; i++)
			change_recipient(answer, file, &report->bounces[i], arena, batch);
	}
}

/* --- replies ------------------------------------------------------------- */

static void
json_reply(const struct answer *answer, const struct bounce *bounce, const char *text,
    const struct judged *judged, const char *action, struct buf *out)
{
	struct jsonline json;

	jsonline_begin(&json, out);
	jsonline_text(&json, "mx", bounce->remote_mta);
	jsonline_text(&json, "reply", text);
	json_verdict(answer, bounce, judged, &json);
	jsonline_text(&json, "action", action);
	jsonline_end(&json);
}

static void
change_reply(const struct answer *answer, const struct bounce *bounce, const char *text,
    struct arena *arena, struct batch *batch)
{
	struct difference difference;
	struct jsonline json;

	if (!differs(answer, bounce, arena, batch, &difference))
		return;
	if (answer->json) {
		jsonline_begin(&json, &batch->output);
		jsonline_text(&json, "mx", bounce->remote_mta);
		jsonline_text(&json, "reply", text);
		difference_json(&difference, &json);
		jsonline_end(&json);
	} else {
		put(&batch->output, bounce->text);
		put(&batch->output, ": ");
		difference_print(&difference, &batch->output);
	}
}

/* Line to bounce; the text of the reply stays in the line. */
static void
read_reply(struct str line, struct arena *arena, struct bounce *bounce_r, struct str *text_r)
{
	struct str host = STR_EMPTY, text = line;
	struct reply reply;

	if (str_next_piece(&text, '\t', &host) && text.len == 0) {
		text = host;
		host = STR_EMPTY;
	}
	reply_parse(text, arena, &reply);
	bounce_init(bounce_r);
	if (host.len > 0)
		bounce_r->remote_mta = charset_clean_line(host, LIMITS_ID_BYTES, arena);
	bounce_r->code = reply.code;
	bounce_r->status = reply.status;
	bounce_r->text = reply.text;
	bounce_r->words = reply.words;
	*text_r = text;
}

void
answer_reply(const struct answer *answer, struct str line, struct arena *arena,
    struct batch *batch)
{
	struct judged judged;
	struct bounce bounce;
	const char *action;
	struct str text;

	read_reply(line, arena, &bounce, &text);
	batch->totals.messages++;
	if (answer->new_rules != NULL) {
		change_reply(answer, &bounce, clean(text, arena), arena, batch);
		return;
	}
	judge(answer, &bounce, arena, batch, &judged);
	if (answer->quiet)
		return;
	action = words_name(&action_words,
	    difference_action(answer->policy, &bounce, &judged.verdict));
	if (answer->json) {
		json_reply(answer, &bounce, clean(text, arena), &judged, action, &batch->output);
	} else {
		put(&batch->output, bounce.text);
		put(&batch->output, ": ");
		put(&batch->output, action);
		put(&batch->output, ": ");
		print_verdict(answer, &bounce, &judged, &batch->output);
	}
}

/* --- a mail log ---------------------------------------------------------- */

/* Of a delivery nothing is judged. */
static void
json_no_verdict(struct jsonline *json)
{
	static const char *const names[] = { "class", "category", "subcause", "rule" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		jsonline_null(json, names[i]);
}

static void
json_delivery(const struct answer *answer, const struct logline *line, struct bounce *bounce,
    const struct judged *judged, const char *address, struct arena *arena, struct buf *out)
{
	char time[CLOCK_TEXT_BYTES];
	struct jsonline json;
	struct reply reply;

	reply_parse(line->text, arena, &reply);
	if (bounce->code == 0)
		bounce->code = reply.code;
	jsonline_begin(&json, out);
	jsonline_text(&json, "time", clock_print(line->time, time));
	jsonline_text(&json, "queue_id", clean(line->queue_id, arena));
	jsonline_text(&json, "recipient", address);
	jsonline_text_or_null(&json, "orig_recipient", clean(line->original, arena));
	jsonline_text(&json, "relay", clean(line->relay, arena));
	jsonline_text(&json, "dsn", clean(line->status, arena));
	jsonline_text(&json, "status", clean(line->word, arena));
	jsonline_text(&json, "stage", words_name(&stage_words, bounce->stage));
	jsonline_code(&json, "replycode", bounce->code);
	jsonline_text_or_null(&json, "enhanced", reply.status);
	if (bounce->outcome == OUTCOME_DELIVERED)
		json_no_verdict(&json);
	else
		json_verdict(answer, bounce, judged, &json);
	jsonline_text(&json, "text", clean(line->text, arena));
	jsonline_end(&json);
}

/* "2026-11-20T14:02:00Z gone@example.net" */
static void
put_attempt(struct buf *out, const struct logline *line, const char *address)
{
	char time[CLOCK_TEXT_BYTES];

	put(out, clock_print(line->time, time));
	buf_add_byte(out, ' ');
	put(out, address);
}

static void
change_delivery(const struct answer *answer, const struct logline *line,
    const struct bounce *bounce, const char *address, struct arena *arena, struct batch *batch)
{
	char time[CLOCK_TEXT_BYTES];
	struct difference difference;
	struct jsonline json;

	if (!differs(answer, bounce, arena, batch, &difference))
		return;
	if (answer->json) {
		jsonline_begin(&json, &batch->output);
		jsonline_text(&json, "time", clock_print(line->time, time));
		jsonline_text(&json, "queue_id", clean(line->queue_id, arena));
		jsonline_text(&json, "recipient", address);
		difference_json(&difference, &json);
		jsonline_text(&json, "text", clean(line->text, arena));
		jsonline_end(&json);
	} else {
		put_attempt(&batch->output, line, address);
		put(&batch->output, ": ");
		difference_print(&difference, &batch->output);
	}
}

static void
print_delivery(const struct answer *answer, const struct logline *line,
    const struct bounce *bounce, const struct judged *judged, const char *address,
    struct arena *arena, struct buf *out)
{
	put_attempt(out, line, address);
	buf_add_byte(out, ' ');
	put(out, clean(line->word, arena));
	buf_add_byte(out, ' ');
	put(out, clean(line->status, arena));
	buf_add_byte(out, ' ');
	if (bounce->outcome == OUTCOME_DELIVERED)
		buf_add_byte(out, '\n');
	else
		print_verdict(answer, bounce, judged, out);
}

void
answer_delivery(const struct answer *answer, const struct logline *line, struct str recipient,
    struct arena *arena, struct batch *batch)
{
	const char *address = clean(recipient, arena);
	struct judged judged;
	struct bounce bounce;

	logjoin_bounce(line, recipient, arena, &bounce);
	batch->totals.messages++;
	if (answer->new_rules != NULL) {
		change_delivery(answer, line, &bounce, address, arena, batch);
		return;
	}
	if (bounce.outcome == OUTCOME_DELIVERED)
		batch->totals.delivered++;
	else
		judge(answer, &bounce, arena, batch, &judged);
	if (answer->quiet)
		return;
	if (answer->json)
		json_delivery(answer, line, &bounce, &judged, address, arena, &batch->output);
	else
		print_delivery(answer, line, &bounce, &judged, address, arena, &batch->output);
}
