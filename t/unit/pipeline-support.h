/*
 * What the tests of the pipeline share: a daemon without libmilter, of a
 * configuration, in a directory of its own.
 */
#ifndef T_UNIT_PIPELINE_SUPPORT_H
#define T_UNIT_PIPELINE_SUPPORT_H

#include "store-support.h"

#include "pipeline_event.h"
#include "proofs.h"

struct machine {
	char *directory;
	struct pipeline_parts parts;
	struct proofs proofs;
	struct tables *tables;
	struct pipeline *pipeline;
};

/* Make this the configuration, with the directories of the machine. */
static inline void
machine_configure(struct machine *machine, const char *text, const char *more)
{
	const char *rules = getenv("BM_RULES"), *error;
	struct config *config;
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/conf", machine->directory);
	file = fopen(path, "w");
	fprintf(file, "postfix-config = \"/nonexistent\"\nlocal-rules-dir = \"/nonexistent\"\n"
	    "rules-dir = \"%s\"\nstate-dir = \"%s\"\nledger-size = 64M\n%s%s\n",
	    rules == NULL ? "rules" : rules, machine->directory, text, more);
	fclose(file);
	assert_done(config_load(path, &config, &error));
	config_set_current(config);
}

static inline void
machine_open(struct machine *machine, const char *text)
{
	struct config *config;
	enum store_error kind;
	const char *error;

	assert_int_equal(make_directory((void **)&machine->directory), 0);
	machine_configure(machine, text, "");
	machine->parts.store = open_store(machine->directory);
	assert_done(table_open(machine->directory, TABLE_LMDB, &machine->tables, &kind, &error));
	machine->parts.publisher = publish_start(machine->parts.store, machine->tables, false);
	machine->parts.writer = writer_start(machine->parts.store);
	machine->parts.watch = watch_new();
	config = config_get();
	assert_done(proofs_open(config, &machine->proofs, &machine->parts, &kind, &error));
	config_put(config);
	assert_done(pipeline_new(&machine->parts, &machine->pipeline, &error));
}

static inline int
settle_apply(struct job *job, struct store_txn *txn, const char **error_r)
{
	(void)job, (void)txn, (void)error_r;
	return 0;
}

static inline void
settle_release(struct job *job)
{
	free(job);
}

/* Wait until all that was posted so far is done, at most so many seconds.
   Returns 0, or -1 if that failed. */
static inline int
settle(struct writer *writer, int64_t timeout_sec)
{
	struct job *job = calloc(1, sizeof(*job));

	*job = (struct job){ .apply = settle_apply, .release = settle_release };
	return writer_run(writer, job, timeout_sec);
}

/* Commit and publish what is on its way. */
static inline void
machine_drain(struct machine *machine)
{
	later_stop(machine->pipeline->later);
	writer_stop(machine->parts.writer);
	publish_stop(machine->parts.publisher);
	machine->parts.writer = NULL;
}

static inline void
machine_close(struct machine *machine)
{
	if (machine->parts.writer != NULL)
		machine_drain(machine);
	proofs_close(&machine->proofs);
	pipeline_free(machine->pipeline);
	watch_free(machine->parts.watch);
	table_close(machine->tables);
	store_close(machine->parts.store);
	config_set_current(NULL);
	remove_directory((void **)&machine->directory);
}

#endif
