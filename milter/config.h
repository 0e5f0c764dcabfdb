/*
 * config: the settings (bouncemilter.conf(5)).
 *
 * A configuration is loaded whole, checked whole, and never changes
 * afterwards. A reload makes a new one and puts it in the place of the old
 * one in one instant, or reports an error and changes nothing. Who uses the
 * current configuration holds a reference, so that it does not go away
 * beneath him.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/net.h"
#include "base/words.h"
#include "judge/policy.h"
#include "judge/rule.h"
#include "proof/tag.h"
#include "watch/provider.h"
#include "watch/thresholds.h"

enum mode { MODE_ENFORCE, MODE_OBSERVE };
enum table_type { TABLE_LMDB, TABLE_CDB, TABLE_BOTH };
enum enforce { ENFORCE_TABLE, ENFORCE_MILTER, ENFORCE_BOTH };
enum trust_local { TRUST_SEPARATE_PICKUP, TRUST_ALL };
enum keep { KEEP_TEXT, KEEP_REPORT };
enum ledger { LEDGER_AUTO, LEDGER_LOG, LEDGER_MILTER, LEDGER_NONE };

/* What is written into outgoing mail, as bits 1 << MARK_. */
enum mark { MARK_TAG, MARK_ENVID };

/* Where the mail log is read from. */
enum log_from { LOG_FROM_FILE, LOG_FROM_JOURNAL, LOG_FROM_NOWHERE };

/* So many in so much time. */
struct rate {
	unsigned count;
	int64_t span_sec;
};

struct net_list {
	struct net *nets;
	unsigned count;
};

struct config {
	struct arena *arena;
	unsigned references;        /* guarded by the lock of config_get() */
	const char *path;           /* of the file */
	const char *socket;         /* "unix:/path", "inet:port@host" */
	const char *user;
	const char *state_dir;
	const char *table_dir;
	enum table_type table_type;
	const char *postfix_config;
	const char *rules_dir;
	const char *local_rules_dir;
	enum mode mode;
	enum enforce enforce;
	enum trust_local trust_local;
	enum keep keep;
	struct net_list own_clients;
	struct net_list trusted_reporters;
	struct net_list relays;
	struct policy_relay *relay_hosts;  /* relayhost and content_filter of Postfix */
	unsigned relay_host_count;
	const char *const *own_domains;    /* ends with NULL */
	const char *const *never_suppress; /* ends with NULL */
	unsigned accept;                   /* proofs that act, as bits 1 << PROOF_ */
	const char *key_file;
	struct tag_keys *tag_keys;         /* what is in it, NULL without one */
	unsigned mark;
	enum ledger ledger;                /* who feeds it: never LEDGER_AUTO once loaded */
	uint64_t ledger_size_bytes;
	int64_t retention_sent_sec;
	const char *const *signing_domains; /* ends with NULL; own_domains if not set */
	const char *const *feedback_loops; /* ends with NULL */
	unsigned reject_unverified;        /* 1 for yes */
	const char *dns_zone;              /* "" for the servers */
	const char *dns_servers;           /* "" for those of the system */
	struct rate max_suppressions;
	int64_t retention_sec;
	int64_t retention_unverified_sec;
	int64_t commit_timeout_sec;       /* net lane */
	int64_t commit_timeout_local_sec; /* local lane */
	uint64_t store_size_bytes;
	const char *log_file;              /* as set, or as found */
	const char *log_journal_dir;       /* "" for the journal of the machine */
	unsigned log_journal, log_none;    /* as set: 1 for yes */
	enum log_from log_from;            /* which of these it is */
	const char *log_why;               /* what made it so, for people */
	struct watch_rules alerts;        /* the "alert" sections */
	struct providers *providers;      /* providers.list of the rules directories */
	const char *const *alert_command; /* argv of the command sink, ends with NULL;
	                                     empty for none */
	int64_t alert_command_limit_sec;
	const char *alert_mail;           /* an address, "" for none */
	const char *sendmail_path;        /* the program for that */
	const char *alert_textfile;       /* metrics for node_exporter, "" for none */
	const char *outbound_address;     /* our IP address as others see it, "" if unknown */
	struct policy policy;             /* made of the above and the categories */
	struct rule_set *rules;
	bool separate_pickup;             /* sendmail(1) mail can be told from reports */
	const char *unread_lists;         /* tables that a list of Postfix names,
	                                     whose content is not known here */
};

/* Load a file and the rules that it names; a file that does not exist is an
   error. Returns 0 and a configuration with one reference, or -1 with
   "file:line: what is wrong". */
int config_load(const char *path, struct config **config_r, const char **error_r);

/* Append "name = value" for every setting, as it is in force. */
void config_print(const struct config *config, struct buf *out);

/* Make this the current configuration; takes over the caller's reference. */
void config_set_current(struct config *config);

/* The current configuration, with a reference for the caller. */
struct config *config_get(void);

/* Give a reference back; the last one frees it. NULL is allowed. */
void config_put(struct config *config);

/* Is a client at this address, with this login ("" for none), one of our own? */
bool config_is_own_client(const struct config *config, const char *address, const char *login);

/* Is the path of a unix-domain socket configured? Returns it, or NULL. */
const char *config_socket_path(const struct config *config);

#endif
