#include "judge/classify.h"

#include <string.h>

#include "judge/identity.h"

/* Who said it: the remote host if one spoke, else the MTA that reports. */
static struct str
speaker(const struct bounce *bounce)
{
	return str_of(bounce->remote_mta[0] != '\0' ? bounce->remote_mta : bounce->reporting_mta);
}

static bool
is_soft(const struct bounce *bounce)
{
	/* What the MTA keeps is soft, whatever the server said: an operator may
	   have told it to (soft_bounce, smtp_delivery_status_filter). */
	return bounce->code / 100 == 4 || bounce->status[0] == '4' ||
	    bounce->outcome == OUTCOME_DEFERRED || bounce->outcome == OUTCOME_EXPIRED;
}

/* Of a message that expired in the queue, what the host said last is the cause.
   Where nobody could be asked, or said nothing that is understood, the end of
   the queue's patience is all there is. */
static void
conclude_expired(struct verdict *verdict)
{
	switch (verdict->category) {
	case CATEGORY_UNKNOWN:
	case CATEGORY_NETWORK_ERROR:
		verdict->subcause = category_name(verdict->category);
		verdict->category = CATEGORY_MESSAGE_EXPIRED;
		break;
	default:
		break;
	}
}

void
classify_explain(const struct rule_set *set, const struct bounce *bounce, struct arena *arena,
    void (*tried)(const struct rule_tried *tried, void *context), void *context,
    struct verdict *verdict)
{
	struct rule_query query = {
		.words = str_of(bounce->words),
		.text = str_of(bounce->text),
		.host = speaker(bounce),
		.status = str_of(bounce->status),
		.code = bounce->code,
	};
	struct rule_hit hit = { .id = "", .subcause = "", .category = CATEGORY_UNKNOWN };
	size_t at;

	verdict->category = CATEGORY_UNKNOWN;
	verdict->subcause = verdict->identity = verdict->rule = "";
	if (str_ifind(query.text, STR(CLASSIFY_MARKER), 0, &at) == 1) {
		verdict->category = CATEGORY_LOCAL;
		verdict->rule = CLASSIFY_MARKER_RULE;
		return;
	}
	if (bounce->outcome == OUTCOME_COMPLAINT) {
		verdict->category = CATEGORY_COMPLAINT;
		verdict->rule = "complaint";
		return;
	}
	if (rule_set_explain(set, &query, tried, context, &hit) == 1) {
		verdict->category = hit.category;
		verdict->subcause = hit.subcause;
		verdict->rule = hit.id;
	}
	/* A reply to MAIL FROM is about the address that stands there. */
	if (bounce->stage == STAGE_MAIL && (category_class(verdict->category) == CLASS_HARD ||
	    (verdict->category == CATEGORY_UNKNOWN && strncmp(bounce->status, "5.1.", 4) == 0)))
		verdict->category = CATEGORY_SENDER_REJECTED;
	verdict->identity = identity_of(verdict, query.words, str_of(bounce->recipient), arena);
	if (is_soft(bounce) && !hit.demands_soft)
		verdict->category = category_soft_twin(verdict->category);
	if (bounce->outcome == OUTCOME_EXPIRED)
		conclude_expired(verdict);
}

void
classify(const struct rule_set *set, const struct bounce *bounce, struct arena *arena,
    struct verdict *verdict)
{
	classify_explain(set, bounce, arena, NULL, NULL, verdict);
}
