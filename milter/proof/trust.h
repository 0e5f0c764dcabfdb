/*
 * trust: is a report about mail that we sent? Only then it may act.
 *
 * So far the proof is who handed us the report: our own MTA, or a client that
 * the operator named in trusted-reporters. What anybody else sends is kept and
 * shown as unverified.
 */
#ifndef PROOF_TRUST_H
#define PROOF_TRUST_H

#include "config.h"

/* The cleanup service of its own that separates sendmail(1) mail from the
   MTA's reports calls itself so (milter_macro_daemon_name). */
#define TRUST_PICKUP_NAME "PICKUP"

/* What proves a report from this lane and client. `bounce` is one of the report,
   `host_name` the name of our own MTA: only a report that the MTA signs with
   its name and a queue id is its own. Where sendmail(1) cannot be told from the
   MTA, and `log_runs`, the log has to say it instead. */
enum proof trust_proof(const struct config *config, enum source source, const char *client,
    const char *daemon_name, const char *host_name, bool log_runs,
    const struct bounce *bounce);

#endif
