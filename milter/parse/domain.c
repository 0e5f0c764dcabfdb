#include "parse/domain.h"

#include <libpsl.h>
#include <string.h>

#include "base/net.h"

const char *
domain_organisational(const char *name, struct arena *arena)
{
	char *lower = arena_strdup(arena, str_of(name));
	const psl_ctx_t *list = psl_builtin();
	const char *domain = NULL;
	struct net address;

	for (char *p = lower; *p != '\0'; p++)
		*p = str_lower(*p);
	if (list != NULL && net_parse(str_of(lower), &address) == -1)
		domain = psl_registrable_domain(list, lower);
	return domain == NULL ? lower : domain;
}

bool
domain_is_same_organisation(const char *a, const char *b, struct arena *arena)
{
	return a[0] != '\0' && b[0] != '\0' &&
	    strcmp(domain_organisational(a, arena), domain_organisational(b, arena)) == 0;
}
