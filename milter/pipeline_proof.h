/*
 * pipeline_proof: what proves a report from the network, found where it is: in
 * the returned headers, the ledger, and DNS. The rules are in proof/proof.h.
 *
 * States of one recipient: what costs nothing is looked at first (tag, ENVID,
 * ledger); only if that does not do, and may help, are keys and policies
 * fetched from DNS: of the returned headers' signature (dkim), then of the
 * report itself (aligned).
 *
 * Guarantees: it waits for DNS no longer than PROOF_MSEC, and in a callback no
 * longer than patience allows, for the ledger too; what is known already, answers in
 * the cache of DNS among it, is used in any case.
 * Nothing here fails: what cannot be found out is not held.
 */
#ifndef PIPELINE_PROOF_H
#define PIPELINE_PROOF_H

#include "parse/report.h"
#include "pipeline_event.h"

#define PROOF_MSEC 4000

/* Whose time it takes. */
enum proving_time {
	PROVING_CALLBACK, /* of a callback, which shares its patience with others */
	PROVING_OWN,      /* of a thread that nobody waits for; the ledger has had its time */
	PROVING_NONE,     /* nobody's */
};

/* Prove each recipient of a report from the network: sets proof and evidence of
   the verdicts, one each, and in the bounces which of their addresses we had
   sent to ("" if that is in doubt), and our own token. *cut_short_r becomes true if
   more may be proven with more time.
   Returns how many recipients the report names to whom its message, though it is
   ours, had not been sent. */
unsigned pipeline_prove(struct pipeline *pipeline, const struct config *config,
    const struct pipeline_origin *origin, struct str message, struct report *report,
    enum proving_time time, struct arena *arena, struct verdict *verdicts, bool *cut_short_r);

#endif
