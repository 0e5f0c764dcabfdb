#include "config_postfix.h"

#include <string.h>

#include "config_settings.h"
#include "postfix.h"

/* In the order of asking; the first one holds clients, the rest domains. */
static const char *const parameters[] = {
	"mynetworks", "mydestination", "relay_domains", "virtual_alias_domains",
	"virtual_mailbox_domains",
};

enum { MYNETWORKS, MYDESTINATION, RELAY_DOMAINS, PARAMETER_COUNT = 5 };

#define LIST_MOST 10000

static void
note_table(struct str item, const char *parameter, struct config *config)
{
	config->unread_lists = arena_printf(config->arena, "%s%s%s in %s",
	    config->unread_lists, config->unread_lists[0] == '\0' ? "" : ", ",
	    arena_strdup(config->arena, item), parameter);
}

static void
take_clients(const char *value, struct config *config)
{
	struct str rest = str_of(value), item;
	struct net_list *clients = &config->own_clients;
	struct net net;

	clients->nets = arena_alloc(config->arena, (strlen(value) / 2 + 2) * sizeof(net));
	while (postfix_next_item(&rest, &item)) {
		if (postfix_is_table(item))
			note_table(item, parameters[MYNETWORKS], config);
		else if (net_parse(item, &net) == 0)
			clients->nets[clients->count++] = net;
	}
}

/* relay_domains holds for subdomains too (parent_domain_matches_subdomains);
   taking more domains for ours than Postfix does only suppresses less. */
static unsigned
take_domains(unsigned parameter, const char *value, struct config *config, const char **list,
    unsigned count)
{
	struct str rest = str_of(value), item;

	while (count < LIST_MOST && postfix_next_item(&rest, &item)) {
		const char *name;

		if (postfix_is_table(item))
			note_table(item, parameters[parameter], config);
		else if (setting_name(item, config->arena, &name) == 1)
			list[count++] = parameter == RELAY_DOMAINS && name[0] != '.' ?
			    arena_printf(config->arena, ".%s", name) : name;
	}
	return count;
}

int
config_ask_postfix(struct config *config, bool ask_clients, bool ask_domains,
    const char **error_r)
{
	const char *values[PARAMETER_COUNT] = { "127.0.0.0/8 [::1]/128", "", "", "", "" };
	const char **domains;
	unsigned count = 0;

	config->unread_lists = "";
	if (!ask_clients && !ask_domains)
		return 0;
	if (postfix_parameters(config->postfix_config, true, parameters, PARAMETER_COUNT, config->arena,
		values, error_r) == -1)
		return -1;
	if (ask_clients)
		take_clients(values[MYNETWORKS], config);
	if (!ask_domains)
		return 0;
	domains = arena_alloc(config->arena, (LIST_MOST + 1) * sizeof(*domains));
	for (unsigned i = MYDESTINATION; i < PARAMETER_COUNT; i++)
		count = take_domains(i, values[i], config, domains, count);
	config->own_domains = domains;
	return 0;
}
