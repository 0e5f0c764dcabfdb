/*
 * bouncemilter-classify: what bounces mean: messages, replies, or a mail log to
 * verdicts, with the rule that says so. It needs rules and nothing else.
 *
 * The main thread reads files into batches (intake.h) and writes the answers;
 * a crew (crew.h) makes answers of batches (labour.h).
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "tool/diagnosis.h"
#include "tool/difference.h"
#include "tool/intake.h"
#include "tool/labour.h"
#include "tool/progress.h"
#include "tool/tool.h"

#define PROGRAM "bouncemilter-classify"

/* An explanation is many times as long as what it explains. */
#define BATCH_BYTES ((size_t)32 * 1024)
#define EXPLAIN_BATCH_BYTES ((size_t)4 * 1024)

#define TOTALS_OPTION 256
#define DIFF_OPTION 257
#define DIAGNOSE_OPTION 258
#define IP_OPTION 259
#define SELECTOR_OPTION 260
#define ZONE_OPTION 261

static const char usage_text[] =
    "usage: bouncemilter-classify [-ejq] [-c FILE | -r DIR] [--diff OLD NEW]\n"
    "                             [-l | -R] [-t N] [--totals] [FILE...]\n"
    "       bouncemilter-classify --diagnose DOMAIN [--ip ADDRESS] [--selector NAME]\n"
    "                             [-c FILE] [--zone FILE] [-j] [FILE]\n"
    "\n"
    "Files, directories, or standard input, are messages or mboxes, if not\n"
    "  -l, --log           a mail log of Postfix or Sendmail: its delivery lines\n"
    "  -R, --replies       lines of a server's name, a tab, and its reply; or of\n"
    "                      the reply alone\n"
    "\n"
    "  -e, --explain       which rules were tried, and why each did not match\n"
    "  -j, --json          one JSON object per message, reply or delivery\n"
    "  -q, --quiet         totals only\n"
    "      --totals        totals at the end, on standard error\n"
    "      --diff OLD NEW  only what changes from the rules of one directory to\n"
    "                      those of the other\n"
    "  -t, --threads N     read with so many threads (default: one per processor)\n"
    "  -c, --config FILE   the rules that this configuration names\n"
    "  -r, --rules DIR     the rules of this directory\n"
    "\n"
    "      --diagnose DOMAIN  what is wrong with SPF, DKIM, DMARC and PTR of mail\n"
    "                      with this domain in MAIL FROM; FILE is a message as it\n"
    "                      left, or a bounce that returns one\n"
    "      --ip ADDRESS    ... sent from this address\n"
    "      --selector NAME  ... and signed with this DKIM key\n"
    "      --zone FILE     ... DNS being this zone file\n"
    "\n"
    "  -h, --help          print this, and exit\n"
    "  -V, --version       print the version, and exit\n"
    "\n"
    "Without -c, -r and --diff: the rules of " CONFIG_FILE ",\n"
    "or where there is none, those that were installed.\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "diagnose", required_argument, NULL, DIAGNOSE_OPTION },
	{ "ip", required_argument, NULL, IP_OPTION },
	{ "selector", required_argument, NULL, SELECTOR_OPTION },
	{ "zone", required_argument, NULL, ZONE_OPTION },
	{ "diff", required_argument, NULL, DIFF_OPTION },
	{ "explain", no_argument, NULL, 'e' }, { "json", no_argument, NULL, 'j' },
	{ "log", no_argument, NULL, 'l' }, { "quiet", no_argument, NULL, 'q' },
	{ "replies", no_argument, NULL, 'R' }, { "rules", required_argument, NULL, 'r' },
	{ "threads", required_argument, NULL, 't' }, { "totals", no_argument, NULL, TOTALS_OPTION },
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct request {
	const char *config_path, *rules_dir, *old_dir, *new_dir;
	unsigned threads;
	bool totals_wanted;
	struct labour labour;
	struct policy policy;
	struct config *config;
	struct rule_set *rules, *new_rules; /* if they are not of the configuration */
	struct totals totals;
	struct progress progress;
	bool over; /* nobody reads our answers */
	struct diagnosis_request diagnosis;
};

static struct rule_set *
load_directory(const char *packaged_dir, const char *local_dir)
{
	struct rule_set *rules;
	const char *error;

	if (rule_set_load(packaged_dir, local_dir, &rules, &error) == -1) {
		msg_error("%s", error);
		exit(TOOL_USAGE);
	}
	return rules;
}

static void
load_rules(struct request *request)
{
	struct answer *answer = &request->labour.answer;
	const char *path = request->config_path;

	policy_init(&request->policy);
	answer->policy = &request->policy;
	if (path == NULL && request->rules_dir == NULL && request->old_dir == NULL &&
	    access(CONFIG_FILE, F_OK) == 0)
		path = CONFIG_FILE;
	if (path != NULL) {
		request->config = tool_config(path);
		answer->rules = request->config->rules;
		answer->policy = &request->config->policy;
	}
	if (request->old_dir != NULL) {
		request->rules = load_directory(request->old_dir, "");
		answer->new_rules = request->new_rules = load_directory(request->new_dir, "");
	} else if (request->rules_dir != NULL) {
		request->rules = load_directory(request->rules_dir, "");
	} else if (path == NULL) {
		request->rules = load_directory(RULES_DIR, LOCAL_RULES_DIR);
	}
	if (request->rules != NULL)
		answer->rules = request->rules;
}

/* --- answers ------------------------------------------------------------- */

static void *
begin(void *context)
{
	return labour_begin(&((struct request *)context)->labour);
}

static void
output_failed(struct request *request)
{
	request->over = true;
	/* Whoever read us has had enough: that needs no word. */
	if (errno != EPIPE)
		msg_error("standard output: %s", strerror(errno));
}

static void
write_out(struct request *request, struct str text)
{
	if (!request->over && fwrite(text.data, 1, text.len, stdout) < text.len)
		output_failed(request);
}

/* Nothing is to be read for now; `context` is a struct request. */
static void
flush_out(void *context)
{
	struct request *request = context;

	if (!request->over && fflush(stdout) == EOF)
		output_failed(request);
}

/* A batch is done. */
static void
finish(struct batch *batch, void *context)
{
	struct request *request = context;
	struct str troubles = buf_str(&batch->troubles), trouble;

	if (troubles.len > 0 || batch->output.len > 0)
		progress_hide(&request->progress);
	while (troubles.len > 0 && str_next_piece(&troubles, '\0', &trouble))
		msg_error("%s", trouble.data);
	write_out(request, buf_str(&batch->output));
	totals_add(&request->totals, &batch->totals);
	progress_add(&request->progress, batch->bytes, batch->totals.messages);
}

static const char *
noun(const struct request *request)
{
	return request->labour.input == LABOUR_MESSAGES ? "" :
	    request->labour.input == LABOUR_LOG ? "attempts" : "replies";
}

/* The totals go where they are alone: to standard output if there is nothing
   else, else to standard error if somebody looks there, or wants them. */
static void
print_totals(struct request *request, int64_t msec)
{
	bool quiet = request->labour.answer.quiet, json = request->labour.answer.json;
	bool terminal = isatty(STDERR_FILENO) == 1;
	struct buf out = { 0 };

	if (request->labour.answer.new_rules != NULL)
		difference_print_totals(&request->totals, json, &out);
	else if (quiet && json)
		totals_print_json(&request->totals, request->labour.input == LABOUR_MESSAGES, &out);
	else if (quiet || request->totals_wanted || terminal)
		totals_print(&request->totals, noun(request), terminal ? msec : 0, &out);
	if (quiet || request->labour.answer.new_rules != NULL)
		write_out(request, buf_str(&out));
	flush_out(request);
	if (!quiet && request->labour.answer.new_rules == NULL)
		fputs(buf_cstr(&out), stderr);
	buf_free(&out);
}

/* --- the command line ---------------------------------------------------- */

static unsigned
processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : count > CREW_MOST ? CREW_MOST : (unsigned)count;
}

static void
set_threads(struct request *request, const char *argument)
{
	uint64_t number;

	if (str_number(str_of(argument), &number) == -1 || number < 1 || number > CREW_MOST)
		tool_usage(PROGRAM, "--threads is a number from 1 to %d", CREW_MOST);
	request->threads = (unsigned)number;
}

static void
set_input(struct request *request, enum labour_input input)
{
	if (request->labour.input != LABOUR_MESSAGES && request->labour.input != input)
		tool_usage(PROGRAM, "--log and --replies exclude each other");
	request->labour.input = input;
}

/* The second directory of --diff stands behind it. */
static void
set_diff(struct request *request, int argc, char **argv)
{
	if (optind == argc)
		tool_usage(PROGRAM, "--diff needs two directories, of the old and the new rules");
	request->old_dir = optarg;
	request->new_dir = argv[optind++];
}

static void
parse_option(struct request *request, int option, int argc, char **argv)
{
	switch (option) {
	case 'c':
		request->config_path = optarg;
		break;
	case 'e':
		request->labour.answer.explain = true;
		break;
	case 'j':
		request->labour.answer.json = true;
		break;
	case 'l': case 'R':
		set_input(request, option == 'l' ? LABOUR_LOG : LABOUR_REPLIES);
		break;
	case 'q':
		request->labour.answer.quiet = true;
		break;
	case 'r':
		request->rules_dir = optarg;
		break;
	case 't':
		set_threads(request, optarg);
		break;
	case TOTALS_OPTION:
		request->totals_wanted = true;
		break;
	case DIFF_OPTION:
		set_diff(request, argc, argv);
		break;
	case DIAGNOSE_OPTION:
		request->diagnosis.domain = optarg;
		break;
	case IP_OPTION:
		request->diagnosis.address = optarg;
		break;
	case SELECTOR_OPTION:
		request->diagnosis.selector = optarg;
		break;
	case ZONE_OPTION:
		request->diagnosis.zone_path = optarg;
		break;
	default:
		tool_last_option(PROGRAM, usage_text, option);
	}
}

/* A diagnosis judges nothing, so what is about rules and threads makes no sense. */
static void
check_diagnosis(const struct request *request)
{
	const struct diagnosis_request *diagnosis = &request->diagnosis;
	const struct answer *answer = &request->labour.answer;

	if (diagnosis->domain == NULL && (diagnosis->address != NULL ||
		diagnosis->selector != NULL || diagnosis->zone_path != NULL))
		tool_usage(PROGRAM, "--ip, --selector and --zone need --diagnose");
	if (diagnosis->domain != NULL && (answer->explain || answer->quiet ||
		request->totals_wanted || request->old_dir != NULL || request->rules_dir != NULL ||
		request->labour.input != LABOUR_MESSAGES))
		tool_usage(PROGRAM, "--diagnose goes with --ip, --selector, --zone, --config, "
		    "--json and one file only");
}

static void
check_options(const struct request *request)
{
	const struct answer *answer = &request->labour.answer;

	check_diagnosis(request);
	if (request->rules_dir != NULL && request->config_path != NULL)
		tool_usage(PROGRAM, "--config and --rules exclude each other");
	if (request->old_dir != NULL && request->rules_dir != NULL)
		tool_usage(PROGRAM, "--diff and --rules exclude each other");
	if (answer->explain && (answer->quiet || request->old_dir != NULL))
		tool_usage(PROGRAM, "--explain excludes --quiet and --diff");
}

/* How much there is to read; 0 if that cannot be told before. */
static uint64_t
bytes_of(char **paths, int count)
{
	uint64_t bytes = 0;
	struct stat st;

	for (int i = 0; i < count; i++) {
		if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) == -1)
			continue;
		if (!S_ISREG(st.st_mode))
			return 0;
		bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

static void
read_all(struct request *request, char **paths, int count)
{
	static const struct crew_craft craft = { .begin = begin, .end = labour_end,
		.work = labour_work, .finish = finish };
	struct intake *intake = calloc(1, sizeof(*intake)); /* too large for a stack */
	char *standard_input[] = { "-" };

	if (intake == NULL)
		msg_out_of_memory();
	intake->crew = crew_new(request->threads, &craft, request);
	intake->lines = request->labour.input != LABOUR_MESSAGES;
	intake->batch_bytes = request->labour.answer.explain ? EXPLAIN_BATCH_BYTES : BATCH_BYTES;
	intake->over = &request->over;
	intake->idle = flush_out;
	intake->context = request;
	if (count == 0) {
		paths = standard_input;
		count = 1;
	}
	for (int i = 0; i < count; i++) {
		if (walk(paths[i], &intake_craft, intake) == -1)
			break;
	}
	intake_end(intake);
	progress_hide(&request->progress);
	crew_free(intake->crew);
	free(intake);
}

static int
diagnose_instead(struct request *request, char **paths, int count)
{
	if (count > 1)
		tool_usage(PROGRAM, "--diagnose looks at one file");
	request->diagnosis.program = PROGRAM;
	request->diagnosis.config_path = request->config_path;
	request->diagnosis.json = request->labour.answer.json;
	request->diagnosis.path = count == 0 ? NULL : paths[0];
	return diagnosis_run(&request->diagnosis);
}

static int
exit_status(const struct request *request)
{
	const struct totals *totals = &request->totals;

	return request->over || totals->unreadable > 0 || totals->cut > 0 ||
	    totals->changed > 0 ? TOOL_NO : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct request request = { .threads = processors() };
	int64_t began = clock_monotonic_msec();
	int option;

	msg_open(PROGRAM, false);
	while ((option = getopt_long(argc, argv, "c:ejlqRr:t:hV", long_options, NULL)) != -1)
		parse_option(&request, option, argc, argv);
	check_options(&request);
	if (request.diagnosis.domain != NULL)
		return diagnose_instead(&request, argv + optind, argc - optind);
	load_rules(&request);
	signal(SIGPIPE, SIG_IGN);
	request.labour.now = clock_now();
	progress_begin(bytes_of(argv + optind, argc - optind), &request.progress);
	read_all(&request, argv + optind, argc - optind);
	print_totals(&request, clock_monotonic_msec() - began);
	rule_set_free(request.rules);
	rule_set_free(request.new_rules);
	config_put(request.config);
	return exit_status(&request);
}
