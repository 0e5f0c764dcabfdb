#include "tool/ratios.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/msg.h"

#define REPLIES_SHOWN 3
#define REPLIES_KEPT 32   /* of one row; what comes later counts, but not by reply */
#define REPLIES_JSON 10
#define LEVEL_LEAST 200   /* a ratio of fewer means nothing */
#define ALL "(all)"

enum kind { ATTEMPTS, DELIVERED, DEFERRED, BOUNCED, COMPLAINTS, KINDS };

static const char *const kind_names[KINDS] = {
	[ATTEMPTS] = RATES_ATTEMPTS, [DELIVERED] = RATES_DELIVERED,
	[DEFERRED] = RATES_DEFERRED, [BOUNCED] = RATES_BOUNCED,
	[COMPLAINTS] = RATES_COMPLAINTS,
};

struct reply {
	const char *text;
	uint64_t count;
};

/* What one sending domain has at one provider, or at all of them. */
struct ratio {
	const char *domain, *provider;
	uint64_t counts[KINDS];
	struct reply replies[REPLIES_KEPT];
	unsigned reply_count;
};

struct table {
	struct arena *arena;
	void *tree; /* of struct ratio, by domain and provider */
	void **list; /* of struct ratio too */
	unsigned count, size;
};

static int
by_name(const void *a, const void *b)
{
	const struct ratio *one = a, *other = b;
	int order = strcmp(one->domain, other->domain);

	return order != 0 ? order : strcmp(one->provider, other->provider);
}

static struct ratio *
get_ratio(struct table *table, const char *domain, const char *provider)
{
	struct ratio key = { .domain = domain, .provider = provider }, *fresh;
	void **node = tfind(&key, &table->tree, by_name);

	if (node != NULL)
		return *node;
	fresh = arena_alloc(table->arena, sizeof(*fresh));
	fresh->domain = arena_strdup(table->arena, str_of(domain));
	fresh->provider = arena_strdup(table->arena, str_of(provider));
	if (table->count == table->size) {
		table->size = table->size * 2 + 64;
		table->list = realloc(table->list, table->size * sizeof(*table->list));
	}
	if (table->list == NULL || tsearch(fresh, &table->tree, by_name) == NULL)
		msg_out_of_memory();
	table->list[table->count++] = fresh;
	return fresh;
}

static void
add_reply(struct table *table, struct ratio *ratio, const char *text, uint64_t count)
{
	unsigned i = 0;

	while (i < ratio->reply_count && strcmp(ratio->replies[i].text, text) != 0)
		i++;
	if (i == REPLIES_KEPT)
		return;
	if (i == ratio->reply_count)
		ratio->replies[ratio->reply_count++].text = arena_strdup(table->arena, str_of(text));
	ratio->replies[i].count += count;
}

static void
add_row(struct table *table, const struct rates_row *row, const char *provider)
{
	struct ratio *ratio = get_ratio(table, row->domain, provider);

	for (unsigned i = 0; i < KINDS; i++) {
		if (strcmp(kind_names[i], row->kind) == 0) {
			ratio->counts[i] += row->count;
			return;
		}
	}
	add_reply(table, ratio, row->kind, row->count);
}

static int
read_rows(struct table *table, struct store *store, int64_t since, int64_t until,
    const char *domain, const char **error_r)
{
	char from[STORE_NUMBER_BYTES];
	struct pages *pages = pages_new(store, STORE_RATES, rates_key(since, from));
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct rates_row row;

			if (rates_scan(&rows[i], &row) == -1 ||
			    (until != 0 && row.hour >= until) ||
			    (domain[0] != '\0' && strcmp(domain, row.domain) != 0))
				continue;
			add_row(table, &row, row.provider);
			add_row(table, &row, ALL);
		}
	}
	pages_free(pages);
	return ret;
}

/* A domain's rows together, its sum first, then the busiest provider. */
static int
by_traffic(const void *a, const void *b)
{
	const struct ratio *one = *(struct ratio *const *)a, *other = *(struct ratio *const *)b;
	int order = strcmp(one->domain, other->domain);

	if (order != 0)
		return order;
	if (strcmp(one->provider, ALL) == 0 || strcmp(other->provider, ALL) == 0)
		return strcmp(one->provider, ALL) == 0 ? -1 : 1;
	if (one->counts[ATTEMPTS] != other->counts[ATTEMPTS])
		return one->counts[ATTEMPTS] < other->counts[ATTEMPTS] ? 1 : -1;
	return strcmp(one->provider, other->provider);
}

static int
by_count(const void *a, const void *b)
{
	const struct reply *one = a, *other = b;

	return one->count == other->count ? strcmp(one->text, other->text) :
	    one->count < other->count ? 1 : -1;
}

/* Bounces among the messages that came to an end: one that is deferred is still
   on its way. In percent; -1 if there is none. */
static double
bounce_rate(const struct ratio *ratio)
{
	uint64_t ended = ratio->counts[DELIVERED] + ratio->counts[BOUNCED];

	return ended == 0 ? -1 : 100.0 * (double)ratio->counts[BOUNCED] / (double)ended;
}

/* The highest of the levels that the rate has reached, "" for none. */
static const char *
level_of(const struct ratio *ratio)
{
	static const struct { double percent; const char *name; } levels[] = {
		{ 10, "10%" }, { 5, "5%" }, { 2, "2%" }, { 1, "1%" }, { 0.5, "0.5%" },
	};
	double rate = bounce_rate(ratio);

	if (ratio->counts[DELIVERED] + ratio->counts[BOUNCED] < LEVEL_LEAST)
		return "";
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (rate >= levels[i].percent)
			return levels[i].name;
	}
	return "";
}

static void
print_replies(const struct ratio *ratio)
{
	for (unsigned i = 0; i < ratio->reply_count && i < REPLIES_SHOWN; i++)
		printf("%s%s (%llu)", i == 0 ? "    " : ", ", ratio->replies[i].text,
		    (unsigned long long)ratio->replies[i].count);
	if (ratio->reply_count > 0)
		putchar('\n');
}

static void
print_text(const struct ratio *ratio, const char *last_domain)
{
	double rate = bounce_rate(ratio);
	char percent[16] = "-";

	if (strcmp(last_domain, ratio->domain) != 0)
		printf("%s%s\n", last_domain[0] == '\0' ? "" : "\n", ratio->domain);
	if (rate >= 0)
		snprintf(percent, sizeof(percent), "%.2f%%", rate);
	printf("  %-26s %8llu %9llu %8llu %7llu %7s %s\n", ratio->provider,
	    (unsigned long long)ratio->counts[ATTEMPTS],
	    (unsigned long long)ratio->counts[DELIVERED],
	    (unsigned long long)ratio->counts[DEFERRED],
	    (unsigned long long)ratio->counts[BOUNCED], percent, level_of(ratio));
	if (ratio->counts[COMPLAINTS] > 0)
		printf("    complaints: %llu\n", (unsigned long long)ratio->counts[COMPLAINTS]);
	if (strcmp(ratio->provider, ALL) != 0)
		print_replies(ratio);
}

static void
print_json(const struct ratio *ratio)
{
	json_t *object = json_object(), *replies = json_array();
	double rate = bounce_rate(ratio);

	json_object_set_new(object, "domain", json_string(ratio->domain));
	json_object_set_new(object, "provider", json_string(ratio->provider));
	for (unsigned i = 0; i < KINDS; i++)
		json_object_set_new(object, kind_names[i],
		    json_integer((json_int_t)ratio->counts[i]));
	json_object_set_new(object, "bounce_rate", rate < 0 ? json_null() : json_real(rate));
	json_object_set_new(object, "level", json_string(level_of(ratio)));
	for (unsigned i = 0; i < ratio->reply_count && i < REPLIES_JSON; i++)
		json_array_append_new(replies, json_pack("{s:s, s:I}", "reply",
		    ratio->replies[i].text, "count", (json_int_t)ratio->replies[i].count));
	json_object_set_new(object, "replies", replies);
	print_json_line(object);
}

static void
print_rows(struct table *table, enum print_format format)
{
	const char *domain = "";

	if (table->count > 0)
		qsort(table->list, table->count, sizeof(*table->list), by_traffic);
	if (format == PRINT_TEXT && table->count > 0)
		printf("%-28s %8s %9s %8s %7s %7s %s\n", "DOMAIN, PROVIDER", "ATTEMPTS",
		    "DELIVERED", "DEFERRED", "BOUNCED", "RATE", "LEVEL");
	for (unsigned i = 0; i < table->count; i++) {
		struct ratio *ratio = table->list[i];

		qsort(ratio->replies, ratio->reply_count, sizeof(ratio->replies[0]), by_count);
		if (format == PRINT_JSON)
			print_json(ratio);
		else
			print_text(ratio, domain);
		domain = ratio->domain;
	}
}

static void
keep(void *node)
{
	(void)node; /* it is in the arena */
}

int
ratios_print(struct store *store, enum print_format format, int64_t since, int64_t until,
    const char *domain, const char **error_r)
{
	struct table table = { .arena = arena_new() };
	int ret = read_rows(&table, store, since, until, domain, error_r);

	if (ret == 0) {
		print_rows(&table, format);
		ret = (int)table.count;
	}
	tdestroy(table.tree, keep);
	free(table.list);
	arena_free(table.arena);
	return ret;
}
