#include "record.h"

#include "store/counters.h"

int
record_event(struct store_txn *txn, const struct bounce *bounce, const struct verdict *verdict,
    uint64_t *sequence_r, const char **error_r)
{
	struct standing before, after;

	if (journal_append(txn, STORE_JOURNAL, bounce, verdict, sequence_r, error_r) == -1)
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
	if (standing_get(txn, bounce->recipient, &before, error_r) == -1)
		return -1;
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
