#include "parse/logqueue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define BUCKETS 16384 /* a power of two */
#define WAITING_SHARE 8 /* one message may fill this part of all memory */

struct logqueue {
	struct logqueue_message *buckets[BUCKETS];
	struct logqueue_message *newest, *oldest;
	size_t bytes, bytes_most;
};

struct logqueue *
logqueue_new(size_t bytes_most)
{
	struct logqueue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		msg_out_of_memory();
	queue->bytes_most = bytes_most;
	return queue;
}

/* Take a message out of the list of all, which is ordered by use. */
static void
unlink_message(struct logqueue *queue, struct logqueue_message *message)
{
	*(message->newer != NULL ? &message->newer->older : &queue->newest) = message->older;
	*(message->older != NULL ? &message->older->newer : &queue->oldest) = message->newer;
	message->newer = message->older = NULL;
}

static void
link_newest(struct logqueue *queue, struct logqueue_message *message)
{
	message->older = queue->newest;
	*(queue->newest != NULL ? &queue->newest->newer : &queue->oldest) = message;
	queue->newest = message;
}

void
logqueue_drop_waiting(struct logqueue *queue, struct logqueue_message *message)
{
	while (message->waiting != NULL) {
		struct logqueue_waiting *waiting = message->waiting;

		message->waiting = waiting->next;
		free(waiting);
	}
	queue->bytes -= message->waiting_bytes;
	message->bytes -= message->waiting_bytes;
	message->waiting_bytes = 0;
}

void
logqueue_drop(struct logqueue *queue, struct logqueue_message *message)
{
	struct logqueue_message **chain = &queue->buckets[message->hash % BUCKETS];

	while (*chain != message)
		chain = &(*chain)->chain;
	*chain = message->chain;
	unlink_message(queue, message);
	logqueue_drop_waiting(queue, message);
	queue->bytes -= message->bytes;
	free(message->key);
	free(message->sender);
	free(message->message_id);
	free(message->client);
	free(message->login);
	free(message);
}

void
logqueue_free(struct logqueue *queue)
{
	while (queue->oldest != NULL)
		logqueue_drop(queue, queue->oldest);
	free(queue);
}

/* The key is the three parts, one behind the other. */
static bool
has_key(const struct logqueue_message *message, const struct logline *line)
{
	const struct str parts[] = { line->queue_id, line->instance, line->host };
	const char *at = message->key;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if ((parts[i].len > 0 && strncmp(at, parts[i].data, parts[i].len) != 0) ||
		    at[parts[i].len] != '/')
			return false;
		at += parts[i].len + 1;
	}
	return true;
}

struct logqueue_message *
logqueue_find(struct logqueue *queue, const struct logline *line)
{
	struct logqueue_message *message = queue->buckets[line->hash % BUCKETS];

	while (message != NULL && (message->hash != line->hash || !has_key(message, line)))
		message = message->chain;
	if (message != NULL && message != queue->newest) {
		unlink_message(queue, message);
		link_newest(queue, message);
	}
	return message;
}

static void
make_room(struct logqueue *queue, const struct logqueue_message *keep)
{
	while (queue->bytes > queue->bytes_most && queue->oldest != keep)
		logqueue_drop(queue, queue->oldest);
}

struct logqueue_message *
logqueue_get(struct logqueue *queue, const struct logline *line)
{
	struct logqueue_message *message = logqueue_find(queue, line);

	if (message != NULL)
		return message;
	message = calloc(1, sizeof(*message));
	if (message == NULL || asprintf(&message->key, "%.*s/%.*s/%.*s/", STR_ARGS(line->queue_id),
		STR_ARGS(line->instance), STR_ARGS(line->host)) == -1)
		msg_out_of_memory();
	message->hash = line->hash;
	message->chain = queue->buckets[message->hash % BUCKETS];
	queue->buckets[message->hash % BUCKETS] = message;
	message->bytes = sizeof(*message) + strlen(message->key) + 1;
	queue->bytes += message->bytes;
	link_newest(queue, message);
	make_room(queue, message);
	return message;
}

struct logqueue_message *
logqueue_renew(struct logqueue *queue, const struct logline *line)
{
	struct logqueue_message *old = logqueue_find(queue, line);

	if (old != NULL)
		logqueue_drop(queue, old);
	return logqueue_get(queue, line);
}

void
logqueue_set(struct logqueue *queue, struct logqueue_message *message, char **text,
    struct str value, size_t most)
{
	size_t before = *text == NULL ? 0 : strlen(*text) + 1;

	free(*text);
	/* A slice without bytes may point nowhere. */
	*text = strndup(value.len == 0 ? "" : value.data, value.len < most ? value.len : most);
	if (*text == NULL)
		msg_out_of_memory();
	message->bytes += strlen(*text) + 1 - before;
	queue->bytes += strlen(*text) + 1 - before;
	make_room(queue, message);
}

/* The same recipients again: what was said before is of no use any more. */
static void
forget_waiting(struct logqueue *queue, struct logqueue_message *message, uint64_t recipients)
{
	struct logqueue_waiting **at = &message->waiting;
	struct logqueue_waiting *waiting;
	size_t bytes;

	while (*at != NULL && (*at)->recipients != recipients)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	waiting = *at;
	bytes = sizeof(*waiting) + waiting->len;
	*at = waiting->next;
	free(waiting);
	message->waiting_bytes -= bytes;
	message->bytes -= bytes;
	queue->bytes -= bytes;
}

void
logqueue_keep(struct logqueue *queue, const struct logline *line, struct str whole)
{
	struct logqueue_message *message = logqueue_get(queue, line);
	uint64_t recipients = logline_hash(LOGLINE_HASH_BEGIN, line->recipients);
	struct logqueue_waiting *waiting;
	size_t bytes = sizeof(*waiting) + whole.len;

	/* Postfix tells when a new round begins; Sendmail does not. */
	if (line->is_sendmail)
		forget_waiting(queue, message, recipients);
	if (message->waiting_bytes + bytes > queue->bytes_most / WAITING_SHARE)
		return;
	waiting = malloc(bytes);
	if (waiting == NULL)
		msg_out_of_memory();
	waiting->next = message->waiting;
	waiting->recipients = recipients;
	waiting->len = whole.len;
	memcpy(waiting->line, whole.data, whole.len);
	message->waiting = waiting;
	message->waiting_bytes += bytes;
	message->bytes += bytes;
	queue->bytes += bytes;
	make_room(queue, message);
}
