#include "watch/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define BUCKETS_FIRST 1024 /* a power of two */
#define KNOWN 4
#define LEARNED_MINUTES (8 * 24 * 60)
#define IDLE_MINUTES (25 * 60) /* longer than any window */

struct nodes {
	struct node **buckets;
	size_t bucket_count, count, bytes, bytes_most, reserved;
	struct node *newest, *oldest;
	uint64_t forgotten;
	/* Names of nodes_begin(). */
	struct {
		const char *text;
		uint64_t hash;
	} known[KNOWN];
	unsigned known_count;
	bool knowing;
};

static const size_t sizes[] = {
	[NODE_FLOW] = sizeof(struct flow), [NODE_CELL] = sizeof(struct cell),
	[NODE_GROUP] = sizeof(struct group),
};

static void *
zeroed(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		msg_out_of_memory();
	return memory;
}

struct nodes *
nodes_new(size_t bytes_most)
{
	struct nodes *nodes = zeroed(1, sizeof(*nodes));

	nodes->bytes_most = bytes_most;
	nodes->bucket_count = BUCKETS_FIRST;
	nodes->buckets = zeroed(BUCKETS_FIRST, sizeof(void *));
	return nodes;
}

/* --- how long ago it was touched ------------------------------------------- */

static void
unlink_age(struct nodes *nodes, struct node *node)
{
	*(node->newer != NULL ? &node->newer->older : &nodes->newest) = node->older;
	*(node->older != NULL ? &node->older->newer : &nodes->oldest) = node->newer;
}

static void
link_newest(struct nodes *nodes, struct node *node)
{
	node->newer = NULL;
	node->older = nodes->newest;
	*(nodes->newest != NULL ? &nodes->newest->newer : &nodes->oldest) = node;
	nodes->newest = node;
}

void
nodes_touch(struct nodes *nodes, struct node *node, int64_t minute)
{
	if (minute > node->touched)
		node->touched = minute;
	if (nodes->newest == node)
		return;
	unlink_age(nodes, node);
	link_newest(nodes, node);
}

/* --- coming and going ------------------------------------------------------ */

static size_t
bytes_of(const struct node *node)
{
	size_t bytes = node->bytes_least;
	const struct group *group = (const struct group *)node;
	const struct cell *cell = (const struct cell *)node;

	if (node->kind == NODE_CELL)
		bytes += distinct_bytes(&cell->recipients);
	for (unsigned i = 0; node->kind == NODE_GROUP && i < 2; i++) {
		if (group->evidence[i] != NULL)
			bytes += sizeof(*group->evidence[i]) + EVIDENCE_TEXT_BYTES;
	}
	return node->kind == NODE_GROUP ? bytes + distinct_bytes(&group->messages) +
	    group->headers_len : bytes;
}

void
nodes_account(struct nodes *nodes, struct node *node)
{
	size_t bytes = bytes_of(node);

	nodes->bytes = nodes->bytes - node->bytes + bytes;
	node->bytes = bytes;
}

void
nodes_join(struct cell *cell, struct group *group)
{
	if (cell->group != NULL)
		return;
	cell->group = group;
	cell->next = group->cells;
	group->cells = cell;
}

static void
leave_group(struct cell *cell)
{
	struct cell **at = &cell->group->cells;

	while (*at != cell)
		at = &(*at)->next;
	*at = cell->next;
}

static void
free_content(struct node *node)
{
	struct group *group = (struct group *)node;
	struct cell *cell = (struct cell *)node;

	if (node->kind == NODE_CELL) {
		distinct_free(&cell->recipients);
		free((char *)cell->name);
	}
	for (unsigned i = 0; node->kind == NODE_GROUP && i < 2; i++) {
		if (group->evidence[i] != NULL)
			evidence_free(group->evidence[i]);
		free(group->evidence[i]);
	}
	if (node->kind == NODE_GROUP) {
		distinct_free(&group->messages);
		free(group->headers);
	}
	free(node);
}

static void
remove_node(struct nodes *nodes, struct node *node)
{
	struct node **at = &nodes->buckets[node->hash >> 32 & (nodes->bucket_count - 1)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	unlink_age(nodes, node);
	if (node->kind == NODE_CELL && ((struct cell *)node)->group != NULL)
		leave_group((struct cell *)node);
	nodes->bytes -= node->bytes;
	nodes->count--;
	free_content(node);
}

/* A group with an open incident, or one that is about to be decided about, is
   needed; so is one that has cells. */
static bool
is_needed(const struct node *node)
{
	const struct group *group = (const struct group *)node;

	return node->kind == NODE_GROUP &&
	    (group->dirty || group->lives != NULL || group->cells != NULL);
}

/* What is usual in an hour is learned over a week. */
static bool
is_idle(const struct node *node, int64_t minute)
{
	bool learned = node->kind == NODE_CELL && ((const struct cell *)node)->usual > 0;

	return node->touched < minute - (learned ? LEARNED_MINUTES : IDLE_MINUTES);
}

void
nodes_reserve(struct nodes *nodes, size_t bytes)
{
	nodes->reserved = bytes;
}

void
nodes_sweep(struct nodes *nodes, int64_t minute)
{
	/* Those that are needed go to the front: look at each once at most. */
	for (size_t left = nodes->count; left > 0 && nodes->oldest != NULL; left--) {
		struct node *node = nodes->oldest;
		bool full = nodes->bytes + nodes->reserved > nodes->bytes_most, idle = is_idle(node, minute);

		if (!full && node->touched >= minute - IDLE_MINUTES)
			break;
		if (is_needed(node) || (!full && !idle)) {
			unlink_age(nodes, node);
			link_newest(nodes, node);
			continue;
		}
		nodes->forgotten += !idle;
		remove_node(nodes, node);
	}
}

void
nodes_free(struct nodes *nodes)
{
	struct node *node = nodes->oldest;

	while (node != NULL) {
		struct node *newer = node->newer;

		free_content(node);
		node = newer;
	}
	free(nodes->buckets);
	free(nodes);
}

/* --- finding --------------------------------------------------------------- */

void
nodes_begin(struct nodes *nodes)
{
	nodes->known_count = 0;
	nodes->knowing = true;
}

void
nodes_end(struct nodes *nodes)
{
	nodes->knowing = false;
}

static uint64_t
name_hash(struct nodes *nodes, const char *text)
{
	uint64_t hash;

	if (*text == '\0')
		return 0;
	for (unsigned i = 0; nodes->knowing && i < nodes->known_count; i++) {
		if (nodes->known[i].text == text)
			return nodes->known[i].hash;
	}
	hash = distinct_hash(text);
	if (nodes->knowing && nodes->known_count < KNOWN) {
		nodes->known[nodes->known_count].text = text;
		nodes->known[nodes->known_count++].hash = hash;
	}
	return hash;
}

static uint64_t
hash_of(struct nodes *nodes, enum node_kind kind, enum topic topic, const char *domain,
    const char *part)
{
	uint64_t hash = name_hash(nodes, domain) * 31 + name_hash(nodes, part);

	return (hash * 31 + (uint64_t)topic * 4 + kind) * 0x9ddfea08eb382d69u;
}

static void
grow(struct nodes *nodes)
{
	size_t count = nodes->bucket_count * 2;
	struct node **buckets = zeroed(count, sizeof(void *));

	for (struct node *node = nodes->oldest; node != NULL; node = node->newer) {
		struct node **at = &buckets[node->hash >> 32 & (count - 1)];

		node->next = *at;
		*at = node;
	}
	free(nodes->buckets);
	nodes->buckets = buckets;
	nodes->bucket_count = count;
}

static struct node *
make_node(struct nodes *nodes, enum node_kind kind, enum topic topic, const char *domain,
    const char *part, uint64_t hash)
{
	size_t domain_bytes = strlen(domain) + 1, part_bytes = strlen(part) + 1;
	struct node *node = zeroed(1, sizes[kind] + domain_bytes + part_bytes), **at;
	char *names = (char *)node + sizes[kind];

	if (nodes->count >= nodes->bucket_count)
		grow(nodes);
	node->kind = kind;
	node->topic = topic;
	node->domain = memcpy(names, domain, domain_bytes);
	node->part = memcpy(names + domain_bytes, part, part_bytes);
	node->hash = hash;
	node->bytes_least = sizes[kind] + domain_bytes + part_bytes;
	at = &nodes->buckets[hash >> 32 & (nodes->bucket_count - 1)];
	node->next = *at;
	*at = node;
	link_newest(nodes, node);
	nodes->count++;
	nodes_account(nodes, node);
	return node;
}

static struct node *
find(struct nodes *nodes, enum node_kind kind, enum topic topic, const char *domain,
    const char *part, int64_t minute, bool make)
{
	uint64_t hash = hash_of(nodes, kind, topic, domain, part);
	struct node *node = nodes->buckets[hash >> 32 & (nodes->bucket_count - 1)];

	while (node != NULL && (node->hash != hash || node->kind != kind || node->topic != topic ||
	    strcmp(node->part, part) != 0 || strcmp(node->domain, domain) != 0))
		node = node->next;
	if (node == NULL && make)
		node = make_node(nodes, kind, topic, domain, part, hash);
	if (node != NULL && make)
		nodes_touch(nodes, node, minute);
	return node;
}

struct flow *
nodes_flow(struct nodes *nodes, enum topic topic, const char *domain, const char *part,
    int64_t minute, bool make)
{
	return (struct flow *)find(nodes, NODE_FLOW, topic, domain, part, minute, make);
}

struct cell *
nodes_cell(struct nodes *nodes, enum topic topic, const char *domain, const char *part,
    int64_t minute, bool make)
{
	return (struct cell *)find(nodes, NODE_CELL, topic, domain, part, minute, make);
}

struct group *
nodes_group(struct nodes *nodes, enum topic topic, const char *domain, const char *part,
    int64_t minute, bool make)
{
	return (struct group *)find(nodes, NODE_GROUP, topic, domain, part, minute, make);
}

void
nodes_each(struct nodes *nodes, void (*each)(struct node *node, void *context), void *context)
{
	for (struct node *node = nodes->newest; node != NULL; node = node->older)
		each(node, context);
}

size_t
nodes_bytes(const struct nodes *nodes)
{
	return nodes->bytes;
}

uint64_t
nodes_count(const struct nodes *nodes)
{
	return nodes->count;
}

uint64_t
nodes_forgotten(const struct nodes *nodes)
{
	return nodes->forgotten;
}
