/*
 * spf_guard: the DNS layer that libspf2 gets: dns.h with bounds, one for each
 * check. What the library must not see is kept from it here.
 *
 *   - When more questions were asked, or more of them were void (no such name,
 *     no data; RFC 7208 section 4.6.4) than spf.h allows, or the deadline has
 *     come, every further question fails without being asked.
 *   - It chooses the policy among the TXT records itself, and refuses one that
 *     is over SPF_RECORD_BYTES, not printable ASCII, or of more terms than the
 *     library has room for: it would leave the rest out and say nothing.
 *   - Modifiers other than "redirect=" are removed: they explain, or are
 *     unknown. "redirect=" is moved to the end, where it belongs (RFC 7208
 *     section 6.1) and the library does not look for it.
 */
#ifndef PROOF_SPF_GUARD_H
#define PROOF_SPF_GUARD_H

#include "proof/dns.h"

enum spf_stop { SPF_STOP_NONE, SPF_STOP_LOOKUPS, SPF_STOP_VOID, SPF_STOP_DEADLINE };

struct spf_guard {
	struct dns *dns;
	int64_t deadline_msec;
	struct arena *arena;
	const char *domain; /* whose policy is `record` */

	/* What was seen; zero, and "" for text, to begin with. */
	enum spf_stop stop; /* the first bound that was hit */
	bool failed;        /* DNS did */
	unsigned lookups, voids;
	const char *record; /* as in struct spf_result */
	const char *flaw;   /* of a policy that was refused */
};

/* The layer, in the arena of the guard, for SPF_server_new_dns(). */
struct SPF_dns_server_struct *spf_guard_layer(struct spf_guard *guard);

#endif
