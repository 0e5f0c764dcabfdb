/*
 * metrics_names: every metric by name, with what is said of it. A counter of the
 * store that is not here is shown all the same.
 */
#ifndef METRICS_NAMES_H
#define METRICS_NAMES_H

#include "base/words.h"

#define METRICS_PREFIX "bouncemilter_"

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE };

/* All metrics that have one name. */
struct metrics_family {
	const char *name;          /* without the prefix */
	enum metrics_kind kind;
	const char *label;         /* of a counter, "" for none */
	const struct words *words; /* its values, if they are known: those are shown from
	                              the beginning, so that the first event is an increase */
	const char *help;
};

/* The family at that place, or NULL behind the last one. */
const struct metrics_family *metrics_family_at(unsigned i);

/* The family of that name; one for all unknown names if there is none. */
const struct metrics_family *metrics_family_find(const char *name);

#endif
