/*
 * net: IP addresses and networks of addresses, in text and compared.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* An IPv4 address is kept as IPv4-mapped IPv6, so that all compare alike. */
struct net {
	uint8_t bytes[16];
	unsigned bits; /* of the prefix, 0 to 128 */
};

/* Read "192.0.2.0/24", "192.0.2.1", "2001:db8::/32" or "[2001:db8::]/32".
   Returns 0, or -1 if it is none of them or has bits behind its prefix. */
int net_parse(struct str text, struct net *net_r);

#define NET_TEXT_BYTES 64

/* The network as net_parse() reads it. Returns text. */
const char *net_print(const struct net *net, char text[NET_TEXT_BYTES]);

/* Is the address (text, no prefix) in one of the networks? */
bool net_contains(const struct net *nets, unsigned count, const char *address);

#endif
