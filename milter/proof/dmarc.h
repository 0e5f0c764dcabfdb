/*
 * dmarc: the policy that a domain publishes for mail in its name, and whether a
 * message is aligned with it (RFC 7489), the record being read by libopendmarc.
 *
 * Of the library only the reader of records is used: it keeps no state of its
 * own, so nothing has to be set up, and any thread may ask. What it is lax about
 * is asked before: a p= of which it reads the first letters only, tags that
 * stand twice, a v= that is not in front. Alignment is by domain.h, as everywhere
 * here: the library of Debian 12 takes each domain below com or co.uk for
 * aligned with com or co.uk itself.
 */
#ifndef PROOF_DMARC_H
#define PROOF_DMARC_H

#include "base/words.h"
#include "proof/dns.h"

#define DMARC_RECORD_BYTES 2048

enum dmarc_state {
	DMARC_FOUND,
	DMARC_MISSING,   /* no record that begins with v=DMARC1, or no such name */
	DMARC_SEVERAL,   /* counts as none (RFC 7489 section 6.6.3) */
	DMARC_MALFORMED, /* a receiver may take it for none */
	DMARC_UNKNOWN,   /* DNS failed */
};

enum dmarc_policy { DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };

extern const struct words dmarc_policy_words;

struct dmarc_record {
	enum dmarc_state state;
	const char *name;         /* what was asked last, "_dmarc.example.com" */
	struct dns_answer answer; /* ... and answered: any bytes */
	const char *why;          /* of a malformed one, in a few words, else "" */

	/* If it was found: */
	const char *text;         /* the record; printable ASCII */
	bool inherited;           /* it is that of the organisational domain */
	enum dmarc_policy policy; /* p=, or sp= of one that is inherited */
	bool strict_spf, strict_dkim; /* alignment, else relaxed */
	unsigned percent;         /* pct= */
};

/* The record for mail From this domain: its own, or where it has none, that of
   the organisational domain (RFC 7489 section 6.6.3). A record that has more than
   DMARC_RECORD_BYTES, or is not printable ASCII, is malformed. The result is in
   the arena. */
void dmarc_find(struct dns *dns, const char *from_domain, int64_t deadline_msec,
    struct arena *arena, struct dmarc_record *record_r);

/* Read the text of a record, as dmarc_find() does with what it found; `why`,
   `policy`, alignment and `percent` are set, as well as `text`.
   Returns 1, or 0 if it is malformed. */
int dmarc_read(struct str text, bool inherited, struct arena *arena,
    struct dmarc_record *record_r);

/* Is a domain that SPF or DKIM has proven aligned with that of From: the same,
   or if not strict, of the same organisation (RFC 7489 section 3.1)? */
bool dmarc_is_aligned(const char *domain, const char *from_domain, bool strict,
    struct arena *arena);

#endif
