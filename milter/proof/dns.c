#include "proof/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "base/net.h"
#include "proof/dns_cache.h"
#include "proof/dns_name.h"
#include "proof/dns_pool.h"
#include "proof/dns_zone.h"

struct dns {
	struct dns_cache *cache;
	struct dns_zone *zone; /* or */
	struct dns_pool *pool;
};

int
dns_new(const char *zone_path, const char *servers, struct dns **dns_r, const char **error_r)
{
	struct dns_servers list = { 0 };
	struct dns_zone *zone = NULL;
	struct dns *dns;

	if (zone_path[0] != '\0') {
		if (dns_zone_read(zone_path, &zone, error_r) == -1)
			return -1;
	} else if (dns_system_servers(servers, &list, error_r) == -1) {
		return -1;
	}
	dns = calloc(1, sizeof(*dns));
	if (dns == NULL)
		msg_out_of_memory();
	dns->cache = dns_cache_new();
	dns->zone = zone;
	if (zone == NULL)
		dns->pool = dns_pool_new(&list, dns->cache);
	*dns_r = dns;
	return 0;
}

void
dns_free(struct dns *dns)
{
	if (dns == NULL)
		return;
	if (dns->pool != NULL)
		dns_pool_free(dns->pool);
	dns_zone_free(dns->zone);
	dns_cache_free(dns->cache);
	free(dns);
}

static void
sleep_until(int64_t deadline_msec)
{
	struct timespec until = clock_timespec(deadline_msec);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void
ask_zone(struct dns *dns, enum dns_type type, const char *name, int64_t deadline_msec,
    struct arena *arena, struct dns_answer *answer_r)
{
	uint32_t ttl_sec;

	if (dns_zone_find(dns->zone, type, name, arena, answer_r, &ttl_sec) == 0)
		sleep_until(deadline_msec);
	dns_cache_put(dns->cache, type, name, answer_r, ttl_sec, clock_monotonic_msec());
}

void
dns_lookup(struct dns *dns, enum dns_type type, const char *name, int64_t deadline_msec,
    struct arena *arena, struct dns_answer *answer_r)
{
	int64_t now = clock_monotonic_msec();
	char folded[DNS_NAME_BYTES];

	if (!dns_name_fold(str_of(name), folded))
		*answer_r = (struct dns_answer){ .status = DNS_NO_NAME };
	else if (dns_cache_find(dns->cache, type, folded, now, arena, answer_r))
		return;
	else if (deadline_msec <= now)
		*answer_r = (struct dns_answer){ .status = DNS_FAILED };
	else if (dns->zone != NULL)
		ask_zone(dns, type, folded, deadline_msec, arena, answer_r);
	else
		dns_pool_ask(dns->pool, type, folded, deadline_msec, arena, answer_r);
}

/* The nibbles of RFC 3596 section 2.5, or the bytes of RFC 1035 section 3.5,
   the last first. */
const char *
dns_reverse_name(const char *address, struct arena *arena)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct buf name = { 0 };
	const char *text;
	struct net net;

	if (strchr(address, '/') != NULL || net_parse(str_of(address), &net) == -1)
		return "";
	if (memcmp(net.bytes, mapped, sizeof(mapped)) == 0)
		return arena_printf(arena, "%u.%u.%u.%u.in-addr.arpa", net.bytes[15],
		    net.bytes[14], net.bytes[13], net.bytes[12]);
	for (int i = 15; i >= 0; i--)
		buf_printf(&name, "%x.%x.", net.bytes[i] & 0xfu, net.bytes[i] >> 4);
	text = arena_printf(arena, "%sip6.arpa", buf_cstr(&name));
	buf_free(&name);
	return text;
}
