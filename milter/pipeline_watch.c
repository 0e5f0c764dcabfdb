#include "pipeline_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "campaigns.h"
#include "judge/identity.h"
#include "parse/address.h"
#include "parse/header.h"
#include "parse/returnpath.h"
#include "proof/dkim_claim.h"
#include "watch/provider.h"

#define STEP_SEC 60 /* a clock that is set by less is only corrected */

int64_t
pipeline_watch_now(struct pipeline *pipeline)
{
	return (atomic_load(&pipeline->watch_base_msec) + clock_monotonic_msec()) / 1000;
}

/* How far the clock was set since it was last looked at. */
static int64_t
step_msec(struct pipeline *pipeline)
{
	return clock_now_msec() - atomic_load(&pipeline->watch_base_msec) - clock_monotonic_msec();
}

void
pipeline_watch_check_clock(struct pipeline *pipeline)
{
	int64_t msec = step_msec(pipeline), step = msec / 1000;
	char cause[128];

	/* An event that comes in between a step and watch_shift() is taken to be old, never
	   of the future: that would push on the windows that it falls in. */
	if (step < STEP_SEC)
		atomic_fetch_add(&pipeline->watch_base_msec, msec);
	if (step > -STEP_SEC && step < STEP_SEC) {
		watch_condition(pipeline->parts.watch, CONDITION_CLOCK, false, "");
		return;
	}
	snprintf(cause, sizeof(cause), "the clock was set %s by %lld seconds", step > 0 ?
	    "forward" : "back", (long long)(step > 0 ? step : -step));
	msg_warning("%s", cause);
	watch_shift(pipeline->parts.watch, step);
	if (step > 0)
		atomic_fetch_add(&pipeline->watch_base_msec, msec);
	watch_condition(pipeline->parts.watch, CONDITION_CLOCK, true, cause);
}

static enum watch_kind
kind_of(const struct bounce *bounce, const struct verdict *verdict)
{
	if (bounce->outcome == OUTCOME_DELIVERED)
		return WATCH_DELIVERED;
	/* Of a stranger; the log is believed in any case. */
	if (verdict->proof == PROOF_NONE && bounce->source == SOURCE_NET)
		return WATCH_UNPROVEN;
	return bounce->outcome == OUTCOME_COMPLAINT ? WATCH_COMPLAINED : WATCH_FAILED;
}

/* Did it suppress, or would it have? A promotion leaves its own decision with the
   failure that made it. */
static bool
is_suppressed(const struct verdict *verdict)
{
	return verdict->table == TABLE_MAIN && (verdict->decision == DECISION_SUPPRESS ||
	    verdict->decision == DECISION_HOLD);
}

/* Our own address as the words name it; most refusals for other reasons name
   somebody else's. */
static const char *
own_address(const struct bounce *bounce, const struct verdict *verdict, struct arena *arena)
{
	switch (verdict->category) {
	case CATEGORY_AUTH_FAILURE: case CATEGORY_RDNS_FAILURE: case CATEGORY_IP_BLOCKLISTED:
		return identity_address(str_of(bounce->text), arena);
	default:
		return "";
	}
}

static void
tell(struct pipeline *pipeline, const struct config *config, const struct bounce *bounce,
    const struct verdict *verdict, bool counted)
{
	struct arena *arena = arena_new();
	struct provider provider = providers_find(config->providers,
	    provider_of_bounce(bounce, arena));
	int64_t now = pipeline_watch_now(pipeline);
	char campaign[CAMPAIGN_BYTES];
	const struct watch_event event = {
		.kind = kind_of(bounce, verdict),
		.time = bounce->time - step_msec(pipeline) / 1000,
		.domain = provider_of_sender(bounce->sender, arena),
		.sender_domain = address_domain(returnpath_sender(bounce->sender, arena)),
		.provider = provider.domain, .provider_name = provider.name, .major = provider.major,
		.category = verdict->category,
		.connecting = bounce->stage == STAGE_CONNECT || bounce->stage == STAGE_HELO,
		.suppressed = is_suppressed(verdict),
		.frozen = verdict->decision == DECISION_HOLD &&
		    strcmp(verdict->reason, POLICY_FROZEN) == 0,
		/* The attempt before was the last one. */
		.counted = counted || bounce->outcome == OUTCOME_EXPIRED,
		.subcause = verdict->subcause, .identity = verdict->identity,
		.address = own_address(bounce, verdict, arena),
		.recipient = bounce->recipient,
		.message = bounce->message_id[0] != '\0' ? bounce->message_id : bounce->queue_id,
		.campaign = campaigns_find(pipeline->campaigns, bounce->message_id, campaign),
		.code = bounce->code, .status = bounce->status, .text = bounce->text,
	};

	watch_note(pipeline->parts.watch, &event, now);
	arena_free(arena);
}

/* What sendmail(1) may have made up tells nothing. */
static bool
is_watched(const struct config *config, const struct bounce *bounce,
    const struct verdict *verdict)
{
	if (verdict->proof == PROOF_NONE && bounce->source != SOURCE_LOG)
		return bounce->source == SOURCE_NET;
	return policy_is_outbound(&config->policy, bounce);
}

void
pipeline_watch(struct pipeline *pipeline, const struct config *config,
    const struct bounce *bounce, const struct verdict *verdict)
{
	if (is_watched(config, bounce, verdict))
		tell(pipeline, config, bounce, verdict, false);
}

void
pipeline_watch_again(struct pipeline *pipeline, const struct config *config,
    const struct bounce *bounce, const struct verdict *verdict)
{
	if (bounce->source != SOURCE_NET && bounce->source != SOURCE_LOCAL &&
	    bounce->source != SOURCE_LOG)
		return;
	if (is_watched(config, bounce, verdict))
		tell(pipeline, config, bounce, verdict, true);
}

/* s= of the signature of the sending domain, else of the first one. */
static const char *
selector_of(struct str headers, const char *domain, struct arena *arena)
{
	const char *selector = "";
	struct header field;

	while (header_next(&headers, &field)) {
		struct dkim_claim claim;

		if (!str_iequal(field.name, STR("DKIM-Signature")) ||
		    dkim_claim_read(&field, arena, &claim) == 0)
			continue;
		if (strcmp(provider_of_sender(arena_printf(arena, "x@%s", claim.domain), arena),
			domain) == 0)
			return claim.selector;
		if (selector[0] == '\0')
			selector = claim.selector;
	}
	return selector;
}

/* Unproven headers are a stranger's: they tell nothing of us. */
void
pipeline_watch_returned(struct pipeline *pipeline, const struct config *config,
    const struct report *report, const struct verdict *verdicts)
{
	struct arena *arena;
	const char *campaign;

	if (report->returned.len == 0)
		return;
	arena = arena_new();
	campaign = campaign_of(report->returned, arena);
	for (unsigned i = 0; i < report->count; i++) {
		const struct bounce *bounce = &report->bounces[i];
		const char *domain;

		if (verdicts[i].proof == PROOF_NONE ||
		    !policy_is_outbound(&config->policy, bounce))
			continue;
		campaigns_note(pipeline->campaigns, bounce->message_id, campaign);
		if (!watch_is_auth(verdicts[i].category))
			continue;
		domain = provider_of_sender(bounce->sender, arena);
		watch_returned(pipeline->parts.watch, &(struct watch_returned){ .domain = domain,
		    .selector = selector_of(report->returned, domain, arena),
		    .from_domain = report->from_domain, .headers = report->returned });
		break;
	}
	arena_free(arena);
}
