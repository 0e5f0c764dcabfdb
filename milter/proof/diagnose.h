/*
 * diagnose: what is wrong with our own authentication, as far as DNS and a
 * returned message tell: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and
 * the name of the sending address (PTR, and back). Each finding says what was
 * asked and what DNS answered, so that a person sees the broken record.
 *
 * Runs outside the mail path: everything is asked before the deadline, or is
 * said to be unknown.
 */
#ifndef PROOF_DIAGNOSE_H
#define PROOF_DIAGNOSE_H

#include "base/buf.h"
#include "base/words.h"
#include "proof/dkim.h"
#include "proof/spf.h"

enum diagnose_check { DIAGNOSE_SPF, DIAGNOSE_DKIM, DIAGNOSE_DMARC, DIAGNOSE_PTR };

enum diagnose_state {
	DIAGNOSE_GOOD,
	DIAGNOSE_BAD,
	DIAGNOSE_UNKNOWN, /* DNS failed, or something to look at is missing */
};

#define DIAGNOSE_FINDINGS 16

struct diagnose_finding {
	enum diagnose_check check;
	enum diagnose_state state;
	const char *text;   /* "the key s1._domainkey.example.com does not exist" */
	const char *query;  /* "s1._domainkey.example.com TXT", "" if nothing was asked */
	const char *answer; /* what DNS has there, "NXDOMAIN" ...; printable, cut */
};

struct diagnosis {
	unsigned count;
	struct diagnose_finding findings[DIAGNOSE_FINDINGS];
	const char *cause; /* the one sentence that most likely explains the failure,
	                      "" if nothing is bad */
};

/* What is looked at; "" and empty for what is not known. */
struct diagnose_subject {
	const char *domain;      /* of MAIL FROM */
	const char *from_domain; /* of From; if not known, that of the headers, else `domain` */
	const char *address;     /* our IP address */
	const char *selector;    /* to be looked up where there are no headers */
	struct str headers;      /* of a returned message */
	struct str message;      /* or a whole message, body and all */
};

/* Look at it; the result is in the arena. */
void diagnose(struct dns *dns, struct spf *spf, struct dkim_verifier *dkim,
    const struct diagnose_subject *subject, int64_t deadline_msec, struct arena *arena,
    struct diagnosis *diagnosis_r);

/* Append it for people: one line a finding, "DKIM bad: ...", and below it,
   indented, what DNS said; all printable. */
void diagnose_print(const struct diagnosis *diagnosis, struct buf *out);

extern const struct words diagnose_check_words, diagnose_state_words;

#endif
