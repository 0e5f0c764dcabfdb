/*
 * config_postfix: the settings whose default is what Postfix has.
 */
#ifndef CONFIG_POSTFIX_H
#define CONFIG_POSTFIX_H

#include "config.h"

enum { ASK_CLIENTS = 1, ASK_DOMAINS = 2, ASK_RELAYS = 4 };

/* Fill what the file does not set: own_clients with mynetworks, own_domains
   with the domains that Postfix receives mail for, relay_hosts with its next
   hops, and the log with the one that is there. Without a Postfix own_clients
   is loopback, own_domains and relay_hosts are empty.
   Returns 0, or -1 with a sentence. */
int config_ask_postfix(struct config *config, unsigned ask, const char **error_r);

#endif
