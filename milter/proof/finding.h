/*
 * finding: what the checks of a diagnosis (diagnose.h) work with, and how they
 * say what they found.
 */
#ifndef PROOF_FINDING_H
#define PROOF_FINDING_H

#include "proof/diagnose.h"

/* How well something bad explains that mail was refused: the heaviest is the
   cause. What is broken for all mail goes before what one message lacks. */
enum finding_weight {
	WEIGHT_NONE,
	WEIGHT_NOT_PASSED,    /* what should have passed says why */
	WEIGHT_DMARC_MISSING, /* asked for, by few, and of few */
	WEIGHT_DMARC_BROKEN,
	WEIGHT_PTR,
	WEIGHT_ALIGNMENT,
	WEIGHT_EXPIRED,
	WEIGHT_SIGNATURE,     /* missing, or broken in itself */
	WEIGHT_SPF_RESULT,    /* the record is good, and says no */
	WEIGHT_SPF_RECORD,
	WEIGHT_KEY,
};

/* One diagnosis under way. */
struct examination {
	struct dns *dns;
	struct spf *spf;
	struct dkim_verifier *dkim;
	const struct diagnose_subject *subject;
	const char *from_domain; /* that of the subject, or found */
	const char *address;     /* the same, in normal form; "" if it is of no use */
	int64_t deadline_msec;   /* of this check */
	struct arena *arena;
	struct diagnosis *diagnosis;
	enum finding_weight weight; /* of the cause so far */

	/* For alignment: what passed, and whether that is certain. */
	enum diagnose_state spf_state;
	struct dkim_result signatures;
	enum diagnose_state signature_states[DKIM_SIGNATURES_MOST];
	bool has_signatures;     /* there were headers to look at */
	const char *others;      /* d= of signatures that are not ours, "" if none */
};

/* A question, and what came back. */
struct finding_source {
	enum dns_type type;
	const char *name; /* NULL: nothing was asked */
	struct dns_answer answer;
};

/* Ask before the deadline of this check. */
struct finding_source finding_ask(struct examination *exam, enum dns_type type,
    const char *name);

/* Add what was found. `source` may be NULL. If it is bad and weighs more than what
   was bad before, it is the cause. */
void finding_add(struct examination *exam, enum diagnose_check check,
    enum diagnose_state state, enum finding_weight weight, const struct finding_source *source,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
