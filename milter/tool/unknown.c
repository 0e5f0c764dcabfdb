#include "tool/unknown.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/msg.h"
#include "judge/template.h"
#include "parse/charset.h"
#include "parse/reply.h"
#include "watch/provider.h"

#define EXAMPLE_BYTES 400 /* of the text that is kept as it was */
#define WORDS_BYTES 60    /* of the words for a rule */
#define WORDS_LEAST 4

/* One template at one provider. */
struct group {
	const char *template, *provider;
	uint64_t count, unverified;
	int64_t first, last;
	/* Of the first that was seen. */
	unsigned code;
	const char *status, *text;
};

/* All groups, in the arena; the tree finds them, the list counts them. */
struct groups {
	struct arena *arena;
	void *tree;
	void *list[UNKNOWN_KEPT]; /* of struct group */
	unsigned count;
	uint64_t forgotten; /* events of groups that were too many */
};

static int
by_name(const void *a, const void *b)
{
	const struct group *one = a, *other = b;
	int order = strcmp(one->template, other->template);

	return order != 0 ? order : strcmp(one->provider, other->provider);
}

/* The most frequent first. */
static int
by_count(const void *a, const void *b)
{
	const struct group *one = *(struct group *const *)a, *other = *(struct group *const *)b;

	if (one->count != other->count)
		return one->count < other->count ? 1 : -1;
	return by_name(one, other);
}

static void
keep(void *node)
{
	(void)node; /* it is in the arena */
}

static void
groups_free(struct groups *groups)
{
	tdestroy(groups->tree, keep);
	arena_free(groups->arena);
	free(groups);
}

static struct groups *
groups_new(void)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	if (groups == NULL)
		msg_out_of_memory();
	groups->arena = arena_new();
	return groups;
}

/* Put a copy of the group into the arena, the tree and the list. */
static struct group *
groups_add(struct groups *groups, const struct group *group)
{
	struct group *fresh = arena_alloc(groups->arena, sizeof(*fresh));

	*fresh = *group;
	fresh->template = arena_strdup(groups->arena, str_of(group->template));
	fresh->provider = arena_strdup(groups->arena, str_of(group->provider));
	fresh->status = arena_strdup(groups->arena, str_of(group->status));
	fresh->text = arena_strdup(groups->arena, str_of(group->text));
	if (tsearch(fresh, &groups->tree, by_name) == NULL)
		msg_out_of_memory();
	groups->list[groups->count++] = fresh;
	return fresh;
}

/* Forget the rarer half. */
static struct groups *
halved(struct groups *groups)
{
	struct groups *kept = groups_new();

	qsort(groups->list, groups->count, sizeof(groups->list[0]), by_count);
	kept->forgotten = groups->forgotten;
	for (unsigned i = 0; i < groups->count; i++) {
		const struct group *group = groups->list[i];

		if (i < UNKNOWN_KEPT / 2)
			groups_add(kept, group);
		else
			kept->forgotten += group->count;
	}
	groups_free(groups);
	return kept;
}

/* Is it about a text that no rule knows? What expired has it as its cause. */
static bool
is_unknown(const struct journal_event *event)
{
	const struct verdict *verdict = &event->verdict;

	if (event->bounce.outcome == OUTCOME_NONE || event->bounce.outcome == OUTCOME_DELIVERED)
		return false;
	return verdict->category == CATEGORY_UNKNOWN ||
	    (verdict->category == CATEGORY_MESSAGE_EXPIRED &&
	    strcmp(verdict->subcause, category_name(CATEGORY_UNKNOWN)) == 0);
}

static void
count_event(struct groups **groups, const struct journal_event *event, bool unverified,
    struct arena *arena)
{
	const struct bounce *bounce = &event->bounce;
	struct group group = { .code = bounce->code, .status = bounce->status,
		.first = bounce->time, .last = bounce->time };
	struct buf template = { 0 };
	struct group *found;
	struct reply reply;
	void **node;

	reply_parse(str_of(bounce->text), arena, &reply);
	template_make(str_of(reply.words), &template);
	group.template = buf_cstr(&template);
	group.provider = provider_of_bounce(bounce, arena);
	group.text = charset_clean_line(str_of(bounce->text), EXAMPLE_BYTES, arena);
	node = tfind(&group, &(*groups)->tree, by_name);
	if (node == NULL && (*groups)->count == UNKNOWN_KEPT)
		*groups = halved(*groups);
	found = node != NULL ? *node : groups_add(*groups, &group);
	found->count++;
	found->unverified += unverified;
	if (bounce->time < found->first)
		found->first = bounce->time;
	if (bounce->time > found->last)
		found->last = bounce->time;
	buf_free(&template);
}

static int
read_table(struct store *store, enum store_table table, const struct unknown *unknown,
    struct groups **groups, const char **error_r)
{
	struct pages *pages = pages_new(store, table, STR_EMPTY);
	struct arena *arena = arena_new();
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct journal_event event;

			arena_reset(arena);
			if (journal_scan(&rows[i], arena, &event) == 0 && is_unknown(&event) &&
			    unknown->wanted(unknown->context, &event))
				count_event(groups, &event, table == STORE_UNVERIFIED, arena);
		}
	}
	arena_free(arena);
	pages_free(pages);
	return ret;
}

/* --- output ----------------------------------------------------------------- */

static void
print_text(const struct group *group)
{
	char first[CLOCK_TEXT_BYTES], last[CLOCK_TEXT_BYTES], code[16] = "-";

	if (group->code != 0)
		snprintf(code, sizeof(code), "%u", group->code);
	clock_print(group->first, first);
	clock_print(group->last, last);
	printf("%7llu %-10.10s %-10.10s %-4s %-8s %s", (unsigned long long)group->count, first, last,
	    code, group->status[0] == '\0' ? "-" : group->status, group->provider);
	if (group->unverified > 0)
		printf(", %llu unverified", (unsigned long long)group->unverified);
	printf("\n    ");
	print_wrapped(group->template[0] == '\0' ? "(no words)" : group->template, 4);
}

static void
print_json(const struct group *group)
{
	char first[CLOCK_TEXT_BYTES], last[CLOCK_TEXT_BYTES];

	clock_print(group->first, first);
	clock_print(group->last, last);
	print_json_line(json_pack("{s:s,s:s,s:I,s:I,s:s,s:s,s:i,s:s,s:s}", "template",
	    group->template, "provider", group->provider, "count", (json_int_t)group->count,
	    "unverified", (json_int_t)group->unverified, "first", first, "last", last, "code",
	    (int)group->code, "status", group->status, "text", group->text));
}

static void
print_row(const struct group *group)
{
	char first[CLOCK_TEXT_BYTES], last[CLOCK_TEXT_BYTES];

	print_csv(group->template, ",");
	print_csv(group->provider, ",");
	printf("%llu,%llu,%s,%s,%u,%s,", (unsigned long long)group->count,
	    (unsigned long long)group->unverified, clock_print(group->first, first),
	    clock_print(group->last, last), group->code, group->status);
	print_csv(group->text, "\n");
}

static void
print_head(enum print_format format)
{
	if (format == PRINT_TEXT)
		printf("%7s %-10s %-10s %-4s %-8s %s\n", "COUNT", "FIRST", "LAST", "CODE", "STATUS",
		    "PROVIDER");
	if (format == PRINT_CSV)
		puts("template,provider,count,unverified,first,last,code,status,text");
}

/* "words" as the rules have them: a backslash protects a quote and itself. */
static void
print_pattern(struct str words)
{
	putchar('"');
	for (size_t i = 0; i < words.len; i++) {
		if (strchr("\"\\", words.data[i]) != NULL)
			putchar('\\');
		putchar(words.data[i]);
	}
	putchar('"');
}

/* How the rule for the most frequent text would look. */
static void
print_hint(const struct groups *groups, unsigned count, const char *rules_dir)
{
	const struct group *group = NULL;
	struct str words = STR_EMPTY;
	unsigned i = 0;

	while (i < count && words.len < WORDS_LEAST) {
		group = groups->list[i++];
		words = template_longest_words(str_of(group->template), WORDS_BYTES);
	}
	if (words.len < WORDS_LEAST)
		return;
	printf("\nA rule gives such a text its meaning; for number %u, in a file\n%s/*.rules "
	    "(with a category in place of CATEGORY):\n\n    local.1 - ", i, rules_dir);
	if (group->code != 0)
		printf("%u", group->code);
	else
		putchar('-');
	printf(" - ");
	print_pattern(words);
	puts(" CATEGORY\n\nSee bouncemilter-rules(5); bouncemilter-classify --replies tests it.");
}

static unsigned
print_groups(struct groups *groups, const struct unknown *unknown)
{
	unsigned count = groups->count;

	if (unknown->limit > 0 && unknown->limit < count)
		count = unknown->limit;
	qsort(groups->list, groups->count, sizeof(groups->list[0]), by_count);
	if (count > 0)
		print_head(unknown->format);
	for (unsigned i = 0; i < count; i++) {
		switch (unknown->format) {
		case PRINT_JSON:
			print_json(groups->list[i]);
			break;
		case PRINT_CSV:
			print_row(groups->list[i]);
			break;
		default:
			print_text(groups->list[i]);
		}
	}
	if (unknown->format != PRINT_TEXT || count == 0)
		return count;
	if (groups->count > count)
		printf("... and %u more\n", groups->count - count);
	if (groups->forgotten > 0)
		printf("... and %llu events with texts too rare to be kept\n",
		    (unsigned long long)groups->forgotten);
	print_hint(groups, count, unknown->rules_dir);
	return count;
}

int
unknown_print(struct store *store, const struct unknown *unknown, const char **error_r)
{
	struct groups *groups = groups_new();
	int ret = read_table(store, STORE_JOURNAL, unknown, &groups, error_r);

	if (ret == 0)
		ret = read_table(store, STORE_UNVERIFIED, unknown, &groups, error_r);
	if (ret == 0)
		ret = (int)print_groups(groups, unknown);
	groups_free(groups);
	return ret;
}
