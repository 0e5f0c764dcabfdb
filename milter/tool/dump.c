/*
 * bouncemilter-dump: shows what the store holds. It never changes anything,
 * and reads page by page, so that a slow terminal holds up nobody. The rules it
 * shows as a table that Postfix can ask.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/address.h"
#include "tool/incident_list.h"
#include "tool/print.h"
#include "tool/ratios.h"
#include "tool/statusfilter.h"
#include "tool/tool.h"
#include "tool/unknown.h"

#define PROGRAM "bouncemilter-dump"

static const char usage_text[] =
    "usage: bouncemilter-dump [-c FILE] [WHAT] [FILTER...] [FORMAT]\n"
    "\n"
    "What is shown; the suppressions, if nothing is said:\n"
    "      --events            every event, in order\n"
    "      --unverified        reports without proof that we sent the mail\n"
    "      --held              suppressions that are held back for a person\n"
    "      --explain ADDRESS   the whole story of one address\n"
    "      --counters          all counters\n"
    "      --rates             attempts, deliveries and bounces by sending domain\n"
    "                          and provider, of the last 24 hours\n"
    "      --unknown           texts that no rule knows, the most frequent first\n"
    "      --incidents         what goes wrong now, the newest first\n"
    "      --incident NUMBER   one of them, also if it is over\n"
    "      --delivery-status-filter\n"
    "                          no store: a table for Postfix that corrects codes\n"
    "\n"
    "Filters:\n"
    "      --address ADDRESS   --domain DOMAIN     --category CATEGORY\n"
    "      --status PREFIX     enhanced status, such as 5.1.1 or 5.7 (events)\n"
    "      --since TIME        --until TIME        2026-11-20, or 2h for 2 h ago\n"
    "      --limit N           at most so many of --unknown or --incidents; 0: all\n"
    "      --all               those that are over, too (--incidents)\n"
    "\n"
    "Formats, if not aligned text:\n"
    "      --json   --csv   --postmap (suppressions only)\n"
    "\n"
    "  -c, --config FILE       default " CONFIG_FILE "\n"
    "  -h, --help              print this, and exit\n"
    "  -V, --version           print the version, and exit\n";

enum { OPT_EVENTS = 256, OPT_UNVERIFIED, OPT_HELD, OPT_EXPLAIN, OPT_COUNTERS, OPT_RATES,
	OPT_UNKNOWN, OPT_INCIDENTS, OPT_INCIDENT, OPT_STATUS_FILTER, OPT_ADDRESS, OPT_DOMAIN,
	OPT_CATEGORY, OPT_STATUS, OPT_SINCE, OPT_UNTIL, OPT_LIMIT, OPT_ALL, OPT_JSON, OPT_CSV,
	OPT_POSTMAP };

static const struct option long_options[] = {
	{ "events", no_argument, NULL, OPT_EVENTS },
	{ "unverified", no_argument, NULL, OPT_UNVERIFIED },
	{ "held", no_argument, NULL, OPT_HELD },
	{ "explain", required_argument, NULL, OPT_EXPLAIN },
	{ "counters", no_argument, NULL, OPT_COUNTERS },
	{ "rates", no_argument, NULL, OPT_RATES },
	{ "unknown", no_argument, NULL, OPT_UNKNOWN },
	{ "incidents", no_argument, NULL, OPT_INCIDENTS },
	{ "incident", required_argument, NULL, OPT_INCIDENT },
	{ "delivery-status-filter", no_argument, NULL, OPT_STATUS_FILTER },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "domain", required_argument, NULL, OPT_DOMAIN },
	{ "category", required_argument, NULL, OPT_CATEGORY },
	{ "status", required_argument, NULL, OPT_STATUS },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "postmap", no_argument, NULL, OPT_POSTMAP },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* What is asked for. */
struct request {
	const char *config_path;
	int what; /* 0 for suppressions */
	enum print_format format;
	struct arena *arena;
	const char *address; /* normal form, NULL for all */
	const char *domain;
	const char *status;
	bool any_category;
	enum category category;
	int64_t since, until;
	int64_t limit; /* -1 if it is not given */
	bool all;
	uint64_t incident; /* 0 for all */
	unsigned shown;
};

static bool
matches(const struct request *request, const char *address, enum category category,
    int64_t time)
{
	return (request->address == NULL || strcmp(request->address, address) == 0) &&
	    (request->domain == NULL || strcmp(request->domain, address_domain(address)) == 0) &&
	    (request->any_category || request->category == category) &&
	    (request->since == 0 || time >= request->since) &&
	    (request->until == 0 || time < request->until);
}

/* "5.7" is the beginning of 5.7.1 and 5.7, not of 5.71. */
static bool
status_matches(const struct request *request, const char *status)
{
	size_t len;

	if (request->status == NULL)
		return true;
	len = strlen(request->status);
	return strncmp(status, request->status, len) == 0 &&
	    (status[len] == '\0' || status[len] == '.' || request->status[len - 1] == '.');
}

/* Walk through a table of the store, calling `show` for each row. */
static void
walk(struct store *store, enum store_table table, struct request *request,
    void (*show)(struct request *request, const struct pages_row *row, struct arena *arena))
{
	struct pages *pages = pages_new(store, table, STR_EMPTY);
	const struct pages_row *rows;
	const char *error;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, &error)) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct arena *arena = arena_new();

			show(request, &rows[i], arena);
			arena_free(arena);
		}
		if (ferror(stdout))
			break; /* nobody reads any more */
	}
	pages_free(pages);
	if (ret == -1)
		tool_fail(error);
}

static void
show_entry(struct request *request, const char *address, const char *state,
    enum table_set table, const struct standing_entry *entry)
{
	if (entry->event == 0 || !matches(request, address, entry->category, entry->since))
		return;
	if (request->shown++ == 0)
		print_suppression_head(request->format);
	print_suppression(request->format, address, state, table, entry);
}

static void
show_standing(struct request *request, const struct pages_row *row, struct arena *arena)
{
	struct standing standing;
	const char *address;

	(void)arena;
	if (standing_scan(row, &standing, &address) == -1)
		return;
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		if (request->what == OPT_HELD)
			show_entry(request, address, "held", i, &standing.held[i]);
		else
			show_entry(request, address, "suppressed", i, &standing.suppressed[i]);
	}
}

static void
show_event(struct request *request, const struct pages_row *row, struct arena *arena)
{
	struct journal_event event;

	if (journal_scan(row, arena, &event) == -1 ||
	    /* A delivery has no category. */
	    (event.bounce.outcome == OUTCOME_DELIVERED && !request->any_category) ||
	    !matches(request, event.bounce.recipient, event.verdict.category, event.bounce.time) ||
	    !status_matches(request, event.bounce.status))
		return;
	if (request->shown++ == 0)
		print_event_head(request->format);
	print_event(request->format, &event);
}

static void
show_story(struct request *request, const struct pages_row *row, struct arena *arena)
{
	struct journal_event event;
	size_t at;

	/* Most events are about others: do not even read them. */
	if (str_find(row->value, str_of(address_domain(request->address)), 0, &at) == 0 ||
	    journal_scan(row, arena, &event) == -1 ||
	    strcmp(event.bounce.recipient, request->address) != 0)
		return;
	request->shown++;
	if (request->format == PRINT_TEXT)
		print_event_story(&event);
	else
		print_event(request->format, &event);
}

static void
show_counter(struct request *request, const struct pages_row *row, struct arena *arena)
{
	request->shown++;
	printf("%-56s %12llu\n", arena_strdup(arena, row->key),
	    (unsigned long long)store_scan_number(row->value));
}

static void
explain_entry(const struct request *request, enum table_set table, const char *how,
    const struct standing_entry *entry)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], event[32];

	if (entry->event == 0)
		return;
	printf("%s is %s\n", request->address, how);
	snprintf(event, sizeof(event), "event %llu", (unsigned long long)entry->event);
	print_line("table", words_name(&table_set_words, table));
	print_line("category", category_name(entry->category));
	print_line("since", clock_print(entry->since, since));
	print_line("until", entry->until == 0 ? "no end" : clock_print(entry->until, until));
	print_line("by", event);
}

/* How the address stands now, before its story. */
static void
explain_standing(struct store *store, const struct request *request)
{
	struct standing standing;
	struct store_txn *txn;
	const char *error;
	bool any = false;

	if (store_begin_read(store, &txn, &error) == -1 ||
	    standing_get(txn, request->address, &standing, &error) == -1)
		tool_fail(error);
	store_abort(txn);
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		explain_entry(request, i, "suppressed", &standing.suppressed[i]);
		explain_entry(request, i, "held back", &standing.held[i]);
		any |= standing.suppressed[i].event != 0 || standing.held[i].event != 0;
	}
	if (!any)
		printf("%s is not suppressed\n", request->address);
	for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
		if (standing.counts[i] > 0)
			printf("    %llu failure%s: %s\n", (unsigned long long)standing.counts[i],
			    standing.counts[i] == 1 ? "" : "s", category_name(i));
	}
	putchar('\n');
}

static const char *
parse_address(struct request *request, const char *argument)
{
	const char *address;

	if (address_parse(str_of(argument), request->arena, &address) == 0)
		tool_usage(PROGRAM, "\"%s\" is no mail address", argument);
	return address;
}

static unsigned
parse_number(const char *argument)
{
	uint64_t number;

	if (str_number(str_of(argument), &number) == -1 || number > INT32_MAX)
		tool_usage(PROGRAM, "\"%s\" is no number", argument);
	return (unsigned)number;
}

static void
parse_option(struct request *request, int option)
{
	switch (option) {
	case 'c':
		request->config_path = optarg;
		break;
	case OPT_EXPLAIN: case OPT_EVENTS: case OPT_UNVERIFIED: case OPT_HELD: case OPT_COUNTERS:
	case OPT_RATES: case OPT_UNKNOWN: case OPT_STATUS_FILTER: case OPT_INCIDENTS:
	case OPT_INCIDENT:
		if (request->what != 0)
			tool_usage(PROGRAM, "only one thing can be shown at a time");
		request->what = option;
		if (option == OPT_EXPLAIN)
			request->address = parse_address(request, optarg);
		if (option == OPT_INCIDENT && (request->incident = parse_number(optarg)) == 0)
			tool_usage(PROGRAM, "there is no incident 0");
		break;
	case OPT_ADDRESS:
		request->address = parse_address(request, optarg);
		break;
	case OPT_DOMAIN:
		if (address_parse_domain(str_of(optarg), request->arena, &request->domain) == 0)
			tool_usage(PROGRAM, "\"%s\" is no domain", optarg);
		break;
	case OPT_CATEGORY:
		request->any_category = false;
		request->category = tool_category(PROGRAM, optarg);
		break;
	case OPT_STATUS:
		if (optarg[0] == '\0')
			tool_usage(PROGRAM, "an empty status");
		request->status = optarg;
		break;
	case OPT_SINCE:
		request->since = tool_time(PROGRAM, optarg);
		break;
	case OPT_UNTIL:
		request->until = tool_time(PROGRAM, optarg);
		break;
	case OPT_LIMIT:
		request->limit = parse_number(optarg);
		break;
	case OPT_ALL:
		request->all = true;
		break;
	case OPT_JSON: case OPT_CSV: case OPT_POSTMAP:
		request->format = option == OPT_JSON ? PRINT_JSON :
		    option == OPT_CSV ? PRINT_CSV : PRINT_POSTMAP;
		break;
	default:
		tool_last_option(PROGRAM, usage_text, option);
	}
}

/* What does not go together is said, not passed over. */
static void
check_request(const struct request *request)
{
	bool filtered = request->domain != NULL || !request->any_category ||
	    request->status != NULL || request->since != 0 || request->until != 0;
	bool narrowed = filtered || request->address != NULL;

	if (request->format == PRINT_POSTMAP && request->what != 0)
		tool_usage(PROGRAM, "--postmap is for suppressions only");
	if (request->what == OPT_COUNTERS && (request->format != PRINT_TEXT || narrowed))
		tool_usage(PROGRAM, "--counters has no filter and no other format");
	if (request->what == OPT_STATUS_FILTER && (request->format != PRINT_TEXT || narrowed))
		tool_usage(PROGRAM, "--delivery-status-filter has no filter and no other format");
	if (request->what == OPT_RATES && (request->address != NULL || !request->any_category ||
	    request->status != NULL || request->format == PRINT_CSV))
		tool_usage(PROGRAM, "--rates has the filters --domain (of the sender), --since and "
		    "--until, and the format --json");
	if (request->what == OPT_EXPLAIN && filtered)
		tool_usage(PROGRAM, "--explain has no filter: it is the whole story");
	if (request->what == OPT_UNKNOWN && !request->any_category)
		tool_usage(PROGRAM, "--unknown has no --category: it is that of all its texts");
	if (request->status != NULL && request->what != OPT_EVENTS &&
	    request->what != OPT_UNVERIFIED && request->what != OPT_UNKNOWN)
		tool_usage(PROGRAM, "--status is for --events, --unverified and --unknown");
	if (request->limit != -1 && request->what != OPT_UNKNOWN && request->what != OPT_INCIDENTS)
		tool_usage(PROGRAM, "--limit is for --unknown and --incidents");
	if (request->all && request->what != OPT_INCIDENTS)
		tool_usage(PROGRAM, "--all is for --incidents");
	if (request->what == OPT_INCIDENTS && (request->address != NULL || !request->any_category ||
	    request->format == PRINT_CSV))
		tool_usage(PROGRAM, "--incidents has the filters --domain (of the sender), --since, "
		    "--until, --limit and --all, and the format --json");
	if (request->what == OPT_INCIDENT && (narrowed || request->format == PRINT_CSV))
		tool_usage(PROGRAM, "--incident has no filter, and the format --json");
}

/* Whole hours: the one that is not over counts as far as it is. */
static int
show_rates(struct store *store, const struct request *request, const char **error_r)
{
	return ratios_print(store, request->format,
	    request->since != 0 ? request->since : clock_now() - CLOCK_DAY_SEC, request->until,
	    request->domain == NULL ? "" : request->domain, error_r);
}

static int
show_incidents(struct store *store, const struct request *request, const char **error_r)
{
	const struct incidents_wanted wanted = { .id = request->incident, .closed = request->all,
		.domain = request->domain, .since = request->since, .until = request->until,
		.limit = request->limit == -1 ? 0 : (unsigned)request->limit };

	return incidents_print(store, request->format, &wanted, error_r);
}

static bool
is_wanted(const void *context, const struct journal_event *event)
{
	const struct request *request = context;

	return matches(request, event->bounce.recipient, event->verdict.category,
	    event->bounce.time) && status_matches(request, event->bounce.status);
}

static int
show_unknown(struct store *store, const struct request *request, const char *rules_dir,
    const char **error_r)
{
	const struct unknown unknown = { .format = request->format, .rules_dir = rules_dir,
		.limit = request->limit == -1 ? UNKNOWN_LIMIT : (unsigned)request->limit,
		.wanted = is_wanted, .context = request };

	return unknown_print(store, &unknown, error_r);
}

/* Rules become a table for Postfix; there may be no store yet. */
static void
show_status_filter(struct request *request)
{
	struct config *config = tool_config(request->config_path);
	struct buf table = { 0 };

	request->shown = statusfilter_print(config->rules, &table);
	fputs(buf_cstr(&table), stdout);
	buf_free(&table);
	config_put(config);
}

static void
show_store(struct request *request)
{
	struct config *config;
	struct store *store;
	const char *error;
	int rows = 0;

	tool_open(request->config_path, true, &config, &store);
	switch (request->what) {
	case OPT_EVENTS:
		walk(store, STORE_JOURNAL, request, show_event);
		break;
	case OPT_UNVERIFIED:
		walk(store, STORE_UNVERIFIED, request, show_event);
		break;
	case OPT_COUNTERS:
		walk(store, STORE_COUNTERS, request, show_counter);
		break;
	case OPT_EXPLAIN:
		if (request->format == PRINT_TEXT)
			explain_standing(store, request);
		walk(store, STORE_JOURNAL, request, show_story);
		break;
	case OPT_RATES:
		rows = show_rates(store, request, &error);
		break;
	case OPT_UNKNOWN:
		rows = show_unknown(store, request, config->local_rules_dir, &error);
		break;
	case OPT_INCIDENTS: case OPT_INCIDENT:
		rows = show_incidents(store, request, &error);
		break;
	default:
		walk(store, STORE_STANDING, request, show_standing);
	}
	if (rows == -1)
		tool_fail(error);
	request->shown += (unsigned)rows;
	store_close(store);
	config_put(config);
}

int
main(int argc, char **argv)
{
	struct request request = { .config_path = CONFIG_FILE, .any_category = true, .limit = -1 };
	int option;

	msg_open(PROGRAM, false);
	request.arena = arena_new();
	while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1)
		parse_option(&request, option);
	if (optind < argc)
		tool_usage(PROGRAM, "unexpected \"%s\"", argv[optind]);
	check_request(&request);
	if (request.what == OPT_STATUS_FILTER)
		show_status_filter(&request);
	else
		show_store(&request);
	arena_free(request.arena);
	if (fflush(stdout) == EOF)
		return EXIT_FAILURE;
	/* "Is it suppressed?" can be asked by the exit status. */
	return request.shown > 0 ? EXIT_SUCCESS : TOOL_NO;
}
