/*
 * dns: everything that is asked of the domain name system. Nothing else in this
 * project resolves a name.
 *
 * Two back ends: the resolver of glibc, with the system's servers or those named
 * by the configuration; and a zone file, for tests and for machines without a
 * network. In front of both is one cache of answers (dns_cache.h), positive and
 * negative, bounded in entries and bytes.
 *
 * Guarantees:
 *   - dns_lookup() returns when its deadline has come, whatever a server does:
 *     questions are asked by a few threads of their own (dns_pool.h), and who
 *     waits for one stops waiting. Where all of them are stuck, the answer is
 *     DNS_FAILED.
 *   - An answer is never larger than DNS_RECORDS_MOST records of
 *     DNS_RECORD_BYTES each; what does not fit is left out, and said by `cut`.
 *     Of MX the most preferred stay.
 *   - Nobody waits for a name again and again: that it failed is known for some
 *     seconds.
 *   - Any thread may ask.
 */
#ifndef PROOF_DNS_H
#define PROOF_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum dns_type { DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT };

enum dns_status {
	DNS_FOUND,
	DNS_NO_NAME, /* the name does not exist (NXDOMAIN) */
	DNS_NO_DATA, /* the name exists, but has no record of this type */
	DNS_FAILED,  /* nobody knows: no answer in time, SERVFAIL, a broken one */
};

#define DNS_RECORDS_MOST 64
#define DNS_RECORD_BYTES 4096

struct dns_record {
	/* A, AAAA: the address. MX, PTR: the host, lower case, without the last
	   dot; "" for an MX that says there is no mail (RFC 7505). TXT: its
	   strings joined, any bytes; a NUL is a blank. */
	const char *text;
	unsigned preference; /* MX */
};

struct dns_answer {
	enum dns_status status;
	bool cut; /* there was more than this */
	unsigned count;
	struct dns_record *records; /* MX: the most preferred first */
};

struct dns;

/*
 * `zone_path` is a zone file, or "" for servers; `servers` is a list such as
 * "192.0.2.1 [2001:db8::1]:5353", or "" for those of resolv.conf(5).
 *
 * A zone file has one record a line, "name type value", as in a master file
 * (RFC 1035 section 5): names are absolute, "IN" and a time to live may stand
 * before the type, ";" and "#" begin a comment. The types are those above and
 * CNAME. TXT strings stand in quotes, several are joined. Two types of our own
 * have no value: FAIL (questions about this name fail) and SILENT (nobody
 * answers before the deadline). They and CNAME stand before other records of
 * the name.
 *
 * Returns 0, or -1 with "file:line: what is wrong", or with what is wrong with
 * the servers.
 */
int dns_new(const char *zone_path, const char *servers, struct dns **dns_r, const char **error_r);

/* Nobody may be asking any more. It takes about two seconds at most: a thread
   that is stuck in glibc is left behind, and does no harm. NULL is allowed. */
void dns_free(struct dns *dns);

/* Ask. `deadline_msec` is on the monotonic clock (clock_monotonic_msec()). The
   answer is in the arena. A name that cannot be one is DNS_NO_NAME. */
void dns_lookup(struct dns *dns, enum dns_type type, const char *name, int64_t deadline_msec,
    struct arena *arena, struct dns_answer *answer_r);

/* The name to ask for PTR of an address, "1.2.0.192.in-addr.arpa", in the arena;
   "" if it is no address. An IPv4-mapped address is an IPv4 address. */
const char *dns_reverse_name(const char *address, struct arena *arena);

#endif
