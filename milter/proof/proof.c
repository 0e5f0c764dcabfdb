#include "proof/proof.h"

#define BY_REPORTER (EVIDENCE(PROOF_LOCAL) | EVIDENCE(PROOF_RELAY) | EVIDENCE(PROOF_FEEDBACK))

/* The first of them that holds, in the order of the enum. */
static enum proof
first_of(unsigned held)
{
	enum proof proof = PROOF_NONE;

	for (unsigned i = PROOF_COUNT; i-- > 1;) {
		if (held & EVIDENCE(i))
			proof = i;
	}
	return proof;
}

/* Why the proofs of the message do not act alone; NULL if they do. */
static const char *
not_alone(const struct evidence *evidence)
{
	if (evidence->list)
		return "mail of a list, and others have got it";
	if (evidence->recipients == 0)
		return "nobody knows how many recipients it had";
	if (evidence->recipients > 1)
		return "it had other recipients, who know it too";
	if (!evidence->recipient)
		return "it was not sent to this recipient";
	return NULL;
}

enum proof
proof_decide(unsigned accept, const struct evidence *evidence, const char **why_r)
{
	const unsigned aligned = EVIDENCE(PROOF_ALIGNED);
	unsigned held = evidence->held & accept;

	*why_r = "";
	if (held & BY_REPORTER)
		return first_of(held & BY_REPORTER);
	if (held & EVIDENCE_OF_MESSAGE) {
		*why_r = not_alone(evidence);
		if (*why_r == NULL ||
		    (evidence->recipient && (evidence->held & (aligned | EVIDENCE_PATH)))) {
			*why_r = "";
			return first_of(held & EVIDENCE_OF_MESSAGE);
		}
	}
	if (held & aligned) {
		*why_r = "";
		return PROOF_ALIGNED;
	}
	if ((*why_r)[0] == '\0')
		*why_r = evidence->held & EVIDENCE_OF_MESSAGE ? "accept does not name what proves it" :
		    "nothing shows that the message is ours";
	return PROOF_NONE;
}

const char *
proof_print(const struct evidence *evidence, struct arena *arena)
{
	const char *text = "";

	for (unsigned i = 1; i < PROOF_COUNT; i++) {
		if (evidence->held & EVIDENCE(i))
			text = arena_printf(arena, "%s%s%s", text, *text == '\0' ? "" : ", ",
			    words_name(&proof_words, i));
	}
	if (evidence->held & EVIDENCE_PATH)
		text = arena_printf(arena, "%s%spath", text, *text == '\0' ? "" : ", ");
	if (evidence->recipients > 0)
		text = arena_printf(arena, "%s%s%u recipient%s", text, *text == '\0' ? "" : "; ",
		    evidence->recipients, evidence->recipients == 1 ? "" : "s");
	if (evidence->list)
		text = arena_printf(arena, "%s%slist", text, *text == '\0' ? "" : "; ");
	return text;
}
