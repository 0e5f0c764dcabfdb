/*
 * telling_text: what is told of an incident in lines for a person, and how words
 * of others are made fit for them.
 */
#ifndef WATCH_TELLING_TEXT_H
#define WATCH_TELLING_TEXT_H

#include "watch/incident.h"

#define TELLING_NAME_BYTES 128
#define TELLING_TEXT_BYTES 1000

/* One line of valid UTF-8 without control characters, in the arena. */
const char *telling_clean(const char *text, size_t limit, struct arena *arena);

/* The same text as valid UTF-8, in the arena if it was not. */
const char *telling_utf8(const char *text, struct arena *arena);

/* "Google:200,Yahoo:112", in the arena. */
const char *telling_counts(const struct incident_count *counts, unsigned most,
    struct arena *arena);

/* "bouncemilter-alerts(7), section auth", in the arena. */
const char *telling_manual(enum watch_rule_id rule, struct arena *arena);

/* Append the words of a text in lines of so many columns at most, the first line
   behind `first`, all others behind `next`, which are ASCII and shorter than half a
   line. A word that is too long is cut; a text without words
   is an empty line. */
void telling_wrap(const char *first, const char *next, const char *text, size_t columns,
    struct buf *out);

/* The same for each line of a text; it keeps its indentation. */
void telling_lines(const char *prefix, const char *text, size_t columns, struct buf *out);

/* All that is known of an incident but its sentence. */
void telling_facts(const struct incident *incident, size_t columns, struct buf *out);

#endif
