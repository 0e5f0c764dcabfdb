/*
 * unknown: the texts that no rule knows, the most frequent ones first, so that
 * a postmaster can write the rules that are missing.
 *
 * Events of journal and ring are read page by page and brought to templates
 * (judge/template.h), which are counted by provider. At most UNKNOWN_KEPT of
 * them are kept: when there are more, the rarer half is forgotten, and starts
 * from nothing when it comes again.
 */
#ifndef TOOL_UNKNOWN_H
#define TOOL_UNKNOWN_H

#include "tool/print.h"

#define UNKNOWN_KEPT 10000
#define UNKNOWN_LIMIT 50 /* how many are shown if nothing is said */

/* What is asked for. */
struct unknown {
	enum print_format format;
	unsigned limit;        /* show so many at most, 0 for all */
	const char *rules_dir; /* where a rule of the site would go */
	bool (*wanted)(const void *context, const struct journal_event *event);
	const void *context;   /* of wanted() */
};

/* Read the events that are wanted and print their texts.
   Returns how many were printed, or -1 with a sentence. */
int unknown_print(struct store *store, const struct unknown *unknown, const char **error_r);

#endif
