#include "proof-sign.h"

#include <pthread.h>

#include "base/buf.h"
#include "parse/limits.h"
#include "proof/dkim.h"

static struct dns *dns;
static struct dkim_verifier *verifier;

static int
setup(void **state)
{
	struct zone zone;

	(void)state;
	zone_begin(&zone);
	write_keys(&zone);
	write_bad_keys(&zone);
	dns = zone_end(&zone);
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
	dns_free(dns);
	return 0;
}

enum part { HEADERS, MESSAGE };

static void
verify(enum part part, const char *message, struct arena *arena, struct dkim_result *result_r)
{
	/* Of headers alone, as of a part text/rfc822-headers. */
	size_t len = part == HEADERS && strstr(message, "\r\n\r\n") != NULL
	    ? (size_t)(strstr(message, "\r\n\r\n") + 2 - message) : strlen(message);
	struct str text = exact_bytes(message, len);

	(part == HEADERS ? dkim_verify_headers : dkim_verify_message)(verifier, text, NULL, NULL,
	    soon(), arena, result_r);
	drop(text);
}

/* There is one signature; `why` NULL: it passes. */
static void
check_one(enum part part, const char *message, const char *why, const char *what,
    struct arena *arena)
{
	struct dkim_result result;

	verify(part, message, arena, &result);
	check(result.count == 1, "%s: %u signatures", what, result.count);
	check_text(result.signatures[0].why, why == NULL ? "" : why, what);
	check(result.signatures[0].passed == (why == NULL), "%s", what);
	check(result.signatures[0].from_signed == (why == NULL), "%s", what);
	check(!result.signatures[0].temporary, "%s", what);
}

static void
test_pass(void **state)
{
	struct dkim_result result;

	for (unsigned i = 0; i < KEYS; i++) {
		const char *message = make(&(struct letter){ .key = i }, *state);
		bool strong = key_kinds[i].bits == 0 || key_kinds[i].bits >= 1024;

		for (enum part part = HEADERS; part <= MESSAGE; part++) {
			verify(part, message, *state, &result);
			check(result.count == 1, "%s", key_kinds[i].selector);
			check_text(result.signatures[0].domain, DOMAIN, key_kinds[i].selector);
			check_text(result.signatures[0].selector, key_kinds[i].selector, message);
			check(result.signatures[0].key_bits == (key_kinds[i].bits == 0 ? 256
			    : key_kinds[i].bits), "%s", key_kinds[i].selector);
			check(result.signatures[0].passed == strong, "%s", key_kinds[i].selector);
			check(result.signatures[0].to_signed == strong, "%s", message);
			check(result.signatures[0].message_id_signed == strong, "%s", message);
			check_text(result.signatures[0].why, strong ? "" : "the key is too short",
			    key_kinds[i].selector);
		}
	}
}

static void
test_altered(void **state)
{
	static const struct {
		const char *from, *to;
		bool relaxed, simple, whole; /* does it pass: whole is relaxed */
	} cases[] = {
		{ "", "", true, true, true },
		{ "All that", "all that", false, false, false },
		{ "news@", "mews@", false, false, false },
		{ "To: user", "To: loser", false, false, false },
		{ "Subject: All that is new\r\n\tthis week,  and next",
		    "subject:All that is\r\n new this week, and next \t", true, false, true },
		{ "\r\nReceived:", "\r\nReceived: again\r\nReceived:", true, true, true },
		{ "\r\nReceived:", "\r\nX-Other: x\r\nNo field\r\nReceived:", true, true, true },
		{ "\r\nSubject:", "\r\nSubject : ", true, false, true },
		{ "From: News", "From:   News", true, false, true },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; x=;", false, false, false },
		{ "good bye", "good night", true, true, false },
		{ "Good  morning ", "Good \t morning", true, true, true },
		{ "\r\n\r\n\r\n", "\r\n", true, true, true },
		{ "\r\n\r\nGood", "\r\n\r\n\r\nGood", true, true, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *relaxed = make(&(struct letter){ 0 }, *state);
		const char *simple = make(&(struct letter){ .simple = true }, *state);
		struct dkim_result result;

		relaxed = alter(relaxed, cases[i].from, cases[i].to, *state);
		simple = alter(simple, cases[i].from, cases[i].to, *state);
		verify(HEADERS, relaxed, *state, &result);
		check(result.signatures[0].passed == cases[i].relaxed, "%s", relaxed);
		verify(HEADERS, simple, *state, &result);
		check(result.signatures[0].passed == cases[i].simple, "%s", simple);
		verify(MESSAGE, relaxed, *state, &result);
		check(result.signatures[0].passed == cases[i].whole, "%s: %s", relaxed,
		    result.signatures[0].why);
	}
}

static void
test_line_endings(void **state)
{
	for (int simple = 0; simple < 2; simple++) {
		struct letter letter = { .simple = simple != 0 };
		const char *message = make(&letter, *state), *bare = without_cr(message, *state);

		check_one(HEADERS, message, NULL, "CRLF", *state);
		check_one(MESSAGE, message, NULL, "CRLF", *state);
		check_one(HEADERS, bare, NULL, "LF", *state);
		check_one(MESSAGE, bare, NULL, "LF", *state);
		check_one(MESSAGE, arena_printf(*state, "From news Fri Nov 20\n%s", bare), NULL,
		    "mbox", *state);
		letter.body = "no end of line\r\n";
		message = arena_printf(*state, "%s%s\r\nno end of line", sign(&letter, *state),
		    headers_text);
		check_one(MESSAGE, message, NULL, "no end of line", *state);
		letter.body = "";
		message = make(&letter, *state);
		check_one(MESSAGE, message, NULL, "no body", *state);
	}
}

static void
test_long_lines(void **state)
{
	char *body = arena_alloc(*state, 100004);

	memset(body, 'x', 100000);
	for (size_t i = 8189; i < 100000; i += 8190)
		body[i] = '\r';
	strcpy(body + 100000, "\r\n");
	check_one(MESSAGE, make(&(struct letter){ .body = body, .simple = true }, *state), NULL,
	    "long lines", *state);
}

static void
test_keys(void **state)
{
	static const struct {
		const char *selector, *why;
	} cases[] = {
		{ "rsa", NULL }, { "bare", NULL }, { "RSA", NULL },
		{ "strict", NULL },
		{ "nothing", "there is no key" }, { "empty-name", "there is no key" },
		{ "revoked", "key revoked" }, { "twice", "there are several key records" },
		{ "long", "the key record is too long" },
		{ "longer", "the key record is too long" },
		{ "rsa1024", "the header does not match" }, { "tiny", "the key is too short" },
		{ "empty", "" }, { "garbage", "" }, { "nonsense", "" }, { "lettered", "" },
		{ "sha1only", "" }, { "newer", "" }, { "edwards", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *message = make(&(struct letter){ .selector = cases[i].selector },
		    *state);
		struct dkim_result result;

		for (enum part part = HEADERS; part <= MESSAGE; part++) {
			if (cases[i].why == NULL || cases[i].why[0] != '\0') {
				check_one(part, message, cases[i].why, cases[i].selector, *state);
				continue;
			}
			/* In the words of the library. */
			verify(part, message, *state, &result);
			check(!result.signatures[0].passed, "%s", cases[i].selector);
			check(result.signatures[0].why[0] != '\0', "%s", cases[i].selector);
		}
	}
}

static void
test_dns_fails(void **state)
{
	static const char *const selectors[] = { "down", "mute" };

	for (size_t i = 0; i < COUNT(selectors); i++) {
		struct str text = str_of(make(&(struct letter){ .selector = selectors[i] },
		    *state));
		struct dkim_result result;

		for (enum part part = HEADERS; part <= MESSAGE; part++) {
			(part == HEADERS ? dkim_verify_headers : dkim_verify_message)(verifier,
			    text, NULL, NULL, clock_monotonic_msec() + 50, *state, &result);
			check(result.count == 1, "%s", selectors[i]);
			check(!result.signatures[0].passed, "%s", selectors[i]);
			check(result.signatures[0].temporary, "%s", selectors[i]);
			check_text(result.signatures[0].why, "the key cannot be fetched now",
			    selectors[i]);
		}
	}
}

static void
test_expired(void **state)
{
	check_one(HEADERS, make(&(struct letter){ .expired = DAY }, *state), NULL, "a day", *state);
	check_one(MESSAGE, make(&(struct letter){ .expired = 50 * DAY }, *state), NULL, "50 days",
	    *state);
	check_one(HEADERS, make(&(struct letter){ .expired = 70 * DAY }, *state),
	    "signature expired", "70 days", *state);
	check_one(HEADERS, make(&(struct letter){ .expired = 365 * DAY }, *state),
	    "signature expired", "a year", *state);
}

static const char *
many_fields(unsigned count, struct arena *arena)
{
	const char *headers = headers_text;

	for (unsigned i = 0; i < count; i++)
		headers = arena_printf(arena, "%sX-%u: %u\r\n", headers, i, i);
	return headers;
}

static void
test_fields(void **state)
{
	/* Six fields are there already. */
	check_one(HEADERS, make(&(struct letter){ .headers = many_fields(44, *state) }, *state),
	    NULL, "50", *state);
	check_one(HEADERS, make(&(struct letter){ .headers = many_fields(94, *state) }, *state),
	    NULL, "100", *state);
	check_one(HEADERS, make(&(struct letter){ .headers = many_fields(95, *state) }, *state),
	    "h= has too many names", "101", *state);
}

/* What is wrong with the field itself; no key is needed to say so. */
static void
test_malformed(void **state)
{
	static const struct {
		const char *from, *to, *why; /* "": any; NULL: not a signature at all */
	} cases[] = {
		{ "d=" DOMAIN ";", "d=" DOMAIN "; d=" DOMAIN ";", "a tag stands twice" },
		{ "d=" DOMAIN ";", "D=evil.example; d=" DOMAIN ";", "a tag stands twice" },
		{ "d=" DOMAIN ";", "q=dns/txt;;d=" DOMAIN ";", "the signature is malformed" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; l=-1;", "l= is no number" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; l=;", "l= is no number" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; l=99999999999999999999;", "l= is no number" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; t=0;", "a tag stands twice" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; i=@other.example;", "" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; i=" DOMAIN ";", "" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; i==41==40=;", "" },
		{ "d=" DOMAIN ";", "d=" DOMAIN "; a1=; a2=; a3=; a4=; a5=; a6=; a7=; a8=; a9=; "
		    "b1=; b2=; b3=; b4=; b5=; b6=; b7=; b8=; b9=; c1=; c2=; c3=; c4=; c5=; c6=;",
		    "it has too many tags" },
		{ "d=" DOMAIN ";", "", NULL }, { "d=" DOMAIN, "d=", NULL },
		{ "d=" DOMAIN, "d=exa\xc3\xbcple.org", NULL }, { "d=" DOMAIN, "d=a..b", NULL },
		{ "d=" DOMAIN, "d=example.org/x", NULL }, { "d=" DOMAIN, "d=.org", NULL },
		{ "d=" DOMAIN, "d=org.", NULL },
		{ "s=rsa", "s=", "s= is no name" }, { "s=rsa", "s=r a", "there is no key" },
		{ "s=rsa;", "", "s= is no name" }, { "s=rsa", "s=r*", "s= is no name" },
		{ "s=rsa", "s=r/a", "s= is no name" }, { "v=1;", "", "the signature is malformed" },
		{ "v=1;", "v=2;", "" }, { "a=rsa-sha256", "a=rsa-sha1", "rsa-sha1 is too weak" },
		{ "a=rsa-sha256", "a=RSA-SHA1", "rsa-sha1 is too weak" },
		{ "a=rsa-sha256", "a=ed25519-sha256", "" }, { "a=rsa-sha256", "a=x", "" },
		{ "c=relaxed/relaxed", "c=x/y", "" }, { "bh=", "bx=", "" },
		{ "; h=", "; hh=", "From is not signed" }, { ":From:", ":", "From is not signed" },
		{ " b=", " b=AAAA", "the header does not match" }, { " b=", " b=A;bb=", "" },
		{ "DKIM-Signature: ", "DKIM-Signature: \xff=", "the signature is malformed" },
		{ "DKIM-Signature: ", "DKIM-Signature: b;", "the signature is malformed" },
		{ "DKIM-Signature: v", "DKIM-Signature:\r\n\tv", NULL },
		{ "From: ", "From:\r\n ", NULL },
	};
	struct dkim_result result;

	for (size_t i = 0; i < COUNT(cases) - 2; i++) {
		const char *message = alter(make(&(struct letter){ 0 }, *state), cases[i].from,
		    cases[i].to, *state);

		verify(HEADERS, message, *state, &result);
		check(result.count == (cases[i].why != NULL), "%s", message);
		if (result.count == 0)
			continue;
		check(!result.signatures[0].passed, "%s", message);
		if (cases[i].why[0] != '\0')
			check_text(result.signatures[0].why, cases[i].why, message);
		else
			check(result.signatures[0].why[0] != '\0', "%s", message);
	}
	/* The last ones are only folded. */
	for (size_t i = COUNT(cases) - 2; i < COUNT(cases); i++)
		check_one(HEADERS, alter(make(&(struct letter){ 0 }, *state), cases[i].from,
			cases[i].to, *state), NULL, cases[i].to, *state);
}

static void
test_covered(void **state)
{
	static const struct {
		const char *from, *to;
		bool passed, from_signed, to_signed, message_id_signed;
	} cases[] = {
		{ "", "", true, true, true, true },
		/* Somebody put a second one on top. */
		{ "To: ", "To: other@example.com\r\nTo: ", true, true, false, true },
		{ "From: ", "FROM: other@example.com\r\nFrom: ", true, false, true, true },
		{ "Message-ID: ", "Message-Id : <2@x>\r\nMessage-ID: ", true, true, true, false },
		/* Or below. */
		{ "Date: ", "To: other@example.com\r\nDate: ", false, false, false, false },
		{ "To: user@example.com\r\n", "", false, false, false, false },
	};
	static const char *const no_to = "From: a@" DOMAIN "\r\nSubject: x\r\n";
	static const char *const two = "From: a@" DOMAIN "\r\nTo: b@x.test\r\nTo: c@x.test\r\n";
	struct dkim_result result;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *message = alter(make(&(struct letter){ 0 }, *state), cases[i].from,
		    cases[i].to, *state);

		verify(HEADERS, message, *state, &result);
		check(result.count == 1, "%s", message);
		check(result.signatures[0].passed == cases[i].passed, "%s", message);
		check(result.signatures[0].from_signed == cases[i].from_signed, "%s", message);
		check(result.signatures[0].to_signed == cases[i].to_signed, "%s", message);
		check(result.signatures[0].message_id_signed == cases[i].message_id_signed, "%s",
		    message);
	}
	verify(HEADERS, make(&(struct letter){ .headers = no_to }, *state), *state, &result);
	assert_true(result.signatures[0].passed);
	assert_false(result.signatures[0].to_signed);
	assert_false(result.signatures[0].message_id_signed);
	verify(HEADERS, make(&(struct letter){ .headers = two }, *state), *state, &result);
	assert_true(result.signatures[0].passed);
	assert_true(result.signatures[0].to_signed);
}

/* To libopendkim, a field ends at a NUL byte. */
static void
test_nul(void **state)
{
	const char *message = make(&(struct letter){ 0 }, *state);
	const char *at = strstr(message, "user@example.com") + strlen("user@example.com");
	struct dkim_result result;
	struct buf buf = { 0 };

	buf_add(&buf, (struct str){ message, (size_t)(at - message) });
	buf_add(&buf, (struct str){ "\0, other@example.com", 20 });
	buf_add(&buf, str_of(at));
	dkim_verify_headers(verifier, buf_str(&buf), NULL, NULL, soon(), *state, &result);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.signatures[0].why, "there is a NUL byte in a signed field");
	buf_free(&buf);
}

static bool
is_ours(const char *domain, const void *context)
{
	return strcmp(domain, context) == 0;
}

static void
test_wanted(void **state)
{
	const char *ours = sign(&(struct letter){ 0 }, *state);
	/* Its key would never come. */
	const char *foreign = sign(&(struct letter){ .domain = "mute.example" }, *state);
	const char *message = arena_printf(*state, "%s%s%s%s%s%s%s%s\r\n", foreign, foreign,
	    foreign, foreign, foreign, foreign, ours, headers_text);
	struct dkim_result result;

	dkim_verify_headers(verifier, str_of(message), is_ours, DOMAIN, soon(), *state, &result);
	assert_int_equal(result.count, 1);
	assert_true(result.signatures[0].passed);
	/* A stranger's are not to be looked at at all. */
	dkim_verify_headers(verifier, str_of(message), is_ours, "none.example", soon(), *state,
	    &result);
	assert_int_equal(result.count, 0);
	dkim_verify_headers(verifier, str_of(message), NULL, NULL, soon(), *state, &result);
	assert_int_equal(result.count, DKIM_SIGNATURES_MOST);
	for (unsigned i = 0; i < result.count; i++)
		assert_string_equal(result.signatures[i].why, "there is no key");
	message = alter(message, "d=" DOMAIN, "d=Example.ORG", *state);
	dkim_verify_headers(verifier, str_of(message), is_ours, DOMAIN, soon(), *state, &result);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.signatures[0].why, "the header does not match");
	assert_string_equal(result.signatures[0].domain, DOMAIN);
}

/* One signature that covers another, and h= with more names than fields. */
static void
test_covers_signature(void **state)
{
	const char *first = sign(&(struct letter){ .key = KEY_EDWARDS }, *state);
	const char *headers = arena_printf(*state, "%s%s", first, headers_text);
	const char *message = make(&(struct letter){ .headers = headers }, *state);
	const char *oversigned[] = { "Subject", NULL };
	struct dkim_result result;

	check(strstr(message, "DKIM-Signature:") != NULL, "%s", message);
	verify(HEADERS, message, *state, &result);
	assert_int_equal(result.count, 2);
	assert_true(result.signatures[0].passed && result.signatures[1].passed);
	assert_string_equal(result.signatures[1].selector, "edwards");
	assert_int_equal(dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, oversigned,
	    sizeof(char **)), DKIM_STAT_OK);
	message = make(&(struct letter){ 0 }, *state);
	dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, NULL, sizeof(char **));
	check_one(HEADERS, message, NULL, "oversigned", *state);
	verify(HEADERS, alter(message, "To:", "Subject: other\r\nTo:", *state), *state, &result);
	assert_false(result.signatures[0].passed);
}

/* h= takes each field and goes on: libopendkim would write behind its array. */
static void
test_more_names_than_fields(void **state)
{
	const char *headers = "From: a@" DOMAIN "\r\n";

	for (unsigned i = 0; i < 20; i++) {
		const char *message = make(&(struct letter){ .headers = headers }, *state);

		message = alter(message, "; h=", "; h=DKIM-Signature:", *state);
		message = alter(message, "From; b=", "From:x:y:z; b=", *state);
		check_one(HEADERS, message, "the header does not match", message, *state);
		headers = arena_printf(*state, "X-%u: x\r\n%s", i, headers);
	}
}

static void
test_length(void **state)
{
	static const struct {
		const char *body;
		int64_t length;
		const char *appended, *why;
		bool simple;
	} cases[] = {
		{ "one \r\ntwo\r\n", 10, "", NULL, false },
		{ "one \r\ntwo\r\n", 11, "", NULL, true },
		{ "one \r\ntwo\r\n", 10, "\r\n \r\n", NULL, false },
		{ "one \r\ntwo\r\n", 10, "three\r\n", "l= leaves out a part of the body", false },
		{ "one \r\ntwo\r\n", 11, "three\r\n", "l= leaves out a part of the body", true },
		{ "one \r\ntwo\r\n", 11, " \r\n", "l= leaves out a part of the body", true },
		{ "one \r\ntwo\r\n", 5, "", "l= leaves out a part of the body", false },
		{ "one\r\n", 5, "\r\n\r\n", NULL, true },
		{ " one \t two\r\n\r\nx\r\n", 15, " \r\n", NULL, false },
		{ " a b c d\r\n", 10, "y\r\n", "l= leaves out a part of the body", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct letter letter = { .body = cases[i].body, .length = cases[i].length,
			.simple = cases[i].simple };
		const char *message = arena_printf(*state, "%s%s", make(&letter, *state),
		    cases[i].appended);

		check(strstr(message, " l=") != NULL, "%s", message);
		check_one(MESSAGE, message, cases[i].why, message, *state);
		check_one(HEADERS, message, NULL, message, *state);
	}
}

static void
test_limits(void **state)
{
	const char *signature = sign(&(struct letter){ 0 }, *state);
	struct buf buf = { 0 };
	struct dkim_result result;

	buf_printf(&buf, "%s%s", signature, headers_text);
	for (unsigned i = 0; i < LIMITS_HEADER_FIELDS; i++)
		buf_printf(&buf, "X-%u: x\r\n", i);
	verify(HEADERS, buf_cstr(&buf), *state, &result);
	assert_int_equal(result.count, 0);
	buf_clear(&buf);
	buf_printf(&buf, "X: ");
	for (unsigned i = 0; i < LIMITS_HEADER_BLOCK_BYTES; i++)
		buf_add_byte(&buf, 'x');
	buf_printf(&buf, "\r\n%s%s", signature, headers_text);
	verify(HEADERS, buf_cstr(&buf), *state, &result);
	assert_int_equal(result.count, 0);
	verify(HEADERS, "", *state, &result);
	assert_int_equal(result.count, 0);
	verify(MESSAGE, "\n\n", *state, &result);
	assert_int_equal(result.count, 0);
	buf_clear(&buf);
	buf_printf(&buf, "%s", signature);
	verify(HEADERS, buf_cstr(&buf), *state, &result);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.signatures[0].why, "the header is malformed");
	buf_free(&buf);
}

struct work {
	const char *good, *bad;
	unsigned turns, wrong;
};

static void *
verify_often(void *argument)
{
	struct arena *arena = arena_new();
	struct work *work = argument;

	for (unsigned i = 0; i < work->turns; i++) {
		struct dkim_result good, bad;

		verify(HEADERS, work->good, arena, &good);
		verify(MESSAGE, work->bad, arena, &bad);
		if (good.count != 1 || !good.signatures[0].passed || bad.count != 1 ||
		    bad.signatures[0].passed)
			work->wrong++;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void
test_threads(void **state)
{
	static const enum key_name keys[] = { KEY_2048, KEY_EDWARDS, KEY_1024, KEY_2048 };
	struct work work[COUNT(keys)];
	pthread_t threads[COUNT(keys)];

	for (size_t i = 0; i < COUNT(keys); i++) {
		const char *good = make(&(struct letter){ .key = keys[i] }, *state);

		work[i] = (struct work){ good, alter(good, "good bye", "bye", *state), 100, 0 };
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &work[i]), 0);
	for (size_t i = 0; i < COUNT(keys); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(work[i].wrong, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_pass),
		test_with_arena(test_altered),
		test_with_arena(test_line_endings),
		test_with_arena(test_long_lines),
		test_with_arena(test_keys),
		test_with_arena(test_dns_fails),
		test_with_arena(test_expired),
		test_with_arena(test_fields),
		test_with_arena(test_malformed),
		test_with_arena(test_covered),
		test_with_arena(test_nul),
		test_with_arena(test_wanted),
		test_with_arena(test_covers_signature),
		test_with_arena(test_more_names_than_fields),
		test_with_arena(test_length),
		test_with_arena(test_limits),
		test_with_arena(test_threads),
	};

	return cmocka_run_group_tests_name("proof-dkim", tests, setup, teardown);
}
