/*
 * config_postfix: the settings whose default is what Postfix has.
 */
#ifndef CONFIG_POSTFIX_H
#define CONFIG_POSTFIX_H

#include "config.h"

/* Fill own_clients with mynetworks and own_domains with the domains that
   Postfix receives mail for, where the file does not set them. Without a
   Postfix own_clients is loopback and own_domains is empty.
   Returns 0, or -1 with a sentence. */
int config_ask_postfix(struct config *config, bool ask_clients, bool ask_domains,
    const char **error_r);

#endif
