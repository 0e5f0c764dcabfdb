/*
 * arena: memory that is freed all at once. Everything that is read out of one
 * message, or one configuration, lives in one arena and dies with it.
 *
 * Allocation never fails: a process that has no memory left ends (the MTA's
 * default_action=accept then lets mail pass). What strangers send is bounded
 * before it gets here, by the limits of parse/limits.h.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena;

struct arena *arena_new(void);

/* Free the arena and all that was allocated from it. NULL is allowed. */
void arena_free(struct arena *arena);

/* Forget all that was allocated; a moderate amount of memory is kept for what
   comes next. */
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type, owned by the arena. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy; a NUL inside the slice ends the C string early. */
char *arena_strdup(struct arena *arena, struct str s);

char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How many bytes were handed out. */
size_t arena_used(const struct arena *arena);

#endif
