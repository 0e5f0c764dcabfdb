#include "proof/diagnose.h"

#include "base/clock.h"
#include "base/net.h"
#include "parse/address.h"
#include "parse/header.h"
#include "proof/diagnose_dkim.h"
#include "proof/dmarc.h"

#define NAMES_MOST 10 /* of an address: receivers do not look at more either */

#define GOOD_KEY_BYTES 60

/* An address that no policy names (RFC 5737): where ours is not known, it shows
   whether there is a policy, and one that can be read. */
#define NOBODYS_ADDRESS "203.0.113.255"

static const char *const check_names[] = {
	[DIAGNOSE_SPF] = "SPF", [DIAGNOSE_DKIM] = "DKIM", [DIAGNOSE_DMARC] = "DMARC",
	[DIAGNOSE_PTR] = "PTR",
};
static const char *const state_names[] = {
	[DIAGNOSE_GOOD] = "good", [DIAGNOSE_BAD] = "bad", [DIAGNOSE_UNKNOWN] = "unknown",
};

const struct words diagnose_check_words = WORDS(check_names);
const struct words diagnose_state_words = WORDS(state_names);

/* --- SPF ---------------------------------------------------------------------- */

/* The policy stands among other records: those that begin so, if there are any,
   are all that is shown. */
static void
keep_records(struct finding_source *source, struct str prefix, struct arena *arena)
{
	struct dns_answer *answer = &source->answer;
	struct dns_record *kept = arena_alloc(arena, answer->count * sizeof(kept[0]) + 1);
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		if (str_istarts(str_of(answer->records[i].text), prefix))
			kept[count++] = answer->records[i];
	}
	if (count == 0)
		return;
	answer->records = kept;
	answer->count = count;
}

/* What the policy says of our address. */
static void
say_spf_answer(struct examination *exam, const struct spf_result *result,
    const struct finding_source *source)
{
	const char *address = exam->address, *domain = result->domain;

	switch (result->answer) {
	case SPF_ANSWER_PASS:
		exam->spf_state = DIAGNOSE_GOOD;
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_GOOD, WEIGHT_NONE, source,
		    "the SPF record of %s allows %s", domain, address);
		return;
	case SPF_ANSWER_NEUTRAL:
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_BAD, WEIGHT_SPF_RESULT, source,
		    "the SPF record of %s does not say whether %s is allowed (neutral)", domain,
		    address);
		return;
	case SPF_ANSWER_FAIL: case SPF_ANSWER_SOFTFAIL: case SPF_ANSWER_NONE:
	case SPF_ANSWER_TEMPERROR: case SPF_ANSWER_PERMERROR:
		break;
	}
	finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_BAD, WEIGHT_SPF_RESULT, source,
	    "the SPF record of %s does not allow %s (%s)", domain, address,
	    spf_answer_name(result->answer));
}

static void
check_spf(struct examination *exam)
{
	const char *domain = exam->subject->domain;
	bool known = exam->address[0] != '\0';
	struct finding_source source;
	struct spf_result result;

	if (domain[0] == '\0') {
		exam->spf_state = DIAGNOSE_UNKNOWN;
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "the domain of MAIL FROM is not known");
		return;
	}
	source = finding_ask(exam, DNS_TXT, domain);
	keep_records(&source, STR("v=spf"), exam->arena);
	spf_check(exam->spf, known ? exam->address : NOBODYS_ADDRESS, domain,
	    arena_printf(exam->arena, "postmaster@%s", domain), exam->deadline_msec, exam->arena,
	    &result);
	exam->spf_state = DIAGNOSE_BAD;
	if (source.answer.status == DNS_FAILED || result.answer == SPF_ANSWER_TEMPERROR) {
		exam->spf_state = DIAGNOSE_UNKNOWN;
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_UNKNOWN, WEIGHT_NONE, &source,
		    "the SPF record of %s cannot be evaluated now: DNS fails", domain);
	} else if (result.answer == SPF_ANSWER_PERMERROR) {
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_BAD, WEIGHT_SPF_RECORD, &source,
		    "the SPF record of %s is broken: %s (permerror)", domain, result.why);
	} else if (result.answer == SPF_ANSWER_NONE) {
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_BAD, WEIGHT_SPF_RECORD, &source,
		    "%s has no SPF record", domain);
	} else if (!known) {
		exam->spf_state = DIAGNOSE_UNKNOWN;
		finding_add(exam, DIAGNOSE_SPF, DIAGNOSE_UNKNOWN, WEIGHT_NONE, &source,
		    "%s has an SPF record; whether it allows us is not known without our "
		    "address", domain);
	} else {
		say_spf_answer(exam, &result, &source);
	}
}

/* --- DMARC -------------------------------------------------------------------- */

/* Something that passes has to be aligned. Returns what is known of that, and in
   *what_r what is aligned, passing or not, "" if nothing is. */
static enum diagnose_state
find_aligned(struct examination *exam, const struct dmarc_record *record, const char **what_r)
{
	const char *domain = exam->subject->domain, *from = exam->from_domain;
	/* There may be a signature, or a domain, that is not known here. */
	enum diagnose_state state = exam->has_signatures && domain[0] != '\0' ? DIAGNOSE_BAD
	    : DIAGNOSE_UNKNOWN;

	*what_r = "";
	for (unsigned i = 0; i < exam->signatures.count; i++) {
		const struct dkim_signature *signature = &exam->signatures.signatures[i];

		if (!dmarc_is_aligned(signature->domain, from, record->strict_dkim, exam->arena))
			continue;
		*what_r = arena_printf(exam->arena, "the DKIM signature of %s",
		    signature->domain);
		if (exam->signature_states[i] == DIAGNOSE_GOOD)
			return DIAGNOSE_GOOD;
		if (exam->signature_states[i] == DIAGNOSE_UNKNOWN)
			state = DIAGNOSE_UNKNOWN;
	}
	if (!dmarc_is_aligned(domain, from, record->strict_spf, exam->arena))
		return state;
	*what_r = arena_printf(exam->arena, "SPF of %s", domain);
	return exam->spf_state == DIAGNOSE_BAD ? state : exam->spf_state;
}

/* "SPF is of bounces.example.net, no DKIM signature": whom it could have been. */
static const char *
list_proven(const struct examination *exam)
{
	const char *list = exam->others;

	for (unsigned i = 0; i < exam->signatures.count; i++)
		list = arena_printf(exam->arena, "%s%s%s", list, list[0] == '\0' ? "" : ", ",
		    exam->signatures.signatures[i].domain);
	return arena_printf(exam->arena, "SPF is of %s, %s%s", exam->subject->domain,
	    list[0] == '\0' ? "there is no DKIM signature" : "DKIM of ", list);
}

static void
check_alignment(struct examination *exam, const struct dmarc_record *record)
{
	const char *what;

	switch (find_aligned(exam, record, &what)) {
	case DIAGNOSE_GOOD:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_GOOD, WEIGHT_NONE, NULL,
		    "%s passes, and is aligned with From %s", what, exam->from_domain);
		break;
	case DIAGNOSE_BAD:
		if (what[0] == '\0')
			finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_BAD, WEIGHT_ALIGNMENT, NULL,
			    "nothing is aligned with From %s: %s", exam->from_domain,
			    list_proven(exam));
		else
			finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_BAD, WEIGHT_NOT_PASSED, NULL,
			    "nothing passes that is aligned with From %s", exam->from_domain);
		break;
	case DIAGNOSE_UNKNOWN:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "whether anything passes that is aligned with From %s is not known",
		    exam->from_domain);
		break;
	}
}

static void
say_policy(struct examination *exam, const struct dmarc_record *record,
    const struct finding_source *source)
{
	finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_GOOD, WEIGHT_NONE, source,
	    "the policy for From %s is %s%s; alignment is %s for SPF, %s for DKIM",
	    exam->from_domain, words_name(&dmarc_policy_words, record->policy),
	    record->inherited ? ", of the organisation's record" : "",
	    record->strict_spf ? "strict" : "relaxed",
	    record->strict_dkim ? "strict" : "relaxed");
}

static void
check_dmarc(struct examination *exam)
{
	struct dmarc_record record;
	struct finding_source source = { .type = DNS_TXT };

	if (exam->from_domain[0] == '\0') {
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "the domain of From is not known");
		return;
	}
	dmarc_find(exam->dns, exam->from_domain, exam->deadline_msec, exam->arena, &record);
	source.name = record.name;
	source.answer = record.answer;
	keep_records(&source, STR("v=DMARC"), exam->arena);
	switch (record.state) {
	case DMARC_FOUND:
		say_policy(exam, &record, &source);
		break;
	case DMARC_MISSING:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_BAD, WEIGHT_DMARC_MISSING, &source,
		    "%s has no DMARC record; Google and Yahoo ask for one of who sends in bulk",
		    exam->from_domain);
		break;
	case DMARC_SEVERAL:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_BAD, WEIGHT_DMARC_BROKEN, &source,
		    "%s has several records, so none of them counts", record.name);
		break;
	case DMARC_MALFORMED:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_BAD, WEIGHT_DMARC_BROKEN, &source,
		    "the record %s is broken: %s", record.name, record.why);
		break;
	case DMARC_UNKNOWN:
		finding_add(exam, DIAGNOSE_DMARC, DIAGNOSE_UNKNOWN, WEIGHT_NONE, &source,
		    "the record %s cannot be fetched: DNS fails", record.name);
		return;
	}
	/* The large receivers ask for it with or without a policy. */
	check_alignment(exam, &record);
}

/* --- the name of the address -------------------------------------------------- */

static bool
is_address(const char *text, const struct net *wanted)
{
	struct net net;

	return net_parse(str_of(text), &net) == 0 &&
	    memcmp(net.bytes, wanted->bytes, sizeof(net.bytes)) == 0;
}

/* Does one of the names lead back? Returns what is known; of a name that does, or
   else of the first, what was asked. */
static enum diagnose_state
find_back(struct examination *exam, const struct dns_answer *names, struct finding_source *source_r)
{
	bool is_ipv6 = strchr(exam->address, ':') != NULL;
	enum diagnose_state state = DIAGNOSE_BAD;
	struct net address;

	net_parse(str_of(exam->address), &address);
	for (unsigned i = 0; i < names->count && i < NAMES_MOST; i++) {
		struct finding_source source = finding_ask(exam, is_ipv6 ? DNS_AAAA : DNS_A,
		    names->records[i].text);

		if (i == 0)
			*source_r = source;
		if (source.answer.status == DNS_FAILED)
			state = DIAGNOSE_UNKNOWN;
		for (unsigned k = 0; k < source.answer.count; k++) {
			if (is_address(source.answer.records[k].text, &address)) {
				*source_r = source;
				return DIAGNOSE_GOOD;
			}
		}
	}
	return state;
}

static void
check_way_back(struct examination *exam, const struct dns_answer *names)
{
	const char *address = exam->address;
	struct finding_source source = { .name = NULL };
	enum diagnose_state state = find_back(exam, names, &source);

	if (state == DIAGNOSE_GOOD)
		finding_add(exam, DIAGNOSE_PTR, state, WEIGHT_NONE, &source,
		    "the name of %s is %s, and leads back to it", address, source.name);
	else if (state == DIAGNOSE_UNKNOWN)
		finding_add(exam, DIAGNOSE_PTR, state, WEIGHT_NONE, &source,
		    "the name of %s is %s; whether it leads back is not known: DNS fails",
		    address, source.name);
	else
		finding_add(exam, DIAGNOSE_PTR, state, WEIGHT_PTR, &source,
		    "the name of %s is %s, which does not lead back to it", address,
		    source.name == NULL ? "too long" : source.name);
}

static void
check_ptr(struct examination *exam)
{
	const char *address = exam->address;
	const char *name = dns_reverse_name(address, exam->arena);
	struct finding_source source;

	if (address[0] == '\0') {
		finding_add(exam, DIAGNOSE_PTR, DIAGNOSE_UNKNOWN, WEIGHT_NONE, NULL,
		    "our address is not known");
		return;
	}
	source = finding_ask(exam, DNS_PTR, name);
	if (source.answer.status == DNS_FAILED)
		finding_add(exam, DIAGNOSE_PTR, DIAGNOSE_UNKNOWN, WEIGHT_NONE, &source,
		    "the name of %s cannot be fetched: DNS fails", address);
	else if (source.answer.status != DNS_FOUND)
		finding_add(exam, DIAGNOSE_PTR, DIAGNOSE_BAD, WEIGHT_PTR, &source,
		    "%s has no name (PTR record)", address);
	else
		check_way_back(exam, &source.answer);
}

/* --- all of it ---------------------------------------------------------------- */

/* Our address in normal form; "" if it is none, or one of this machine only, of
   which nobody else can know anything. */
static const char *
find_address(const char *text, struct arena *arena)
{
	char *normal = arena_alloc(arena, NET_TEXT_BYTES);
	struct net net, local[2];

	net_parse(STR("127.0.0.0/8"), &local[0]);
	net_parse(STR("::1"), &local[1]);
	if (dns_reverse_name(text, arena)[0] == '\0' || net_contains(local, 2, text) ||
	    net_parse(str_of(text), &net) == -1)
		return "";
	return net_print(&net, normal);
}

static const char *
find_from_domain(const struct diagnose_subject *subject, struct arena *arena)
{
	struct str headers, body, from;
	const char *address;

	if (subject->from_domain[0] != '\0')
		return subject->from_domain;
	header_split(subject->message.len > 0 ? subject->message : subject->headers, &headers,
	    &body);
	header_find(headers, STR("From"), &from);
	address = header_address(from, arena);
	return address[0] == '\0' ? subject->domain : address_domain(address);
}

void
diagnose(struct dns *dns, struct spf *spf, struct dkim_verifier *dkim,
    const struct diagnose_subject *subject, int64_t deadline_msec, struct arena *arena,
    struct diagnosis *diagnosis_r)
{
	static void (*const checks[])(struct examination *) = { check_spf, diagnose_dkim,
		check_dmarc, check_ptr };
	const unsigned count = sizeof(checks) / sizeof(checks[0]);
	struct examination exam = { .dns = dns, .spf = spf, .dkim = dkim, .subject = subject,
		.from_domain = find_from_domain(subject, arena),
		.address = find_address(subject->address, arena), .arena = arena,
		.diagnosis = diagnosis_r, .others = "" };

	*diagnosis_r = (struct diagnosis){ .cause = "" };
	for (unsigned i = 0; i < count; i++) {
		int64_t now = clock_monotonic_msec();

		exam.deadline_msec = deadline_msec;
		if (i + 1 < count && deadline_msec > now)
			exam.deadline_msec = now + (deadline_msec - now) / 2;
		checks[i](&exam);
	}
}

/* Append text, broken between words, the further lines indented; a word that is
   longer than a line, such as a key, is broken too. */
static void
add_wrapped(struct buf *out, const char *text, size_t column, size_t indent)
{
	struct str rest = str_of(text), word;
	size_t begin = column;

	while (str_next_word(&rest, &word)) {
		if (column > begin && column + 1 + word.len > DIAGNOSE_COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = begin = indent;
		} else if (column > begin) {
			buf_add_byte(out, ' ');
			column++;
		}
		while (column + word.len > DIAGNOSE_COLUMNS) {
			size_t room = DIAGNOSE_COLUMNS - column;

			buf_add(out, str_sub(word, 0, room));
			word = str_sub(word, room, word.len);
			buf_printf(out, "\n%*s", (int)indent, "");
			column = begin = indent;
		}
		buf_add(out, word);
		column += word.len;
	}
	buf_add_byte(out, '\n');
}

/* The query and its answer. Of a key that is good, some letters tell people as
   much as all of them. */
static void
add_answer(struct buf *line, const struct diagnose_finding *finding)
{
	bool cut = finding->check == DIAGNOSE_DKIM && finding->state == DIAGNOSE_GOOD &&
	    strlen(finding->answer) > GOOD_KEY_BYTES;

	buf_printf(line, "%s: %.*s%s", finding->query,
	    cut ? GOOD_KEY_BYTES : (int)strlen(finding->answer), finding->answer,
	    cut ? "..." : "");
}

void
diagnose_print(const struct diagnosis *diagnosis, struct buf *out)
{
	struct buf line = { 0 };

	for (unsigned i = 0; i < diagnosis->count; i++) {
		const struct diagnose_finding *finding = &diagnosis->findings[i];

		buf_clear(&line);
		buf_printf(&line, "%s %s: %s", check_names[finding->check],
		    state_names[finding->state], finding->text);
		add_wrapped(out, buf_cstr(&line), 0, 2);
		if (finding->query[0] == '\0')
			continue;
		buf_clear(&line);
		add_answer(&line, finding);
		buf_printf(out, "    ");
		add_wrapped(out, buf_cstr(&line), 4, 6);
	}
	buf_free(&line);
}
