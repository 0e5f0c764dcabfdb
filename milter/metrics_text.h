/*
 * metrics_text: metrics are gathered in any order, and become the text format of
 * Prometheus (version 0.0.4), which wants the lines of one name together.
 */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

struct metrics_sample {
	const char *name;   /* without the prefix */
	const char *labels; /* "", or in braces; NULL: only the head of its family */
	uint64_t value;
};

/* All names and labels are in the arena, or constants. */
struct metrics_text {
	struct arena *arena;
	struct metrics_sample *samples;
	size_t count, size;
};

/* Begin with the heads of all families of metrics_names.h, and with 0 for the
   counters that may not have been counted yet. */
void metrics_text_begin(struct metrics_text *text);
void metrics_text_end(struct metrics_text *text);

/* Add a metric without, with one, and with two labels. Labels and their values are
   words of ours, which need no quoting. */
void metrics_text_add(struct metrics_text *text, const char *name, uint64_t value);
void metrics_text_add_of(struct metrics_text *text, const char *name, const char *label,
    const char *word, uint64_t value);
void metrics_text_add_of_two(struct metrics_text *text, const char *name, const char *label,
    const char *word, const char *label2, const char *word2, uint64_t value);

/* Add a counter by its key in the store (store/counters.h), whatever is in it. */
void metrics_text_add_counter(struct metrics_text *text, struct str key, uint64_t value);

/* Append all of them; what was added twice is one line with the sum. */
void metrics_text_print(struct metrics_text *text, struct buf *out);

#endif
