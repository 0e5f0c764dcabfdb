/*
 * dns_system: one question, put by the resolver of glibc, which waits for the
 * answer; the only user of <resolv.h>.
 *
 * Over UDP a question takes a few seconds at most. Over TCP glibc waits without
 * any end, if a server or a firewall lets it. That is why the two are apart,
 * and why the caller must be a thread that may be lost.
 */
#ifndef PROOF_DNS_SYSTEM_H
#define PROOF_DNS_SYSTEM_H

#include <netinet/in.h>

#include "proof/dns.h"

#define DNS_SERVERS_MOST 3 /* glibc has room for no more */

struct dns_servers {
	unsigned count; /* 0: those of resolv.conf(5), read again when it changes */
	struct sockaddr_in6 addresses[DNS_SERVERS_MOST]; /* IPv4 is mapped */
};

/* Read a list of servers as dns_new() gets it. Returns 0, or -1 with a sentence. */
int dns_system_servers(const char *text, struct dns_servers *servers_r, const char **error_r);

enum dns_transport { DNS_UDP, DNS_TCP };

/* Ask. The answer is in the arena, as is *ttl_sec_r of dns_answer_parse().
   Returns 1; or 0 if it has to be asked over TCP, because the answer is too
   large. */
int dns_system_ask(const struct dns_servers *servers, enum dns_transport transport,
    enum dns_type type, const char *name, struct arena *arena, struct dns_answer *answer_r,
    uint32_t *ttl_sec_r);

#endif
