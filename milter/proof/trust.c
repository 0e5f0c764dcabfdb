#include "proof/trust.h"

#include <string.h>
#include <strings.h>

enum proof
trust_proof(const struct config *config, enum source source, const char *client,
    const char *daemon_name, const char *host_name, bool log_runs,
    const struct bounce *bounce)
{
	if (source == SOURCE_LOCAL) {
		if (config->trust_local == TRUST_ALL)
			return PROOF_LOCAL;
		/* Anybody with a shell can imitate a report by sendmail(1). */
		if (strcmp(daemon_name, TRUST_PICKUP_NAME) == 0)
			return PROOF_NONE;
		if (log_runs && !config->separate_pickup)
			return PROOF_NONE;
		/* A stranger's report comes this way too, when an operator puts
		   the queue through cleanup again (postsuper -r). */
		if (bounce->queue_id[0] == '\0' || strcasecmp(bounce->reporting_mta, host_name) != 0)
			return PROOF_NONE;
		return PROOF_LOCAL;
	}
	if (source == SOURCE_NET && net_contains(config->trusted_reporters.nets,
		config->trusted_reporters.count, client))
		return PROOF_RELAY;
	return PROOF_NONE;
}
