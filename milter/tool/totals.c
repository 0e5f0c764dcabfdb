#include "tool/totals.h"

#include <inttypes.h>

#include "base/jsonline.h"

static void
count_verdict(struct totals *totals, const struct verdict *verdict)
{
	totals->recipients++;
	totals->classes[category_class(verdict->category)]++;
	totals->categories[verdict->category]++;
}

void
totals_recipient(struct totals *totals, const struct bounce *bounce,
    const struct verdict *verdict)
{
	if (bounce->outcome == OUTCOME_DELIVERED)
		totals->delivered++;
	else
		count_verdict(totals, verdict);
}

static void
add_each(uint64_t *sum, const uint64_t *more, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += more[i];
}

void
totals_add(struct totals *sum, const struct totals *more)
{
	sum->messages += more->messages;
	add_each(sum->kinds, more->kinds, REPORT_KIND_COUNT);
	sum->recipients += more->recipients;
	sum->delivered += more->delivered;
	add_each(sum->classes, more->classes, CLASS_NONE + 1);
	add_each(sum->categories, more->categories, CATEGORY_COUNT);
	sum->unreadable += more->unreadable;
	sum->cut += more->cut;
	sum->changed += more->changed;
	sum->begins += more->begins;
	sum->ceases += more->ceases;
}

/* " 3 hard, 1 soft" behind what stands there. */
static void
print_counts(struct buf *out, const struct words *words, const uint64_t *counts)
{
	const char *before = ": ";

	for (unsigned i = 0; i < words->count; i++) {
		if (counts[i] == 0)
			continue;
		buf_printf(out, "%s%" PRIu64 " %s", before, counts[i], words_name(words, i));
		before = ", ";
	}
	buf_add_byte(out, '\n');
}

/* The most frequent categories come first. */
static void
print_categories(const struct totals *totals, struct buf *out)
{
	bool told[CATEGORY_COUNT] = { false };

	for (;;) {
		unsigned most = CATEGORY_COUNT;

		for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
			if (!told[i] && totals->categories[i] > 0 && (most == CATEGORY_COUNT ||
			    totals->categories[i] > totals->categories[most]))
				most = i;
		}
		if (most == CATEGORY_COUNT)
			return;
		told[most] = true;
		buf_printf(out, "%10" PRIu64 " %s\n", totals->categories[most],
		    category_name(most));
	}
}

static void
print_count(struct buf *out, uint64_t count, const char *what)
{
	if (count > 0)
		buf_printf(out, "%" PRIu64 " %s\n", count, what);
}

void
totals_print(const struct totals *totals, const char *noun, int64_t msec, struct buf *out)
{
	if (*noun == '\0') {
		buf_printf(out, "%" PRIu64 " messages", totals->messages);
		print_counts(out, &report_kind_words, totals->kinds);
		noun = "recipients";
	}
	buf_printf(out, "%" PRIu64 " %s", totals->recipients, noun);
	print_counts(out, &class_words, totals->classes);
	print_categories(totals, out);
	print_count(out, totals->delivered, "delivered");
	print_count(out, totals->categories[CATEGORY_UNKNOWN], "texts that no rule knows");
	print_count(out, totals->unreadable, "could not be read");
	print_count(out, totals->cut, "cut off");
	if (msec > 0)
		buf_printf(out, "%.1f s, %.0f a second\n", (double)msec / 1000,
		    (double)totals->messages * 1000 / (double)msec);
}

static void
json_counts(struct jsonline *json, const char *name, const struct words *words,
    const uint64_t *counts)
{
	jsonline_open(json, name, '{');
	for (unsigned i = 0; i < words->count; i++) {
		if (counts[i] > 0)
			jsonline_number(json, words_name(words, i), counts[i]);
	}
	jsonline_close(json, '}');
}

void
totals_print_json(const struct totals *totals, bool messages, struct buf *out)
{
	struct jsonline json;

	jsonline_begin(&json, out);
	if (messages) {
		jsonline_number(&json, "messages", totals->messages);
		json_counts(&json, "kinds", &report_kind_words, totals->kinds);
	}
	jsonline_number(&json, "judged", totals->recipients);
	json_counts(&json, "classes", &class_words, totals->classes);
	json_counts(&json, "categories", &category_words, totals->categories);
	jsonline_number(&json, "delivered", totals->delivered);
	jsonline_number(&json, "unknown_texts", totals->categories[CATEGORY_UNKNOWN]);
	jsonline_number(&json, "unreadable", totals->unreadable);
	jsonline_number(&json, "cut", totals->cut);
	jsonline_end(&json);
}
