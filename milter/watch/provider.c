#include "watch/provider.h"

#include <libpsl.h>

#include "base/net.h"

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
