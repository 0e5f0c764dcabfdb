#include "config_postfix.h"

#include <string.h>
#include <sys/stat.h>

#include "config_settings.h"
#include "postfix.h"

/* In the order of asking: clients, domains, next hops, the log. */
static const char *const parameters[] = {
	"mynetworks", "mydestination", "relay_domains", "virtual_alias_domains",
	"virtual_mailbox_domains", "relayhost", "content_filter", "maillog_file",
};

enum { MYNETWORKS, MYDESTINATION, RELAY_DOMAINS, VIRTUAL_MAILBOX_DOMAINS = 4, RELAYHOST,
	CONTENT_FILTER, MAILLOG_FILE, PARAMETER_COUNT };

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

/* "[mx.example.net]:587", "example.net" or "smtp:[127.0.0.1]:10025": a server
   behind its domain's MX may have any name below the domain. */
static void
take_relay(struct str next_hop, bool has_transport, struct config *config)
{
	struct policy_relay *relay = &config->relay_hosts[config->relay_host_count];
	struct str rest = next_hop, host;
	bool bracket;
	uint64_t port;

	if (has_transport)
		str_next_piece(&rest, ':', &host);
	bracket = rest.len > 0 && rest.data[0] == '[';
	if (bracket)
		rest = str_sub(rest, 1, rest.len);
	str_next_piece(&rest, bracket ? ']' : ':', &host);
	if (bracket && rest.len > 0 && rest.data[0] == ':')
		rest = str_sub(rest, 1, rest.len);
	if (host.len == 0)
		return;
	relay->host = arena_printf(config->arena, "%s%.*s", bracket ? "" : ".", STR_ARGS(host));
	if (str_number(rest, &port) == 0 && port < 65536)
		relay->port = (unsigned)port;
	config->relay_host_count++;
}

static void
take_relays(const char *relayhost, const char *content_filter, struct config *config)
{
	struct str rest = str_of(relayhost), item;

	config->relay_hosts = arena_alloc(config->arena, (strlen(relayhost) + 2) *
	    sizeof(config->relay_hosts[0]));
	while (postfix_next_item(&rest, &item))
		take_relay(item, false, config);
	if (content_filter[0] != '\0')
		take_relay(str_of(content_filter), true, config);
}

static bool
exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void
choose_log(struct config *config, enum log_from from, const char *file, const char *why)
{
	config->log_from = from;
	config->log_file = file;
	config->log_why = why;
}

/* The log that is set, else the one that this machine has. */
static void
find_log(const char *maillog_file, struct config *config)
{
	static const char *const files[] = { "/var/log/mail.log", "/var/log/maillog" };

	if (config->log_none)
		return choose_log(config, LOG_FROM_NOWHERE, "", "log { none = yes }");
	if (config->log_journal)
		return choose_log(config, LOG_FROM_JOURNAL, "", "log { journal = yes }");
	if (config->log_file[0] != '\0')
		return choose_log(config, LOG_FROM_FILE, config->log_file, "log { file }");
	if (maillog_file[0] == '/' && strncmp(maillog_file, "/dev/", 5) != 0)
		return choose_log(config, LOG_FROM_FILE, maillog_file, "maillog_file of Postfix");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (exists(files[i]))
			return choose_log(config, LOG_FROM_FILE, files[i], "found");
	}
	if (exists("/var/log/journal") || exists("/run/log/journal"))
		return choose_log(config, LOG_FROM_JOURNAL, "", "found");
	choose_log(config, LOG_FROM_NOWHERE, "", "nothing found");
}

/* Can sendmail(1) mail be told from Postfix's reports? Without a Postfix there
   is none. */
static int
ask_pickup(struct config *config, const char **error_r)
{
	struct str services;
	int ret = postfix_services(config->postfix_config, config->arena, &services, error_r);

	config->separate_pickup = ret != 1 || postfix_has_separate_pickup(services);
	return ret == -1 ? -1 : 0;
}

int
config_ask_postfix(struct config *config, unsigned ask, const char **error_r)
{
	const char *values[PARAMETER_COUNT] = { "127.0.0.0/8 [::1]/128", "", "", "", "", "", "", "" };
	const char **domains;
	unsigned count = 0;

	config->unread_lists = "";
	if (postfix_parameters(config->postfix_config, true, parameters, PARAMETER_COUNT, config->arena,
		values, error_r) == -1 || ask_pickup(config, error_r) == -1)
		return -1;
	find_log(values[MAILLOG_FILE], config);
	if (ask & ASK_CLIENTS)
		take_clients(values[MYNETWORKS], config);
	if (ask & ASK_RELAYS)
		take_relays(values[RELAYHOST], values[CONTENT_FILTER], config);
	if (!(ask & ASK_DOMAINS))
		return 0;
	domains = arena_alloc(config->arena, (LIST_MOST + 1) * sizeof(*domains));
	for (unsigned i = MYDESTINATION; i <= VIRTUAL_MAILBOX_DOMAINS; i++)
		count = take_domains(i, values[i], config, domains, count);
	config->own_domains = domains;
	return 0;
}
