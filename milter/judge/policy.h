/*
 * policy: what follows from a category for one recipient. No I/O, no clock:
 * everything it needs is in its arguments, and what it decides is in the
 * verdict.
 *
 * The order of the questions is the product's promise, so it stands here:
 *
 *   1. Is it about mail of ours?                 else unproven
 *   2. Does the category ask for a suppression?  else count or alert
 *   3. Status x.7.x says "policy", not "address": exempt, but for the few
 *      registered exceptions and categories the operator opted in. So is what
 *      expired in the queue for such a reason (throttled, greylisted ...)
 *   4. May this address ever be suppressed? Not without a valid address, not
 *      one of own-domains or never-suppress, not postmaster@ or abuse@
 *   5. Were the words about this mailbox? Not when our own delivery agent or a
 *      relay of our own site spoke, not before RCPT TO, not when a reply to the
 *      end of DATA covers several recipients and does not name this one
 *   6. Is the threshold reached?                 else count. A message that
 *      had failed so before counts once, unless attempts are counted
 *   7. Is it suppressed already?                 then count
 *   8. Would it be too many at once?             then hold for a person
 *   9. Is its provider frozen, because it says so of too many (store/breaker.h)?
 *      Then hold for a person. Whoever complains speaks for himself: complaints
 *      are not asked this
 *  10. suppress, until the term of the category ends
 */
#ifndef JUDGE_POLICY_H
#define JUDGE_POLICY_H

#include "base/net.h"
#include "bounce.h"

#define POLICY_HISTORY_MOST 32 /* earlier failures of one address and category */

struct policy_category {
	enum action action;
	enum table_set table;
	bool opted_in;        /* the operator made it suppress */
	enum unit unit;       /* threshold: what is counted */
	unsigned count;       /* ... how many */
	unsigned days;        /* ... on distinct days (UTC) */
	int64_t within_sec;   /* ... in so many seconds; 0 for no bound. None later
	                         than a day after the bounce counts */
	unsigned consecutive; /* 1: within_sec may be 0 */
	int64_t term_sec;     /* a suppression ends after this; 0 never */
};

/* A server that mail is only handed on to, by name. */
struct policy_relay {
	const char *host; /* as it stands in a log; ".x" for below x too */
	unsigned port;    /* 0 for any */
};

struct policy {
	struct policy_category categories[CATEGORY_COUNT];
	const char *const *own_domains; /* ends with NULL; ".x" for below x too */
	const char *const *never_suppress; /* addresses and domains, the same */
	const struct net *relays;       /* hand-offs inside our own site */
	unsigned relay_count;
	const struct policy_relay *relay_hosts;
	unsigned relay_host_count;
	unsigned max_suppressions;      /* 0 for no brake */
	int64_t max_suppressions_sec;
};

/* An earlier failure, and the event that recorded it. */
struct policy_failure {
	int64_t time;
	uint64_t event;
};

/* Why something is held: the verdict's reason. */
#define POLICY_TOO_MANY "max-suppressions"
#define POLICY_FROZEN "breaker: its provider says so of too many"

/* What is already known about the address. */
struct policy_history {
	bool suppressed[TABLE_SET_COUNT];
	struct policy_failure failures[POLICY_HISTORY_MOST]; /* of this category */
	bool counted[POLICY_HISTORY_MOST]; /* policy_decide(): it is one of those
	                                      that make the threshold */
	unsigned count;
	unsigned recent; /* suppressions within max_suppressions_sec */
	bool frozen;     /* what its provider says suppresses nobody for now */
};

/* The defaults of taxonomy and manual; lists are empty. */
void policy_init(struct policy *policy);

/* Decide about a classified bounce: sets decision, reason, table and until.
   Returns true if what it decides follows from this bounce together with
   earlier ones, which are marked in the history. */
bool policy_decide(const struct policy *policy, const struct bounce *bounce,
    struct policy_history *history, struct verdict *verdict);

/* Is it the work of an agent that brings mail to mailboxes and programs of our
   own? */
bool policy_is_own_agent(const struct bounce *bounce);

/* Did the attempt leave our site? Not when one of our own delivery agents had
   it, nor a relay that it is handed on to, nor is it for a domain of ours. */
bool policy_is_outbound(const struct policy *policy, const struct bounce *bounce);

/* May this address, in normal form, be suppressed at all? */
bool policy_may_suppress(const struct policy *policy, const char *address);

/* Is the domain, in normal form, one of own_domains? */
bool policy_is_own_domain(const struct policy *policy, const char *domain);

#endif
