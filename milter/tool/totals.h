/*
 * totals: how much was read, and what it meant.
 */
#ifndef TOOL_TOTALS_H
#define TOOL_TOTALS_H

#include "parse/report.h"

struct totals {
	uint64_t messages;                 /* or lines that were judged */
	uint64_t kinds[REPORT_KIND_COUNT]; /* of messages */
	uint64_t recipients;               /* with a failure, delay or complaint */
	uint64_t delivered;                /* recipients with none */
	uint64_t classes[CLASS_NONE + 1];
	uint64_t categories[CATEGORY_COUNT];
	uint64_t unreadable;
	uint64_t cut;                      /* read, but not whole */
	uint64_t changed, begins, ceases;  /* of --diff */
};

/* Count one recipient of this outcome; what was delivered has no verdict. */
void totals_recipient(struct totals *totals, const struct bounce *bounce,
    const struct verdict *verdict);

void totals_add(struct totals *sum, const struct totals *more);

/* Append them as lines for people. `noun` is what was judged, "replies", or ""
   for the recipients of messages; `msec` how long it took, 0 to leave it out. */
void totals_print(const struct totals *totals, const char *noun, int64_t msec, struct buf *out);

/* Append them as a JSON object on one line. */
void totals_print_json(const struct totals *totals, bool messages, struct buf *out);

#endif
