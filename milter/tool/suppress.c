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
#include "store/breaker.h"
#include "store/cause.h"
#include "store/publish.h"
#include "store/refold.h"
#include "tool/tool.h"

#define PROGRAM "bouncemilter-suppress"
#define VERIFY_TRIES 3 /* the daemon may commit between two looks */

static const char usage_text[] =
    "usage: bouncemilter-suppress [-c FILE] --add ADDRESS --reason TEXT\n"
    "       bouncemilter-suppress [-c FILE] --remove ADDRESS --reason TEXT\n"
    "       bouncemilter-suppress [-c FILE] --release | --discard [FILTER...]\n"
    "       bouncemilter-suppress [-c FILE] --undo --since TIME [FILTER...]\n"
    "       bouncemilter-suppress [-c FILE] --undo --batch N [--dry-run]\n"
    "       bouncemilter-suppress [-c FILE] --breaker | --free PROVIDER | --verify\n"
    "\n"
    "      --add ADDRESS       suppress an address (category manual, or --category)\n"
    "      --remove ADDRESS    lift all its suppressions\n"
    "      --release           suppress what is held back\n"
    "      --discard           forget what is held back\n"
    "      --undo              go back to what was before a time, or before a batch\n"
    "      --breaker           show the providers that are frozen\n"
    "      --free PROVIDER     what it says suppresses again\n"
    "      --verify            compare journal, standing and tables; repair tables\n"
    "      --reason TEXT       why; it stands in the story of the address\n"
    "\n"
    "Filters:\n"
    "      --address ADDRESS   --category CATEGORY\n"
    "      --provider NAME     who said it: Google, or google.com\n"
    "      --rule RULE         the rule that understood it so, or google-*\n"
    "      --since TIME        --until TIME        2026-11-20, or 2h for 2 h ago\n"
    "      --batch N           what an earlier command did: its number\n"
    "      --dry-run           only print what would be done\n"
    "\n"
    "  -c, --config FILE       default " CONFIG_FILE "\n"
    "  -h, --help              print this, and exit\n"
    "  -V, --version           print the version, and exit\n";

enum { OPT_ADD = 256, OPT_REMOVE, OPT_RELEASE, OPT_DISCARD, OPT_UNDO, OPT_VERIFY, OPT_REASON,
	OPT_ADDRESS, OPT_CATEGORY, OPT_SINCE, OPT_UNTIL, OPT_DRY_RUN, OPT_PROVIDER, OPT_RULE,
	OPT_BATCH, OPT_BREAKER, OPT_FREE };

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
	{ "provider", required_argument, NULL, OPT_PROVIDER },
	{ "rule", required_argument, NULL, OPT_RULE },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "breaker", no_argument, NULL, OPT_BREAKER },
	{ "free", required_argument, NULL, OPT_FREE },
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
	uint64_t batch;      /* 0 for none */
	const char *to_free; /* a provider */
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

	wrong_standing = refold_compare(store, &complete, print_damage, &error);
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

/* How much is held of what a provider said. */
struct count_held {
	const struct config *config;
	struct provider provider;
	unsigned held;
};

static void
count_entry(void *context, const struct journal_event *cause)
{
	struct count_held *count = context;

	count->held += operate_is_of(count->config, cause, &count->provider);
}

/* Returns the exit status. */
static int
show_breaker(struct store *store, const struct config *config, struct arena *arena)
{
	struct count_held count = { .config = config };
	struct breaker_frozen *frozen;
	char since[CLOCK_TEXT_BYTES];
	const char *error;

	if (breaker_list(store, arena, &frozen, &error) == -1)
		tool_fail(error);
	if (frozen == NULL) {
		printf("no provider is frozen\n");
		return TOOL_NO;
	}
	printf("%-40s %-20s %8s\n", "PROVIDER", "FROZEN SINCE", "HELD");
	for (; frozen != NULL; frozen = frozen->next) {
		count.provider = providers_find(config->providers, frozen->provider);
		count.held = 0;
		if (cause_each_held(store, count_entry, &count, &error) == -1)
			tool_fail(error);
		printf("%-40s %-20s %8u\n", count.provider.name,
		    clock_print(frozen->since, since), count.held);
	}
	return EXIT_SUCCESS;
}

/* The same. */
static int
free_provider(struct store *store, const struct config *config, const char *asked,
    struct arena *arena)
{
	struct provider wanted = operate_provider(config, asked, arena), have = { 0 };
	struct breaker_frozen *frozen;
	struct store_txn *txn;
	const char *error;

	if (breaker_list(store, arena, &frozen, &error) == -1)
		tool_fail(error);
	for (; frozen != NULL; frozen = frozen->next) {
		have = providers_find(config->providers, frozen->provider);
		if (operate_is_same(&have, &wanted))
			break;
	}
	if (frozen == NULL) {
		printf("%s is not frozen\n", asked);
		return TOOL_NO;
	}
	if (store_begin(store, &txn, &error) == -1 ||
	    breaker_free(txn, frozen->provider, &error) == -1 ||
	    store_commit(txn, &error) == -1)
		tool_fail(error);
	printf("%s is free; what is held stays held\n", have.name);
	return EXIT_SUCCESS;
}

/* What a command about many did, and what it did not do. */
static void
print_result(const struct request *request, const struct operate_result *result)
{
	if (result->batch != 0)
		printf("batch %llu: ", (unsigned long long)result->batch);
	printf("%u %s\n", result->changed, request->dry_run ? "would be changed" : "changed");
	if (result->already > 0)
		printf("%u taken back already\n", result->already);
	if (result->overtaken > 0)
		printf("%u left alone: they have changed in another way since\n",
		    result->overtaken);
	if (result->unknown > 0)
		printf("%u left alone: the event that tells provider and rule was deleted after "
		    "retention\n", result->unknown);
	if (result->pruned)
		printf("batch %llu: its first events were deleted after retention; what they "
		    "changed stays\n", (unsigned long long)request->batch);
}

/* A batch. */
static void
change_many(struct store *store, const struct config *config, const struct request *request,
    struct operate_result *result_r)
{
	const struct operate_command command = {
		.action = request->what == OPT_RELEASE ? OPERATE_RELEASE :
		    request->what == OPT_DISCARD ? OPERATE_DISCARD : OPERATE_UNDO,
		.dry_run = request->dry_run, .reason = request->reason, .each = print_entry,
	};
	const char *error;
	int ret;

	if (request->batch != 0)
		ret = operate_take_back(store, request->batch, &command, result_r, &error);
	else
		ret = operate_query(store, config, &request->query, &command, result_r, &error);
	if (ret != -1)
		return;
	if (result_r->changed > 0)
		print_result(request, result_r);
	tool_fail(error);
}

/* One address. Returns how many were changed. */
static int
change_one(struct store *store, const struct config *config, const struct request *request)
{
	const struct operate_query *query = &request->query;
	const char *error;
	int count = request->what == OPT_ADD ? operate_add(store, config, query->address,
	    query->category, request->reason, &error) : operate_remove(store, query->address,
	    request->reason, &error);

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
	bool one = request->what == OPT_ADD || request->what == OPT_REMOVE;
	struct operate_result result = { 0 };
	const char *error;
	int count = 0, status;

	if (request->what == OPT_BREAKER)
		return show_breaker(store, config, request->arena);
	if (request->what == OPT_FREE)
		return free_provider(store, config, request->to_free, request->arena);
	if (config->mode == MODE_ENFORCE)
		tables = open_tables(store, config);
	if (request->what == OPT_VERIFY) {
		status = verify(store, tables);
		table_close(tables);
		return status;
	}
	if (one)
		count = change_one(store, config, request);
	else
		change_many(store, config, request, &result);
	if (tables != NULL && publish_catch_up(store, tables, &error) == -1)
		tool_fail(error);
	table_close(tables);
	if (request->what == OPT_ADD)
		printf("%s %s suppressed%s\n", request->query.address, count == 0 ? "was already" :
		    "is", config->mode == MODE_OBSERVE ? ", not published (mode = observe)" : "");
	else if (one)
		printf("%s %s\n", request->query.address, count == 0 ? "was not suppressed" :
		    "is not suppressed any more");
	else
		print_result(request, &result);
	return count > 0 || result.changed > 0 ? EXIT_SUCCESS : TOOL_NO;
}

static void
set_address(struct request *request, const char *argument)
{
	if (request->query.address[0] != '\0')
		tool_usage(PROGRAM, "only one address can be given");
	if (address_parse(str_of(argument), request->arena, &request->query.address) == 0)
		tool_usage(PROGRAM, "\"%s\" is no mail address", argument);
}

static const char *
not_empty(const char *option, const char *argument)
{
	if (argument[0] == '\0')
		tool_usage(PROGRAM, "%s needs a name", option);
	return argument;
}

static void
set_what(struct request *request, int option)
{
	if (request->what != 0)
		tool_usage(PROGRAM, "only one thing can be done at a time");
	request->what = option;
	if (option == OPT_ADD || option == OPT_REMOVE)
		set_address(request, optarg);
	if (option == OPT_FREE)
		request->to_free = not_empty("--free", optarg);
}

static void
parse_option(struct request *request, int option)
{
	switch (option) {
	case 'c':
		request->config_path = optarg;
		break;
	case OPT_ADD: case OPT_REMOVE: case OPT_RELEASE: case OPT_DISCARD: case OPT_UNDO:
	case OPT_VERIFY: case OPT_BREAKER: case OPT_FREE:
		set_what(request, option);
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
	case OPT_PROVIDER:
		request->query.provider = not_empty("--provider", optarg);
		break;
	case OPT_RULE:
		request->query.rule = not_empty("--rule", optarg);
		break;
	case OPT_BATCH:
		if (str_number(str_of(optarg), &request->batch) == -1 || request->batch == 0)
			tool_usage(PROGRAM, "\"%s\" is no number of a batch", optarg);
		break;
	case OPT_DRY_RUN:
		request->dry_run = true;
		break;
	default:
		tool_last_option(PROGRAM, usage_text, option);
	}
}

/* A command about many, and what it is about. */
static void
check_query(const struct request *request)
{
	const struct operate_query *query = &request->query;
	bool filtered = query->since != 0 || query->until != 0 || query->provider[0] != '\0' ||
	    query->rule[0] != '\0';

	if (request->what != OPT_RELEASE && request->what != OPT_DISCARD &&
	    request->what != OPT_UNDO && (request->dry_run || filtered || request->batch != 0))
		tool_usage(PROGRAM, "--dry-run, --since, --until, --provider, --rule and --batch are "
		    "for --release, --discard and --undo");
	if (request->batch != 0 && request->what != OPT_UNDO)
		tool_usage(PROGRAM, "--batch is for --undo");
	if (request->batch != 0 && (filtered || !query->any_category ||
		query->address[0] != '\0'))
		tool_usage(PROGRAM, "a --batch is undone as a whole: it has no filter");
	if (request->what == OPT_UNDO && query->since == 0 && request->batch == 0)
		tool_usage(PROGRAM, "--undo needs --since: from when on; or --batch: which one");
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
	check_query(request);
	if (request->what == OPT_ADD && !request->query.any_category &&
	    (request->query.category == CATEGORY_LOCAL ||
		request->query.category == CATEGORY_UNKNOWN))
		tool_usage(PROGRAM, "nobody is suppressed for category %s",
		    category_name(request->query.category));
	if (request->what == OPT_ADD && request->query.any_category)
		request->query.category = CATEGORY_MANUAL;
}

int
main(int argc, char **argv)
{
	struct request request = {
		.config_path = CONFIG_FILE, .reason = "",
		.query = { .any_category = true, .address = "", .provider = "", .rule = "" },
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
