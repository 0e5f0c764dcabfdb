/*
 * pipeline_proof: what proves a report from the network, found where it is: in
 * the returned headers, the ledger, and DNS. The rules are in proof/proof.h.
 *
 * States of one recipient: what costs nothing is looked at first (tag, ENVID,
 * ledger); only if that does not do, and may help, are keys and policies
 * fetched from DNS: of the returned headers' signature (dkim), then of the
 * report itself (aligned).
 *
 * Guarantees: it ends within PROOF_MSEC, whatever DNS does. At most
 * PROOF_ASKING_MOST reports ask DNS at a time; others wait for their turn, and
 * whose time is over by then does without it.
 * Nothing here fails: what cannot be found out is not held.
 */
#ifndef PIPELINE_PROOF_H
#define PIPELINE_PROOF_H

#include "parse/report.h"
#include "pipeline_event.h"

#define PROOF_MSEC 4000
#define PROOF_ASKING_MOST 32

/* Prove each recipient of a report from the network: sets proof and evidence of
   the verdicts, one each, and in the bounces which of their addresses we had
   sent to ("" if that is in doubt), and our own token.
   Returns how many recipients the report names to whom its message, though it is
   ours, had not been sent. */
unsigned pipeline_prove(struct pipeline *pipeline, const struct config *config,
    const struct pipeline_origin *origin, struct str message, struct report *report,
    struct arena *arena, struct verdict *verdicts);

#endif
