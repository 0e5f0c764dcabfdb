#include "record.h"

#include "store/counters.h"

/* Does the event change an entry that there is, or belong to a batch? */
static bool
keeps_what_was(const struct verdict *verdict, const struct standing *before)
{
	enum decision decision = verdict->decision;

	return (decision == DECISION_SUPPRESS || decision == DECISION_HOLD ||
		decision == DECISION_LIFT || decision == DECISION_DISCARD) &&
	    (verdict->batch != 0 || before->suppressed[verdict->table].event != 0 ||
		before->held[verdict->table].event != 0);
}

static int
append_event(struct store_txn *txn, const struct bounce *bounce, const struct verdict *verdict,
    const struct standing *before, uint64_t *sequence_r, const char **error_r)
{
	struct verdict whole = *verdict;
	struct buf was = { 0 };
	int ret;

	if (keeps_what_was(verdict, before)) {
		standing_print_part(before, verdict->table, verdict->category, &was);
		whole.was = buf_cstr(&was);
	}
	ret = journal_append(txn, STORE_JOURNAL, bounce, &whole, sequence_r, error_r);
	buf_free(&was);
	return ret;
}

int
record_event(struct store_txn *txn, const struct bounce *bounce, const struct verdict *verdict,
    uint64_t *sequence_r, const char **error_r)
{
	struct standing before = { 0 }, after;

	if (bounce->recipient[0] != '\0' &&
	    standing_get(txn, bounce->recipient, &before, error_r) == -1)
		return -1;
	if (append_event(txn, bounce, verdict, &before, sequence_r, error_r) == -1)
		return -1;
	/* A delivery has no category. */
	if (bounce->outcome != OUTCOME_DELIVERED && counters_add(txn, "events_total", "category", category_name(verdict->category), 1,
		error_r) == -1)
		return -1;
	if (counters_add(txn, "decisions_total", "decision",
		words_name(&decision_words, verdict->decision), 1, error_r) == -1)
		return -1;
	if (bounce->recipient[0] == '\0')
		return 0;
	after = before;
	standing_fold(&after, *sequence_r, bounce, verdict);
	return standing_put(txn, bounce->recipient, &before, &after, error_r);
}

int
record_change(struct store_txn *txn, enum source source, int64_t now, const char *address,
    const struct verdict *verdict, const char *reason, const char **error_r)
{
	struct bounce bounce;
	uint64_t sequence;

	bounce_init(&bounce);
	bounce.time = now;
	bounce.source = source;
	bounce.recipient = address;
	bounce.text = reason;
	return record_event(txn, &bounce, verdict, &sequence, error_r);
}
