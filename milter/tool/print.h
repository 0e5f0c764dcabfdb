/*
 * print: events and suppressions for people and programs.
 */
#ifndef TOOL_PRINT_H
#define TOOL_PRINT_H

#include "store/journal.h"
#include "store/standing.h"

enum print_format { PRINT_TEXT, PRINT_JSON, PRINT_CSV, PRINT_POSTMAP };

/* One object as one line, and give it up; jansson's type, for who uses it. */
struct json_t;
void print_json_line(struct json_t *object);

/* A field of RFC 4180, and what ends it. */
void print_csv(const char *value, const char *end);

/* Text broken between words, the further lines indented as the first one is;
   a word that is longer than a line stays whole, so that it can be copied. */
void print_wrapped(const char *text, size_t indent);

/* What precedes the first row of that format. */
void print_suppression_head(enum print_format format);
void print_event_head(enum print_format format);

/* One suppression of an address; `state` is "suppressed" or "held". */
void print_suppression(enum print_format format, const char *address, const char *state,
    enum table_set table, const struct standing_entry *entry);

/* One event. */
void print_event(enum print_format format, const struct journal_event *event);

/* "    name  value" of a story, wrapped; nothing if there is no value. */
void print_line(const char *name, const char *value);

/* One event of a story, with all that is known, for people. */
void print_event_story(const struct journal_event *event);

#endif
