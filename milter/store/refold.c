#include "store/refold.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "store/journal.h"
#include "store/standing.h"

/* The standings as the journal makes them: a tree of address and text form. */
struct refolded {
	char *address;
	struct buf text;
	bool compared;
};

static int
by_address(const void *a, const void *b)
{
	return strcmp(((const struct refolded *)a)->address,
	    ((const struct refolded *)b)->address);
}

static void
refolded_free(void *node)
{
	struct refolded *refolded = node;

	buf_free(&refolded->text);
	free(refolded->address);
	free(refolded);
}

/* The node of an address, made if need be. */
static struct refolded *
refolded_get(void **tree, const char *address)
{
	struct refolded key = { .address = (char *)address }, *fresh;
	void **node = tfind(&key, tree, by_address);

	if (node != NULL)
		return *node;
	fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL || (fresh->address = strdup(address)) == NULL ||
	    tsearch(fresh, tree, by_address) == NULL)
		msg_out_of_memory();
	return fresh;
}

static void
refold_event(void **tree, const struct journal_event *event)
{
	struct refolded *refolded;
	struct standing standing;

	if (event->bounce.recipient[0] == '\0')
		return;
	refolded = refolded_get(tree, event->bounce.recipient);
	standing_scan_text(buf_str(&refolded->text), &standing);
	standing_fold(&standing, event->sequence, &event->bounce, &event->verdict);
	buf_clear(&refolded->text);
	standing_print(&standing, &refolded->text);
}

/* Fold the whole journal. Returns 1, 0 if its beginning was pruned, -1. */
static int
refold(struct store *store, void **tree, const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_JOURNAL, STR_EMPTY);
	const struct pages_row *rows;
	bool complete = true, first = true;
	unsigned count;
	int ret;

	while (complete && (ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		struct arena *arena = arena_new();

		for (unsigned i = 0; complete && i < count; i++) {
			struct journal_event event;

			if (journal_scan(&rows[i], arena, &event) == -1)
				continue;
			if (first && event.sequence != 1)
				complete = false;
			else
				refold_event(tree, &event);
			first = false;
		}
		arena_free(arena);
	}
	pages_free(pages);
	return !complete ? 0 : ret == -1 ? -1 : 1;
}

/* What remains to be said after all standings were compared. */
struct leftover {
	void (*differs)(const char *address);
	int count;
};

/* A node that no standing was compared with: the standing is missing. */
static void
note_leftover(const void *node, VISIT visit, void *context)
{
	const struct refolded *refolded = *(const struct refolded *const *)node;
	struct leftover *leftover = context;

	if ((visit == postorder || visit == leaf) && !refolded->compared) {
		leftover->differs(refolded->address);
		leftover->count++;
	}
}

/* The failures without their events, as an earlier version wrote them. */
static void
print_without_events(struct str text, struct buf *out)
{
	struct standing standing;

	standing_scan_text(text, &standing);
	for (unsigned i = 0; i < standing.failure_count; i++)
		standing.failures[i].failure.event = 0;
	standing_print(&standing, out);
}

static bool
is_same_standing(struct str refolded, struct str stored)
{
	struct buf a = { 0 }, b = { 0 };
	bool same = str_equal(refolded, stored);

	if (!same) {
		print_without_events(refolded, &a);
		print_without_events(stored, &b);
		same = str_equal(buf_str(&a), buf_str(&b)) &&
		    memchr(stored.data, '/', stored.len) == NULL;
	}
	buf_free(&a);
	buf_free(&b);
	return same;
}

int
refold_compare(struct store *store, bool *complete_r, void (*differs)(const char *address),
    const char **error_r)
{
	struct pages *pages;
	const struct pages_row *rows;
	struct leftover leftover = { .differs = differs };
	void *tree = NULL;
	unsigned count;
	int wrong = 0, ret = refold(store, &tree, error_r);

	*complete_r = ret == 1;
	pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	while (ret == 1 && (ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++) {
			struct refolded *refolded;
			struct standing standing;
			const char *address = "?";

			if (standing_scan(&rows[i], &standing, &address) == 0) {
				refolded = refolded_get(&tree, address);
				refolded->compared = true;
				if (is_same_standing(buf_str(&refolded->text), rows[i].value))
					continue;
			}
			differs(address);
			wrong++;
		}
	}
	pages_free(pages);
	if (ret == 0 && *complete_r)
		twalk_r(tree, note_leftover, &leftover);
	wrong += leftover.count;
	tdestroy(tree, refolded_free);
	return ret == -1 ? -1 : wrong;
}
