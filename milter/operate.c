#include "operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/address.h"
#include "store/cause.h"
#include "store/undo.h"

#define REASON_BYTES 80

/* What a person decides; the rest of the verdict is empty. */
static struct verdict
by_person(enum decision decision, enum category category, enum table_set table, int64_t until)
{
	struct verdict verdict;

	verdict_init(&verdict);
	verdict.category = category;
	verdict.proof = PROOF_OPERATOR;
	verdict.decision = decision;
	verdict.table = table;
	verdict.reason = "by command";
	verdict.until = until;
	return verdict;
}

/* One change, as an event of the operator's. */
static int
change(struct store_txn *txn, const char *address, const struct verdict *verdict,
    const char *reason, const char **error_r)
{
	return record_change(txn, SOURCE_OPERATOR, clock_now(), address, verdict, reason, error_r);
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
	const struct verdict verdict = by_person(DECISION_SUPPRESS, category, table,
	    end_of_term(config, category));
	struct standing standing;
	struct store_txn *txn;
	int ret;

	if (store_begin(store, &txn, error_r) == -1)
		return -1;
	ret = standing_get(txn, address, &standing, error_r);
	if (ret != -1 && standing.suppressed[table].event != 0)
		ret = 0;
	else if (ret != -1)
		ret = change(txn, address, &verdict, reason, error_r) == -1 ? -1 : 1;
	return finish(txn, ret, error_r);
}

/* End one entry, if there is one. Returns how many, or -1. */
static int
end_entry(struct store_txn *txn, const char *address, enum decision decision,
    enum table_set table, const struct standing_entry *entry, const char *reason,
    const char **error_r)
{
	const struct verdict verdict = by_person(decision, entry->category, table, 0);

	if (entry->event == 0)
		return 0;
	return change(txn, address, &verdict, reason, error_r) == -1 ? -1 : 1;
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

/* A batch that is being made. */
struct work {
	const struct config *config;
	const struct operate_query *query;
	const struct operate_command *command;
	struct operate_result *result;
	uint64_t takes_back; /* a batch; 0: it is about a query */
	struct provider provider; /* whom the query names */
	/* What was done in the transaction at hand. It is told when that has
	   ended: who listens may be slow, and nobody else could write. */
	struct done {
		const char *address;
		struct standing_entry entry;
	} *done;
	unsigned done_count;
};

static void
work_open(struct work *work)
{
	*work->result = (struct operate_result){ 0 };
	work->done = calloc((size_t)PAGES_ROWS * TABLE_SET_COUNT, sizeof(*work->done));
	if (work->done == NULL)
		msg_out_of_memory();
}

/* A page in one transaction, which writes unless nothing is to be changed. */
static int
page_begin(struct work *work, struct store *store, struct store_txn **txn_r,
    const char **error_r)
{
	work->done_count = 0;
	return work->command->dry_run ? store_begin_read(store, txn_r, error_r) :
	    store_begin(store, txn_r, error_r);
}

static int
page_end(struct work *work, struct store_txn *txn, int ret, const char **error_r)
{
	struct operate_result *result = work->result;

	if (ret == 0 && work->done_count > 0 && !work->command->dry_run)
		ret = store_commit(txn, error_r);
	else
		store_abort(txn);
	if (ret == 0) {
		for (unsigned i = 0; i < work->done_count; i++)
			work->command->each(work->done[i].address, &work->done[i].entry);
		result->changed += work->done_count;
	}
	if (result->changed == 0 || work->command->dry_run)
		result->batch = 0;
	return ret;
}

/* One change of the batch, told as one of this entry. */
static int
change_in_batch(struct work *work, struct store_txn *txn, const char *address,
    const struct verdict *decided, const struct standing_entry *entry, const char **error_r)
{
	uint64_t first, last, *batch = &work->result->batch;
	struct verdict verdict = *decided;
	char reason[REASON_BYTES];

	work->done[work->done_count++] = (struct done){ address, *entry };
	if (work->command->dry_run)
		return 0;
	if (*batch == 0) {
		if (journal_bounds(txn, STORE_JOURNAL, &first, &last, error_r) == -1)
			return -1;
		*batch = last + 1;
	}
	if (work->takes_back != 0)
		snprintf(reason, sizeof(reason), "by command, batch %llu, takes back batch %llu",
		    (unsigned long long)*batch, (unsigned long long)work->takes_back);
	else
		snprintf(reason, sizeof(reason), "by command, batch %llu",
		    (unsigned long long)*batch);
	verdict.batch = (int64_t)*batch;
	verdict.reason = reason;
	return change(txn, address, &verdict, work->command->reason, error_r);
}

/* The event that takes a table of an address from one state to another, which
   is printed to `becomes`. Nothing of its failures counts any more but those of
   that state. */
static struct verdict
become(const struct standing *now, const struct standing *then, enum table_set table,
    enum category category, struct buf *becomes)
{
	const struct standing_entry *suppressed = &then->suppressed[table];
	const struct standing_entry *held = &then->held[table];
	enum decision decision = DECISION_DISCARD;
	struct verdict verdict;

	if (suppressed->event != now->suppressed[table].event)
		decision = suppressed->event != 0 ? DECISION_SUPPRESS : DECISION_LIFT;
	else if (held->event != 0)
		decision = DECISION_HOLD;
	standing_print_part(then, table, category, becomes);
	verdict = by_person(decision, category, table, decision == DECISION_SUPPRESS ?
	    suppressed->until : decision == DECISION_HOLD ? held->until : 0);
	verdict.becomes = buf_cstr(becomes);
	return verdict;
}

struct provider
operate_provider(const struct config *config, const char *asked, struct arena *arena)
{
	struct provider provider;
	const char *domain;

	if (address_parse_domain(str_of(asked), arena, &domain) == 0)
		domain = "";
	provider = providers_find(config->providers, domain);
	provider.name = asked;
	return provider;
}

bool
operate_is_same(const struct provider *provider, const struct provider *asked)
{
	return strcmp(provider->domain, asked->domain) == 0 ||
	    str_iequal(str_of(provider->name), str_of(asked->name));
}

bool
operate_is_of(const struct config *config, const struct journal_event *event,
    const struct provider *asked)
{
	struct arena *arena = arena_new();
	struct provider said = providers_find(config->providers,
	    provider_of_bounce(&event->bounce, arena));
	bool is = event->bounce.source != SOURCE_OPERATOR && operate_is_same(&said, asked);

	arena_free(arena);
	return is;
}

static bool
rule_matches(struct str rule, struct str asked)
{
	if (asked.data[asked.len - 1] == '*')
		return str_equal(str_sub(rule, 0, asked.len - 1), str_sub(asked, 0, asked.len - 1));
	return str_equal(rule, asked);
}

/* Is it what that provider said, or what that rule made of it? */
static int
cause_matches(struct work *work, struct store_txn *txn, const struct standing_entry *entry,
    enum table_set table, const char **error_r)
{
	const char *rule = work->query->rule, *asked = work->query->provider;
	struct journal_event event;
	struct arena *arena;
	int ret;

	if (rule[0] == '\0' && asked[0] == '\0')
		return 1;
	arena = arena_new();
	ret = cause_find(txn, entry, table, arena, &event, error_r);
	if (ret == 0)
		work->result->unknown++;
	if (ret == 1 && rule[0] != '\0')
		ret = rule_matches(str_of(event.verdict.rule), str_of(rule));
	if (ret == 1 && asked[0] != '\0')
		ret = operate_is_of(work->config, &event, &work->provider);
	arena_free(arena);
	return ret;
}

/* Returns 1, 0, or -1. */
static int
matches(void *context, struct store_txn *txn, const struct standing_entry *entry,
    enum table_set table, const char **error_r)
{
	struct work *work = context;
	const struct operate_query *query = work->query;

	if (entry->event == 0 || (query->since != 0 && entry->since < query->since) ||
	    (query->until != 0 && entry->since >= query->until) ||
	    (!query->any_category && entry->category != query->category) ||
	    (work->command->action == OPERATE_UNDO && entry->category == CATEGORY_MANUAL))
		return 0;
	return cause_matches(work, txn, entry, table, error_r);
}

/* Release or discard what is held. */
static int
end_held(struct work *work, struct store_txn *txn, const char *address,
    const struct standing *standing, enum table_set table, const char **error_r)
{
	const struct standing_entry *held = &standing->held[table];
	bool release = work->command->action == OPERATE_RELEASE;
	struct verdict verdict = by_person(release ? DECISION_SUPPRESS : DECISION_DISCARD,
	    held->category, table, release ? end_of_term(work->config, held->category) : 0);
	int ret = matches(work, txn, held, table, error_r);

	if (ret != 1)
		return ret;
	return change_in_batch(work, txn, address, &verdict, held, error_r);
}

/* Go back to what a table of an address was before all that the query finds. */
static int
undo(struct work *work, struct store_txn *txn, const char *address,
    const struct standing *standing, enum table_set table, const char **error_r)
{
	const struct cause_question question = { matches, work };
	const struct standing_entry *gone = &standing->suppressed[table];
	struct standing then = *standing;
	struct buf becomes = { 0 };
	struct verdict verdict;
	int ret = cause_rewind(txn, &then, table, &question, error_r);

	if (ret != 1)
		return ret;
	if (gone->event == then.suppressed[table].event)
		gone = &standing->held[table];
	/* Who says that it was a mistake says that the mailbox is good. */
	then.failure_count = 0;
	verdict = become(standing, &then, table, gone->category, &becomes);
	ret = change_in_batch(work, txn, address, &verdict, gone, error_r);
	buf_free(&becomes);
	return ret;
}

/* One address: each of its entries that the query names. */
static int
act_on(struct work *work, struct store_txn *txn, const char *address, const char **error_r)
{
	struct standing standing;
	int ret = 0;

	if (work->query->address[0] != '\0' && strcmp(work->query->address, address) != 0)
		return 0;
	if (standing_get(txn, address, &standing, error_r) == -1)
		return -1;
	for (unsigned i = 0; ret == 0 && i < TABLE_SET_COUNT; i++)
		ret = work->command->action == OPERATE_UNDO ?
		    undo(work, txn, address, &standing, i, error_r) :
		    end_held(work, txn, address, &standing, i, error_r);
	return ret;
}

static int
act_on_page(struct work *work, struct store *store, const struct pages_row *rows,
    unsigned count, const char **error_r)
{
	struct store_txn *txn;
	int ret = 0;

	if (page_begin(work, store, &txn, error_r) == -1)
		return -1;
	for (unsigned i = 0; ret == 0 && i < count; i++) {
		struct standing standing;
		const char *address;

		if (standing_scan(&rows[i], &standing, &address) == 0)
			ret = act_on(work, txn, address, error_r);
	}
	return page_end(work, txn, ret, error_r);
}

int
operate_query(struct store *store, const struct config *config,
    const struct operate_query *query, const struct operate_command *command,
    struct operate_result *result_r, const char **error_r)
{
	struct arena *arena = arena_new();
	struct work work = { .config = config, .query = query, .command = command,
		.result = result_r, .provider = operate_provider(config, query->provider, arena) };
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	unsigned count;
	int ret;

	work_open(&work);
	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		if (act_on_page(&work, store, rows, count, error_r) == -1) {
			ret = -1;
			break;
		}
	}
	free(work.done);
	pages_free(pages);
	arena_free(arena);
	return ret;
}

static int
take_back(struct work *work, struct store_txn *txn, const struct undo_change *done,
    const char **error_r)
{
	struct standing now, then;
	const struct standing_entry *shown = &then.suppressed[done->table];
	struct buf becomes = { 0 };
	struct verdict verdict;
	int ret;

	if (done->taken_back || done->overtaken) {
		(*(done->overtaken ? &work->result->overtaken : &work->result->already))++;
		return 0;
	}
	if (standing_get(txn, done->address, &now, error_r) == -1)
		return -1;
	if (undo_state(done, &now, &then) == -1)
		return msg_failure(error_r, "event %llu of the journal is damaged",
		    (unsigned long long)done->sequence);
	verdict = become(&now, &then, done->table, done->category, &becomes);
	verdict.takes_back = (int64_t)done->sequence;
	if (shown->event == 0)
		shown = then.held[done->table].event != 0 ? &then.held[done->table] :
		    now.suppressed[done->table].event != 0 ? &now.suppressed[done->table] :
		    &now.held[done->table];
	ret = change_in_batch(work, txn, done->address, &verdict, shown, error_r);
	buf_free(&becomes);
	return ret;
}

static int
take_back_page(struct work *work, struct store *store, struct undo *undo, unsigned from,
    const char **error_r)
{
	struct store_txn *txn;
	const struct undo_change *changes;
	unsigned count;
	int ret;

	if (page_begin(work, store, &txn, error_r) == -1)
		return -1;
	/* What has come since: nobody else writes now. */
	while ((ret = undo_read(undo, txn, error_r)) == 1)
		;
	changes = undo_changes(undo, &count);
	for (unsigned i = from; ret == 0 && i < count && i < from + PAGES_ROWS; i++)
		ret = take_back(work, txn, &changes[i], error_r);
	return page_end(work, txn, ret, error_r);
}

/* Find what the batch did. Returns how much, or -1. */
static int
read_batch(struct store *store, struct undo *undo, const char **error_r)
{
	struct store_txn *txn;
	unsigned count;
	int ret;

	do {
		if (store_begin_read(store, &txn, error_r) == -1)
			return -1;
		ret = undo_read(undo, txn, error_r);
		store_abort(txn);
	} while (ret == 1);
	undo_changes(undo, &count);
	return ret == -1 ? -1 : (int)count;
}

int
operate_take_back(struct store *store, uint64_t batch, const struct operate_command *command,
    struct operate_result *result_r, const char **error_r)
{
	struct work work = { .command = command, .result = result_r, .takes_back = batch };
	struct undo *undo = undo_new(batch);
	int count, ret = 0;

	work_open(&work);
	count = read_batch(store, undo, error_r);
	result_r->pruned = undo_is_pruned(undo);
	if (count == 0)
		count = msg_failure(error_r, result_r->pruned ? "what batch %llu did was deleted "
		    "from the journal" : "there is no batch %llu", (unsigned long long)batch);
	for (int i = 0; ret == 0 && i < count; i += PAGES_ROWS)
		ret = take_back_page(&work, store, undo, (unsigned)i, error_r);
	free(work.done);
	undo_free(undo);
	return count == -1 ? -1 : ret;
}
