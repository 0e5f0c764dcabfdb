/*
 * bouncemilter-classify: what bounces mean: messages, replies, or a mail log to
 * verdicts, with the rule that says so. It needs rules and nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/msg.h"
#include "tool/answer.h"
#include "tool/tool.h"

#define PROGRAM "bouncemilter-classify"
#define MESSAGE_BYTES ((size_t)64 * 1024 * 1024)

static const char usage_text[] =
    "usage: bouncemilter-classify [-j] [-c FILE | -r DIR] [-l | -R] [FILE...]\n"
    "\n"
    "Files, or standard input, are messages, if not\n"
    "  -l, --log           a mail log of Postfix or Sendmail: its delivery lines\n"
    "  -R, --replies       lines of a server's name, a tab, and its reply; or of\n"
    "                      the reply alone\n"
    "\n"
    "  -j, --json          one JSON object per message, reply or delivery\n"
    "  -c, --config FILE   the rules that this configuration names\n"
    "  -r, --rules DIR     the rules of this directory\n"
    "  -h, --help          print this, and exit\n"
    "  -V, --version       print the version, and exit\n"
    "\n"
    "Without -c and -r: the rules of " CONFIG_FILE ",\n"
    "or where there is none, those that were installed.\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' },
	{ "log", no_argument, NULL, 'l' }, { "replies", no_argument, NULL, 'R' },
	{ "rules", required_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

struct request {
	const char *config_path, *rules_dir;
	int what; /* 0 for messages */
	struct answer answer;
	struct policy policy;
	struct config *config;
	struct rule_set *rules; /* if they are not of the configuration */
};

static void
load_rules(struct request *request)
{
	const char *error, *config = request->config_path;

	policy_init(&request->policy);
	request->answer.policy = &request->policy;
	if (request->rules_dir == NULL && (config != NULL || access(CONFIG_FILE, F_OK) == 0)) {
		request->config = tool_config(config != NULL ? config : CONFIG_FILE);
		request->answer.rules = request->config->rules;
		request->answer.policy = &request->config->policy;
		return;
	}
	if (rule_set_load(request->rules_dir != NULL ? request->rules_dir : RULES_DIR,
		request->rules_dir != NULL ? "" : LOCAL_RULES_DIR, &request->rules, &error) == -1) {
		msg_error("%s", error);
		exit(TOOL_USAGE);
	}
	request->answer.rules = request->rules;
}

static void
read_message(const struct request *request, const char *name, struct str message)
{
	struct arena *arena = arena_new();
	struct report report;

	report_parse(message, false, arena, &report);
	answer_report(&request->answer, name, &report, arena);
	arena_free(arena);
}

static void
read_log_line(const struct request *request, struct str text, struct logline_reader *reader)
{
	struct logline line;
	struct str rest, address;

	logline_parse(text, reader, &line);
	if (line.kind != LOG_DELIVERY)
		return;
	rest = line.recipients;
	while (logline_next_recipient(&rest, &address))
		answer_delivery(&request->answer, &line, address);
}

/* A line at a time: a log may be larger than memory. */
static int
read_lines(const struct request *request, FILE *file)
{
	struct logline_reader reader = { .now = clock_now() };
	size_t size = 0;
	char *text = NULL;
	ssize_t len;

	while ((len = getline(&text, &size, file)) != -1) {
		struct str line = { text, (size_t)len };

		if (line.len > 0 && line.data[line.len - 1] == '\n')
			line.len--;
		if (request->what == 'l')
			read_log_line(request, line, &reader);
		else if (line.len > 0 && line.data[0] != '#')
			answer_reply(&request->answer, line);
	}
	free(text);
	return ferror(file) ? -1 : 0;
}

static int
read_all(FILE *file, struct buf *content)
{
	char piece[65536];
	size_t len;

	while ((len = fread(piece, 1, sizeof(piece), file)) > 0) {
		if (content->len + len > MESSAGE_BYTES) {
			errno = EFBIG;
			return -1;
		}
		buf_add(content, (struct str){ piece, len });
	}
	return ferror(file) ? -1 : 0;
}

/* Returns 0, or -1 when it has been said why not. */
static int
read_file(const struct request *request, const char *name)
{
	bool standard_input = strcmp(name, "-") == 0;
	FILE *file = standard_input ? stdin : fopen(name, "re");
	struct buf content = { 0 };
	int ret = -1;

	if (file != NULL && request->what != 0)
		ret = read_lines(request, file);
	else if (file != NULL && (ret = read_all(file, &content)) == 0)
		read_message(request, name, buf_str(&content));
	if (ret == -1)
		msg_error("%s: %s", name, strerror(errno));
	buf_free(&content);
	if (file != NULL && !standard_input)
		fclose(file);
	return ret;
}

static void
parse_option(struct request *request, int option)
{
	switch (option) {
	case 'c':
		request->config_path = optarg;
		break;
	case 'j':
		request->answer.json = true;
		break;
	case 'l': case 'R':
		if (request->what != 0 && request->what != option)
			tool_usage(PROGRAM, "--log and --replies exclude each other");
		request->what = option;
		break;
	case 'r':
		request->rules_dir = optarg;
		break;
	default:
		tool_last_option(PROGRAM, usage_text, option);
	}
}

int
main(int argc, char **argv)
{
	struct request request = { .what = 0 };
	int option, status = EXIT_SUCCESS;

	msg_open(PROGRAM, false);
	while ((option = getopt_long(argc, argv, "c:jlRr:hV", long_options, NULL)) != -1)
		parse_option(&request, option);
	if (request.config_path != NULL && request.rules_dir != NULL)
		tool_usage(PROGRAM, "--config and --rules exclude each other");
	load_rules(&request);
	if (optind == argc && read_file(&request, "-") == -1)
		status = TOOL_NO;
	for (int i = optind; i < argc; i++) {
		if (read_file(&request, argv[i]) == -1)
			status = TOOL_NO;
	}
	rule_set_free(request.rules);
	config_put(request.config);
	return fflush(stdout) == EOF ? TOOL_NO : status;
}
