/*
 * proofs: what is needed to prove reports from strangers, opened and closed
 * together: DNS, SPF and DKIM above it, and the ledger with its writer.
 */
#ifndef PROOFS_H
#define PROOFS_H

#include "pipeline.h"

struct proofs {
	struct dns *dns;
	struct spf *spf;
	struct dkim_verifier *dkim;
	struct sent sent;
	struct writer *sent_writer; /* NULL without a ledger */
};

/* Open what the configuration asks for, and put it into the parts of a pipeline.
   Returns 0, or -1 with a sentence, and in *kind_r the exit status of it. */
int proofs_open(const struct config *config, struct proofs *proofs_r,
    struct pipeline_parts *parts, enum store_error *kind_r, const char **error_r);

/* Commit what is left for the ledger, and close all. Nobody may use it any more. */
void proofs_close(struct proofs *proofs);

/* "local, relay, ledger (fed by the log) ...": what may act now, in the arena. */
const char *proofs_print(const struct config *config, struct arena *arena);

#endif
