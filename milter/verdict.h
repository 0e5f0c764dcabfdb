/*
 * verdict: everything concluded about one bounce. The second of the two nouns
 * that the layers share; the first is struct bounce.
 *
 * The words of these enums are a stable interface: they stand in the store, in
 * rules, in --json output and in the configuration.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdint.h>

#include "base/words.h"

/* What a failure says about the mailbox. It follows from the category, never
   from the first digit of the reply. */
enum class {
	CLASS_UNKNOWN,
	CLASS_HARD,      /* this mailbox will not accept mail */
	CLASS_SOFT,      /* may pass later, or is not about the mailbox at all */
	CLASS_COMPLAINT, /* the recipient reported the mail as spam */
	CLASS_NONE,      /* our own refusal: says nothing about anybody */
};

enum category {
	CATEGORY_UNKNOWN,
	CATEGORY_USER_UNKNOWN,
	CATEGORY_USER_UNKNOWN_TEMP,
	CATEGORY_DOMAIN_UNKNOWN,
	CATEGORY_DOMAIN_UNKNOWN_TEMP,
	CATEGORY_ADDRESS_SYNTAX,
	CATEGORY_MAILBOX_DISABLED,
	CATEGORY_MAILBOX_DISABLED_TEMP,
	CATEGORY_MAILBOX_MOVED,
	CATEGORY_MAILBOX_FULL,
	CATEGORY_RECIPIENT_RATE,
	CATEGORY_RECIPIENT_REFUSED,
	CATEGORY_MESSAGE_TOO_BIG,
	CATEGORY_TOO_MANY_RECIPIENTS,
	CATEGORY_CONTENT_REJECTED,
	CATEGORY_PROHIBITED_CONTENT,
	CATEGORY_MALFORMED_MESSAGE,
	CATEGORY_AUTH_FAILURE,
	CATEGORY_RDNS_FAILURE,
	CATEGORY_TLS_REQUIRED,
	CATEGORY_IP_BLOCKLISTED,
	CATEGORY_DOMAIN_BLOCKLISTED,
	CATEGORY_REPUTATION,
	CATEGORY_POLICY_REJECTED,
	CATEGORY_THROTTLED,
	CATEGORY_GREYLISTED,
	CATEGORY_RELAY_DENIED,
	CATEGORY_SENDER_REJECTED,
	CATEGORY_ROUTING_LOOP,
	CATEGORY_SYSTEM_ERROR,
	CATEGORY_SYSTEM_FULL,
	CATEGORY_NETWORK_ERROR,
	CATEGORY_MESSAGE_EXPIRED,
	CATEGORY_PROTOCOL_ERROR,
	CATEGORY_COMPLAINT,
	CATEGORY_LOCAL,
	CATEGORY_MANUAL, /* entered by the operator; no rule may choose it */
	CATEGORY_COUNT,
};

/* What a category asks for, by default and in the configuration. */
enum action {
	ACTION_COUNT,     /* count only */
	ACTION_ALERT,     /* count, and alert (watch/); never suppress */
	ACTION_SUPPRESS,  /* suppress now */
	ACTION_THRESHOLD, /* suppress after some messages on some days */
};

/* What a threshold counts. */
enum unit {
	UNIT_MESSAGE, /* a message once, however often it was tried */
	UNIT_ATTEMPT,
};

/* How we know that the bounce is about mail of ours. */
enum proof {
	PROOF_NONE,
	PROOF_LOCAL,    /* our own MTA's report, or its log */
	PROOF_RELAY,    /* a client of trusted-reporters */
	PROOF_LEDGER,   /* it is in the ledger of sent mail */
	PROOF_TAG,      /* our tag is in the returned headers */
	PROOF_ENVID,    /* ... or came back as Original-Envelope-Id */
	PROOF_DKIM,     /* the returned headers have a DKIM signature of ours */
	PROOF_ALIGNED,  /* the report is of the recipient's organisation */
	PROOF_FEEDBACK, /* a complaint of one of feedback-loops, by its DKIM signature */
	PROOF_OPERATOR, /* a person at a command line */
	PROOF_COUNT,
};

enum decision {
	DECISION_COUNT,    /* recorded and counted */
	DECISION_ALERT,    /* recorded, counted, and of those that alert */
	DECISION_SUPPRESS, /* the address is suppressed from now on */
	DECISION_HOLD,     /* would suppress, but the brake holds it for a person */
	DECISION_LIFT,     /* a suppression ends */
	DECISION_DISCARD,  /* a held suppression is dropped */
	DECISION_EXEMPT,   /* would suppress, but this address never is */
	DECISION_UNPROVEN, /* nothing shows that it is about mail of ours */
	DECISION_RESET,    /* a delivery: earlier failures count for no threshold */
};

/* The two sets of tables (a complaint must not block a password reset). */
enum table_set { TABLE_MAIN, TABLE_COMPLAINT, TABLE_SET_COUNT };

struct verdict {
	enum category category;
	enum proof proof;
	enum decision decision;
	enum table_set table;
	const char *subcause; /* of auth-failure the method, of the blocklist categories
	                         the list, of throttled what is limited; of
	                         message-expired the last cause */
	const char *identity; /* ... and whom the words name: the listed address, the
	                         limited domain */
	const char *rule;     /* id of the rule that chose the category */
	const char *evidence; /* of a report from the network: what was found of it,
	                         and why that is not enough */
	const char *reason;   /* why this decision, in a word or two */
	int64_t until;        /* of a suppression: when it ends, 0 never */
	/* So that a person's changes can be taken back, as the lines of a standing
	   (standing_print_part() in store/standing.h): */
	int64_t batch;        /* the command that made it: sequence of its first event */
	int64_t takes_back;   /* sequence of the event that this one takes back */
	const char *was;      /* what the change found, "" for nothing */
	const char *becomes;  /* what it puts in the place of that; "" for what follows
	                         from the decision */
};

/* A verdict with nothing in it; strings are "". */
void verdict_init(struct verdict *verdict);

/* The words of each enum. */
extern const struct words class_words, category_words, action_words, unit_words, proof_words,
    decision_words, table_set_words;

/* Those of proof_words that a configuration may accept. */
extern const struct words accept_words;

const char *category_name(enum category category);

/* Returns 1, or 0 if there is no such category. */
int category_find(struct str name, enum category *category_r);

enum class category_class(enum category category);

/* What the category becomes when the reply was a 4xx: a mailbox that is
   unknown for now is not gone. Most categories stay what they are. */
enum category category_soft_twin(enum category category);

#endif
