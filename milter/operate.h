/*
 * operate: what a person does to the store at a command line. Each change is
 * an event like any other, committed before the call returns, and published by
 * the caller.
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
	OPERATE_UNDO,    /* suppressed -> nothing; manual entries are left alone */
};

/* Do it for all that the query finds, calling `each` for every one when it is
   done; only call it if `dry_run`. Returns how many, or -1. */
int operate_query(struct store *store, const struct config *config,
    const struct operate_query *query, enum operate_action action, bool dry_run,
    const char *reason,
    void (*each)(const char *address, const struct standing_entry *entry), const char **error_r);

/* Fold the journal again and compare with the standings, where the journal is
   complete. Calls `differs` for each address that differs.
   Returns how many; 0; -1. *complete_r says whether all could be compared. */
int operate_verify(struct store *store, bool *complete_r, void (*differs)(const char *address),
    const char **error_r);

#endif
