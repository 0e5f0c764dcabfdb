/*
 * What the tests of the store share: a directory that is made before and
 * removed after each test, and shorthands for calls that must not fail.
 */
#ifndef T_UNIT_STORE_SUPPORT_H
#define T_UNIT_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/msg.h"
#include "bounce.h"
#include "store/store.h"

#define STORE_BYTES (64 * 1024 * 1024)

/* The answer 0 of a function that says why if it is not. */
#define assert_done(call) do { \
		if ((call) == -1) \
			fail_msg("%s: %s", #call, error); \
	} while (0)

static inline int
make_directory(void **state)
{
	char *directory = strdup("/tmp/bm-store-XXXXXX");

	msg_open("test", false);
	*state = mkdtemp(directory);
	return *state == NULL ? -1 : 0;
}

static inline int
remove_directory(void **state)
{
	char command[128];
	int ret;

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	ret = system(command);
	free(*state);
	return ret == 0 ? 0 : -1;
}

static inline struct store *
open_store(const char *directory)
{
	struct store *store;
	enum store_error kind;
	const char *error;

	assert_done(store_open(directory, STORE_BYTES, false, &store, &kind, &error));
	return store;
}

/* A failure of an address, as a report of our own MTA tells it. */
static inline void
make_bounce(struct bounce *bounce, const char *recipient, int64_t time)
{
	bounce_init(bounce);
	bounce->time = time;
	bounce->source = SOURCE_LOCAL;
	bounce->outcome = OUTCOME_FAILED;
	bounce->recipient = bounce->final_recipient = recipient;
	bounce->remote_mta = "mx.example.net";
	bounce->text = "550 5.1.1 no such user";
	bounce->status = "5.1.1";
	bounce->code = 550;
}

#endif
