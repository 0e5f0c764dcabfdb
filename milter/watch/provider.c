#include "watch/provider.h"

#include <libpsl.h>

#include "base/net.h"
#include "parse/address.h"

const char *
provider_of(const char *host, struct arena *arena)
{
	char *lower = arena_strdup(arena, str_of(host));
	const psl_ctx_t *list = psl_builtin();
	const char *domain = NULL;
	struct net address;

	for (char *p = lower; *p != '\0'; p++)
		*p = str_lower(*p);
	if (list != NULL && net_parse(str_of(lower), &address) == -1)
		domain = psl_registrable_domain(list, lower);
	return domain == NULL ? lower : domain;
}

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
	return provider_of(provider_host(bounce), arena);
}

const char *
provider_of_sender(const char *sender, struct arena *arena)
{
	const char *domain = address_domain(sender);

	return domain[0] == '\0' ? "<>" : provider_of(domain, arena);
}
