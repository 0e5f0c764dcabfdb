#include "pipeline_proof.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/about.h"
#include "parse/address.h"
#include "parse/domain.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/returnpath.h"
#include "pipeline_expect.h"
#include "proof/proof.h"
#include "proof/tag.h"
#include "proof/trust.h"

#define SECRET_BYTES 8   /* of a return path that nobody guesses */
#define WORK_MSEC 50
#define REPORTERS_MOST 8 /* domains that a report is authenticated for */
#define CANDIDATES_MOST 3
#define TOKENS_MOST 4    /* in the returned headers */

/* One report while it is being proven. */
struct proving {
	struct pipeline *pipeline;
	const struct config *config;
	const struct pipeline_origin *origin;
	struct str message;
	struct report *report;
	struct arena *arena;
	struct store_txn *sent; /* a snapshot of the ledger, NULL without one */
	int64_t now, deadline_msec;
	struct tag tag;
	const char *token;   /* what the tag was read from, "" if there is none */
	unsigned held;       /* EVIDENCE bits of the message as a whole */
	bool to_signed;      /* ... dkim covers the To field too */
	bool feedback;       /* signed by one of feedback-loops */
	bool asked_dkim, asked_feedback, asked_reporters;
	enum proving_time time;
	bool cut_short;
	int64_t taken_msec; /* of the patience of callbacks */
	unsigned reporter_count;
	const char *reporters[REPORTERS_MOST];
};

/* A token of ours, for this message as far as that can be told. */
static void
try_token(struct proving *proving, const char *token, enum proof proof)
{
	const struct bounce *bounce = &proving->report->bounces[0];
	struct tag tag;

	if (proving->config->tag_keys == NULL || token[0] == '\0' ||
	    tag_read(proving->config->tag_keys, token, proving->now,
		proving->config->retention_sent_sec, &tag) == 0)
		return;
	/* Without returned headers there is no Message-ID to compare. */
	if (bounce->message_id[0] != '\0' && !tag_is_of_message(&tag, bounce->message_id))
		return;
	proving->held |= EVIDENCE(proof);
	proving->tag = tag;
	proving->token = token;
}

/* A message that was sent on may have a second one. */
static void
try_header_tokens(struct proving *proving)
{
	struct str rest = proving->report->returned;
	struct header header;

	for (unsigned tried = 0; tried < TOKENS_MOST && header_next(&rest, &header);) {
		if (!str_iequal(header.name, STR(TAG_HEADER)))
			continue;
		tried++;
		try_token(proving, header_decode(header.value, LIMITS_ID_BYTES, proving->arena),
		    PROOF_TAG);
	}
}

/* What does not need the ledger does not wait for it. */
static void
open_ledger(struct proving *proving)
{
	const unsigned enough = EVIDENCE(PROOF_RELAY) | EVIDENCE(PROOF_TAG) | EVIDENCE(PROOF_ENVID);

	bool needed = (proving->held & proving->config->accept & enough) == 0 ||
	    (proving->token[0] != '\0' && proving->tag.recipients != 1);

	proving->sent = needed && proving->time == PROVING_CALLBACK ?
	    pipeline_expect(proving->pipeline, proving->report->bounces[0].message_id,
		proving->report->returned, proving->now, proving->config->retention_sent_sec,
		&proving->cut_short) :
	    pipeline_expect_nothing(proving->pipeline);
}

/* What the ledger knows of the message and this recipient, nothing if it fails. */
static void
find_sent(struct proving *proving, const char *recipient, struct sent_found *found)
{
	const char *message_id = proving->report->bounces[0].message_id, *error;

	*found = (struct sent_found){ .sender = "", .queue_id = "", .only = "" };
	if (proving->sent != NULL && message_id[0] != '\0' &&
	    sent_find(proving->pipeline->parts.sent, proving->sent, message_id, recipient, proving->now,
		proving->config->retention_sent_sec, proving->arena, found, &error) == -1)
		msg_warning("a report is read without the ledger: %s", error);
}

static void
add_candidate(const char *candidates[CANDIDATES_MOST], unsigned *count, const char *address)
{
	if (address[0] != '\0')
		candidates[(*count)++] = address;
}

/* The addresses that may be the one which we had put in RCPT TO, the surest
   first: what our return path says, what the reporter gives as the original,
   and the final one. */
static unsigned
list_candidates(const struct proving *proving, const struct bounce *bounce,
    const char *candidates[CANDIDATES_MOST])
{
	const char *original = "";
	unsigned count = 0;

	add_candidate(candidates, &count,
	    returnpath_recipient(proving->origin->envelope_recipient, proving->arena));
	address_parse(str_of(bounce->original_recipient), proving->arena, &original);
	add_candidate(candidates, &count, original);
	add_candidate(candidates, &count, bounce->recipient);
	return count;
}

/* Could no other recipient have guessed the return path of this one? */
static bool
has_secret_path(const struct proving *proving, const char *recipient,
    const struct sent_found *found)
{
	if (found->sibling_count == 0 ||
	    strcasecmp(found->sender, proving->origin->envelope_recipient) != 0)
		return false;
	for (unsigned i = 0; i < found->sibling_count; i++) {
		if (returnpath_secret_bytes(found->sender, recipient, found->siblings[i].sender,
			found->siblings[i].recipient, proving->arena) < SECRET_BYTES)
			return false;
	}
	return true;
}

/* A complaint whose recipient was made unreadable, or is a guess: the message
   had only one. */
static const char *
only_recipient(const struct proving *proving, const struct sent_found *found)
{
	if (found->recipients == 1)
		return found->only;
	return proving->token[0] != '\0' &&
	    tag_is_for(&proving->tag, proving->report->returned_to) ?
	    proving->report->returned_to : "";
}

/* Which of its addresses the message went to, by ledger or tag. Puts it into the
   bounce, and what that proves into the evidence. */
static void
find_recipient(struct proving *proving, struct bounce *bounce, struct evidence *evidence)
{
	const char *candidates[CANDIDATES_MOST], *is = "";
	bool complaint = proving->report->kind == REPORT_COMPLAINT;
	/* A guess may be right, but nobody says that this one has failed. */
	unsigned count = bounce->guessed && !complaint ? 0 :
	    list_candidates(proving, bounce, candidates);
	struct sent_found found;

	find_sent(proving, "", &found);
	evidence->recipients = found.recipients;
	for (unsigned i = 0; i < count && is[0] == '\0'; i++) {
		find_sent(proving, candidates[i], &found);
		if (found.matches)
			evidence->held |= EVIDENCE(PROOF_LEDGER);
		if (found.matches || (proving->token[0] != '\0' &&
			tag_is_for(&proving->tag, candidates[i])))
			is = candidates[i];
	}
	if (is[0] == '\0' && complaint && (bounce->guessed || bounce->recipient[0] == '\0')) {
		is = only_recipient(proving, &found);
		if (is[0] != '\0' && found.recipients == 1)
			evidence->held |= EVIDENCE(PROOF_LEDGER);
	}
	if (proving->token[0] != '\0' && proving->tag.recipients > evidence->recipients)
		evidence->recipients = proving->tag.recipients;
	if (is[0] == '\0')
		return;
	evidence->recipient = true;
	bounce->recipient = is;
	bounce->about = about_whom(bounce, proving->arena);
	/* Of a message to one alone, nobody else can complain. */
	if (evidence->recipients == 1)
		bounce->guessed = 0;
	if (found.matches && has_secret_path(proving, is, &found))
		evidence->held |= EVIDENCE_PATH;
}

/* From here on DNS is asked: until when? Behind that only its cache answers. */
static void
begin_asking(struct proving *proving)
{
	int64_t now = clock_monotonic_msec(), msec = proving->time == PROVING_OWN ? PROOF_MSEC : 0;

	if (proving->deadline_msec != 0)
		return;
	if (proving->time == PROVING_CALLBACK)
		msec = patience_take(&proving->pipeline->patience, PROOF_MSEC, now);
	proving->taken_msec = msec;
	proving->deadline_msec = now + msec;
}

static void
end_asking(struct proving *proving)
{
	int64_t left = clock_left_msec(proving->deadline_msec);

	if (proving->deadline_msec == 0 || proving->time != PROVING_CALLBACK)
		return;
	proving->cut_short |= left == 0;
	/* A short time was work, not waiting. */
	if (proving->taken_msec - left < WORK_MSEC)
		left = proving->taken_msec;
	patience_give_back(&proving->pipeline->patience, left);
}

static bool
is_listed(const char *domain, const void *context)
{
	return str_name_is_listed(str_of(domain), context);
}

/* Do the returned headers have a signature of ours? */
static void
ask_dkim(struct proving *proving)
{
	struct dkim_result result;

	if (proving->asked_dkim || proving->report->returned.len == 0)
		return;
	proving->asked_dkim = true;
	begin_asking(proving);
	dkim_verify_headers(proving->pipeline->parts.dkim, proving->report->returned, is_listed,
	    proving->config->signing_domains, proving->deadline_msec, proving->arena, &result);
	for (unsigned i = 0; i < result.count; i++) {
		const struct dkim_signature *signature = &result.signatures[i];

		if (!signature->passed || !signature->from_signed ||
		    (!signature->message_id_signed && !signature->to_signed))
			continue;
		proving->held |= EVIDENCE(PROOF_DKIM);
		proving->to_signed |= signature->to_signed;
	}
}

/* Verify the report itself. Half a message cannot be. */
static void
verify_report(struct proving *proving, dkim_wanted *wanted, const void *context,
    struct dkim_result *result)
{
	result->count = 0;
	if ((proving->origin->limits & (LIMIT_SIZE | LIMIT_MEMORY | LIMIT_HEADER)) == 0)
		dkim_verify_message(proving->pipeline->parts.dkim, proving->message, wanted, context,
		    proving->deadline_msec, proving->arena, result);
}

/* Anybody with a mailbox can have his mail signed by its domain; but not in the
   name of its MTA. */
static bool
is_from_mta(const struct proving *proving, const char *domain)
{
	struct str headers, body, value;
	const char *from;

	header_split(proving->message, &headers, &body);
	header_find(headers, STR("From"), &value);
	from = header_address(value, proving->arena);
	return (str_istarts(str_of(from), STR("mailer-daemon@")) ||
	    str_istarts(str_of(from), STR("postmaster@"))) &&
	    domain_is_same_organisation(address_domain(from), domain, proving->arena);
}

static void
add_reporter(struct proving *proving, const char *domain)
{
	if (proving->reporter_count < REPORTERS_MOST)
		proving->reporters[proving->reporter_count++] = domain;
}

/* The domains that the report itself is authenticated for. */
static void
ask_reporters(struct proving *proving)
{
	const struct pipeline_origin *origin = proving->origin;
	struct dkim_result dkim;
	struct spf_result spf;

	if (proving->asked_reporters)
		return;
	proving->asked_reporters = true;
	begin_asking(proving);
	if (origin->helo[0] != '\0') {
		spf_check(proving->pipeline->parts.spf, origin->client, origin->helo, "",
		    proving->deadline_msec, proving->arena, &spf);
		if (spf.answer == SPF_ANSWER_PASS)
			add_reporter(proving, spf.domain);
	}
	verify_report(proving, NULL, NULL, &dkim);
	for (unsigned i = 0; i < dkim.count; i++) {
		const struct dkim_signature *signature = &dkim.signatures[i];

		if (signature->passed && signature->from_signed &&
		    is_from_mta(proving, signature->domain))
			add_reporter(proving, signature->domain);
	}
}

/* Does the domain belong to one of the report's organisations? */
static bool
is_of_reporter(const struct proving *proving, const char *domain)
{
	for (unsigned i = 0; i < proving->reporter_count; i++) {
		if (domain_is_same_organisation(domain, proving->reporters[i], proving->arena))
			return true;
	}
	return false;
}

/* Did we send to the recipient's domain lately? */
static bool
is_known_domain(const struct proving *proving, const char *domain)
{
	const char *error;

	return domain[0] != '\0' && proving->sent != NULL && sent_has_domain(proving->sent, domain,
	    proving->now, proving->config->retention_sent_sec, &error) == 1;
}

/* Is the reporter the recipient's own organisation, or one that takes its mail? */
static bool
is_aligned(struct proving *proving, const struct bounce *bounce)
{
	const char *domain = address_domain(bounce->recipient);
	struct dns_answer hosts;

	/* A report of delivery comes from the null sender (RFC 3464 section 2). */
	if (proving->origin->envelope_sender[0] != '\0' || !is_known_domain(proving, domain))
		return false;
	ask_reporters(proving);
	if (proving->reporter_count == 0)
		return false;
	if (is_of_reporter(proving, domain))
		return true;
	dns_lookup(proving->pipeline->parts.dns, DNS_MX, domain, proving->deadline_msec, proving->arena,
	    &hosts);
	for (unsigned i = 0; i < hosts.count; i++) {
		if (is_of_reporter(proving, hosts.records[i].text))
			return true;
	}
	return false;
}

/* Would it help to know that the reporter is of the recipient's organisation? */
static bool
needs_alignment(const struct proving *proving, const struct evidence *evidence)
{
	return (proving->config->accept & EVIDENCE(PROOF_ALIGNED)) != 0 ||
	    (evidence->recipient && (evidence->held & proving->config->accept & EVIDENCE_OF_MESSAGE) != 0);
}

/* A complaint of a feedback loop that the operator named, by its signature. */
static bool
is_of_feedback_loop(struct proving *proving)
{
	const char *const *loops = proving->config->feedback_loops;
	struct dkim_result dkim;

	if (proving->asked_feedback || proving->report->kind != REPORT_COMPLAINT || loops[0] == NULL)
		return proving->feedback;
	proving->asked_feedback = true;
	begin_asking(proving);
	verify_report(proving, is_listed, loops, &dkim);
	for (unsigned i = 0; i < dkim.count; i++)
		proving->feedback |= dkim.signatures[i].passed && dkim.signatures[i].from_signed;
	return proving->feedback;
}

static enum proof
decide(const struct proving *proving, struct evidence *evidence, const char **why_r)
{
	evidence->held |= proving->held;
	return proof_decide(proving->config->accept, evidence, why_r);
}

/*
 * The address that we had put in RCPT TO, when neither ledger nor tag know it. A
 * relay may have rewritten the final one, and have the original one from us or
 * from a client; so where the two differ nothing is certain, unless the original
 * is an address of ours, which we had rewritten ourselves.
 */
static void
doubt_recipient(const struct proving *proving, struct bounce *bounce)
{
	const char *original;

	if (address_parse(str_of(bounce->original_recipient), proving->arena, &original) == 1 &&
	    strcmp(original, bounce->recipient) != 0 &&
	    !policy_is_own_domain(&proving->config->policy, address_domain(original)))
		bounce->recipient = "";
}

/* Ask DNS for what may be missing, as long as that helps. */
static enum proof
prove_by_dns(struct proving *proving, const struct bounce *bounce, struct evidence *evidence,
    const char **why_r)
{
	enum proof proof = PROOF_NONE;

	if (is_of_feedback_loop(proving)) {
		evidence->held |= EVIDENCE(PROOF_FEEDBACK);
		proof = decide(proving, evidence, why_r);
	}
	if (proof == PROOF_NONE && (proving->config->accept & EVIDENCE(PROOF_DKIM))) {
		ask_dkim(proving);
		if (proving->to_signed && !bounce->guessed && bounce->recipient[0] != '\0' &&
		    strcmp(proving->report->returned_to, bounce->recipient) == 0)
			evidence->recipient = true;
		proof = decide(proving, evidence, why_r);
	}
	if (proof == PROOF_NONE && needs_alignment(proving, evidence) &&
	    is_aligned(proving, bounce)) {
		evidence->held |= EVIDENCE(PROOF_ALIGNED);
		proof = decide(proving, evidence, why_r);
	}
	return proof;
}

/* Returns 1 if the message is ours, but did not go to this recipient. */
static unsigned
prove_recipient(struct proving *proving, struct bounce *bounce, struct verdict *verdict)
{
	struct evidence evidence = { .list = proving->report->to_list };
	const char *why, *found;

	find_recipient(proving, bounce, &evidence);
	if (!evidence.recipient)
		doubt_recipient(proving, bounce);
	verdict->proof = decide(proving, &evidence, &why);
	if (verdict->proof == PROOF_NONE)
		verdict->proof = prove_by_dns(proving, bounce, &evidence, &why);
	if (proving->token[0] != '\0')
		bounce->token = proving->token;
	found = proof_print(&evidence, proving->arena);
	verdict->evidence = arena_printf(proving->arena, "%s%s%s", found,
	    found[0] != '\0' && why[0] != '\0' ? ": " : "", why);
	return verdict->proof == PROOF_NONE && evidence.recipients > 0 && !evidence.recipient;
}

unsigned
pipeline_prove(struct pipeline *pipeline, const struct config *config,
    const struct pipeline_origin *origin, struct str message, struct report *report,
    enum proving_time time, struct arena *arena, struct verdict *verdicts, bool *cut_short_r)
{
	struct proving proving = { .time = time, .pipeline = pipeline, .config = config, .origin = origin,
		.message = message, .report = report, .arena = arena, .token = "",
		.now = clock_now() };
	unsigned refused = 0;

	if (trust_proof(config, origin->source, origin->client, origin->daemon_name,
		origin->host_name, pipeline->log_runs, &report->bounces[0]) == PROOF_RELAY)
		proving.held |= EVIDENCE(PROOF_RELAY);
	try_token(&proving, report->bounces[0].envelope_id, PROOF_ENVID);
	try_header_tokens(&proving);
	open_ledger(&proving);
	for (unsigned i = 0; i < report->count; i++)
		refused += prove_recipient(&proving, &report->bounces[i], &verdicts[i]);
	if (proving.sent != NULL)
		store_abort(proving.sent);
	end_asking(&proving);
	*cut_short_r |= proving.cut_short;
	return refused;
}
