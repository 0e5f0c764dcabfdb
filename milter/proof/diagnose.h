/*
 * diagnose: what is wrong with our own authentication, as far as DNS and a
 * returned message tell: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and
 * the name of the sending address (PTR, and back). Each finding says what was
 * asked and what DNS answered, so that a person sees the broken record.
 *
 * Runs outside the mail path: everything is asked before the deadline, or is
 * said to be unknown. No check takes more than half of the time that those
 * before it have left, so that one silent server does not hide the rest.
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
#define DIAGNOSE_TEXT_BYTES 600   /* of the text of a finding */
#define DIAGNOSE_ANSWER_BYTES 400 /* of its answer */
#define DIAGNOSE_COLUMNS 72       /* of a printed line: room to indent it again */

/* All text is printable ASCII; what a stranger has put there besides is '?'. */
struct diagnose_finding {
	enum diagnose_check check;
	enum diagnose_state state;
	const char *text;   /* "the key s1._domainkey.example.com does not exist in DNS" */
	const char *query;  /* "s1._domainkey.example.com TXT", "" if nothing was asked */
	const char *answer; /* what DNS has there: records in quotes, or "NXDOMAIN", "no
	                       TXT record", "no answer"; cut; "" if nothing was asked */
};

/*
 * There is one finding about SPF, one at least about DKIM (one for each signature
 * of our own domains), one or two about DMARC (the record, and then whether what
 * passes is aligned), and one about PTR, in this order.
 */
struct diagnosis {
	unsigned count;
	struct diagnose_finding findings[DIAGNOSE_FINDINGS];
	const char *cause; /* the one sentence that most likely explains the failure: the
	                      text of the worst of what is bad; "" if nothing is */
};

/* What is looked at; "" and empty for what is not known. */
struct diagnose_subject {
	const char *domain;      /* of MAIL FROM; domains are in normal form (address.h) */
	const char *from_domain; /* of From; if not known, that of the headers, else `domain` */
	const char *address;     /* our IP address */
	const char *selector;    /* to be looked up where no signature of ours is known */
	int64_t time;            /* when the message was refused; 0: now */
	struct str headers;      /* of a returned message: they may have been changed on
	                            their way, so what does not verify is unknown */
	struct str message;      /* or a whole message, body and all, as it left: what
	                            does not verify is bad */
};

/* Look at it; the result is in the arena. Domains of the organisation of `domain`
   or of `from_domain` are our own: only their signatures are looked at. Any thread
   may ask. */
void diagnose(struct dns *dns, struct spf *spf, struct dkim_verifier *dkim,
    const struct diagnose_subject *subject, int64_t deadline_msec, struct arena *arena,
    struct diagnosis *diagnosis_r);

/* Append it for people: "DKIM bad: ...", and below it, indented, what DNS said; in
   lines of at most DIAGNOSE_COLUMNS. Of a key that is good only the beginning is
   shown. The cause is not in it. */
void diagnose_print(const struct diagnosis *diagnosis, struct buf *out);

extern const struct words diagnose_check_words, diagnose_state_words;

#endif
