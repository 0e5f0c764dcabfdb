#include "proof/dns_system.h"

#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "base/net.h"
#include "proof/dns_answer.h"

#define PORT 53
#define PACKET_BYTES 65536
/* The second try is for a resolver that has to ask around for an answer, and
   has found it by then. */
#define TRY_SEC 1
#define TRIES 2

static int
read_port(struct str text, in_port_t *port_r)
{
	uint64_t number;

	if (str_number(text, &number) == -1 || number == 0 || number > UINT16_MAX)
		return -1;
	*port_r = htons((uint16_t)number);
	return 0;
}

/* Where the address ends and ":port" may follow. Without brackets one colon
   belongs to a port, and several to an address. */
static size_t
end_of_address(struct str word)
{
	size_t at, second;

	if (word.data[0] == '[')
		return str_find_byte(word, ']', 0, &at) ? at + 1 : word.len;
	if (str_find_byte(word, ':', 0, &at) && !str_find_byte(word, ':', at + 1, &second))
		return at;
	return word.len;
}

static int
read_server(struct str word, struct sockaddr_in6 *server_r)
{
	size_t end = end_of_address(word), slash;
	struct str address = str_sub(word, 0, end), port = str_sub(word, end, word.len);
	struct net net;

	server_r->sin6_family = AF_INET6;
	server_r->sin6_port = htons(PORT);
	if (port.len > 0 && (port.data[0] != ':' ||
	    read_port(str_sub(port, 1, port.len), &server_r->sin6_port) == -1))
		return -1;
	if (str_find_byte(address, '/', 0, &slash) || net_parse(address, &net) == -1)
		return -1;
	memcpy(&server_r->sin6_addr, net.bytes, sizeof(server_r->sin6_addr));
	return 0;
}

int
dns_system_servers(const char *text, struct dns_servers *servers_r, const char **error_r)
{
	struct str rest = str_of(text), word;

	*servers_r = (struct dns_servers){ 0 };
	while (str_next_word(&rest, &word)) {
		if (servers_r->count == DNS_SERVERS_MOST)
			return msg_failure(error_r, "more than %d DNS servers: name those that "
			    "are nearest", DNS_SERVERS_MOST);
		if (read_server(word, &servers_r->addresses[servers_r->count++]) == -1)
			return msg_failure(error_r, "\"%.*s\" is no address of a DNS server: write "
			    "192.0.2.1 or [2001:db8::1]:5353", STR_ARGS(word));
	}
	return 0;
}

/* Put our servers in the place of those of resolv.conf(5), and none of its
   options. IPv6 lies beside the list, in memory that res_nclose() frees. */
static void
set_servers(struct __res_state *state, const struct dns_servers *servers)
{
	memset(state->nsaddr_list, 0, sizeof(state->nsaddr_list));
	for (unsigned i = 0; i < MAXNS; i++) {
		free(state->_u._ext.nsaddrs[i]);
		state->_u._ext.nsaddrs[i] = NULL;
	}
	for (unsigned i = 0; i < servers->count; i++) {
		const struct sockaddr_in6 *from = &servers->addresses[i];
		struct sockaddr_in *to = &state->nsaddr_list[i];

		if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
			to->sin_family = AF_INET;
			to->sin_port = from->sin6_port;
			memcpy(&to->sin_addr, from->sin6_addr.s6_addr + 12,
			    sizeof(to->sin_addr));
			continue;
		}
		/* The checker follows one pointer of a union only.
		   NOLINTBEGIN(clang-analyzer-unix.Malloc) */
		if ((state->_u._ext.nsaddrs[i] = malloc(sizeof(*from))) == NULL)
			msg_out_of_memory();
		*state->_u._ext.nsaddrs[i] = *from;
		/* NOLINTEND(clang-analyzer-unix.Malloc) */
	}
	state->nscount = (int)servers->count;
	/* 0: glibc makes its own copy of the list when it is used. */
	state->_u._ext.nscount = 0;
	state->options = RES_INIT | RES_RECURSE;
}

/* Ask with a state of its own, which is cheap: glibc keeps resolv.conf(5) in
   memory, and looks for a newer one. Returns the length of the packet, or -1
   and the reason as in h_errno. */
static int
ask(const struct dns_servers *servers, enum dns_transport transport, int type,
    const char *name, unsigned char *packet, int *reason_r)
{
	struct __res_state state = { 0 };
	int len;

	*reason_r = NETDB_INTERNAL;
	if (res_ninit(&state) == -1)
		return -1;
	if (servers->count > 0)
		set_servers(&state, servers);
	state.retrans = TRY_SEC;
	state.retry = TRIES;
	state.options |= RES_USE_EDNS0 | (transport == DNS_TCP ? RES_USEVC : RES_IGNTC);
	len = res_nquery(&state, name, ns_c_in, type, packet, PACKET_BYTES);
	if (len == -1)
		*reason_r = state.res_h_errno;
	res_nclose(&state);
	return len > PACKET_BYTES ? PACKET_BYTES : len;
}

/* Is the TC bit of the header set? (RFC 1035 section 4.1.1) */
static bool
is_truncated(const unsigned char *packet)
{
	return (packet[2] & 0x02) != 0;
}

int
dns_system_ask(const struct dns_servers *servers, enum dns_transport transport,
    enum dns_type type, const char *name, struct arena *arena, struct dns_answer *answer_r,
    uint32_t *ttl_sec_r)
{
	unsigned char *packet = calloc(1, PACKET_BYTES);
	int len, reason, ret = 1;

	if (packet == NULL)
		msg_out_of_memory();
	*answer_r = (struct dns_answer){ .status = DNS_FAILED };
	*ttl_sec_r = 0;
	len = ask(servers, transport, dns_answer_type_number(type), name, packet, &reason);
	if (len == -1 && reason == HOST_NOT_FOUND)
		answer_r->status = DNS_NO_NAME;
	else if ((len >= 0 || reason == NO_DATA) && is_truncated(packet))
		ret = transport == DNS_TCP;
	else if (len == -1 && reason == NO_DATA)
		answer_r->status = DNS_NO_DATA;
	else if (len >= 0)
		dns_answer_parse((struct str){ (const char *)packet, (size_t)len }, type, name,
		    arena, answer_r, ttl_sec_r);
	free(packet);
	return ret;
}
