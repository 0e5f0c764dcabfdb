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
 *   6. Is the threshold reached?                 else count
 *   7. Is it suppressed already?                 then count
 *   8. Would it be too many at once?             then hold for a person
 *   9. suppress, until the term of the category ends
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
	unsigned count;       /* threshold: distinct messages */
	unsigned days;        /* ... on distinct days (UTC) */
	int64_t within_sec;   /* ... in so many seconds */
	int64_t term_sec;     /* a suppression ends after this; 0 never */
};

struct policy {
	struct policy_category categories[CATEGORY_COUNT];
	const char *const *own_domains; /* ends with NULL; ".x" for below x too */
	const char *const *never_suppress; /* addresses and domains, the same */
	const struct net *relays;       /* hand-offs inside our own site */
	unsigned relay_count;
	unsigned max_suppressions;      /* 0 for no brake */
	int64_t max_suppressions_sec;
};

/* What is already known about the address. */
struct policy_history {
	bool suppressed[TABLE_SET_COUNT];
	int64_t times[POLICY_HISTORY_MOST]; /* of this category, oldest first */
	unsigned count;
	unsigned recent; /* suppressions within max_suppressions_sec */
};

/* The defaults of taxonomy and manual; lists are empty. */
void policy_init(struct policy *policy);

/* Decide about a classified bounce: sets decision, reason, table and until. */
void policy_decide(const struct policy *policy, const struct bounce *bounce,
    const struct policy_history *history, struct verdict *verdict);

/* May this address, in normal form, be suppressed at all? */
bool policy_may_suppress(const struct policy *policy, const char *address);

/* Is the domain, in normal form, one of own_domains? */
bool policy_is_own_domain(const struct policy *policy, const char *domain);

#endif
