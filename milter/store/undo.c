#include "store/undo.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

/* A change, and its place in the list. */
struct node {
	const char *address;
	enum table_set table;
	unsigned index;
};

struct undo {
	uint64_t batch;
	uint64_t next; /* sequence of the event to read next */
	bool pruned;
	struct arena *arena;
	void *tree; /* of nodes, which are in the arena */
	struct undo_change *changes;
	unsigned count, size;
};

struct undo *
undo_new(uint64_t batch)
{
	struct undo *undo = calloc(1, sizeof(*undo));

	if (undo == NULL)
		msg_out_of_memory();
	undo->batch = undo->next = batch;
	undo->arena = arena_new();
	return undo;
}

static void
keep_node(void *node)
{
	(void)node;
}

void
undo_free(struct undo *undo)
{
	tdestroy(undo->tree, keep_node);
	arena_free(undo->arena);
	free(undo->changes);
	free(undo);
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node *left = a, *right = b;
	int order = strcmp(left->address, right->address);

	return order != 0 ? order : (int)left->table - (int)right->table;
}

static struct undo_change *
find_change(const struct undo *undo, const char *address, enum table_set table)
{
	const struct node key = { .address = address, .table = table };
	struct node *const *node = tfind(&key, &undo->tree, compare_nodes);

	return node == NULL ? NULL : &undo->changes[(*node)->index];
}

static void
add_change(struct undo *undo, const struct journal_event *event)
{
	struct node *node = arena_alloc(undo->arena, sizeof(*node));

	if (undo->count == undo->size) {
		undo->size = undo->size == 0 ? UNDO_EVENTS : undo->size * 2;
		undo->changes = reallocarray(undo->changes, undo->size, sizeof(*undo->changes));
		if (undo->changes == NULL)
			msg_out_of_memory();
	}
	node->address = arena_strdup(undo->arena, str_of(event->bounce.recipient));
	node->table = event->verdict.table;
	node->index = undo->count++;
	if (tsearch(node, &undo->tree, compare_nodes) == NULL)
		msg_out_of_memory();
	undo->changes[node->index] = (struct undo_change){
		.address = node->address, .table = node->table,
		.category = event->verdict.category, .sequence = event->sequence,
		.was = arena_strdup(undo->arena, str_of(event->verdict.was)),
	};
}

static bool
changes_entries(enum decision decision)
{
	return decision == DECISION_SUPPRESS || decision == DECISION_HOLD ||
	    decision == DECISION_LIFT || decision == DECISION_DISCARD;
}

/* What a later event means for a change: that it is overtaken; or that it is taken
   back, or that this was taken back in its turn, and so on: as long as a change is
   not overtaken, whatever else came is of that chain. */
static void
note_later(struct undo_change *change, const struct journal_event *event)
{
	if (change == NULL)
		return;
	if ((uint64_t)event->verdict.takes_back >= change->sequence)
		change->taken_back = !change->taken_back;
	else
		change->overtaken = true;
}

static void
note_event(struct undo *undo, const struct journal_event *event)
{
	const char *address = event->bounce.recipient;
	struct undo_change *change;

	if (event->verdict.decision == DECISION_RESET) {
		for (unsigned i = 0; i < TABLE_SET_COUNT; i++)
			note_later(find_change(undo, address, i), event);
	}
	if (!changes_entries(event->verdict.decision))
		return;
	change = find_change(undo, address, event->verdict.table);
	if ((uint64_t)event->verdict.batch == undo->batch && change == NULL)
		add_change(undo, event);
	else
		note_later(change, event);
}

/* Go on behind what was deleted. */
static int
skip_pruned(struct undo *undo, struct store_txn *txn, const char **error_r)
{
	uint64_t first, last;

	if (journal_bounds(txn, STORE_JOURNAL, &first, &last, error_r) == -1)
		return -1;
	if (undo->next < first) {
		undo->pruned = true;
		undo->next = first;
	}
	return 0;
}

int
undo_read(struct undo *undo, struct store_txn *txn, const char **error_r)
{
	struct arena *arena = arena_new();
	int ret = skip_pruned(undo, txn, error_r);

	for (unsigned i = 0; ret != -1 && i < UNDO_EVENTS; i++) {
		struct journal_event event;

		ret = journal_get(txn, STORE_JOURNAL, undo->next, arena, &event, error_r);
		if (ret != 1)
			break;
		note_event(undo, &event);
		undo->next++;
	}
	arena_free(arena);
	return ret;
}

const struct undo_change *
undo_changes(const struct undo *undo, unsigned *count_r)
{
	*count_r = undo->count;
	return undo->changes;
}

int
undo_state(const struct undo_change *change, const struct standing *now,
    struct standing *then_r)
{
	if (standing_scan_text(str_of(change->was), then_r) == -1)
		return -1;
	for (unsigned i = 0; i < now->failure_count; i++) {
		const struct standing_failure *failure = &now->failures[i];

		if (failure->category == change->category &&
		    failure->failure.event > change->sequence &&
		    then_r->failure_count < POLICY_HISTORY_MOST)
			then_r->failures[then_r->failure_count++] = *failure;
	}
	return 0;
}

bool
undo_is_pruned(const struct undo *undo)
{
	return undo->pruned;
}
