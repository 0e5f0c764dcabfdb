/*
 * campaign: which of a sender's mailings a message belongs to, by what its
 * headers say: X-Campaign-ID, Feedback-ID, List-Id, else a digest of the
 * Subject. A name is clean, short, and says which of them it is.
 */
#ifndef PARSE_CAMPAIGN_H
#define PARSE_CAMPAIGN_H

#include "base/arena.h"

#define CAMPAIGN_BYTES 64

/* All zero before the first field. */
struct campaign {
	const char *name; /* NULL: no field tells yet */
	unsigned rank;
};

/* Look at a field; the name is in the arena. */
void campaign_field(struct campaign *campaign, struct str name, struct str value,
    struct arena *arena);

/* Of a header block: "" if no field tells. In the arena. */
const char *campaign_of(struct str headers, struct arena *arena);

#endif
