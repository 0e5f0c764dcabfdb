#include "proof/trust.h"

#include <string.h>

enum proof
trust_proof(const struct config *config, enum source source, const char *client,
    const char *daemon_name)
{
	if (source == SOURCE_LOCAL) {
		/* Anybody with a shell can imitate a report by sendmail(1). */
		if (config->trust_local == TRUST_SEPARATE_PICKUP &&
		    strcmp(daemon_name, TRUST_PICKUP_NAME) == 0)
			return PROOF_NONE;
		return PROOF_LOCAL;
	}
	if (source == SOURCE_NET && net_contains(config->trusted_reporters.nets,
		config->trusted_reporters.count, client))
		return PROOF_RELAY;
	return PROOF_NONE;
}
