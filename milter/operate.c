#include "operate.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"

/* One change, as an event of the operator's. */
static int
change(struct store_txn *txn, const char *address, enum decision decision,
    enum category category, enum table_set table, int64_t until, const char *reason,
    const char **error_r)
{
	struct verdict verdict;

	verdict_init(&verdict);
	verdict.category = category;
	verdict.proof = PROOF_OPERATOR;
	verdict.decision = decision;
	verdict.table = table;
	verdict.reason = "by command";
	verdict.until = until;
	return record_change(txn, SOURCE_OPERATOR, clock_now(), address, &verdict, reason, error_r);
}

/* End a transaction by the answer of what was done in it; passes it on. */
static int
finish(struct store_txn *txn, int ret, const char **error_r)
{
	if (ret > 0)
		return store_commit(txn, error_r) == -1 ? -1 : ret;
	store_abort(txn);
	return ret;
}

static int64_t
end_of_term(const struct config *config, enum category category)
{
	int64_t term = config->policy.categories[category].term_sec;

	return term == 0 ? 0 : clock_now() + term;
}

int
operate_add(struct store *store, const struct config *config, const char *address,
    enum category category, const char *reason, const char **error_r)
{
	enum table_set table = config->policy.categories[category].table;
	struct standing standing;
	struct store_txn *txn;
	int ret;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	ret = standing_get(txn, address, &standing, error_r);
	if (ret != -1 && standing.suppressed[table].event != 0)
		ret = 0;
	else if (ret != -1)
		ret = change(txn, address, DECISION_SUPPRESS, category, table,
		    end_of_term(config, category), reason, error_r) == -1 ? -1 : 1;
	return finish(txn, ret, error_r);
}

/* End one entry, if there is one. Returns how many, or -1. */
static int
end_entry(struct store_txn *txn, const char *address, enum decision decision,
    enum table_set table, const struct standing_entry *entry, const char *reason,
    const char **error_r)
{
	if (entry->event == 0)
		return 0;
	return change(txn, address, decision, entry->category, table, 0, reason, error_r) == -1 ?
	    -1 : 1;
}

int
operate_remove(struct store *store, const char *address, const char *reason,
    const char **error_r)
{
	struct standing standing;
	struct store_txn *txn;
	int lifted = 0, discarded = 0, count = 0;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	if (standing_get(txn, address, &standing, error_r) == -1)
		return finish(txn, -1, error_r);
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		lifted = end_entry(txn, address, DECISION_LIFT, i, &standing.suppressed[i], reason,
		    error_r);
		if (lifted != -1)
			discarded = end_entry(txn, address, DECISION_DISCARD, i, &standing.held[i],
			    reason, error_r);
		if (lifted == -1 || discarded == -1)
			return finish(txn, -1, error_r);
		count += lifted + discarded;
	}
	return finish(txn, count, error_r);
}

static bool
matches(const struct operate_query *query, const char *address,
    const struct standing_entry *entry)
{
	return entry->event != 0 && (query->since == 0 || entry->since >= query->since) &&
	    (query->until == 0 || entry->since < query->until) &&
	    (query->any_category || entry->category == query->category) &&
	    (query->address[0] == '\0' || strcmp(query->address, address) == 0);
}

/* What operate_query() was asked to do. */
struct work {
	const struct config *config;
	const struct operate_query *query;
	enum operate_action action;
	bool dry_run;
	const char *reason;
	/* What was done in the transaction at hand. It is told when that has
	   ended: who listens may be slow, and nobody else could write. */
	struct done {
		const char *address; /* of the page */
		struct standing_entry entry;
	} *done;
	unsigned done_count;
};

/* One address: each of its entries that the query names. Returns how many. */
static int
act_on(struct work *work, struct store_txn *txn, const char *address,
    const char **error_r)
{
	static const enum decision decisions[] = {
		[OPERATE_RELEASE] = DECISION_SUPPRESS, [OPERATE_DISCARD] = DECISION_DISCARD,
		[OPERATE_UNDO] = DECISION_LIFT,
	};
	struct standing standing;
	int count = 0;

	if (standing_get(txn, address, &standing, error_r) == -1)
		return -1;
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		const struct standing_entry *entry = work->action == OPERATE_UNDO ?
		    &standing.suppressed[i] : &standing.held[i];

		if (!matches(work->query, address, entry) ||
		    (work->action == OPERATE_UNDO && entry->category == CATEGORY_MANUAL))
			continue;
		work->done[work->done_count++] = (struct done){ address, *entry };
		count++;
		if (!work->dry_run && change(txn, address, decisions[work->action],
			entry->category, i, work->action == OPERATE_RELEASE ?
			end_of_term(work->config, entry->category) : 0, work->reason,
			error_r) == -1)
			return -1;
	}
	return count;
}

/* A page of addresses in one transaction. Returns how many were acted on. */
static int
act_on_page(struct work *work, struct store *store, const struct pages_row *rows,
    unsigned count, const char **error_r)
{
	struct store_txn *txn;
	int total = 0, ret;

	if (work->dry_run)
		ret = store_begin_read(store, &txn, error_r);
	else
		ret = store_begin(store, &txn, error_r);
	if (ret == -1)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		struct standing standing;
		const char *address;

		if (standing_scan(&rows[i], &standing, &address) == -1)
			continue;
		ret = act_on(work, txn, address, error_r);
		if (ret == -1)
			return finish(txn, -1, error_r);
		total += ret;
	}
	if (!work->dry_run)
		return finish(txn, total, error_r);
	store_abort(txn);
	return total;
}

int
operate_query(struct store *store, const struct config *config,
    const struct operate_query *query, enum operate_action action, bool dry_run,
    const char *reason,
    void (*each)(const char *address, const struct standing_entry *entry), const char **error_r)
{
	struct work work = { config, query, action, dry_run, reason, NULL, 0 };
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	unsigned count;
	int total = 0, ret;

	work.done = calloc((size_t)PAGES_ROWS * TABLE_SET_COUNT, sizeof(*work.done));
	if (work.done == NULL)
		msg_out_of_memory();
	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		work.done_count = 0;
		ret = act_on_page(&work, store, rows, count, error_r);
		if (ret == -1)
			break;
		for (unsigned i = 0; i < work.done_count; i++)
			each(work.done[i].address, &work.done[i].entry);
		total += ret;
	}
	free(work.done);
	pages_free(pages);
	return ret == -1 ? -1 : total;
}

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
operate_verify(struct store *store, bool *complete_r, void (*differs)(const char *address),
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
