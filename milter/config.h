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

enum mode { MODE_ENFORCE, MODE_OBSERVE };
enum enforce { ENFORCE_TABLE, ENFORCE_MILTER, ENFORCE_BOTH };
enum trust_local { TRUST_SEPARATE_PICKUP, TRUST_ALL };
enum keep { KEEP_TEXT, KEEP_REPORT };

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
	const char *const *own_domains;    /* ends with NULL */
	const char *const *never_suppress; /* ends with NULL */
	struct rate max_suppressions;
	int64_t retention_sec;
	int64_t retention_unverified_sec;
	int64_t commit_timeout_sec;       /* net lane */
	int64_t commit_timeout_local_sec; /* local lane */
	uint64_t store_size_bytes;
	struct policy policy;             /* made of the above and the categories */
	struct rule_set *rules;
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

/* Is the path of a unix-domain socket configured? Returns it, or NULL. */
const char *config_socket_path(const struct config *config);

#endif
