#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define BLOCK_BYTES 8192

struct block {
	struct block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *head;
	size_t used;
};

struct arena *
arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		msg_out_of_memory();
	return arena;
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->head != NULL) {
		struct block *next = arena->head->next;

		free(arena->head);
		arena->head = next;
	}
	free(arena);
}

void
arena_reset(struct arena *arena)
{
	struct block *kept = arena->head, *block;

	arena->used = 0;
	if (kept == NULL)
		return;
	while ((block = kept->next) != NULL) {
		kept->next = block->next;
		/* The ordinary blocks are alike; large ones are let go. */
		if (kept->size != BLOCK_BYTES) {
			free(kept);
			kept = block;
			continue;
		}
		free(block);
	}
	if (kept->size != BLOCK_BYTES) {
		free(kept);
		kept = NULL;
	} else {
		memset(kept->data, 0, kept->used);
		kept->used = 0;
	}
	arena->head = kept;
}

static struct block *
block_new(size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		msg_out_of_memory();
	block->size = size;
	return block;
}

/* A large piece gets a block of its own behind the head, so that the room
   left in the head is still used. */
static void *
alloc_large(struct arena *arena, size_t size)
{
	struct block *block = block_new(size);

	block->used = size;
	if (arena->head == NULL) {
		arena->head = block;
	} else {
		block->next = arena->head->next;
		arena->head->next = block;
	}
	return block->data;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	void *piece;

	size = (size + align - 1) / align * align;
	arena->used += size;
	if (size > BLOCK_BYTES / 2)
		return alloc_large(arena, size);
	if (arena->head == NULL || arena->head->size - arena->head->used < size) {
		struct block *block = block_new(BLOCK_BYTES);

		block->next = arena->head;
		arena->head = block;
	}
	piece = arena->head->data + arena->head->used;
	arena->head->used += size;
	return piece;
}

char *
arena_strdup(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	text = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

size_t
arena_used(const struct arena *arena)
{
	return arena->used;
}
