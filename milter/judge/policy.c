#include "judge/policy.h"

#include <string.h>

#include "base/clock.h"

#define DAYS(n) ((n) * (int64_t)CLOCK_DAY_SEC)

/* Only what differs from "count only, 30 days". */
static const struct {
	enum category category;
	enum action action;
	unsigned count, days, within_days, term_days;
} defaults[] = {
	{ CATEGORY_USER_UNKNOWN, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_USER_UNKNOWN_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_DOMAIN_UNKNOWN, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_DOMAIN_UNKNOWN_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_ADDRESS_SYNTAX, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_DISABLED, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_DISABLED_TEMP, ACTION_THRESHOLD, 5, 5, 30, 30 },
	{ CATEGORY_MAILBOX_MOVED, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MAILBOX_FULL, ACTION_THRESHOLD, 3, 3, 30, 30 },
	{ CATEGORY_MESSAGE_EXPIRED, ACTION_THRESHOLD, 3, 7, 30, 30 },
	{ CATEGORY_CONTENT_REJECTED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_PROHIBITED_CONTENT, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_MALFORMED_MESSAGE, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_AUTH_FAILURE, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_RDNS_FAILURE, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_TLS_REQUIRED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_IP_BLOCKLISTED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_DOMAIN_BLOCKLISTED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_REPUTATION, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_POLICY_REJECTED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_THROTTLED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_RELAY_DENIED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_SENDER_REJECTED, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_PROTOCOL_ERROR, ACTION_ALERT, 0, 0, 0, 30 },
	{ CATEGORY_COMPLAINT, ACTION_SUPPRESS, 0, 0, 0, 365 },
	{ CATEGORY_MANUAL, ACTION_SUPPRESS, 0, 0, 0, 0 },
};

/* Our own resolver may be the one that is wrong: two days must agree. */
static const struct policy_category own_lookup = {
	.action = ACTION_THRESHOLD, .count = 2, .days = 2, .within_sec = DAYS(7),
};

static const char *const no_names[] = { NULL };

void
policy_init(struct policy *policy)
{
	*policy = (struct policy){
		.own_domains = no_names,
		.never_suppress = no_names,
		.max_suppressions = 200,
		.max_suppressions_sec = 600,
	};
	for (size_t i = 0; i < CATEGORY_COUNT; i++)
		policy->categories[i] = (struct policy_category){
			.count = 3, .days = 3, .within_sec = DAYS(30), .term_sec = DAYS(30),
		};
	policy->categories[CATEGORY_COMPLAINT].table = TABLE_COMPLAINT;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		struct policy_category *category = &policy->categories[defaults[i].category];

		category->action = defaults[i].action;
		category->term_sec = DAYS(defaults[i].term_days);
		if (defaults[i].action == ACTION_THRESHOLD) {
			category->count = defaults[i].count;
			category->days = defaults[i].days;
			category->within_sec = DAYS(defaults[i].within_days);
		}
	}
}

bool
policy_is_own_domain(const struct policy *policy, const char *domain)
{
	return str_name_is_listed(str_of(domain), policy->own_domains);
}

/* Mail to these is how a person hears of trouble: RFC 2142. */
static bool
is_role(struct str address)
{
	return str_istarts(address, STR("postmaster@")) || str_istarts(address, STR("abuse@")) ||
	    str_istarts(address, STR("double-bounce@"));
}

bool
policy_may_suppress(const struct policy *policy, const char *address)
{
	const char *at = strrchr(address, '@');

	if (at == NULL || is_role(str_of(address)) || policy_is_own_domain(policy, at + 1))
		return false;
	for (const char *const *never = policy->never_suppress; *never != NULL; never++) {
		const char *have = strchr(*never, '@') != NULL ? address : at + 1;

		if (str_name_matches(str_of(have), str_of(*never)))
			return false;
	}
	return true;
}

/* Our own MTA tells it, in its report or in its log. */
static bool
is_own_mta(const struct bounce *bounce)
{
	return bounce->source == SOURCE_LOCAL || bounce->source == SOURCE_LOG;
}

/* The words are not a remote server's: our own MTA found no host, or its own
   delivery agent failed. */
static bool
is_own_verdict(const struct bounce *bounce)
{
	return is_own_mta(bounce) && bounce->remote_mta[0] == '\0';
}

/* Status x.7.x names a policy; these registered ones name the mailbox all the
   same (RFC 5248 registry; 5.7.504 and 505 at Exchange Online). */
static bool
is_policy_status(const struct bounce *bounce)
{
	static const char *const exceptions[] = { "7.13", "7.17", "7.18" };
	const char *detail = bounce->status;

	if (strlen(detail) < 3 || strncmp(detail + 1, ".7.", 3) != 0)
		return false;
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		if (strcmp(detail + 2, exceptions[i]) == 0)
			return false;
	}
	if (strcmp(detail + 2, "7.504") == 0 || strcmp(detail + 2, "7.505") == 0)
		return !str_name_matches(str_of(bounce->remote_mta),
		    STR(".protection.outlook.com"));
	return true;
}

/* A unix-domain socket, or a server that mail is only handed on to. */
static bool
is_relay(const struct policy *policy, const struct bounce *bounce)
{
	struct str host = str_of(bounce->server[0] != '\0' ? bounce->server :
	    bounce->remote_mta);

	if (strchr(bounce->relay, '/') != NULL ||
	    net_contains(policy->relays, policy->relay_count, bounce->relay))
		return true;
	for (unsigned i = 0; i < policy->relay_host_count; i++) {
		const struct policy_relay *relay = &policy->relay_hosts[i];

		if (str_name_matches(host, str_of(relay->host)) &&
		    (relay->port == 0 || bounce->port == 0 || relay->port == bounce->port))
			return true;
	}
	return false;
}

bool
policy_is_own_agent(const struct bounce *bounce)
{
	return bounce->agent[0] != '\0' && strcmp(bounce->agent, "smtp") != 0 &&
	    strcmp(bounce->agent, "error") != 0;
}

bool
policy_is_outbound(const struct policy *policy, const struct bounce *bounce)
{
	const char *at = strrchr(bounce->recipient, '@');

	return !policy_is_own_agent(bounce) && !is_relay(policy, bounce) &&
	    (at == NULL || !policy_is_own_domain(policy, at + 1));
}

/* Why these words cannot be held against the mailbox, or NULL. */
static const char *
not_about_mailbox(const struct policy *policy, const struct bounce *bounce,
    const struct verdict *verdict)
{
	enum category category = verdict->category;
	bool domain = category == CATEGORY_DOMAIN_UNKNOWN ||
	    category == CATEGORY_DOMAIN_UNKNOWN_TEMP;
	/* RFC 7504: a greeting that says "no mail here" is about its domain. */
	bool no_mail_here = bounce->stage == STAGE_CONNECT && domain &&
	    (bounce->code == 521 || bounce->code == 556);

	if (bounce->guessed)
		return "recipient not named by a mail system";
	if (is_own_mta(bounce) && (policy_is_own_agent(bounce) || is_relay(policy, bounce)))
		return "own delivery agent";
	/* No server was asked; the words are about the recipient's domain. */
	if (is_own_verdict(bounce) && domain)
		return NULL;
	/* Our own agents leave messages to expire for other causes, too: a user of
	   our own may be over quota. */
	if (is_own_verdict(bounce))
		return category == CATEGORY_MESSAGE_EXPIRED ? NULL : "own delivery agent";
	if ((bounce->stage == STAGE_CONNECT || bounce->stage == STAGE_HELO ||
	    bounce->stage == STAGE_MAIL) && !no_mail_here)
		return "refused before RCPT TO";
	if ((bounce->stage == STAGE_EOD || bounce->stage == STAGE_DATA ||
	    bounce->stage == STAGE_UNKNOWN) && bounce->together > 1 && bounce->about != ABOUT_RECIPIENT)
		return "whole transaction";
	return NULL;
}

/* Is the day of this failure one that no earlier counted one has? */
static bool
is_new_day(const struct policy_history *history, unsigned i, int64_t today)
{
	int64_t day = history->failures[i].time / CLOCK_DAY_SEC;

	if (day == today)
		return false;
	for (unsigned j = 0; j < i; j++) {
		if (history->counted[j] &&
		    history->failures[j].time / CLOCK_DAY_SEC == day)
			return false;
	}
	return true;
}

/* Not too old; and what lies ahead was told by a clock that was wrong, but for the
   hours by which the clocks of two hosts may differ. */
static bool
is_within(const struct policy_category *category, int64_t time, int64_t now)
{
	return time <= now + CLOCK_AHEAD_SEC &&
	    (category->within_sec == 0 || time > now - category->within_sec);
}

/* Are there, with this failure, enough of them on enough days? */
static bool
threshold_reached(const struct policy_category *category, const struct bounce *bounce,
    struct policy_history *history)
{
	unsigned failures = bounce->again ? 0 : 1, days = 1;

	for (unsigned i = 0; i < history->count; i++) {
		history->counted[i] = is_within(category, history->failures[i].time, bounce->time);
		if (!history->counted[i])
			continue;
		failures++;
		days += is_new_day(history, i, bounce->time / CLOCK_DAY_SEC);
	}
	return failures >= category->count && days >= category->days;
}

static void
conclude(struct verdict *verdict, enum decision decision, const char *reason)
{
	verdict->decision = decision;
	verdict->reason = reason;
}

bool
policy_decide(const struct policy *policy, const struct bounce *bounce,
    struct policy_history *history, struct verdict *verdict)
{
	const struct policy_category *category = &policy->categories[verdict->category];
	const struct policy_category *threshold = category;
	bool by_threshold;
	const char *why;

	verdict->table = category->table;
	verdict->until = 0;
	if (verdict->proof == PROOF_NONE) {
		conclude(verdict, DECISION_UNPROVEN, "no proof that it was our mail");
		return false;
	}
	if (category->action == ACTION_COUNT || category->action == ACTION_ALERT) {
		conclude(verdict, category->action == ACTION_ALERT ? DECISION_ALERT :
		    DECISION_COUNT, "category");
		return false;
	}
	if (is_policy_status(bounce) && !category->opted_in) {
		conclude(verdict, DECISION_EXEMPT, "5.7.x never suppresses");
		return false;
	}
	if (!policy_may_suppress(policy, bounce->recipient)) {
		conclude(verdict, DECISION_EXEMPT, bounce->recipient[0] == '\0' ?
		    "no certain address" : "own domain or never-suppress");
		return false;
	}
	why = not_about_mailbox(policy, bounce, verdict);
	if (why != NULL) {
		conclude(verdict, DECISION_EXEMPT, why);
		return false;
	}
	/* Without a remote host it is the look-up of whoever reports: of our
	   resolver, or the smarthost's. */
	if (verdict->category == CATEGORY_DOMAIN_UNKNOWN && bounce->remote_mta[0] == '\0' &&
	    category->action == ACTION_SUPPRESS)
		threshold = &own_lookup;
	/* The MTA tries again: one deferral is no reason, unless a rule says that
	   this 4xx means "gone". */
	if (bounce->outcome == OUTCOME_DEFERRED && threshold->action == ACTION_SUPPRESS &&
	    category_class(verdict->category) != CLASS_HARD) {
		conclude(verdict, DECISION_COUNT, "only deferred");
		return false;
	}
	by_threshold = threshold->action == ACTION_THRESHOLD;
	if (by_threshold && !threshold_reached(threshold, bounce, history)) {
		conclude(verdict, DECISION_COUNT, "below threshold");
		return false;
	}
	if (history->suppressed[verdict->table]) {
		conclude(verdict, DECISION_COUNT, "already suppressed");
		return false;
	}
	verdict->until = category->term_sec == 0 ? 0 : bounce->time + category->term_sec;
	if (policy->max_suppressions > 0 && history->recent >= policy->max_suppressions)
		conclude(verdict, DECISION_HOLD, POLICY_TOO_MANY);
	else if (history->frozen && category_class(verdict->category) != CLASS_COMPLAINT)
		conclude(verdict, DECISION_HOLD, POLICY_FROZEN);
	else
		conclude(verdict, DECISION_SUPPRESS, by_threshold ? "threshold reached" :
		    "category");
	return by_threshold;
}
