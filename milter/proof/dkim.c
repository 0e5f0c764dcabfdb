#include "proof/dkim.h"

#include <stdlib.h>

#include <opendkim/dkim.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "proof/dkim_claim.h"

/* Reports come late, and some signers let a signature expire after days. */
#define LATE_SEC ((uint64_t)60 * CLOCK_DAY_SEC)
#define ED25519_BITS 256
#define PIECE_BYTES 8192 /* of the body, handed over at a time */

struct dkim_verifier {
	DKIM_LIB *lib;
	struct dns *dns;
};

/* One message, and what all of its signatures share. */
struct task {
	const struct dkim_verifier *verifier;
	struct header_list fields;
	bool has_body;
	struct str body;
	int64_t deadline_msec;
	struct arena *arena;
};

/* One signature; the library hands it to fetch_key(). */
struct attempt {
	const struct task *task;
	const struct dkim_claim *claim;
	bool *covered; /* one for each field */
	bool temporary;
	const char *why; /* "" if only the library knows */
};

/* Returns "" and the record, or what is wrong. */
static const char *
choose_record(const struct dns_answer *answer, size_t room, const char **record_r)
{
	if (answer->count > 1)
		return "there are several key records";
	if (answer->cut || strlen(answer->records[0].text) >= room ||
	    strlen(answer->records[0].text) > DKIM_KEY_RECORD_BYTES)
		return "the key record is too long";
	*record_r = answer->records[0].text;
	return "";
}

static DKIM_CBSTAT
fetch_key(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t buflen)
{
	struct attempt *attempt = dkim_get_user_context(dkim);
	const struct task *task = attempt->task;
	struct dns_answer answer;
	const char *record;

	(void)sig;
	dns_lookup(task->verifier->dns, DNS_TXT,
	    arena_printf(task->arena, "%s._domainkey.%s", attempt->claim->selector,
		attempt->claim->domain), task->deadline_msec, task->arena, &answer);
	if (answer.status == DNS_FAILED) {
		attempt->temporary = true;
		attempt->why = "the key cannot be fetched now";
		return DKIM_CBSTAT_TRYAGAIN;
	}
	if (answer.status != DNS_FOUND || (answer.count == 0 && !answer.cut)) {
		attempt->why = "there is no key";
		return DKIM_CBSTAT_NOTFOUND;
	}
	attempt->why = choose_record(&answer, buflen, &record);
	if (attempt->why[0] != '\0')
		return DKIM_CBSTAT_ERROR;
	memcpy(buf, record, strlen(record) + 1);
	return DKIM_CBSTAT_CONTINUE;
}

struct dkim_verifier *
dkim_verifier_new(struct dns *dns)
{
	struct dkim_verifier *verifier = calloc(1, sizeof(*verifier));
	unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC;
	uint64_t drift = LATE_SEC;

	if (verifier == NULL || (verifier->lib = dkim_init(NULL, NULL)) == NULL)
		msg_out_of_memory();
	if (dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags,
		sizeof(flags)) != DKIM_STAT_OK ||
	    dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift,
		sizeof(drift)) != DKIM_STAT_OK ||
	    dkim_set_key_lookup(verifier->lib, fetch_key) != DKIM_STAT_OK) {
		msg_error("libopendkim cannot be set up");
		abort();
	}
	verifier->dns = dns;
	return verifier;
}

void
dkim_verifier_free(struct dkim_verifier *verifier)
{
	if (verifier == NULL)
		return;
	dkim_close(verifier->lib);
	free(verifier);
}

/*
 * Hand over the signature and what it covers, in their order. In front goes a
 * field that no h= can name, because names there have no blanks: libopendkim
 * writes behind the end of an array when h= has taken each field and goes on
 * (dkim_canon_selecthdrs() of 2.11.0~beta2).
 * Returns "", or what is wrong.
 */
static const char *
hand_over_fields(DKIM *dkim, const struct attempt *attempt)
{
	const struct header_list *fields = &attempt->task->fields;
	u_char guard[] = "no name: -";
	size_t nul;

	dkim_header(dkim, guard, sizeof(guard) - 1);
	for (unsigned i = 0; i < fields->count; i++) {
		bool own = &fields->list[i] == attempt->claim->field;
		struct str text;
		DKIM_STAT status;

		if (!own && !attempt->covered[i])
			continue;
		text = dkim_claim_field(&fields->list[i], attempt->task->arena);
		/* To the library it would end there. */
		if (str_find_byte(text, '\0', 0, &nul))
			return "there is a NUL byte in a signed field";
		status = dkim_header(dkim, (u_char *)text.data, text.len);
		if (own && status != DKIM_STAT_OK)
			return "the signature is malformed";
	}
	return dkim_eoh(dkim) == DKIM_STAT_OK ? "" : "the header is malformed";
}

/* Other signatures are there only if this one covers them. */
static DKIM_SIGINFO *
find_signature(DKIM *dkim, const struct dkim_claim *claim)
{
	DKIM_SIGINFO **sigs, *found = NULL;
	int count;

	if (dkim_getsiglist(dkim, &sigs, &count) != DKIM_STAT_OK)
		return NULL;
	for (int i = 0; i < count; i++) {
		const char *digest = (const char *)dkim_sig_gettagvalue(sigs[i], false,
		    (u_char *)"b");
		const char *domain = (const char *)dkim_sig_getdomain(sigs[i]);

		if (found == NULL && digest != NULL && domain != NULL &&
		    strcmp(digest, claim->digest) == 0 &&
		    str_iequal(str_of(domain), str_of(claim->domain)))
			found = sigs[i];
		else
			dkim_sig_ignore(sigs[i]);
	}
	return found;
}

/* Lines as they are sent, each with CRLF, also the last. */
static DKIM_STAT
hand_over_body(DKIM *dkim, struct str body)
{
	DKIM_STAT status = DKIM_STAT_OK;
	char piece[PIECE_BYTES];
	struct str line;

	while (status == DKIM_STAT_OK && line_next(&body, &line)) {
		while (status == DKIM_STAT_OK && line.len > sizeof(piece) - 2) {
			status = dkim_body(dkim, (u_char *)line.data, sizeof(piece) - 2);
			line = str_sub(line, sizeof(piece) - 2, line.len);
		}
		if (line.len > 0)
			memcpy(piece, line.data, line.len);
		memcpy(piece + line.len, "\r\n", 2);
		if (status == DKIM_STAT_OK)
			status = dkim_body(dkim, (u_char *)piece, line.len + 2);
	}
	return status;
}

static bool
is_ed25519(DKIM_SIGINFO *sig)
{
	dkim_alg_t algorithm;

	return dkim_sig_getsignalg(sig, &algorithm) == DKIM_STAT_OK &&
	    algorithm == DKIM_SIGN_ED25519SHA256;
}

/* The library does not tell that of Ed25519. Returns 0 if no key was tried. */
static unsigned
find_key_bits(DKIM_SIGINFO *sig)
{
	unsigned bits = 0;

	if ((dkim_sig_getflags(sig) & DKIM_SIGFLAG_PASSED) == 0 &&
	    dkim_sig_geterror(sig) != DKIM_SIGERROR_BADSIG &&
	    dkim_sig_geterror(sig) != DKIM_SIGERROR_KEYTOOSMALL)
		return 0;
	if (is_ed25519(sig))
		return ED25519_BITS;
	dkim_sig_getkeysize(sig, &bits);
	return bits;
}

/* Returns "", or what is wrong with the body. */
static const char *
judge_body(DKIM_SIGINFO *sig, const struct attempt *attempt)
{
	dkim_canon_t headers, body;

	if (dkim_sig_getbh(sig) != DKIM_SIGBH_MATCH)
		return "the body does not match";
	if (attempt->claim->has_length &&
	    (dkim_sig_getcanons(sig, &headers, &body) != DKIM_STAT_OK ||
		attempt->claim->length < dkim_claim_body_bytes(attempt->task->body,
		    body == DKIM_CANON_RELAXED)))
		return "l= leaves out a part of the body";
	return "";
}

/* What the library found, and what it does not ask by itself.
   Returns "" if the signature passed, else why it did not. */
static const char *
judge(DKIM_SIGINFO *sig, const struct attempt *attempt, unsigned key_bits)
{
	bool passed = (dkim_sig_getflags(sig) & DKIM_SIGFLAG_PASSED) != 0;
	int error = dkim_sig_geterror(sig);

	if (attempt->why[0] != '\0')
		return attempt->why;
	if ((passed || key_bits > 0) && key_bits < DKIM_KEY_BITS_LEAST && !is_ed25519(sig))
		return "the key is too short";
	if (!passed && error == DKIM_SIGERROR_BADSIG)
		return "the header does not match";
	/* A matching header alone leaves the error unknown, and one that the body
	   belies is a bad signature to the library. */
	if (!passed || (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_UNKNOWN &&
		error != DKIM_SIGERROR_BADSIG))
		return dkim_sig_geterrorstr(error);
	return attempt->task->has_body ? judge_body(sig, attempt) : "";
}

static void
note_cover(const struct attempt *attempt, struct dkim_signature *signature)
{
	const struct {
		struct str name;
		bool *answer;
	} asked[] = {
		{ STR("From"), &signature->from_signed },
		{ STR("To"), &signature->to_signed },
		{ STR("Message-ID"), &signature->message_id_signed },
	};
	const struct header_list *fields = &attempt->task->fields;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		unsigned there = 0, covered = 0;

		for (unsigned at = 0; at < fields->count; at++) {
			if (!str_iequal(fields->list[at].name, asked[i].name))
				continue;
			there++;
			covered += attempt->covered[at];
		}
		*asked[i].answer = there > 0 && there == covered;
	}
}

/* Returns "" if the signature passed, else why it did not. */
static const char *
verify(DKIM *dkim, struct attempt *attempt, struct dkim_signature *signature)
{
	const char *flaw = hand_over_fields(dkim, attempt);
	DKIM_SIGINFO *sig;

	if (flaw[0] != '\0')
		return flaw;
	sig = find_signature(dkim, attempt->claim);
	if (sig == NULL)
		return "the signature is malformed";
	/* What dkim_eom() and dkim_sig_process() return is about the message, and
	   about whether they were able to work; judge() asks the signature. */
	if (!attempt->task->has_body)
		dkim_sig_process(dkim, sig);
	else if (hand_over_body(dkim, attempt->task->body) == DKIM_STAT_OK)
		dkim_eom(dkim, NULL);
	signature->key_bits = find_key_bits(sig);
	return judge(sig, attempt, signature->key_bits);
}

static void
try_signature(const struct task *task, const struct dkim_claim *claim,
    struct dkim_signature *signature_r)
{
	struct attempt attempt = { .task = task, .claim = claim, .why = "",
		.covered = arena_alloc(task->arena, task->fields.count * sizeof(bool)) };
	DKIM_STAT status;
	DKIM *dkim;

	*signature_r = (struct dkim_signature){ .domain = claim->domain,
		.selector = claim->selector, .why = claim->flaw };
	if (claim->flaw[0] != '\0')
		return;
	dkim_claim_cover(claim, &task->fields, attempt.covered);
	dkim = dkim_verify(task->verifier->lib, (const unsigned char *)"report", NULL, &status);
	if (dkim == NULL)
		msg_out_of_memory();
	dkim_set_user_context(dkim, &attempt);
	signature_r->why = verify(dkim, &attempt, signature_r);
	signature_r->passed = signature_r->why[0] == '\0';
	signature_r->temporary = attempt.temporary;
	if (signature_r->passed)
		note_cover(&attempt, signature_r);
	dkim_free(dkim);
}

static void
try_signatures(struct task *task, struct str headers, dkim_wanted *wanted, const void *context,
    struct dkim_result *result_r)
{
	result_r->count = 0;
	if (headers.len > LIMITS_HEADER_BLOCK_BYTES)
		return;
	header_list_make(headers, task->arena, &task->fields);
	/* There may be more that were not read. */
	if (task->fields.count == LIMITS_HEADER_FIELDS)
		return;
	for (unsigned i = 0; i < task->fields.count; i++) {
		const struct header *field = &task->fields.list[i];
		struct dkim_claim claim;

		if (result_r->count == DKIM_SIGNATURES_MOST)
			break;
		if (str_iequal(field->name, STR("DKIM-Signature")) &&
		    dkim_claim_read(field, task->arena, &claim) == 1 &&
		    (wanted == NULL || wanted(claim.domain, context)))
			try_signature(task, &claim, &result_r->signatures[result_r->count++]);
	}
}

void
dkim_verify_headers(struct dkim_verifier *verifier, struct str headers, dkim_wanted *wanted,
    const void *context, int64_t deadline_msec, struct arena *arena,
    struct dkim_result *result_r)
{
	struct task task = { .verifier = verifier, .deadline_msec = deadline_msec,
		.arena = arena };
	struct str none;

	header_split(headers, &headers, &none);
	try_signatures(&task, headers, wanted, context, result_r);
}

void
dkim_verify_message(struct dkim_verifier *verifier, struct str message, dkim_wanted *wanted,
    const void *context, int64_t deadline_msec, struct arena *arena,
    struct dkim_result *result_r)
{
	struct task task = { .verifier = verifier, .has_body = true,
		.deadline_msec = deadline_msec, .arena = arena };
	struct str headers;

	header_split(message, &headers, &task.body);
	try_signatures(&task, headers, wanted, context, result_r);
}
