/*
 * bouncemilter-suppress: changes who is suppressed, by hand. What it does is on
 * the record like every other event, and published before it ends.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/msg.h"
#include "operate.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/limits.h"
#include "store/publish.h"
#include "tool/tool.h"

#define PROGRAM "bouncemilter-suppress"
#define VERIFY_TRIES 3 /* the daemon may commit between two looks */

static const char usage_text[] =
    "usage: bouncemilter-suppress [-c FILE] --add ADDRESS --reason TEXT\n"
    "       bouncemilter-suppress [-c FILE] --remove ADDRESS --reason TEXT\n"
    "       bouncemilter-suppress [-c FILE] --release | --discard [FILTER...]\n"
    "       bouncemilter-suppress [-c FILE] --undo --since TIME [FILTER...]\n"
    "       bouncemilter-suppress [-c FILE] --verify\n"
    "\n"
    "      --add ADDRESS       suppress an address (category manual, or --category)\n"
    "      --remove ADDRESS    lift all its suppressions\n"
    "      --release           suppress what max-suppressions holds back\n"
    "      --discard           forget what max-suppressions holds back\n"
    "      --undo              lift what was suppressed automatically in a time\n"
    "      --verify            compare journal, standing and tables; repair tables\n"
    "      --reason TEXT       why; it stands in the story of the address\n"
    "\n"
    "Filters:\n"
    "      --address ADDRESS   --category CATEGORY\n"
    "      --since TIME        --until TIME        2026-11-20, or 2h for 2 h ago\n"
    "      --dry-run           only print what would be done\n"
    "\n"
    "  -c, --config FILE       default " CONFIG_FILE "\n"
    "  -h, --help              print this, and exit\n"
    "  -V, --version           print the version, and exit\n";

enum { OPT_ADD = 256, OPT_REMOVE, OPT_RELEASE, OPT_DISCARD, OPT_UNDO, OPT_VERIFY, OPT_REASON,
	OPT_ADDRESS, OPT_CATEGORY, OPT_SINCE, OPT_UNTIL, OPT_DRY_RUN };

static const struct option long_options[] = {
	{ "add", required_argument, NULL, OPT_ADD },
	{ "remove", required_argument, NULL, OPT_REMOVE },
	{ "release", no_argument, NULL, OPT_RELEASE },
	{ "discard", no_argument, NULL, OPT_DISCARD },
	{ "undo", no_argument, NULL, OPT_UNDO },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "category", required_argument, NULL, OPT_CATEGORY },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct request {
	const char *config_path;
	int what;
	struct arena *arena;
	struct operate_query query;
	const char *reason;
	bool dry_run;
};

static void
print_entry(const char *address, const struct standing_entry *entry)
{
	char since[CLOCK_TEXT_BYTES];

	printf("%-40s %-18s %s\n", address, category_name(entry->category),
	    clock_print(entry->since, since));
}

static void
print_difference(const char *file, const char *key)
{
	printf("%s: %s is not as the store has it\n", file, key);
}

static void
print_damage(const char *address)
{
	printf("the standing of %s is not what its events make\n", address);
}

/* Compare until it is right or three looks agree; a table that is wrong is
   written again from the standing. NULL for the tables: nothing is published,
   so there is nothing to compare. Returns the exit status. */
static int
verify(struct store *store, struct tables *tables)
{
	const char *error;
	bool complete;
	int wrong_standing, wrong_tables = 1;

	wrong_standing = operate_verify(store, &complete, print_damage, &error);
	if (wrong_standing == -1)
		tool_fail(error);
	if (tables == NULL)
		wrong_tables = 0;
	for (int i = 0; wrong_tables > 0 && i < VERIFY_TRIES; i++) {
		if (publish_catch_up(store, tables, &error) == -1)
			tool_fail(error);
		wrong_tables = table_verify(tables, store, print_difference, &error);
		if (wrong_tables == -1 || (wrong_tables > 0 &&
			table_publish_all(tables, TABLE_BOTH, store, &error) == -1))
			tool_fail(error);
	}
	if (!complete)
		printf("the journal was pruned: standings are not compared with it\n");
	printf("standings: %s, tables: %s\n", wrong_standing > 0 ? "wrong" :
	    complete ? "right" : "not compared", wrong_tables > 0 ? "wrong" :
	    tables == NULL ? "not compared (mode = observe)" : "right");
	return wrong_standing > 0 || wrong_tables > 0 ? TOOL_NO : EXIT_SUCCESS;
}

/* Returns how many were changed. */
static int
change(struct store *store, const struct config *config, const struct request *request)
{
	static const enum operate_action actions[] = {
		[OPT_RELEASE - OPT_ADD] = OPERATE_RELEASE, [OPT_DISCARD - OPT_ADD] = OPERATE_DISCARD,
		[OPT_UNDO - OPT_ADD] = OPERATE_UNDO,
	};
	const struct operate_query *query = &request->query;
	const char *error;
	int count;

	if (request->what == OPT_ADD)
		count = operate_add(store, config, query->address, query->category,
		    request->reason, &error);
	else if (request->what == OPT_REMOVE)
		count = operate_remove(store, query->address, request->reason, &error);
	else
		count = operate_query(store, config, query, actions[request->what - OPT_ADD],
		    request->dry_run, request->reason, print_entry, &error);
	if (count == -1)
		tool_fail(error);
	return count;
}

static struct tables *
open_tables(struct store *store, const struct config *config)
{
	enum store_error kind;
	struct tables *tables;
	const char *error;
	bool damaged;

	if (table_inspect(config->table_dir, config->table_type, &damaged, &kind, &error) == -1 ||
	    (damaged && publish_reset(store, &error) == -1) ||
	    table_open(config->table_dir, config->table_type, &tables, &kind, &error) == -1) {
		msg_error("%s", error);
		exit(kind == STORE_ERROR_CONFIG ? EX_CONFIG : EX_TEMPFAIL);
	}
	return tables;
}

static int
run(struct store *store, const struct config *config, const struct request *request)
{
	struct tables *tables = NULL;
	const char *error;
	int count = 0, status;

	if (config->mode == MODE_ENFORCE)
		tables = open_tables(store, config);
	if (request->what == OPT_VERIFY) {
		status = verify(store, tables);
		table_close(tables);
		return status;
	}
	count = change(store, config, request);
	if (tables != NULL && publish_catch_up(store, tables, &error) == -1)
		tool_fail(error);
	table_close(tables);
	if (request->what == OPT_ADD)
		printf("%s %s suppressed%s\n", request->query.address, count == 0 ? "was already" :
		    "is", config->mode == MODE_OBSERVE ? ", not published (mode = observe)" : "");
	else if (request->what == OPT_REMOVE)
		printf("%s %s\n", request->query.address, count == 0 ? "was not suppressed" :
		    "is not suppressed any more");
	else
		printf("%d %s\n", count, request->dry_run ? "would be changed" : "changed");
	return count > 0 ? EXIT_SUCCESS : TOOL_NO;
}

static void
set_address(struct request *request, const char *argument)
{
	if (request->query.address[0] != '\0')
		tool_usage(PROGRAM, "only one address can be given");
	if (address_parse(str_of(argument), request->arena, &request->query.address) == 0)
		tool_usage(PROGRAM, "\"%s\" is no mail address", argument);
}

static void
parse_option(struct request *request, int option)
{
	switch (option) {
	case 'c':
		request->config_path = optarg;
		break;
	case OPT_ADD: case OPT_REMOVE: case OPT_RELEASE: case OPT_DISCARD: case OPT_UNDO:
	case OPT_VERIFY:
		if (request->what != 0)
			tool_usage(PROGRAM, "only one thing can be done at a time");
		request->what = option;
		if (option == OPT_ADD || option == OPT_REMOVE)
			set_address(request, optarg);
		break;
	case OPT_ADDRESS:
		set_address(request, optarg);
		break;
	case OPT_REASON:
		request->reason = charset_clean_line(str_of(optarg), LIMITS_REPLY_BYTES,
		    request->arena);
		break;
	case OPT_CATEGORY:
		request->query.any_category = false;
		request->query.category = tool_category(PROGRAM, optarg);
		break;
	case OPT_SINCE:
		request->query.since = tool_time(PROGRAM, optarg);
		break;
	case OPT_UNTIL:
		request->query.until = tool_time(PROGRAM, optarg);
		break;
	case OPT_DRY_RUN:
		request->dry_run = true;
		break;
	default:
		tool_last_option(PROGRAM, usage_text, option);
	}
}

/* What belongs together. */
static void
check_request(struct request *request)
{
	bool one = request->what == OPT_ADD || request->what == OPT_REMOVE;

	if (request->what == 0)
		tool_usage(PROGRAM, "nothing to do");
	if (one && request->reason[0] == '\0')
		tool_usage(PROGRAM, "give a --reason: it stands in the story of the address");
	if ((one || request->what == OPT_VERIFY) && (request->dry_run ||
	    request->query.since != 0 || request->query.until != 0))
		tool_usage(PROGRAM, "--dry-run, --since and --until are for --release, --discard "
		    "and --undo");
	if (request->what == OPT_ADD && !request->query.any_category &&
	    (request->query.category == CATEGORY_LOCAL ||
		request->query.category == CATEGORY_UNKNOWN))
		tool_usage(PROGRAM, "nobody is suppressed for category %s",
		    category_name(request->query.category));
	if (request->what == OPT_UNDO && request->query.since == 0)
		tool_usage(PROGRAM, "--undo needs --since: from when on");
	if (request->what == OPT_ADD && request->query.any_category)
		request->query.category = CATEGORY_MANUAL;
}

int
main(int argc, char **argv)
{
	struct request request = {
		.config_path = CONFIG_FILE, .reason = "",
		.query = { .any_category = true, .address = "" },
	};
	struct config *config;
	struct store *store;
	int option, status;

	msg_open(PROGRAM, false);
	request.arena = arena_new();
	while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1)
		parse_option(&request, option);
	if (optind < argc)
		tool_usage(PROGRAM, "unexpected \"%s\"", argv[optind]);
	check_request(&request);
	tool_open(request.config_path, false, &config, &store);
	status = run(store, config, &request);
	store_close(store);
	config_put(config);
	arena_free(request.arena);
	return status;
}
