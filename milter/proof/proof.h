/*
 * proof: may a report from a stranger act? Here is no I/O: what was found is in
 * struct evidence, and the rules are these.
 *
 *   1. The reporter is ourselves (local) or was named in trusted-reporters
 *      (relay), or a complaint comes from one of feedback-loops by its own DKIM
 *      signature: it acts.
 *   2. tag, envid, dkim and ledger prove that the message is ours, not who
 *      tells: each of its recipients, and everybody who reads an archive, has
 *      them. They act alone only for a message that, by ledger or tag, went to
 *      exactly one recipient, who is the one that failed, and that is no mail
 *      of a list (List-Id, Precedence: list or bulk).
 *   3. Else they need one of: `aligned`, the reporter is of the recipient's own
 *      organisation or mail server, by SPF or DKIM; `path`, the return path
 *      that the report came to is what the ledger has for this recipient, and
 *      could not be guessed by one of the others.
 *   4. `aligned` alone acts only where `accept` names it.
 *
 * Whatever is not named in `accept` counts for nothing; but `aligned` and `path`
 * always count for rule 3.
 */
#ifndef PROOF_PROOF_H
#define PROOF_PROOF_H

#include "bounce.h"

/* What holds, as bits. Those up to PROOF_ALIGNED have the number of the proof. */
#define EVIDENCE(proof) (1u << (proof))
#define EVIDENCE_PATH (1u << 31)

/* What proves the message, not who tells of it. */
#define EVIDENCE_OF_MESSAGE (EVIDENCE(PROOF_LEDGER) | EVIDENCE(PROOF_TAG) | \
	EVIDENCE(PROOF_ENVID) | EVIDENCE(PROOF_DKIM))

/* What was found for one recipient of a report. */
struct evidence {
	unsigned held;       /* EVIDENCE bits */
	unsigned recipients; /* of the message by ledger or tag, 0 if not known */
	bool recipient;      /* the one that failed is one of them */
	bool list;
};

/* The proof by which it acts, PROOF_NONE if it does not; why not is in
   *why_r, a constant, else "". `accept` has EVIDENCE bits. */
enum proof proof_decide(unsigned accept, const struct evidence *evidence, const char **why_r);

/* "ledger, dkim; 1 recipient": what was found, for people, in the arena. */
const char *proof_print(const struct evidence *evidence, struct arena *arena);

#endif
