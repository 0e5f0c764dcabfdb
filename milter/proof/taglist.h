/*
 * taglist: "name=value; name=value" as DKIM and DMARC write it, in signatures
 * and in records (RFC 6376 section 3.2). It is a stranger's text: whatever is
 * not of this form is passed over.
 */
#ifndef PROOF_TAGLIST_H
#define PROOF_TAGLIST_H

#include "base/str.h"

/* Take the next tag off the front of *rest, without white space around its name
   and its value. Returns false at the end. */
bool taglist_next(struct str *rest, struct str *name_r, struct str *value_r);

/* The value of a tag, the first if it stands there twice, and in *again_r
   whether it does. Names are compared without regard to case. `again_r` may be
   NULL.
   Returns 1, or 0 and an empty value if there is none. */
int taglist_find(struct str list, struct str name, struct str *value_r, bool *again_r);

#endif
