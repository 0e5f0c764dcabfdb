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

/*
 * The status, as rules see it. Sendmail and others make one up for a reply that has
 * none, by its code: x.1.1 for any 550 to RCPT TO, x.1.6 for 551, x.1.3 for 553. Of
 * such a status the class is left.
 */
static struct str
stated_status(const struct bounce *bounce)
{
	static const char *const made_up[] = { "1.1", "1.3", "1.6" };
	struct str status = str_of(bounce->status);
	size_t at;

	if (bounce->code == 0 || status.len < 3 || str_find(str_of(bounce->text), status, 0, &at))
		return status;
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
		if (strcmp(bounce->status + 2, made_up[i]) == 0)
			return status.data[0] == '4' ? STR("4.0.0") : STR("5.0.0");
	}
	return status;
}

/* What a server refuses before it is told of the recipient is about the sender, or the
   client; but a greeting may say that nobody takes mail there (RFC 7504). */
static enum category
category_at(enum category category, const struct bounce *bounce)
{
	bool hard = category_class(category) == CLASS_HARD;

	switch (bounce->stage) {
	case STAGE_MAIL:
		return hard || (category == CATEGORY_UNKNOWN && strncmp(bounce->status, "5.1.", 4) == 0) ?
		    CATEGORY_SENDER_REJECTED : category;
	case STAGE_CONNECT: case STAGE_HELO:
		if (!hard || bounce->remote_mta[0] == '\0' || bounce->code == 521 || bounce->code == 556)
			return category;
		return category == CATEGORY_DOMAIN_UNKNOWN ? CATEGORY_RDNS_FAILURE :
		    CATEGORY_POLICY_REJECTED;
	default:
		return category;
	}
}

/* What is hard for somebody else says little of the recipient: he may have a copy
   of what his server forwards. But who has moved is named by his new address. */
static enum category
category_about(enum category category, enum about about)
{
	if (about == ABOUT_SENDER)
		return CATEGORY_SENDER_REJECTED;
	if (about == ABOUT_OTHER && category != CATEGORY_MAILBOX_MOVED)
		return category_soft_twin(category);
	return category;
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
		.status = stated_status(bounce),
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
	verdict->category = category_at(verdict->category, bounce);
	if (category_class(verdict->category) == CLASS_HARD)
		verdict->category = category_about(verdict->category, bounce->about);
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
