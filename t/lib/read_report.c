/*
 * read_report: what the parse and judge layers make of messages, in the text
 * form of every bounce; of several files each behind a line "== FILE".
 *
 *     read_report FILE...
 *
 * The rules are those of the directory BM_RULES, else of "rules".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/msg.h"
#include "judge/classify.h"
#include "parse/report.h"

#define FILE_BYTES (64 * 1024 * 1024)

static struct rule_set *rules;

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
		classify(rules, &report->bounces[i], arena, &verdict);
		buf_add_byte(&out, '\n');
		bounce_print(&report->bounces[i], &verdict, &out);
	}
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
}

static void
read_message(struct str message)
{
	struct arena *arena = arena_new();
	struct report report;

	report_parse(message, 0, arena, &report);
	print_text(&report, arena);
	arena_free(arena);
}

int
main(int argc, char **argv)
{
	const char *directory = getenv("BM_RULES"), *error = "no such file";

	msg_open("read_report", false);
	if (rule_set_load(directory == NULL ? "rules" : directory, "/nonexistent", &rules,
		&error) == -1) {
		fprintf(stderr, "read_report: %s\n", error);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		struct buf content = { 0 };

		if (file_read(argv[i], FILE_BYTES, &content, &error) != 1) {
			fprintf(stderr, "read_report: %s: %s\n", argv[i], error);
			return 1;
		}
		if (argc > 2)
			printf("== %s\n", argv[i]);
		read_message(buf_str(&content));
		buf_free(&content);
	}
	rule_set_free(rules);
	return 0;
}
