/*
 * logqueue: the messages that are in the MTA's queue, as far as its log told:
 * for each queue id what later lines refer to. Memory is bounded: the message
 * that was quiet for longest makes room.
 */
#ifndef PARSE_LOGQUEUE_H
#define PARSE_LOGQUEUE_H

#include <stddef.h>

#include "parse/logline.h"

/* A delivery line that may matter when the message expires. */
struct logqueue_waiting {
	struct logqueue_waiting *next;
	uint64_t recipients; /* hash of those it names */
	size_t len;
	char line[];
};

/* All strings are the message's own; NULL is not known. */
struct logqueue_message {
	char *sender, *message_id, *client, *login;
	unsigned recipient_count;         /* 0 if not known */
	struct logqueue_waiting *waiting; /* the newest first */
	/* The queue's own. */
	struct logqueue_message *chain, *newer, *older;
	uint64_t hash;
	char *key;
	size_t bytes, waiting_bytes;
};

struct logqueue;

struct logqueue *logqueue_new(size_t bytes_most);
void logqueue_free(struct logqueue *queue);

/* The message of this line's queue id. A message is valid until the next call
   that may make room for another. Returns NULL if it is not known. */
struct logqueue_message *logqueue_find(struct logqueue *queue, const struct logline *line);

/* The same, made if need be; and one that begins: whatever was known by this
   queue id is of an older message. */
struct logqueue_message *logqueue_get(struct logqueue *queue, const struct logline *line);
struct logqueue_message *logqueue_renew(struct logqueue *queue, const struct logline *line);

void logqueue_drop(struct logqueue *queue, struct logqueue_message *message);

/* Set one of its strings, to at most `most` bytes. */
void logqueue_set(struct logqueue *queue, struct logqueue_message *message, char **text,
    struct str value, size_t most);

/* Keep a delivery line, the whole of it, in the place of an earlier one for the
   same recipients; and drop them all. */
void logqueue_keep(struct logqueue *queue, const struct logline *line, struct str whole);
void logqueue_drop_waiting(struct logqueue *queue, struct logqueue_message *message);

#endif
