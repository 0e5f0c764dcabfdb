#include "proof/diagnose_dkim.h"

#include "base/clock.h"
#include "parse/domain.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "proof/dkim_claim.h"
#include "proof/taglist.h"

#define OTHERS_BYTES 200 /* of the names of domains that are not ours */

/* --- a key -------------------------------------------------------------------- */

struct key {
	enum diagnose_state state;
	const char *flaw; /* a sentence, if it is not good */
	struct finding_source source;
	unsigned bits;
};

static bool
is_ed25519(struct str record)
{
	struct str kind;

	return taglist_find(record, STR("k"), &kind, NULL) == 1 &&
	    str_iequal(kind, STR("ed25519"));
}

/*
 * Would libopendkim take this key? It tells when it verifies something: a
 * signature that cannot match. That it says so, and how long the key is, means
 * that the key was read.
 */
static void
try_key(struct examination *exam, const char *domain, const char *selector, struct key *key)
{
	struct str record = str_of(key->source.answer.count == 0 ? ""
	    : key->source.answer.records[0].text);
	struct dkim_result result;
	const char *probe = arena_printf(exam->arena, "DKIM-Signature: v=1; a=%s-sha256; "
	    "c=relaxed/relaxed; d=%s; s=%s; h=From;\r\n"
	    "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=AAAA\r\n"
	    "From: postmaster@%s\r\n", is_ed25519(record) ? "ed25519" : "rsa", domain, selector,
	    domain);
	const struct dkim_signature *signature = &result.signatures[0];

	dkim_verify_headers(exam->dkim, str_of(probe), NULL, NULL, exam->deadline_msec,
	    exam->arena, &result);
	if (result.count == 1 && signature->temporary)
		return;
	key->bits = result.count == 1 ? signature->key_bits : 0;
	if (key->bits >= DKIM_KEY_BITS_LEAST || (key->bits > 0 && is_ed25519(record))) {
		key->state = DIAGNOSE_GOOD;
		return;
	}
	key->state = DIAGNOSE_BAD;
	if (key->bits > 0)
		key->flaw = arena_printf(exam->arena, "the key %s is too short: %u bits, it "
		    "needs %d", key->source.name, key->bits, DKIM_KEY_BITS_LEAST);
	else
		key->flaw = arena_printf(exam->arena, "the key %s cannot be used: %s",
		    key->source.name, result.count == 1 ? signature->why : "its name is none");
}

static void
look_up_key(struct examination *exam, const char *domain, const char *selector,
    struct key *key_r)
{
	const char *name = arena_printf(exam->arena, "%s._domainkey.%s", selector, domain);
	const struct dns_answer *answer = &key_r->source.answer;
	struct str value;

	*key_r = (struct key){ .state = DIAGNOSE_BAD };
	key_r->source = finding_ask(exam, DNS_TXT, name);
	if (answer->status == DNS_FAILED) {
		key_r->state = DIAGNOSE_UNKNOWN;
		key_r->flaw = arena_printf(exam->arena, "the key %s cannot be fetched: DNS fails",
		    name);
	} else if (answer->status == DNS_NO_NAME) {
		key_r->flaw = arena_printf(exam->arena, "the key %s does not exist in DNS", name);
	} else if (answer->status == DNS_NO_DATA) {
		key_r->flaw = arena_printf(exam->arena, "the key %s does not exist in DNS: the "
		    "name has no TXT record", name);
	} else if (answer->count == 1 && !answer->cut &&
	    taglist_find(str_of(answer->records[0].text), STR("p"), &value, NULL) == 1 &&
	    value.len == 0) {
		key_r->flaw = arena_printf(exam->arena, "the key %s is revoked: its p= is empty",
		    name);
	} else {
		key_r->state = DIAGNOSE_UNKNOWN;
		key_r->flaw = arena_printf(exam->arena, "the key %s cannot be fetched: DNS fails",
		    name);
		try_key(exam, domain, selector, key_r);
	}
}

/* Which domain the selector belongs to is not known: it is one of ours. */
static void
check_selector(struct examination *exam)
{
	const char *selector = exam->subject->selector, *from = exam->from_domain;
	const char *domain = exam->subject->domain[0] == '\0' ? from : exam->subject->domain;
	struct key key, other;

	look_up_key(exam, domain, selector, &key);
	if (key.state == DIAGNOSE_BAD && key.source.answer.status != DNS_FOUND &&
	    !str_iequal(str_of(from), str_of(domain))) {
		look_up_key(exam, from, selector, &other);
		if (other.source.answer.status == DNS_FOUND)
			key = other;
	}
	if (key.state == DIAGNOSE_GOOD)
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_GOOD, WEIGHT_NONE, &key.source,
		    "the key %s is good (%u bits)", key.source.name, key.bits);
	else
		finding_add(exam, DIAGNOSE_DKIM, key.state, WEIGHT_KEY, &key.source, "%s",
		    key.flaw);
}

/* --- signatures --------------------------------------------------------------- */

/* The domain of a signature; `context` is the examination. */
static bool
is_ours(const char *domain, const void *context)
{
	const struct examination *exam = context;

	return domain_is_same_organisation(domain, exam->subject->domain, exam->arena) ||
	    domain_is_same_organisation(domain, exam->from_domain, exam->arena);
}

/* Had it expired (x=) when the message was refused? */
static bool
is_expired(const struct examination *exam, const struct dkim_claim *claim, int64_t *at_r)
{
	int64_t refused = exam->subject->time == 0 ? clock_now() : exam->subject->time;
	struct str value;
	uint64_t at;

	if (taglist_find(claim->field->value, STR("x"), &value, NULL) == 0 ||
	    str_number(value, &at) == -1)
		return false;
	*at_r = (int64_t)at;
	return *at_r > 0 && *at_r < refused;
}

/* What is wrong with a signature that does not verify, although its key is good.
   Returns the state. */
static enum diagnose_state
say_not_verified(struct examination *exam, const char *name,
    const struct dkim_signature *signature, const struct key *key)
{
	bool whole = exam->subject->message.len > 0;
	enum diagnose_state state = signature->temporary || !whole ? DIAGNOSE_UNKNOWN
	    : DIAGNOSE_BAD;

	finding_add(exam, DIAGNOSE_DKIM, state, WEIGHT_SIGNATURE, &key->source,
	    "%s does not verify: %s%s", name, signature->why, signature->temporary || whole ? ""
	    : "; the headers may have been changed on their way");
	return state;
}

/* Its key is good; what of the signature itself? Returns the state. */
static enum diagnose_state
say_signature(struct examination *exam, const struct dkim_claim *claim,
    const struct dkim_signature *signature, const struct key *key)
{
	const char *name = arena_printf(exam->arena, "the signature of %s%s%s",
	    signature->domain, signature->selector[0] == '\0' ? "" : " with ",
	    signature->selector);
	char time[CLOCK_TEXT_BYTES];
	int64_t expired;

	if (claim->flaw[0] != '\0') {
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_BAD, WEIGHT_SIGNATURE, &key->source,
		    "%s is broken: %s", name, claim->flaw);
		return DIAGNOSE_BAD;
	}
	if (is_expired(exam, claim, &expired)) {
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_BAD, WEIGHT_EXPIRED, &key->source,
		    "%s expired at %s (x=), before the message was refused", name,
		    clock_print(expired, time));
		return DIAGNOSE_BAD;
	}
	if (!signature->passed)
		return say_not_verified(exam, name, signature, key);
	finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_GOOD, WEIGHT_NONE, &key->source,
	    "%s verifies%s (%u bits)", name, exam->subject->message.len > 0 ? ""
	    : " over the returned headers", signature->key_bits);
	return DIAGNOSE_GOOD;
}

static enum diagnose_state
check_signature(struct examination *exam, const struct dkim_claim *claim,
    const struct dkim_signature *signature)
{
	struct key key = { .state = DIAGNOSE_GOOD };

	/* Without a selector there is nothing to ask for. */
	if (claim->selector[0] != '\0')
		look_up_key(exam, claim->domain, claim->selector, &key);
	if (key.state == DIAGNOSE_GOOD)
		return say_signature(exam, claim, signature, &key);
	finding_add(exam, DIAGNOSE_DKIM, key.state, WEIGHT_KEY, &key.source, "%s", key.flaw);
	return key.state;
}

static void
note_other(struct examination *exam, const char *domain)
{
	if (strlen(exam->others) + strlen(domain) < OTHERS_BYTES)
		exam->others = arena_printf(exam->arena, "%s%s%s", exam->others,
		    exam->others[0] == '\0' ? "" : ", ", domain);
}

/* Of each signature of ours that was verified, in the order of the fields, which
   is that of the result. Returns how many of ours there are. */
static unsigned
check_signatures(struct examination *exam, struct str headers)
{
	struct header_list fields;
	unsigned ours = 0;

	header_list_make(headers, exam->arena, &fields);
	for (unsigned i = 0; i < fields.count; i++) {
		struct dkim_claim claim;

		if (!str_iequal(fields.list[i].name, STR("DKIM-Signature")) ||
		    dkim_claim_read(&fields.list[i], exam->arena, &claim) == 0)
			continue;
		if (!is_ours(claim.domain, exam)) {
			note_other(exam, claim.domain);
		} else {
			if (ours < exam->signatures.count)
				exam->signature_states[ours] = check_signature(exam, &claim,
				    &exam->signatures.signatures[ours]);
			ours++;
		}
	}
	return ours;
}

static void
say_none(struct examination *exam)
{
	const char *whose = exam->from_domain;

	if (exam->others[0] != '\0')
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_BAD, WEIGHT_SIGNATURE, NULL,
		    "the message has no DKIM signature of %s, only of %s", whose, exam->others);
	else
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_BAD, WEIGHT_SIGNATURE, NULL,
		    "the message has no DKIM signature");
}

void
diagnose_dkim(struct examination *exam)
{
	const struct diagnose_subject *subject = exam->subject;
	struct str text = subject->message.len > 0 ? subject->message : subject->headers;
	struct str headers, body;
	unsigned ours;

	if (exam->from_domain[0] == '\0') {
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "none of our domains is known");
		return;
	}
	if (subject->message.len > 0)
		dkim_verify_message(exam->dkim, text, is_ours, exam, exam->deadline_msec,
		    exam->arena, &exam->signatures);
	else
		dkim_verify_headers(exam->dkim, text, is_ours, exam, exam->deadline_msec,
		    exam->arena, &exam->signatures);
	header_split(text, &headers, &body);
	exam->has_signatures = headers.len > 0;
	ours = check_signatures(exam, headers);
	if (exam->signatures.count > 0)
		return;
	if (ours > 0 || headers.len > LIMITS_HEADER_BLOCK_BYTES)
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "the headers are too large to be looked at");
	else if (subject->selector[0] != '\0')
		check_selector(exam);
	else if (exam->has_signatures)
		say_none(exam);
	else
		finding_add(exam, DIAGNOSE_DKIM, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "no message and no selector is known, so there is no key to look for");
}
