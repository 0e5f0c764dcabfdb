/*
 * incident_list: what bouncemilter-dump --incidents shows: what goes wrong now, and
 * what went wrong (watch/incident.h), the newest first.
 *
 * The store is read page by page, and then one by one while it is printed: a slow
 * terminal holds up nobody.
 */
#ifndef TOOL_INCIDENT_LIST_H
#define TOOL_INCIDENT_LIST_H

#include "store/incidents.h"
#include "tool/print.h"

/* What is asked for. */
struct incidents_wanted {
	uint64_t id;           /* this one alone, whatever else is said; 0 for all */
	bool closed;           /* those that are over, too */
	const char *domain;    /* sending domain, NULL for all */
	int64_t since, until;  /* when it was opened; 0 for any time */
	unsigned limit;        /* show so many at most, 0 for all */
};

/* Print them as text or JSON. Returns how many, or -1 with a sentence. */
int incidents_print(struct store *store, enum print_format format,
    const struct incidents_wanted *wanted, const char **error_r);

#endif
