#include "verdict.h"

static const char *const category_names[CATEGORY_COUNT] = {
	[CATEGORY_UNKNOWN] = "unknown",
	[CATEGORY_USER_UNKNOWN] = "user-unknown",
	[CATEGORY_USER_UNKNOWN_TEMP] = "user-unknown-temp",
	[CATEGORY_DOMAIN_UNKNOWN] = "domain-unknown",
	[CATEGORY_DOMAIN_UNKNOWN_TEMP] = "domain-unknown-temp",
	[CATEGORY_ADDRESS_SYNTAX] = "address-syntax",
	[CATEGORY_MAILBOX_DISABLED] = "mailbox-disabled",
	[CATEGORY_MAILBOX_DISABLED_TEMP] = "mailbox-disabled-temp",
	[CATEGORY_MAILBOX_MOVED] = "mailbox-moved",
	[CATEGORY_MAILBOX_FULL] = "mailbox-full",
	[CATEGORY_RECIPIENT_RATE] = "recipient-rate",
	[CATEGORY_RECIPIENT_REFUSED] = "recipient-refused",
	[CATEGORY_MESSAGE_TOO_BIG] = "message-too-big",
	[CATEGORY_TOO_MANY_RECIPIENTS] = "too-many-recipients",
	[CATEGORY_CONTENT_REJECTED] = "content-rejected",
	[CATEGORY_PROHIBITED_CONTENT] = "prohibited-content",
	[CATEGORY_MALFORMED_MESSAGE] = "malformed-message",
	[CATEGORY_AUTH_FAILURE] = "auth-failure",
	[CATEGORY_RDNS_FAILURE] = "rdns-failure",
	[CATEGORY_TLS_REQUIRED] = "tls-required",
	[CATEGORY_IP_BLOCKLISTED] = "ip-blocklisted",
	[CATEGORY_DOMAIN_BLOCKLISTED] = "domain-blocklisted",
	[CATEGORY_REPUTATION] = "reputation",
	[CATEGORY_POLICY_REJECTED] = "policy-rejected",
	[CATEGORY_THROTTLED] = "throttled",
	[CATEGORY_GREYLISTED] = "greylisted",
	[CATEGORY_RELAY_DENIED] = "relay-denied",
	[CATEGORY_SENDER_REJECTED] = "sender-rejected",
	[CATEGORY_ROUTING_LOOP] = "routing-loop",
	[CATEGORY_SYSTEM_ERROR] = "system-error",
	[CATEGORY_SYSTEM_FULL] = "system-full",
	[CATEGORY_NETWORK_ERROR] = "network-error",
	[CATEGORY_MESSAGE_EXPIRED] = "message-expired",
	[CATEGORY_PROTOCOL_ERROR] = "protocol-error",
	[CATEGORY_COMPLAINT] = "complaint",
	[CATEGORY_LOCAL] = "local",
	[CATEGORY_MANUAL] = "manual",
};

static const enum class category_classes[CATEGORY_COUNT] = {
	[CATEGORY_UNKNOWN] = CLASS_UNKNOWN,
	[CATEGORY_USER_UNKNOWN] = CLASS_HARD,
	[CATEGORY_USER_UNKNOWN_TEMP] = CLASS_SOFT,
	[CATEGORY_DOMAIN_UNKNOWN] = CLASS_HARD,
	[CATEGORY_DOMAIN_UNKNOWN_TEMP] = CLASS_SOFT,
	[CATEGORY_ADDRESS_SYNTAX] = CLASS_HARD,
	[CATEGORY_MAILBOX_DISABLED] = CLASS_HARD,
	[CATEGORY_MAILBOX_DISABLED_TEMP] = CLASS_SOFT,
	[CATEGORY_MAILBOX_MOVED] = CLASS_HARD,
	[CATEGORY_MAILBOX_FULL] = CLASS_SOFT,
	[CATEGORY_RECIPIENT_RATE] = CLASS_SOFT,
	[CATEGORY_RECIPIENT_REFUSED] = CLASS_SOFT,
	[CATEGORY_MESSAGE_TOO_BIG] = CLASS_SOFT,
	[CATEGORY_TOO_MANY_RECIPIENTS] = CLASS_SOFT,
	[CATEGORY_CONTENT_REJECTED] = CLASS_SOFT,
	[CATEGORY_PROHIBITED_CONTENT] = CLASS_SOFT,
	[CATEGORY_MALFORMED_MESSAGE] = CLASS_SOFT,
	[CATEGORY_AUTH_FAILURE] = CLASS_SOFT,
	[CATEGORY_RDNS_FAILURE] = CLASS_SOFT,
	[CATEGORY_TLS_REQUIRED] = CLASS_SOFT,
	[CATEGORY_IP_BLOCKLISTED] = CLASS_SOFT,
	[CATEGORY_DOMAIN_BLOCKLISTED] = CLASS_SOFT,
	[CATEGORY_REPUTATION] = CLASS_SOFT,
	[CATEGORY_POLICY_REJECTED] = CLASS_SOFT,
	[CATEGORY_THROTTLED] = CLASS_SOFT,
	[CATEGORY_GREYLISTED] = CLASS_SOFT,
	[CATEGORY_RELAY_DENIED] = CLASS_SOFT,
	[CATEGORY_SENDER_REJECTED] = CLASS_SOFT,
	[CATEGORY_ROUTING_LOOP] = CLASS_SOFT,
	[CATEGORY_SYSTEM_ERROR] = CLASS_SOFT,
	[CATEGORY_SYSTEM_FULL] = CLASS_SOFT,
	[CATEGORY_NETWORK_ERROR] = CLASS_SOFT,
	[CATEGORY_MESSAGE_EXPIRED] = CLASS_SOFT,
	[CATEGORY_PROTOCOL_ERROR] = CLASS_SOFT,
	[CATEGORY_COMPLAINT] = CLASS_COMPLAINT,
	[CATEGORY_LOCAL] = CLASS_NONE,
	[CATEGORY_MANUAL] = CLASS_NONE,
};

static const char *const class_names[] = {
	[CLASS_UNKNOWN] = "unknown", [CLASS_HARD] = "hard", [CLASS_SOFT] = "soft",
	[CLASS_COMPLAINT] = "complaint", [CLASS_NONE] = "none",
};

static const char *const action_names[] = {
	[ACTION_COUNT] = "count", [ACTION_ALERT] = "alert",
	[ACTION_SUPPRESS] = "suppress", [ACTION_THRESHOLD] = "threshold",
};

static const char *const unit_names[] = {
	[UNIT_MESSAGE] = "message", [UNIT_ATTEMPT] = "attempt",
};

static const char *const proof_names[] = {
	[PROOF_NONE] = "none", [PROOF_LOCAL] = "local", [PROOF_RELAY] = "relay",
	[PROOF_LEDGER] = "ledger", [PROOF_TAG] = "tag", [PROOF_ENVID] = "envid",
	[PROOF_DKIM] = "dkim", [PROOF_ALIGNED] = "aligned", [PROOF_FEEDBACK] = "feedback-loop",
	[PROOF_OPERATOR] = "operator",
};

static const char *const decision_names[] = {
	[DECISION_COUNT] = "count", [DECISION_ALERT] = "alert",
	[DECISION_SUPPRESS] = "suppress", [DECISION_HOLD] = "hold",
	[DECISION_LIFT] = "lift", [DECISION_DISCARD] = "discard",
	[DECISION_EXEMPT] = "exempt", [DECISION_UNPROVEN] = "unproven",
	[DECISION_RESET] = "reset",
};

static const char *const table_set_names[] = {
	[TABLE_MAIN] = "main", [TABLE_COMPLAINT] = "complaint",
};

const struct words category_words = WORDS(category_names);
const struct words class_words = WORDS(class_names);
const struct words action_words = WORDS(action_names);
const struct words unit_words = WORDS(unit_names);
const struct words proof_words = WORDS(proof_names);
const struct words accept_words = { proof_names, PROOF_FEEDBACK };
const struct words decision_words = WORDS(decision_names);
const struct words table_set_words = WORDS(table_set_names);

void
verdict_init(struct verdict *verdict)
{
	*verdict = (struct verdict){ .subcause = "", .identity = "", .rule = "",
		.evidence = "", .reason = "", .was = "", .becomes = "" };
}

const char *
category_name(enum category category)
{
	return words_name(&category_words, category);
}

int
category_find(struct str name, enum category *category_r)
{
	unsigned value;

	if (words_find(&category_words, name, &value) == 0)
		return 0;
	*category_r = (enum category)value;
	return 1;
}

enum class
category_class(enum category category)
{
	return category_classes[category];
}

enum category
category_soft_twin(enum category category)
{
	switch (category) {
	case CATEGORY_USER_UNKNOWN:
	case CATEGORY_ADDRESS_SYNTAX:
	case CATEGORY_MAILBOX_MOVED:
		return CATEGORY_USER_UNKNOWN_TEMP;
	case CATEGORY_DOMAIN_UNKNOWN:
		return CATEGORY_DOMAIN_UNKNOWN_TEMP;
	case CATEGORY_MAILBOX_DISABLED:
		return CATEGORY_MAILBOX_DISABLED_TEMP;
	default:
		return category;
	}
}
