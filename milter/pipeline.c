#include "pipeline_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/address.h"
#include "pipeline_incident.h"
#include "record.h"
#include "store/brake.h"
#include "store/breaker.h"
#include "store/counters.h"
#include "store/rates.h"
#include "watch/provider.h"
#include "watch/telling.h"

#define WATCH_AGAIN_SEC 3600 /* a message that is tried again is news after this */
#define REPORTER_SEC (30 * (int64_t)CLOCK_DAY_SEC)
#define WORD_BYTES 96

int
pipeline_new(const struct pipeline_parts *parts, struct pipeline **pipeline_r,
    const char **error_r)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (pipeline == NULL)
		msg_out_of_memory();
	pipeline->parts = *parts;
	pipeline->waiting_tail = &pipeline->waiting;
	pthread_mutex_init(&pipeline->waiting_lock, NULL);
	patience_init(&pipeline->patience);
	if (seen_open(parts->store, &pipeline->seen, error_r) == -1) {
		free(pipeline);
		return -1;
	}
	pipeline->foreign = foreign_new();
	pipeline->campaigns = campaigns_new();
	pthread_mutex_init(&pipeline->keeping.lock, NULL);
	pipeline->watch_base_msec = clock_now_msec() - clock_monotonic_msec();
	pipeline->later = later_new(pipeline_judge_later, pipeline);
	*pipeline_r = pipeline;
	return 0;
}

void
pipeline_free(struct pipeline *pipeline)
{
	later_free(pipeline->later);
	seen_close(&pipeline->seen);
	foreign_free(pipeline->foreign);
	campaigns_free(pipeline->campaigns);
	pipeline_incident_free(pipeline);
	pthread_mutex_destroy(&pipeline->waiting_lock);
	patience_destroy(&pipeline->patience);
	free(pipeline);
}

/* What a failure of this message is known by. A message may be deferred for one
   reason today and for another one tomorrow: each is a failure. */
static int
make_keys(const struct pipeline *pipeline, const struct bounce *bounce, enum outcome outcome,
    enum category category, struct seen_keys *keys_r, const char **error_r)
{
	char word[WORD_BYTES];

	snprintf(word, sizeof(word), "%s%s%s", words_name(&outcome_words, outcome),
	    outcome == OUTCOME_DEFERRED ? "/" : "",
	    outcome == OUTCOME_DEFERRED ? category_name(category) : "");
	return seen_make(&pipeline->seen, bounce, word, keys_r, error_r);
}

bool
pipeline_is_alert(const struct config *config, const struct bounce *bounce)
{
	return config->alert_mail[0] != '\0' &&
	    strcmp(bounce->recipient, config->alert_mail) == 0 &&
	    strncmp(bounce->message_id, TELLING_MESSAGE_ID, strlen(TELLING_MESSAGE_ID)) == 0;
}

int
pipeline_is_known(struct pipeline *pipeline, struct store_txn *txn, const struct bounce *bounce,
    const struct verdict *verdict, const char **error_r)
{
	struct seen_keys keys;
	struct seen_row row;

	if (make_keys(pipeline, bounce, bounce->outcome, verdict->category, &keys, error_r) == -1)
		return -1;
	return seen_find(txn, &keys, &row, error_r);
}

static void
read_history(const struct standing *standing, enum category category,
    struct policy_history *history)
{
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++)
		history->suppressed[i] = standing->suppressed[i].event != 0;
	for (unsigned i = 0; i < standing->failure_count; i++) {
		if (standing->failures[i].category == category &&
		    history->count < POLICY_HISTORY_MOST)
			history->failures[history->count++] = standing->failures[i].failure;
	}
}

/* Was it made by this event, or by the promotion that directly follows it? */
static bool
is_by(uint64_t event, uint64_t first)
{
	return event != 0 && (event == first || event == first + 1);
}

/* Where the words of a later report show that the first was misread, what
   followed from that is lifted. */
static int
lift_misread(struct pipeline_work *work, struct store_txn *txn, const struct bounce *bounce,
    const struct verdict *verdict, uint64_t first, const char **error_r)
{
	enum action action = work->config->policy.categories[verdict->category].action;
	struct verdict lift = *verdict;
	struct standing standing;

	if (verdict->category == CATEGORY_UNKNOWN ||
	    (action != ACTION_COUNT && action != ACTION_ALERT))
		return 0;
	if (standing_get(txn, bounce->recipient, &standing, error_r) == -1)
		return -1;
	lift.reason = "a later report has other words";
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		bool held = is_by(standing.held[i].event, first);

		if (!held && !is_by(standing.suppressed[i].event, first))
			continue;
		lift.decision = held ? DECISION_DISCARD : DECISION_LIFT;
		lift.table = i;
		work->publish = true;
		return record_change(txn, bounce->source, bounce->time, bounce->recipient, &lift,
		    bounce->text, error_r);
	}
	return 0;
}

/*
 * The failure was reported before: the first report acted, this one does not.
 * But it may know more names of the message, and what goes on for an hour is
 * news to the watch.
 */
static int
repeated_bounce(struct pipeline_work *work, struct store_txn *txn, const struct bounce *bounce,
    const struct verdict *verdict, const struct seen_keys *keys, const struct seen_row *first,
    bool *watch_r, const char **error_r)
{
	bool retry = bounce->outcome == OUTCOME_DEFERRED;
	struct seen_keys known = *keys;

	if (counters_add(txn, retry ? "retries_total" : "repeated_reports_total", "", "", 1,
		error_r) == -1)
		return -1;
	if (retry && bounce->time - first->time < WATCH_AGAIN_SEC)
		return 0;
	*watch_r = retry;
	/* What is no retry keeps its time: it shall be forgotten some day. */
	if (!retry)
		known.time = first->time;
	if (seen_put(txn, &known, first->sequence, error_r) == -1)
		return -1;
	return lift_misread(work, txn, bounce, verdict, first->sequence, error_r);
}

/* A message that was deferred for the same reason counts once: when that
   deferral did count, and still does. */
static int
note_deferral(struct pipeline *pipeline, struct store_txn *txn, const struct verdict *verdict,
    const struct standing *standing, struct bounce *bounce, const char **error_r)
{
	struct seen_keys keys;
	struct seen_row row;
	int ret;

	if (bounce->outcome == OUTCOME_DEFERRED)
		return 0;
	if (make_keys(pipeline, bounce, OUTCOME_DEFERRED, verdict->category, &keys, error_r) == -1)
		return -1;
	ret = seen_find(txn, &keys, &row, error_r);
	for (unsigned i = 0; ret == 1 && i < standing->failure_count; i++)
		bounce->again |= standing->failures[i].failure.event == row.sequence;
	return ret == -1 ? -1 : 0;
}

/* A bounce or complaint about mail that left us. */
static int
count_rate(const struct policy *policy, struct store_txn *txn, const struct bounce *bounce,
    const char **error_r)
{
	const char *kind = bounce->outcome == OUTCOME_COMPLAINT ? RATES_COMPLAINTS : RATES_BOUNCED;
	struct arena *arena;
	int ret;

	if (bounce->outcome == OUTCOME_DEFERRED || !policy_is_outbound(policy, bounce))
		return 0;
	arena = arena_new();
	ret = rates_add(txn, bounce->time, provider_of_sender(bounce->sender, arena),
	    provider_of_bounce(bounce, arena), kind, 1, error_r);
	arena_free(arena);
	return ret;
}

/* "3 messages on 3 days: events 12, 40, 77" */
static void
print_promotion(const struct policy_category *category, const struct policy_history *history,
    const struct bounce *bounce, uint64_t sequence, struct buf *out)
{
	unsigned count = bounce->again ? 0 : 1, comma = 0;

	for (unsigned i = 0; i < history->count; i++)
		count += history->counted[i];
	buf_printf(out, "%u %s%s: events", count, words_name(&unit_words, category->unit),
	    count == 1 ? "" : "s");
	for (unsigned i = 0; i < history->count; i++) {
		if (history->counted[i])
			buf_printf(out, "%s %llu", comma++ > 0 ? "," : "",
			    (unsigned long long)history->failures[i].event);
	}
	if (!bounce->again)
		buf_printf(out, "%s %llu", comma > 0 ? "," : "", (unsigned long long)sequence);
}

/*
 * It takes several failures to suppress: then that is an event of its own,
 * which names them. Each of them stays what it was.
 */
static int
promote(struct pipeline_work *work, struct store_txn *txn, const struct bounce *bounce,
    struct verdict *verdict, const struct policy_history *history, uint64_t *sequence_r,
    const char **error_r)
{
	struct verdict promotion = *verdict;
	struct buf text = { 0 };
	int ret;

	verdict->decision = DECISION_COUNT;
	verdict->until = 0;
	if (record_event(txn, bounce, verdict, sequence_r, error_r) == -1)
		return -1;
	print_promotion(&work->config->policy.categories[verdict->category], history, bounce,
	    *sequence_r, &text);
	ret = record_change(txn, SOURCE_THRESHOLD, bounce->time, bounce->recipient, &promotion,
	    buf_cstr(&text), error_r);
	buf_free(&text);
	verdict->decision = promotion.decision;
	return ret;
}

/*
 * Decide. What would suppress by the word of a provider is put to the breaker,
 * and nothing else is: nobody is frozen for what changes nothing.
 * Returns 1 if it follows from this failure together with earlier ones, 0, -1.
 */
static int
decide(const struct config *config, struct store_txn *txn, const struct bounce *bounce,
    struct policy_history *history, struct verdict *verdict, int64_t now,
    const char **error_r)
{
	const struct watch_rule *rule = &config->alerts.rules[WATCH_BREAKER];
	const struct breaker_limits limits = { rule->count, rule->factor, rule->window_sec };
	bool together = policy_decide(&config->policy, bounce, history, verdict);
	struct arena *arena;
	const char *provider;
	int ret;

	if (verdict->decision != DECISION_SUPPRESS || rule->on == 0 ||
	    category_class(verdict->category) == CLASS_COMPLAINT)
		return together;
	arena = arena_new();
	provider = providers_find(config->providers, provider_of_bounce(bounce, arena)).domain;
	ret = breaker_ask(txn, provider, &limits, now, error_r);
	history->frozen = ret == 0;
	if (ret == 0)
		together = policy_decide(&config->policy, bounce, history, verdict);
	else if (ret == 1)
		ret = breaker_add(txn, provider, &limits, now, error_r);
	arena_free(arena);
	return ret == -1 ? -1 : together;
}

int
pipeline_bounce(struct pipeline_work *work, struct store_txn *txn, const struct bounce *reported,
    struct verdict *verdict, bool *watch_r, const char **error_r)
{
	const struct policy *policy = &work->config->policy;
	int64_t now = clock_now();
	bool attempts = policy->categories[verdict->category].unit == UNIT_ATTEMPT;
	struct policy_history history = { 0 };
	struct bounce bounce = *reported;
	struct standing standing;
	struct seen_keys keys;
	struct seen_row first;
	uint64_t sequence;
	bool soon;
	int ret;

	if (make_keys(work->pipeline, &bounce, bounce.outcome, verdict->category, &keys,
		error_r) == -1)
		return -1;
	ret = seen_find(txn, &keys, &first, error_r);
	if (ret == 1 && !(attempts && bounce.outcome == OUTCOME_DEFERRED))
		return repeated_bounce(work, txn, &bounce, verdict, &keys, &first, watch_r, error_r);
	/* An attempt that is counted, but no news yet. */
	soon = ret == 1 && bounce.time - first.time < WATCH_AGAIN_SEC;
	if (soon)
		keys.time = first.time;
	if (ret == -1 || standing_get(txn, bounce.recipient, &standing, error_r) == -1 ||
	    (!attempts && note_deferral(work->pipeline, txn, verdict, &standing, &bounce,
		error_r) == -1))
		return -1;
	read_history(&standing, verdict->category, &history);
	/* By the clock, not by the time of the event: lanes may be hours apart. */
	if (brake_count(txn, now, policy->max_suppressions_sec, &history.recent,
		error_r) == -1)
		return -1;
	ret = decide(work->config, txn, &bounce, &history, verdict, now, error_r);
	if (ret == 1)
		ret = promote(work, txn, &bounce, verdict, &history, &sequence, error_r);
	else if (ret == 0)
		ret = record_event(txn, &bounce, verdict, &sequence, error_r);
	if (ret == -1 || seen_put(txn, &keys, sequence, error_r) == -1 ||
	    count_rate(policy, txn, &bounce, error_r) == -1)
		return -1;
	*watch_r = !soon;
	if (verdict->decision != DECISION_SUPPRESS)
		return 0;
	work->publish = true;
	return brake_add(txn, now, policy->max_suppressions_sec, error_r);
}

/* Is there, before this time, a failure that a threshold counts, or a
   suppression that waits for a person? Of the other failures, such as a
   greylisting, it does not matter that they are over. */
static bool
has_counted(const struct policy *policy, const struct standing *standing, int64_t time)
{
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		if (standing->held[i].event != 0 && standing->held[i].since <= time)
			return true;
	}
	for (unsigned i = 0; i < standing->failure_count; i++) {
		enum action action = policy->categories[standing->failures[i].category].action;

		if ((action == ACTION_THRESHOLD || action == ACTION_SUPPRESS) &&
		    standing->failures[i].failure.time <= time)
			return true;
	}
	return false;
}

int
pipeline_delivery(const struct policy *policy, struct store_txn *txn,
    const struct bounce *bounce, const char **error_r)
{
	struct standing standing;
	struct verdict verdict;
	uint64_t sequence;
	int ret = standing_exists(txn, bounce->recipient, error_r);

	if (ret != 1)
		return ret;
	if (standing_get(txn, bounce->recipient, &standing, error_r) == -1)
		return -1;
	verdict_init(&verdict);
	verdict.proof = PROOF_LOCAL;
	verdict.reason = "delivered";
	/* A server that takes mail and reports the failure later proves nothing by
	   taking more. */
	if (has_counted(policy, &standing, bounce->time) &&
	    (standing.last_report == 0 ||
		standing.last_report <= bounce->time - REPORTER_SEC))
		verdict.decision = DECISION_RESET;
	else if (standing.suppressed[TABLE_MAIN].event == 0)
		return 0;
	return record_event(txn, bounce, &verdict, &sequence, error_r);
}

int
pipeline_is_suppressed(struct pipeline *pipeline, const char *recipient,
    enum category *category_r)
{
	struct arena *arena = arena_new();
	struct standing standing;
	struct store_txn *txn;
	const char *address, *error;
	int ret = 0;

	if (address_parse(str_of(recipient), arena, &address) == 1) {
		ret = store_begin_read(pipeline->parts.store, &txn, &error);
		if (ret == 0) {
			ret = standing_get(txn, address, &standing, &error);
			store_abort(txn);
		}
		if (ret == -1)
			msg_error("%s", error);
		if (ret == 1)
			ret = standing.suppressed[TABLE_MAIN].event != 0;
		if (ret == 1)
			*category_r = standing.suppressed[TABLE_MAIN].category;
	}
	arena_free(arena);
	return ret;
}
