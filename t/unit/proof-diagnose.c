#include "proof-sign.h"

#include "base/buf.h"
#include "parse/limits.h"
#include "proof/diagnose.h"

static struct dns *dns;
static struct spf *spf;
static struct dkim_verifier *verifier;

static const char *const texts[][2] = {
	{ DOMAIN, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all" },
	{ "_dmarc." DOMAIN, "v=DMARC1; p=reject" },
	{ "amid.test", "google-site-verification=x" },
	{ "amid.test", "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "soft.test", "v=spf1 ~all" },
	{ "neutral.test", "v=spf1 ?all" },
	{ "text.test", "some other text" },
	{ "twice.test", "v=spf1 +all" },
	{ "twice.test", "v=spf1 -all" },
	{ "broken.test", "v=spf1 ip4:300.1.2.3 -all" },
	{ "ring.test", "v=spf1 include:ring.test -all" },
	{ "downa.test", "v=spf1 a:down.test -all" },
	{ "hostile.test", "v=spf1 \x1b[31m\x07 \xe2\x80\xae \xff -all" },
	{ "_dmarc.hostile.test", "v=DMARC1; p=\x1b[2J\x9b" },
	{ "e._domainkey.hostile.test", "v=DKIM1; p=\x1b]0;x\x07" },
	{ "strict.test", "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "news.strict.test", "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "_dmarc.strict.test", "v=DMARC1; p=reject; aspf=s; adkim=s" },
	{ "esp.test", "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "_dmarc.two.test", "v=DMARC1; p=none" },
	{ "_dmarc.two.test", "v=DMARC1; p=reject" },
	{ "_dmarc.bad.test", "v=DMARC1; p=nothing" },
	{ "nokey.test", "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "_dmarc.nokey.test", "v=DMARC1; p=none" },
};

static const char *const lines[] = {
	"down.test. FAIL", "mute.test. SILENT", "_dmarc.down.test. FAIL", "host.test. A 192.0.2.99",
	"1.2.0.192.in-addr.arpa. PTR mail." DOMAIN ".", "mail." DOMAIN ". A 192.0.2.1",
	"mail." DOMAIN ". AAAA 2001:db8::1",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. "
	    "PTR mail." DOMAIN ".",
	"2.2.0.192.in-addr.arpa. PTR mail." DOMAIN ".",
	"3.2.0.192.in-addr.arpa. PTR gone.test.", "4.2.0.192.in-addr.arpa. PTR down.test.",
	"5.2.0.192.in-addr.arpa. FAIL",
	"6.2.0.192.in-addr.arpa. PTR host.test.", "6.2.0.192.in-addr.arpa. PTR other.test.",
	"other.test. A 198.51.100.1", "other.test. A 192.0.2.6",
	"7.2.0.192.in-addr.arpa. A 192.0.2.7",
	"8.2.0.192.in-addr.arpa. PTR down.test.", "8.2.0.192.in-addr.arpa. PTR host.test.",
	"9.2.0.192.in-addr.arpa. SILENT",
};

static int
setup(void **state)
{
	struct zone zone;

	(void)state;
	zone_begin(&zone);
	for (size_t i = 0; i < COUNT(texts); i++)
		zone_txt(&zone, texts[i][0], texts[i][1]);
	for (size_t i = 0; i < COUNT(lines); i++)
		fprintf(zone.file, "%s\n", lines[i]);
	for (unsigned i = 0; i < 80; i++) {
		fprintf(zone.file, "large.test. TXT");
		for (unsigned k = 0; k < 15; k++)
			fprintf(zone.file, " \"%u%0250u\"", i, 0);
		fprintf(zone.file, "\n");
		fprintf(zone.file, "10.2.0.192.in-addr.arpa. PTR p%u.test.\n", i);
	}
	write_keys(&zone);
	write_bad_keys(&zone);
	dns = zone_end(&zone);
	spf = spf_new(dns);
	verifier = dkim_verifier_new(dns);
	signer_open();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	signer_close();
	dkim_verifier_free(verifier);
	spf_free(spf);
	dns_free(dns);
	return 0;
}

/* --- helpers ------------------------------------------------------------------- */

static void
check_clean(const char *text, size_t most)
{
	check(strlen(text) <= most, "%zu bytes: %s", strlen(text), text);
	for (const char *p = text; *p != '\0'; p++)
		check(*p >= ' ' && *p <= '~', "byte %d in %s", *p, text);
}

/* What holds for each diagnosis, whatever was looked at. */
static void
check_form(const struct diagnosis *diagnosis)
{
	enum diagnose_check order = DIAGNOSE_SPF;
	unsigned seen = 0;
	bool is_cause = diagnosis->cause[0] == '\0', bad = false;

	assert_true(diagnosis->count <= DIAGNOSE_FINDINGS);
	for (unsigned i = 0; i < diagnosis->count; i++) {
		const struct diagnose_finding *finding = &diagnosis->findings[i];

		check(finding->check >= order, "%s", finding->text);
		order = finding->check;
		seen |= 1u << order;
		check(finding->text[0] != '\0', "finding %u", i);
		check_clean(finding->text, DIAGNOSE_TEXT_BYTES);
		check_clean(finding->query, DIAGNOSE_TEXT_BYTES);
		check_clean(finding->answer, DIAGNOSE_ANSWER_BYTES + 3);
		check((finding->query[0] == '\0') == (finding->answer[0] == '\0'), "%s",
		    finding->text);
		bad = bad || finding->state == DIAGNOSE_BAD;
		if (finding->state == DIAGNOSE_BAD && finding->text == diagnosis->cause)
			is_cause = true;
	}
	assert_int_equal(seen, 0xf);
	check(is_cause, "%s", diagnosis->cause);
	check(bad == (diagnosis->cause[0] != '\0'), "%s", diagnosis->cause);
}

static void
check_lines(const struct diagnosis *diagnosis)
{
	struct buf out = { 0 };
	struct str rest, line;

	diagnose_print(diagnosis, &out);
	rest = buf_str(&out);
	assert_true(rest.len > 0 && rest.data[rest.len - 1] == '\n');
	while (str_next_piece(&rest, '\n', &line)) {
		check(line.len > 0 && line.len <= DIAGNOSE_COLUMNS, "%.*s", STR_ARGS(line));
		for (size_t i = 0; i < line.len; i++)
			check(line.data[i] >= ' ' && line.data[i] <= '~', "%.*s", STR_ARGS(line));
	}
	buf_free(&out);
}

/* Absent is NULL here, and the headers end where they end. */
static void
examine_until(const struct diagnose_subject *given, int64_t deadline_msec, struct arena *arena,
    struct diagnosis *diagnosis_r)
{
	struct diagnose_subject subject = *given;
	struct str headers = exact_bytes(given->headers.data, given->headers.len);
	struct str message = exact_bytes(given->message.data, given->message.len);

	subject.domain = given->domain == NULL ? DOMAIN : given->domain;
	subject.from_domain = given->from_domain == NULL ? "" : given->from_domain;
	subject.address = given->address == NULL ? "" : given->address;
	subject.selector = given->selector == NULL ? "" : given->selector;
	subject.headers = headers;
	subject.message = message;
	diagnose(dns, spf, verifier, &subject, deadline_msec, arena, diagnosis_r);
	drop(headers);
	drop(message);
	check_form(diagnosis_r);
	check_lines(diagnosis_r);
}

static void
examine(const struct diagnose_subject *given, struct arena *arena, struct diagnosis *diagnosis_r)
{
	examine_until(given, soon(), arena, diagnosis_r);
}

/* The finding about this check, the first, or the one behind. */
static const struct diagnose_finding *
finding_about(const struct diagnosis *diagnosis, enum diagnose_check about, unsigned number)
{
	for (unsigned i = 0; i < diagnosis->count; i++) {
		if (diagnosis->findings[i].check == about && number-- == 0)
			return &diagnosis->findings[i];
	}
	fail_msg("nothing about %s", words_name(&diagnose_check_words, about));
	return NULL;
}

/* What a case wants: the state and the text, "" for any. */
static void
check_finding(const struct diagnose_finding *finding, enum diagnose_state state,
    const char *text)
{
	check(finding->state == state, "%s: %s", words_name(&diagnose_state_words,
		finding->state), finding->text);
	check_text(finding->text, text, finding->text);
}

/* --- SPF ------------------------------------------------------------------------ */

#define GOOD DIAGNOSE_GOOD
#define BAD DIAGNOSE_BAD
#define UNKNOWN DIAGNOSE_UNKNOWN

static void
test_spf(void **state)
{
	static const struct {
		const char *domain, *address;
		enum diagnose_state state;
		const char *text, *answer;
	} cases[] = {
		{ "amid.test", "192.0.2.1", GOOD, "the SPF record of amid.test allows 192.0.2.1",
		    "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		{ DOMAIN, "2001:DB8:0::1", GOOD, "the SPF record of " DOMAIN " allows 2001:db8::1",
		    "\"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\"" },
		{ "amid.test", "::ffff:192.0.2.1", GOOD,
		    "the SPF record of amid.test allows 192.0.2.1",
		    "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		{ "amid.test", "198.51.100.1", BAD,
		    "the SPF record of amid.test does not allow 198.51.100.1 (fail)",
		    "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		{ "soft.test", "192.0.2.1", BAD,
		    "the SPF record of soft.test does not allow 192.0.2.1 (softfail)",
		    "\"v=spf1 ~all\"" },
		{ "neutral.test", "192.0.2.1", BAD, "the SPF record of neutral.test does not say "
		    "whether 192.0.2.1 is allowed (neutral)", "\"v=spf1 ?all\"" },
		{ "text.test", "192.0.2.1", BAD, "text.test has no SPF record",
		    "\"some other text\"" },
		{ "text.test", "", BAD, "text.test has no SPF record", "\"some other text\"" },
		{ "nowhere.test", "192.0.2.1", BAD, "nowhere.test has no SPF record", "NXDOMAIN" },
		{ "nowhere.test", "", BAD, "nowhere.test has no SPF record", "NXDOMAIN" },
		{ "host.test", "192.0.2.1", BAD, "host.test has no SPF record", "no TXT record" },
		{ "twice.test", "192.0.2.1", BAD, "the SPF record of twice.test is broken: there "
		    "are several policy records (permerror)", "\"v=spf1 +all\" \"v=spf1 -all\"" },
		{ "twice.test", "", BAD, "the SPF record of twice.test is broken: there are "
		    "several policy records (permerror)", "\"v=spf1 +all\" \"v=spf1 -all\"" },
		{ "ring.test", "192.0.2.1", BAD, "", "\"v=spf1 include:ring.test -all\"" },
		{ "broken.test", "", BAD, "", "\"v=spf1 ip4:300.1.2.3 -all\"" },
		{ "down.test", "192.0.2.1", UNKNOWN,
		    "the SPF record of down.test cannot be evaluated now: DNS fails", "no answer" },
		{ "downa.test", "192.0.2.1", UNKNOWN,
		    "the SPF record of downa.test cannot be evaluated now: DNS fails",
		    "\"v=spf1 a:down.test -all\"" },
		{ "amid.test", "", UNKNOWN, "amid.test has an SPF record; whether it allows us is "
		    "not known without our address", "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		/* What nobody else sees is no address of ours. */
		{ "amid.test", "127.0.0.1", UNKNOWN, "amid.test has an SPF record; whether it "
		    "allows us is not known without our address",
		    "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		{ "amid.test", "::1", UNKNOWN, "amid.test has an SPF record; whether it allows us "
		    "is not known without our address", "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
		{ "amid.test", "unknown", UNKNOWN, "amid.test has an SPF record; whether it allows "
		    "us is not known without our address", "\"v=spf1 ip4:192.0.2.0/24 -all\"" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnose_subject subject = { .domain = cases[i].domain,
			.address = cases[i].address };
		const struct diagnose_finding *finding;
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		finding = finding_about(&diagnosis, DIAGNOSE_SPF, 0);
		check_finding(finding, cases[i].state, cases[i].text[0] == '\0' ? finding->text
		    : cases[i].text);
		check_text(finding->query, arena_printf(*state, "%s TXT", cases[i].domain),
		    cases[i].domain);
		check_text(finding->answer, cases[i].answer, cases[i].domain);
		if (cases[i].text[0] == '\0')
			check(strstr(finding->text, "permerror") != NULL, "%s", finding->text);
	}
}

/* --- DKIM ----------------------------------------------------------------------- */

#define KEY(selector) "the key " selector "._domainkey." DOMAIN

/* The same is said of a key, whether it is named, or found in a signature. */
static void
test_keys(void **state)
{
	static const struct {
		const char *selector;
		enum diagnose_state state;
		const char *text, *answer; /* "": any */
	} cases[] = {
		{ "rsa", GOOD, KEY("rsa") " is good (2048 bits)", "" },
		{ "rsa1024", GOOD, KEY("rsa1024") " is good (1024 bits)", "" },
		{ "rsa4096", GOOD, KEY("rsa4096") " is good (4096 bits)", "" },
		{ "edwards", GOOD, KEY("edwards") " is good (256 bits)", "" },
		{ "bare", GOOD, KEY("bare") " is good (2048 bits)", "" },
		{ "gone", BAD, KEY("gone") " does not exist in DNS", "NXDOMAIN" },
		{ "empty-name", BAD, KEY("empty-name") " does not exist in DNS: the name has no "
		    "TXT record", "no TXT record" },
		{ "revoked", BAD, KEY("revoked") " is revoked: its p= is empty",
		    "\"v=DKIM1; p=\"" },
		{ "rsa768", BAD, KEY("rsa768") " is too short: 768 bits, it needs 1024", "" },
		{ "rsa512", BAD, KEY("rsa512") " is too short: 512 bits, it needs 1024", "" },
		{ "tiny", BAD, "", "\"v=DKIM1; p=" TINY_KEY "\"" },
		{ "empty", BAD, "", "\"v=DKIM1; p=" EMPTY_KEY "\"" },
		{ "twice", BAD, KEY("twice") " cannot be used: there are several key records", "" },
		{ "long", BAD, KEY("long") " cannot be used: the key record is too long", "" },
		{ "longer", BAD, KEY("longer") " cannot be used: the key record is too long",
		    "" },
		{ "garbage", BAD, "", "\"v=DKIM1; p=AAAA\"" },
		{ "nonsense", BAD, "", "\"no tags at all\"" },
		{ "lettered", BAD, "", "\"v=DKIM1; p=??\"" },
		{ "sha1only", BAD, "", "" }, { "newer", BAD, "", "" },
		{ "down", UNKNOWN, KEY("down") " cannot be fetched: DNS fails", "no answer" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *signature = sign(&(struct letter){ .selector = cases[i].selector,
			.key = strcmp(cases[i].selector, "edwards") == 0 ? KEY_EDWARDS : KEY_2048 },
		    *state);
		struct diagnose_subject subject = { .selector = cases[i].selector };
		const struct diagnose_finding *finding;
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		finding = finding_about(&diagnosis, DIAGNOSE_DKIM, 0);
		check_finding(finding, cases[i].state, cases[i].text[0] == '\0' ? finding->text
		    : cases[i].text);
		check_text(finding->query, arena_printf(*state, "%s._domainkey." DOMAIN " TXT",
			cases[i].selector), cases[i].selector);
		if (cases[i].answer[0] != '\0')
			check_text(finding->answer, cases[i].answer, cases[i].selector);
		if (cases[i].state != GOOD) {
			const char *text = finding->text;

			subject.headers = str_of(arena_printf(*state, "%s%s", signature,
				headers_text));
			examine(&subject, *state, &diagnosis);
			check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), cases[i].state,
			    text);
		}
		if (cases[i].state == BAD)
			check_text(diagnosis.cause, finding_about(&diagnosis, DIAGNOSE_DKIM,
				0)->text, cases[i].selector);
	}
}

#define BY(selector) "the signature of " DOMAIN " with " selector

static void
test_signatures(void **state)
{
	static const struct {
		struct letter letter;
		const char *from, *to; /* in the headers */
		bool whole;
		enum diagnose_state state;
		const char *text;
	} cases[] = {
		{ { 0 }, "", "", false, GOOD, BY("rsa") " verifies over the returned headers "
		    "(2048 bits)" },
		{ { 0 }, "", "", true, GOOD, BY("rsa") " verifies (2048 bits)" },
		{ { .key = KEY_EDWARDS }, "", "", true, GOOD, BY("edwards") " verifies (256 "
		    "bits)" },
		{ { 0 }, "All that", "ALL THAT", false, UNKNOWN, BY("rsa") " does not verify: "
		    "the header does not match; the headers may have been changed on their way" },
		{ { 0 }, "All that", "ALL THAT", true, BAD, BY("rsa") " does not verify: the "
		    "header does not match" },
		{ { 0 }, "good bye", "bye", true, BAD, BY("rsa") " does not verify: the body does "
		    "not match" },
		/* Whose key is another one. */
		{ { .selector = "rsa1024" }, "", "", false, UNKNOWN, BY("rsa1024") " does not "
		    "verify: the header does not match; the headers may have been changed on their "
		    "way" },
		{ { 0 }, "a=rsa-sha256", "a=rsa-sha1", false, BAD, BY("rsa") " is broken: "
		    "rsa-sha1 is too weak" },
		{ { 0 }, ":From:", ":", false, BAD, BY("rsa") " is broken: From is not signed" },
		{ { 0 }, "s=rsa;", "s=;", false, BAD, "the signature of " DOMAIN " is "
		    "broken: s= is no name" },
		{ { 0 }, "s=rsa;", "s=gone;", false, BAD, KEY("gone") " does not exist in DNS" },
		{ { 0 }, "s=rsa;", "s=gone; l=x;", false, BAD, KEY("gone") " does not exist in "
		    "DNS" },
		{ { 0 }, "d=" DOMAIN, "d=other.test", false, BAD, "the message has no DKIM "
		    "signature of " DOMAIN ", only of other.test" },
		{ { 0 }, "DKIM-Signature:", "X-Signature:", false, BAD, "the message has no DKIM "
		    "signature" },
		{ { 0 }, "DKIM-Signature:", "X-Signature:", true, BAD, "the message has no DKIM "
		    "signature" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *message = alter(make(&cases[i].letter, *state), cases[i].from,
		    cases[i].to, *state);
		size_t head = (size_t)(strstr(message, "\r\n\r\n") + 2 - message);
		struct diagnose_subject subject = { .address = "192.0.2.1" };
		struct diagnosis diagnosis;

		if (cases[i].whole)
			subject.message = str_of(message);
		else
			subject.headers = (struct str){ message, head };
		examine(&subject, *state, &diagnosis);
		check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), cases[i].state,
		    cases[i].text);
		/* As a file has them. */
		subject.headers = str_of(without_cr(arena_strdup(*state, subject.headers),
			*state));
		subject.message = str_of(without_cr(arena_strdup(*state, subject.message),
			*state));
		examine(&subject, *state, &diagnosis);
		check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), cases[i].state,
		    cases[i].text);
	}
}

static void
test_expired(void **state)
{
	static const struct {
		int64_t expired, refused; /* seconds before now; 0: now */
		enum diagnose_state state;
	} cases[] = {
		{ DAY, 0, BAD }, { DAY, 3600, BAD }, { DAY, DAY + 3600, GOOD },
		{ -3600, 0, GOOD }, { 70 * DAY, 0, BAD }, { 70 * DAY, 71 * DAY, UNKNOWN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct letter letter = { .expired = cases[i].expired };
		const char *signature = sign(&letter, *state);
		struct diagnose_subject subject = { .address = "192.0.2.1",
			.time = cases[i].refused == 0 ? 0 : time(NULL) - cases[i].refused,
			.headers = str_of(arena_printf(*state, "%s%s", signature, headers_text)) };
		const struct diagnose_finding *finding;
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		finding = finding_about(&diagnosis, DIAGNOSE_DKIM, 0);
		check(finding->state == cases[i].state, "%zu: %s", i, finding->text);
		check((strstr(finding->text, "Z (x=), before") != NULL) == (cases[i].state == BAD),
		    "%s", finding->text);
		if (cases[i].state == BAD)
			check_text(diagnosis.cause, finding->text, signature);
	}
}

static void
test_several_signatures(void **state)
{
	const char *good = sign(&(struct letter){ 0 }, *state);
	const char *gone = sign(&(struct letter){ .selector = "gone" }, *state);
	const char *other = sign(&(struct letter){ .domain = "esp.test" }, *state);
	struct diagnose_subject subject = { .address = "192.0.2.1", .selector = "revoked" };
	struct buf many = { 0 };
	struct diagnosis diagnosis;

	subject.headers = str_of(arena_printf(*state, "%s%s%s%s", other, gone, good,
		headers_text));
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), BAD,
	    KEY("gone") " does not exist in DNS");
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 1), GOOD,
	    BY("rsa") " verifies over the returned headers (2048 bits)");
	check_text(diagnosis.cause, KEY("gone") " does not exist in DNS", "several");
	assert_int_equal(diagnosis.count, 6);
	/* No more than are verified, and those of others do not hide ours. */
	for (unsigned i = 0; i < 30; i++)
		buf_printf(&many, "%s%s", other, gone);
	buf_printf(&many, "%s", headers_text);
	subject.headers = buf_str(&many);
	examine(&subject, *state, &diagnosis);
	assert_int_equal(diagnosis.count, DKIM_SIGNATURES_MOST + 4);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, DKIM_SIGNATURES_MOST - 1), BAD,
	    KEY("gone") " does not exist in DNS");
	/* None of ours: the selector that is known otherwise. */
	subject.headers = str_of(arena_printf(*state, "%s%s", other, headers_text));
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), BAD,
	    KEY("revoked") " is revoked: its p= is empty");
	buf_free(&many);
}

/* The selector may belong to From. */
static void
test_selector_domain(void **state)
{
	struct diagnose_subject subject = { .domain = "nokey.test", .from_domain = DOMAIN,
		.selector = "rsa" };
	struct diagnosis diagnosis;

	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), GOOD,
	    KEY("rsa") " is good (2048 bits)");
	subject.selector = "gone";
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), BAD,
	    "the key gone._domainkey.nokey.test does not exist in DNS");
	subject.selector = NULL;
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), UNKNOWN,
	    "no message and no selector is known, so there is no key to look for");
}

/* --- DMARC ---------------------------------------------------------------------- */

static void
test_dmarc(void **state)
{
	static const struct {
		const char *from_domain;
		enum diagnose_state state;
		const char *text, *answer;
	} cases[] = {
		{ DOMAIN, GOOD, "the policy for From " DOMAIN " is reject; alignment is relaxed "
		    "for SPF, relaxed for DKIM", "\"v=DMARC1; p=reject\"" },
		{ "news." DOMAIN, GOOD, "the policy for From news." DOMAIN " is reject, of the "
		    "organisation's record; alignment is relaxed for SPF, relaxed for DKIM",
		    "\"v=DMARC1; p=reject\"" },
		{ "strict.test", GOOD, "the policy for From strict.test is reject; alignment is "
		    "strict for SPF, strict for DKIM",
		    "\"v=DMARC1; p=reject; aspf=s; adkim=s\"" },
		{ "esp.test", BAD, "esp.test has no DMARC record; Google and Yahoo ask for one of "
		    "who sends in bulk", "NXDOMAIN" },
		{ "two.test", BAD, "_dmarc.two.test has several records, so none of them counts",
		    "\"v=DMARC1; p=none\" \"v=DMARC1; p=reject\"" },
		{ "bad.test", BAD, "the record _dmarc.bad.test is broken: p= is not none, "
		    "quarantine or reject", "\"v=DMARC1; p=nothing\"" },
		{ "down.test", UNKNOWN, "the record _dmarc.down.test cannot be fetched: DNS fails",
		    "no answer" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnose_subject subject = { .from_domain = cases[i].from_domain };
		const struct diagnose_finding *finding;
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		finding = finding_about(&diagnosis, DIAGNOSE_DMARC, 0);
		check_finding(finding, cases[i].state, cases[i].text);
		check_text(finding->answer, cases[i].answer, cases[i].from_domain);
	}
}

#define NOT_KNOWN(from) "whether anything passes that is aligned with From " from \
	" is not known"

static void
test_alignment(void **state)
{
	static const struct {
		const char *domain, *from_domain, *address, *signer; /* NULL: no headers */
		enum diagnose_state state;
		const char *text;
	} cases[] = {
		{ DOMAIN, NULL, "192.0.2.1", NULL, GOOD, "SPF of " DOMAIN " passes, and is aligned "
		    "with From " DOMAIN },
		{ DOMAIN, NULL, "192.0.2.1", DOMAIN, GOOD, "the DKIM signature of " DOMAIN
		    " passes, and is aligned with From " DOMAIN },
		{ DOMAIN, "news." DOMAIN, "192.0.2.1", NULL, GOOD, "SPF of " DOMAIN " passes, and "
		    "is aligned with From news." DOMAIN },
		{ "esp.test", DOMAIN, "192.0.2.1", DOMAIN, GOOD, "the DKIM signature of " DOMAIN
		    " passes, and is aligned with From " DOMAIN },
		{ "esp.test", DOMAIN, "192.0.2.1", "esp.test", BAD, "nothing is aligned with From "
		    DOMAIN ": SPF is of esp.test, DKIM of esp.test" },
		{ "esp.test", DOMAIN, "192.0.2.1", "third.test", BAD, "nothing is aligned with "
		    "From " DOMAIN ": SPF is of esp.test, DKIM of third.test" },
		{ "esp.test", DOMAIN, "192.0.2.1", "", BAD, "nothing is aligned with From " DOMAIN
		    ": SPF is of esp.test, there is no DKIM signature" },
		{ "news.strict.test", "strict.test", "192.0.2.1", "", BAD, "nothing is aligned "
		    "with From strict.test: SPF is of news.strict.test, there is no DKIM "
		    "signature" },
		{ "strict.test", "strict.test", "192.0.2.1", "", GOOD, "SPF of strict.test passes, "
		    "and is aligned with From strict.test" },
		{ DOMAIN, NULL, "198.51.100.1", "", BAD, "nothing passes that is aligned with From "
		    DOMAIN },
		{ DOMAIN, NULL, "198.51.100.1", NULL, UNKNOWN, NOT_KNOWN(DOMAIN) },
		{ DOMAIN, NULL, NULL, "", UNKNOWN, NOT_KNOWN(DOMAIN) },
		{ DOMAIN, NULL, NULL, NULL, UNKNOWN, NOT_KNOWN(DOMAIN) },
		{ DOMAIN, NULL, "198.51.100.1", "altered", UNKNOWN, NOT_KNOWN(DOMAIN) },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnose_subject subject = { .domain = cases[i].domain,
			.from_domain = cases[i].from_domain, .address = cases[i].address };
		const char *signer_domain = cases[i].signer, *headers = headers_text;
		struct diagnosis diagnosis;

		if (signer_domain != NULL && strcmp(signer_domain, "altered") == 0)
			headers = alter(arena_printf(*state, "%s%s", sign(&(struct letter){ 0 },
					*state), headers_text), "All", "ALL", *state);
		else if (signer_domain != NULL && *signer_domain != '\0')
			headers = arena_printf(*state, "%s%s", sign(&(struct letter){
				.domain = signer_domain }, *state), headers_text);
		if (signer_domain != NULL)
			subject.headers = str_of(headers);
		examine(&subject, *state, &diagnosis);
		check_finding(finding_about(&diagnosis, DIAGNOSE_DMARC, 1), cases[i].state,
		    cases[i].text);
	}
}

/* From of the headers, if nobody says another. */
static void
test_from(void **state)
{
	static const struct {
		const char *headers, *given, *from;
	} cases[] = {
		{ "From: a@esp.test\n", NULL, "esp.test" },
		{ "From: a@esp.test\n", "two.test", "two.test" },
		{ "From: \"x@two.test\" <a@ESP.test>\n", NULL, "esp.test" },
		{ "From: nobody\n", NULL, DOMAIN }, { "To: a@esp.test\n", NULL, DOMAIN },
		{ "", NULL, DOMAIN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnose_subject subject = { .from_domain = cases[i].given,
			.headers = str_of(cases[i].headers) };
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		check_text(finding_about(&diagnosis, DIAGNOSE_DMARC, 0)->query,
		    arena_printf(*state, "_dmarc.%s TXT", cases[i].from), cases[i].headers);
	}
}

/* --- PTR ------------------------------------------------------------------------ */

static void
test_ptr(void **state)
{
	static const struct {
		const char *address;
		enum diagnose_state state;
		const char *text, *query, *answer;
	} cases[] = {
		{ "192.0.2.1", GOOD, "the name of 192.0.2.1 is mail." DOMAIN ", and leads back to "
		    "it", "mail." DOMAIN " A", "\"192.0.2.1\"" },
		{ "2001:db8::1", GOOD, "the name of 2001:db8::1 is mail." DOMAIN ", and leads back "
		    "to it", "mail." DOMAIN " AAAA", "\"2001:db8::1\"" },
		{ "::ffff:192.0.2.1", GOOD, "the name of 192.0.2.1 is mail." DOMAIN ", and leads "
		    "back to it", "mail." DOMAIN " A", "\"192.0.2.1\"" },
		{ "192.0.2.2", BAD, "the name of 192.0.2.2 is mail." DOMAIN ", which does not lead "
		    "back to it", "mail." DOMAIN " A", "\"192.0.2.1\"" },
		{ "192.0.2.3", BAD, "the name of 192.0.2.3 is gone.test, which does not lead back "
		    "to it", "gone.test A", "NXDOMAIN" },
		{ "192.0.2.4", UNKNOWN, "the name of 192.0.2.4 is down.test; whether it leads back "
		    "is not known: DNS fails", "down.test A", "no answer" },
		{ "192.0.2.5", UNKNOWN, "the name of 192.0.2.5 cannot be fetched: DNS fails",
		    "5.2.0.192.in-addr.arpa PTR", "no answer" },
		/* One of several names is enough. */
		{ "192.0.2.6", GOOD, "the name of 192.0.2.6 is other.test, and leads back to it",
		    "other.test A", "\"198.51.100.1\" \"192.0.2.6\"" },
		{ "192.0.2.7", BAD, "192.0.2.7 has no name (PTR record)",
		    "7.2.0.192.in-addr.arpa PTR", "no PTR record" },
		/* The one that fails may have been it. */
		{ "192.0.2.8", UNKNOWN, "the name of 192.0.2.8 is down.test; whether it leads back "
		    "is not known: DNS fails", "down.test A", "no answer" },
		{ "192.0.2.10", BAD, "the name of 192.0.2.10 is p0.test, which does not lead back "
		    "to it", "p0.test A", "NXDOMAIN" },
		{ "198.51.100.1", BAD, "198.51.100.1 has no name (PTR record)",
		    "1.100.51.198.in-addr.arpa PTR", "NXDOMAIN" },
		{ "", UNKNOWN, "our address is not known", "", "" },
		{ "127.0.0.1", UNKNOWN, "our address is not known", "", "" },
		{ "192.0.2.0/24", UNKNOWN, "our address is not known", "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnose_subject subject = { .address = cases[i].address };
		const struct diagnose_finding *finding;
		struct diagnosis diagnosis;

		examine(&subject, *state, &diagnosis);
		finding = finding_about(&diagnosis, DIAGNOSE_PTR, 0);
		check_finding(finding, cases[i].state, cases[i].text);
		check_text(finding->query, cases[i].query, cases[i].address);
		check_text(finding->answer, cases[i].answer, cases[i].address);
	}
}

/* --- the whole ------------------------------------------------------------------ */

static void
test_cause(void **state)
{
	static const struct {
		struct diagnose_subject subject;
		const char *cause;
	} cases[] = {
		{ { .address = "192.0.2.1", .selector = "rsa" }, "" },
		{ { .address = "198.51.100.1", .selector = "gone" },
		    KEY("gone") " does not exist in DNS" },
		{ { .domain = "twice.test", .address = "198.51.100.1", .selector = "gone" },
		    "the key gone._domainkey.twice.test does not exist in DNS" },
		{ { .domain = "twice.test", .address = "198.51.100.1" }, "the SPF record of "
		    "twice.test is broken: there are several policy records (permerror)" },
		{ { .address = "198.51.100.1" }, "the SPF record of " DOMAIN " does not allow "
		    "198.51.100.1 (fail)" },
		{ { .address = "192.0.2.2" }, "the name of 192.0.2.2 is mail." DOMAIN ", which "
		    "does not lead back to it" },
		{ { .domain = "esp.test", .from_domain = "esp.test", .address = "192.0.2.1" },
		    "esp.test has no DMARC record; Google and Yahoo ask for one of who sends in "
		    "bulk" },
		{ { .domain = "esp.test", .from_domain = "esp.test", .address = "192.0.2.2" },
		    "the name of 192.0.2.2 is mail." DOMAIN ", which does not lead back to it" },
		{ { .domain = "down.test", .from_domain = "down.test", .selector = "down",
		    .address = "192.0.2.5" }, "the key down._domainkey.down.test does not exist in "
		    "DNS" },
		{ { .domain = "down.test", .from_domain = "down.test", .address = "192.0.2.5" },
		    "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diagnosis diagnosis;

		examine(&cases[i].subject, *state, &diagnosis);
		check_text(diagnosis.cause, cases[i].cause, "cause");
	}
}

static void
test_silence(void **state)
{
	struct diagnose_subject subject = { .domain = "mute.test", .from_domain = DOMAIN,
		.address = "192.0.2.1", .selector = "rsa" };
	struct diagnosis diagnosis;
	int64_t deadline;

	/* One silent server does not hide the rest. */
	examine_until(&subject, clock_monotonic_msec() + 2000, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_SPF, 0), UNKNOWN,
	    "the SPF record of mute.test cannot be evaluated now: DNS fails");
	assert_int_equal(finding_about(&diagnosis, DIAGNOSE_DKIM, 0)->state, GOOD);
	assert_int_equal(finding_about(&diagnosis, DIAGNOSE_DMARC, 0)->state, GOOD);
	assert_int_equal(finding_about(&diagnosis, DIAGNOSE_PTR, 0)->state, GOOD);
	/* Where nobody answers, nothing is bad, and it ends. */
	subject = (struct diagnose_subject){ .domain = "mute.test", .from_domain = "mute.test",
		.address = "192.0.2.9", .headers = str_of(arena_printf(*state, "%s%s",
			sign(&(struct letter){ .selector = "mute" }, *state), headers_text)) };
	subject.from_domain = DOMAIN;
	deadline = clock_monotonic_msec() + 100;
	examine_until(&subject, deadline, *state, &diagnosis);
	assert_true(clock_monotonic_msec() >= deadline);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), UNKNOWN,
	    KEY("mute") " cannot be fetched: DNS fails");
	assert_int_equal(finding_about(&diagnosis, DIAGNOSE_PTR, 0)->state, UNKNOWN);
	assert_string_equal(diagnosis.cause, "");
}

/* What is not known is not asked for. */
static void
test_nothing_known(void **state)
{
	struct diagnose_subject subject = { .domain = "" };
	struct diagnosis diagnosis;

	examine(&subject, *state, &diagnosis);
	for (unsigned i = 0; i < diagnosis.count; i++) {
		check_finding(&diagnosis.findings[i], UNKNOWN, diagnosis.findings[i].text);
		assert_string_equal(diagnosis.findings[i].query, "");
	}
	assert_int_equal(diagnosis.count, 4);
	/* From alone. */
	subject.headers = str_of(arena_printf(*state, "%s%s", sign(&(struct letter){ 0 }, *state),
		headers_text));
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_SPF, 0), UNKNOWN,
	    "the domain of MAIL FROM is not known");
	check_finding(finding_about(&diagnosis, DIAGNOSE_DMARC, 1), GOOD, "the DKIM signature of "
	    DOMAIN " passes, and is aligned with From " DOMAIN);
	subject.headers = str_of(headers_text);
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DMARC, 1), UNKNOWN, NOT_KNOWN(DOMAIN));
	subject = (struct diagnose_subject){ .domain = "", .from_domain = DOMAIN,
		.selector = "rsa" };
	examine(&subject, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), GOOD,
	    KEY("rsa") " is good (2048 bits)");
}

/* When there is no time, nothing is asked, and nothing is bad. */
static void
test_no_time(void **state)
{
	struct diagnose_subject subject = { .domain = "fresh.test", .from_domain = "fresh.test",
		.address = "203.0.113.7", .selector = "s" };
	struct diagnosis diagnosis;

	for (int64_t late = 0; late < 3; late++) {
		examine_until(&subject, clock_monotonic_msec() - late * 1000, *state, &diagnosis);
		for (unsigned i = 0; i < diagnosis.count; i++)
			check_finding(&diagnosis.findings[i], UNKNOWN, diagnosis.findings[i].text);
		assert_string_equal(diagnosis.cause, "");
	}
}

static void
test_hostile_dns(void **state)
{
	struct diagnose_subject subject = { .domain = "hostile.test",
		.from_domain = "hostile.test", .address = "192.0.2.10", .selector = "e" };
	struct diagnosis diagnosis;

	examine(&subject, *state, &diagnosis);
	assert_string_equal(finding_about(&diagnosis, DIAGNOSE_SPF, 0)->answer,
	    "\"v=spf1 ?[31m? ??? ? -all\"");
	assert_string_equal(finding_about(&diagnosis, DIAGNOSE_DKIM, 0)->answer,
	    "\"v=DKIM1; p=?]0;x?\"");
	assert_string_equal(finding_about(&diagnosis, DIAGNOSE_DMARC, 0)->answer,
	    "\"v=DMARC1; p=?[2J?\"");
	subject.domain = "large.test";
	examine(&subject, *state, &diagnosis);
	assert_int_equal(strlen(finding_about(&diagnosis, DIAGNOSE_SPF, 0)->answer),
	    DIAGNOSE_ANSWER_BYTES + 3);
}

#define BYTES(text) { text, sizeof(text) - 1 }

static void
test_hostile_headers(void **state)
{
	static const struct str cases[] = {
		BYTES("\0\0\0\0"), BYTES("From: \0@x\n"),
		BYTES("From: a@\x1b[2J.test\nDKIM-Signature: d=\x1b[2J; s=\x07\n"),
		BYTES("DKIM-Signature:"), BYTES("DKIM-Signature: d=" DOMAIN),
		BYTES("DKIM-Signature: d=" DOMAIN "; s=\0; x=1"),
		BYTES("\r\n\r\n"), BYTES("\n"), BYTES(":"), BYTES("\xff\xfe"),
		BYTES("DKIM-Signature: d=" DOMAIN "; s=rsa; x=999999999999999999999"),
		BYTES("DKIM-Signature: d=" DOMAIN "; s=rsa; h=From; x=99999999999999999\n"),
	};
	struct diagnosis diagnosis;
	struct buf long_one = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		examine(&(struct diagnose_subject){ .headers = cases[i] }, *state, &diagnosis);
		examine(&(struct diagnose_subject){ .message = cases[i] }, *state, &diagnosis);
	}
	/* Names as long as names can be. */
	buf_printf(&long_one, "DKIM-Signature: d=" DOMAIN "; s=");
	for (unsigned i = 0; i < 120; i++)
		buf_printf(&long_one, "%sx", i == 0 ? "" : ".");
	buf_printf(&long_one, "; h=From\r\n%s", headers_text);
	examine(&(struct diagnose_subject){ .headers = buf_str(&long_one) }, *state, &diagnosis);
	buf_clear(&long_one);
	for (unsigned i = 0; i < 60; i++)
		buf_printf(&long_one, "DKIM-Signature: d=%u.%0200u.test; s=x; h=From\r\n", i, 0);
	examine(&(struct diagnose_subject){ .headers = buf_str(&long_one) }, *state, &diagnosis);
	/* More than is read: whether there is a signature is not known. */
	buf_clear(&long_one);
	buf_printf(&long_one, "%s", sign(&(struct letter){ 0 }, *state));
	for (unsigned i = 0; i < LIMITS_HEADER_FIELDS; i++)
		buf_printf(&long_one, "X-%u: x\r\n", i);
	examine(&(struct diagnose_subject){ .headers = buf_str(&long_one) }, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), UNKNOWN,
	    "the headers are too large to be looked at");
	buf_clear(&long_one);
	for (unsigned i = 0; i < LIMITS_HEADER_BLOCK_BYTES / 100 + 1; i++)
		buf_printf(&long_one, "X: %0100u\r\n", 0);
	examine(&(struct diagnose_subject){ .headers = buf_str(&long_one) }, *state, &diagnosis);
	check_finding(finding_about(&diagnosis, DIAGNOSE_DKIM, 0), UNKNOWN,
	    "the headers are too large to be looked at");
	buf_free(&long_one);
}

static void
test_print(void **state)
{
	static const char want[] =
	    "SPF bad: the SPF record of " DOMAIN " does not allow 198.51.100.1\n"
	    "  (fail)\n"
	    "    " DOMAIN " TXT: \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\"\n"
	    "DKIM bad: the key gone._domainkey." DOMAIN " does not exist in DNS\n"
	    "    gone._domainkey." DOMAIN " TXT: NXDOMAIN\n"
	    "DMARC good: the policy for From " DOMAIN " is reject; alignment is\n"
	    "  relaxed for SPF, relaxed for DKIM\n"
	    "    _dmarc." DOMAIN " TXT: \"v=DMARC1; p=reject\"\n"
	    "DMARC unknown: whether anything passes that is aligned with From\n"
	    "  " DOMAIN " is not known\n"
	    "PTR bad: 198.51.100.1 has no name (PTR record)\n"
	    "    1.100.51.198.in-addr.arpa PTR: NXDOMAIN\n";
	struct diagnose_subject subject = { .address = "198.51.100.1", .selector = "gone" };
	struct buf out = { 0 };
	struct diagnosis diagnosis;

	examine(&subject, *state, &diagnosis);
	diagnose_print(&diagnosis, &out);
	check_text(buf_cstr(&out), want, "print");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_no_time),
		test_with_arena(test_spf),
		test_with_arena(test_keys),
		test_with_arena(test_signatures),
		test_with_arena(test_expired),
		test_with_arena(test_several_signatures),
		test_with_arena(test_selector_domain),
		test_with_arena(test_dmarc),
		test_with_arena(test_alignment),
		test_with_arena(test_from),
		test_with_arena(test_ptr),
		test_with_arena(test_cause),
		test_with_arena(test_nothing_known),
		test_with_arena(test_silence),
		test_with_arena(test_hostile_dns),
		test_with_arena(test_hostile_headers),
		test_with_arena(test_print),
	};

	return cmocka_run_group_tests_name("proof-diagnose", tests, setup, teardown);
}
