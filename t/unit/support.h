/*
 * What all unit tests share. A test is a table; a helper runs every case and
 * says which one failed.
 */
#ifndef T_UNIT_SUPPORT_H
#define T_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/str.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Compare, and name the case by its input. */
#define check(condition, ...) do { \
		if (!(condition)) { \
			print_error(__VA_ARGS__); \
			fail_msg("\n%s:%d: not %s", __FILE__, __LINE__, #condition); \
		} \
	} while (0)
#define check_text(got, want, input) \
	check(strcmp((got), (want)) == 0, "%s\n got: %s\nwant: %s", (input), (got), (want))

/* A copy that ends where the bytes end, so that a memory checker sees one byte
   too far. To be freed by drop(). */
static inline struct str
exact_bytes(const char *bytes, size_t len)
{
	char *copy = malloc(len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return (struct str){ copy, len };
}

static inline struct str
exact(const char *text)
{
	return exact_bytes(text, strlen(text));
}

static inline void
drop(struct str s)
{
	free((char *)s.data);
}

/* Does the slice hold these bytes? */
static inline bool
is(struct str s, const char *text)
{
	return str_equal(s, str_of(text));
}

/* Each test gets an arena as its state. */
static inline int
arena_setup(void **state)
{
	*state = arena_new();
	return 0;
}

static inline int
arena_teardown(void **state)
{
	arena_free(*state);
	return 0;
}

#define test_with_arena(function) \
	cmocka_unit_test_setup_teardown(function, arena_setup, arena_teardown)

#endif
