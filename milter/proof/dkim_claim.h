/*
 * dkim_claim: what a DKIM-Signature field says of itself, and which fields it
 * covers: read before libopendkim sees it, so that it sees no more than is
 * needed to verify this one signature.
 */
#ifndef PROOF_DKIM_CLAIM_H
#define PROOF_DKIM_CLAIM_H

#include "parse/header.h"

struct dkim_claim {
	const struct header *field;
	const char *domain;   /* d=, lower case */
	const char *selector; /* s= */
	const char *digest;   /* b=, without white space */
	struct str *names;    /* of h= */
	unsigned count;
	bool has_length;      /* l= */
	uint64_t length;
	const char *flaw;     /* why it cannot count, "" if nothing is known */
};

/* Read it; the result is in the arena and points to the field.
   Returns 1, or 0 if there is no d= that is a domain name. */
int dkim_claim_read(const struct header *field, struct arena *arena,
    struct dkim_claim *claim_r);

/* Mark what h= covers, the last field of a name first (RFC 6376 section 5.4.2):
   covered_r has room for each of the fields. */
void dkim_claim_cover(const struct dkim_claim *claim, const struct header_list *fields,
    bool *covered_r);

/* A field as it is sent: each fold has CRLF, the end has none. In the arena. */
struct str dkim_claim_field(const struct header *field, struct arena *arena);

/* How many bytes of a body are digested (RFC 6376 section 3.4), whatever its
   line endings. */
uint64_t dkim_claim_body_bytes(struct str body, bool relaxed);

#endif
