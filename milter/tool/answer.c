#include "tool/answer.h"

#include <stdio.h>

#include <jansson.h>

#include "base/clock.h"
#include "judge/classify.h"
#include "parse/charset.h"
#include "parse/limits.h"
#include "parse/logjoin.h"
#include "parse/reply.h"
#include "tool/print.h"

static json_t *
text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}

static json_t *
code_or_null(unsigned code)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", code);
	return code == 0 ? json_null() : json_string(text);
}

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
add_verdict(json_t *object, const struct verdict *verdict)
{
	json_object_set_new(object, "class", json_string(class_of(verdict)));
	json_object_set_new(object, "category", json_string(category_name(verdict->category)));
	json_object_set_new(object, "subcause", json_string(verdict->subcause));
	json_object_set_new(object, "rule", json_string(verdict->rule));
}

/* "hard user-unknown (google.no-such-user)" */
static void
print_verdict(const struct verdict *verdict)
{
	printf("%s %s%s%s (%s)\n", class_of(verdict), category_name(verdict->category),
	    verdict->subcause[0] == '\0' ? "" : ":", verdict->subcause,
	    verdict->rule[0] == '\0' ? "no rule" : verdict->rule);
}

static void
judge(const struct answer *answer, const struct bounce *bounce, struct arena *arena,
    struct verdict *verdict_r)
{
	verdict_init(verdict_r);
	classify(answer->rules, bounce, arena, verdict_r);
}

/* The word of RFC 3464 section 2.3.3. */
static const char *
action_of(const struct bounce *bounce)
{
	if (bounce->outcome == OUTCOME_DELIVERED || bounce->outcome == OUTCOME_DELAYED)
		return words_name(&outcome_words, bounce->outcome);
	return "failed";
}

static json_t *
recipient_object(const struct bounce *bounce, const struct verdict *verdict)
{
	json_t *object = json_object();

	json_object_set_new(object, "address", json_string(bounce->recipient));
	json_object_set_new(object, "status", text_or_null(bounce->status));
	json_object_set_new(object, "replycode", code_or_null(bounce->code));
	json_object_set_new(object, "action", json_string(action_of(bounce)));
	add_verdict(object, verdict);
	json_object_set_new(object, "text", json_string(bounce->text));
	return object;
}

void
answer_report(const struct answer *answer, const char *file, const struct report *report,
    struct arena *arena)
{
	json_t *object = json_object(), *recipients = json_array();
	const char *kind = words_name(&report_kind_words, report->kind);

	if (!answer->json && report->count == 0)
		printf("%s: %s\n", file, kind);
	for (unsigned i = 0; i < report->count; i++) {
		const struct bounce *bounce = &report->bounces[i];
		struct verdict verdict;

		judge(answer, bounce, arena, &verdict);
		json_array_append_new(recipients, recipient_object(bounce, &verdict));
		if (!answer->json) {
			printf("%s: %s %s %s ", file, bounce->recipient[0] == '\0' ?
			    "(no certain address)" : bounce->recipient, action_of(bounce),
			    bounce->status[0] == '\0' ? "-" : bounce->status);
			print_verdict(&verdict);
		}
	}
	json_object_set_new(object, "file", json_string(file));
	json_object_set_new(object, "kind", json_string(kind));
	json_object_set_new(object, "recipients", recipients);
	if (answer->json)
		print_json_line(object);
	else
		json_decref(object);
}

void
answer_reply(const struct answer *answer, struct str line)
{
	struct arena *arena = arena_new();
	struct str host = STR_EMPTY, text = line;
	struct verdict verdict;
	struct bounce bounce;
	struct reply reply;
	const char *action;

	if (str_next_piece(&text, '\t', &host) && text.len == 0) {
		text = host;
		host = STR_EMPTY;
	}
	reply_parse(text, arena, &reply);
	bounce_init(&bounce);
	bounce.remote_mta = charset_clean_line(host, LIMITS_ID_BYTES, arena);
	bounce.code = reply.code;
	bounce.status = reply.status;
	bounce.text = reply.text;
	bounce.words = reply.words;
	judge(answer, &bounce, arena, &verdict);
	action = words_name(&action_words, answer->policy->categories[verdict.category].action);
	if (answer->json) {
		json_t *object = json_object();

		json_object_set_new(object, "mx", json_string(bounce.remote_mta));
		json_object_set_new(object, "reply", json_string(clean(text, arena)));
		add_verdict(object, &verdict);
		json_object_set_new(object, "action", json_string(action));
		print_json_line(object);
	} else {
		printf("%s: %s: ", reply.text, action);
		print_verdict(&verdict);
	}
	arena_free(arena);
}

/* Of a delivery nothing is judged. */
static void
add_no_verdict(json_t *object)
{
	static const char *const names[] = { "class", "category", "subcause", "rule" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(object, names[i], json_null());
}

static void
print_delivery(const struct logline *line, const struct bounce *bounce,
    const struct verdict *verdict, const char *address, const char *enhanced,
    struct arena *arena)
{
	char time[CLOCK_TEXT_BYTES];
	json_t *object = json_object();

	json_object_set_new(object, "time", json_string(clock_print(line->time, time)));
	json_object_set_new(object, "queue_id", json_string(clean(line->queue_id, arena)));
	json_object_set_new(object, "recipient", json_string(address));
	json_object_set_new(object, "orig_recipient", text_or_null(clean(line->original, arena)));
	json_object_set_new(object, "relay", json_string(clean(line->relay, arena)));
	json_object_set_new(object, "dsn", json_string(clean(line->status, arena)));
	json_object_set_new(object, "status", json_string(clean(line->word, arena)));
	json_object_set_new(object, "stage", json_string(words_name(&stage_words, bounce->stage)));
	json_object_set_new(object, "replycode", code_or_null(bounce->code));
	json_object_set_new(object, "enhanced", text_or_null(enhanced));
	if (bounce->outcome == OUTCOME_DELIVERED)
		add_no_verdict(object);
	else
		add_verdict(object, verdict);
	json_object_set_new(object, "text", json_string(clean(line->text, arena)));
	print_json_line(object);
}

void
answer_delivery(const struct answer *answer, const struct logline *line, struct str recipient)
{
	struct arena *arena = arena_new();
	char time[CLOCK_TEXT_BYTES];
	struct verdict verdict;
	struct bounce bounce;
	struct reply reply;
	const char *address;

	logjoin_bounce(line, recipient, arena, &bounce);
	address = clean(recipient, arena);
	judge(answer, &bounce, arena, &verdict);
	if (answer->json) {
		reply_parse(line->text, arena, &reply);
		if (bounce.code == 0)
			bounce.code = reply.code;
		print_delivery(line, &bounce, &verdict, address, reply.status, arena);
	} else {
		printf("%s %s %s %s ", clock_print(line->time, time), address,
		    clean(line->word, arena), clean(line->status, arena));
		if (bounce.outcome == OUTCOME_DELIVERED)
			putchar('\n');
		else
			print_verdict(&verdict);
	}
	arena_free(arena);
}
