/*
 * operate: what a person does to the store at a command line. Each change is
 * an event like any other, committed before the call returns, and published by
 * the caller.
 *
 * What one command does to all that a query finds is a batch. Its number is the
 * sequence of its first event, and stands in each of its events, together with
 * what that event found, so that the batch can be taken back: exactly, and as a
 * batch that can be taken back too. A thousand addresses are one transaction,
 * so that the daemon need not wait for all; a command that was interrupted has
 * done a part, and the same command does the rest.
 */
#ifndef OPERATE_H
#define OPERATE_H

#include "config.h"
#include "record.h"

/* Which suppressions, held or not, a command is about. */
struct operate_query {
	int64_t since, until;      /* of the suppression; 0 for no bound */
	bool any_category;
	enum category category;
	const char *address;       /* normal form; "" for all */
	const char *provider;      /* who said it: name, or domain; "" for all */
	const char *rule;          /* id of the rule that chose the category, or the
	                              beginning of one and "*"; "" for all */
};

/* Suppress an address. Returns 1, 0 if it is suppressed already, -1. */
int operate_add(struct store *store, const struct config *config, const char *address,
    enum category category, const char *reason, const char **error_r);

/* Lift every suppression, held or not, of an address.
   Returns how many, 0 if it had none, -1. */
int operate_remove(struct store *store, const char *address, const char *reason,
    const char **error_r);

enum operate_action {
	OPERATE_RELEASE, /* held -> suppressed */
	OPERATE_DISCARD, /* held -> nothing */
	OPERATE_UNDO,    /* suppressed or held -> what was before; manual entries are
	                    left alone */
};

/* How it is done. */
struct operate_command {
	enum operate_action action;
	bool dry_run;       /* change nothing */
	const char *reason; /* a person's words, or "" */
	/* Called for each entry when it is changed, or would be. */
	void (*each)(const char *address, const struct standing_entry *entry);
};

/* What was done. */
struct operate_result {
	uint64_t batch;     /* its number; 0 if nothing was changed */
	unsigned changed;
	unsigned unknown;   /* not matched: the event that tells provider and rule was deleted */
	unsigned overtaken; /* not taken back: something else has changed them since */
	unsigned already;   /* taken back before */
	bool pruned;        /* the beginning of the batch was deleted from the journal */
};

/* Do it for all that the query finds. Returns 0, or -1 with a sentence; what is
   in the result then is done all the same. */
int operate_query(struct store *store, const struct config *config,
    const struct operate_query *query, const struct operate_command *command,
    struct operate_result *result_r, const char **error_r);

/* Take back a batch; the action of the command means nothing. Returns the same;
   no such batch is a failure. */
int operate_take_back(struct store *store, uint64_t batch,
    const struct operate_command *command, struct operate_result *result_r,
    const char **error_r);

/* Whom a person means by a name or a domain; valid as long as configuration and
   arena are. Is it that one, and does an event tell what that one said? */
struct provider operate_provider(const struct config *config, const char *asked,
    struct arena *arena);
bool operate_is_same(const struct provider *provider, const struct provider *asked);
bool operate_is_of(const struct config *config, const struct journal_event *event,
    const struct provider *asked);

#endif
