#include "base/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int
parse_address(struct str text, uint8_t bytes[16], unsigned *bits_r)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char copy[INET6_ADDRSTRLEN + 1];

	if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
		text = str_sub(text, 1, text.len - 1);
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) != NULL)
		return -1;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, bytes + 12) == 1) {
		memcpy(bytes, mapped, sizeof(mapped));
		*bits_r = 32;
		return 0;
	}
	*bits_r = 128;
	return inet_pton(AF_INET6, copy, bytes) == 1 ? 0 : -1;
}

static bool
bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* Does the address have no bit set behind its prefix? */
static bool
is_network(const struct net *net)
{
	for (unsigned bit = net->bits; bit < 128; bit++) {
		if (net->bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

int
net_parse(struct str text, struct net *net_r)
{
	struct str address = text;
	unsigned most;
	uint64_t bits;
	size_t slash;

	if (str_find_byte(text, '/', 0, &slash))
		address = str_sub(text, 0, slash);
	if (parse_address(address, net_r->bytes, &most) == -1)
		return -1;
	bits = most;
	if (address.len < text.len &&
	    (str_number(str_sub(text, slash + 1, text.len), &bits) == -1 || bits > most))
		return -1;
	net_r->bits = 128 - most + (unsigned)bits;
	return is_network(net_r) ? 0 : -1;
}

const char *
net_print(const struct net *net, char text[NET_TEXT_BYTES])
{
	bool mapped = net->bits >= 96 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)net->bytes);
	size_t len;

	inet_ntop(mapped ? AF_INET : AF_INET6, net->bytes + (mapped ? 12 : 0), text,
	    NET_TEXT_BYTES);
	len = strlen(text);
	/* All bits: an address, not a network. */
	if (net->bits < 128)
		snprintf(text + len, NET_TEXT_BYTES - len, "/%u", mapped ? net->bits - 96 : net->bits);
	return text;
}

bool
net_contains(const struct net *nets, unsigned count, const char *address)
{
	uint8_t bytes[16];
	unsigned bits;

	if (parse_address(str_of(address), bytes, &bits) == -1)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (bits_equal(nets[i].bytes, bytes, nets[i].bits))
			return true;
	}
	return false;
}
