/*
 * read_report: what the parse and judge layers make of messages.
 *
 *     read_report FILE...           one JSON object per message
 *     read_report --text FILE...    the text form of every bounce; of several
 *                                   files each behind a line "== FILE"
 *     read_report --replies FILE... one JSON object per line "MX<TAB>reply"
 *
 * The rules are those of the directory BM_RULES, else of "rules".
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "judge/policy.h"
#include "parse/charset.h"
#include "parse/reply.h"
#include "parse/report.h"

#define FILE_BYTES (64 * 1024 * 1024)

static struct rule_set *rules;

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

/* The word of RFC 3464 section 2.3.3. */
static const char *
action_of(const struct bounce *bounce)
{
	if (bounce->outcome == OUTCOME_DELIVERED || bounce->outcome == OUTCOME_DELAYED)
		return words_name(&outcome_words, bounce->outcome);
	return "failed";
}

static void
add_verdict(json_t *object, const struct verdict *verdict)
{
	json_object_set_new(object, "class",
	    json_string(words_name(&class_words, category_class(verdict->category))));
	json_object_set_new(object, "category", json_string(category_name(verdict->category)));
	json_object_set_new(object, "subcause", json_string(verdict->subcause));
	json_object_set_new(object, "rule", json_string(verdict->rule));
}

static void
print_line(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static json_t *
recipient_object(const struct bounce *bounce)
{
	json_t *object = json_object();
	struct verdict verdict;

	verdict_init(&verdict);
	classify(rules, bounce, &verdict);
	json_object_set_new(object, "address", json_string(bounce->recipient));
	json_object_set_new(object, "status", text_or_null(bounce->status));
	json_object_set_new(object, "replycode", code_or_null(bounce->code));
	json_object_set_new(object, "action", json_string(action_of(bounce)));
	add_verdict(object, &verdict);
	json_object_set_new(object, "text", json_string(bounce->text));
	return object;
}

static void
print_json(const char *path, const struct report *report)
{
	json_t *object = json_object(), *recipients = json_array();

	json_object_set_new(object, "file", json_string(path));
	json_object_set_new(object, "kind",
	    json_string(words_name(&report_kind_words, report->kind)));
	for (unsigned i = 0; i < report->count; i++)
		json_array_append_new(recipients, recipient_object(&report->bounces[i]));
	json_object_set_new(object, "recipients", recipients);
	print_line(object);
}

static void
print_text(const struct report *report, struct arena *arena)
{
	struct buf out = { 0 };

	printf("kind %s\n", words_name(&report_kind_words, report->kind));
	if (report->limits != 0)
		printf("limits %s\n", bounce_limits_print(report->limits, arena));
	for (unsigned i = 0; i < report->count; i++) {
		struct verdict verdict;

		verdict_init(&verdict);
		classify(rules, &report->bounces[i], &verdict);
		buf_add_byte(&out, '\n');
		bounce_print(&report->bounces[i], &verdict, &out);
	}
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
}

static void
read_message(const char *path, struct str message, bool as_text)
{
	struct arena *arena = arena_new();
	struct report report;

	report_parse(message, false, arena, &report);
	if (as_text)
		print_text(&report, arena);
	else
		print_json(path, &report);
	arena_free(arena);
}

static void
read_reply(struct str line, const struct policy *policy)
{
	struct arena *arena = arena_new();
	struct str host = STR_EMPTY, text = line;
	json_t *object = json_object();
	struct verdict verdict;
	struct bounce bounce;
	struct reply reply;

	if (str_next_piece(&text, '\t', &host) && text.len == 0) {
		text = host;
		host = STR_EMPTY;
	}
	reply_parse(text, arena, &reply);
	bounce_init(&bounce);
	verdict_init(&verdict);
	bounce.remote_mta = charset_clean_line(host, 255, arena);
	bounce.code = reply.code;
	bounce.status = reply.status;
	bounce.text = reply.text;
	bounce.words = reply.words;
	classify(rules, &bounce, &verdict);
	json_object_set_new(object, "mx", json_string(bounce.remote_mta));
	json_object_set_new(object, "reply", json_stringn(text.data, text.len));
	add_verdict(object, &verdict);
	json_object_set_new(object, "action", json_string(words_name(&action_words,
	    policy->categories[verdict.category].action)));
	print_line(object);
	arena_free(arena);
}

static void
read_replies(struct str rest)
{
	struct policy policy;
	struct str line;

	policy_init(&policy);
	while (str_next_piece(&rest, '\n', &line)) {
		if (line.len > 0 && line.data[0] != '#')
			read_reply(line, &policy);
	}
}

int
main(int argc, char **argv)
{
	const char *directory = getenv("BM_RULES");
	const char *option = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
	const char *error = "no such file";
	bool as_text = strcmp(option, "--text") == 0;
	int first = *option == '\0' ? 1 : 2;

	msg_open("read_report", false);
	if (rule_set_load(directory == NULL ? "rules" : directory, "/nonexistent", &rules,
	    &error) == -1) {
		fprintf(stderr, "read_report: %s\n", error);
		return 2;
	}
	for (int i = first; i < argc; i++) {
		struct buf content = { 0 };

		if (file_read(argv[i], FILE_BYTES, &content, &error) != 1) {
			fprintf(stderr, "read_report: %s: %s\n", argv[i], error);
			return 1;
		}
		if (as_text && argc - first > 1)
			printf("== %s\n", argv[i]);
		if (strcmp(option, "--replies") == 0)
			read_replies(buf_str(&content));
		else
			read_message(argv[i], buf_str(&content), as_text);
		buf_free(&content);
	}
	rule_set_free(rules);
	return 0;
}
