#include "watch/provider.h"

#include "parse/address.h"
#include "parse/domain.h"
#include "parse/returnpath.h"

const char *
provider_host(const struct bounce *bounce)
{
	if (bounce->server[0] != '\0')
		return bounce->server;
	return bounce->remote_mta[0] != '\0' ? bounce->remote_mta :
	    address_domain(bounce->recipient);
}

const char *
provider_of_bounce(const struct bounce *bounce, struct arena *arena)
{
	return domain_organisational(provider_host(bounce), arena);
}

const char *
provider_of_sender(const char *sender, struct arena *arena)
{
	const char *domain = address_domain(returnpath_sender(sender, arena));

	return domain[0] == '\0' ? "<>" : domain_organisational(domain, arena);
}
