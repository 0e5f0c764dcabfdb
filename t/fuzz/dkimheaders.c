/* DKIM signatures over headers and over a whole message. The seeds are signed
   with two keys that nobody has any more: what passes must say what they say. */
#include "support.h"

#include <unistd.h>

#include "base/clock.h"
#include "parse/header.h"
#include "proof/dkim.h"

#define KEY_NAME "._domainkey.example.org. TXT \"v=DKIM1; "
#define EDWARDS_KEY "JIUN11Sa0z1Iqac1KF2HuQFQTSh6E2NJ5e9kl+VL3NQ="
#define RSA_KEY "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDcNzy9uwPWLmNNkT4aLs1iXU75z7VL" \
	"GBOQ9qRty8vYAwQpKbUSqY4qURVUdZcq4P+7vsr30nDbz7NauhTSAs60gT6o8krOhomgl5q2+8oeo" \
	"scyp15LsNIi91BDG0W0vpMtUVzcm7swLgaJXYznKML7hQ6eHHJUeQkZbbO/QPqbEQIDAQAB"

static struct dkim_verifier *verifier;

static void
start(void)
{
	char path[] = "/tmp/bm-fuzz-XXXXXX";
	const char *error = "";
	int fd = mkstemp(path);
	struct dns *dns;

	promise(fd != -1);
	promise(dprintf(fd, "edwards" KEY_NAME "k=ed25519; p=" EDWARDS_KEY "\"\n"
	    "rsa" KEY_NAME "p=\" \"" RSA_KEY "\"\nrevoked" KEY_NAME "p=\"\n"
	    "odd" KEY_NAME "p=AAAA\"\ndown._domainkey.example.org. FAIL\n") > 0);
	close(fd);
	promise(dns_new(path, "", &dns, &error) == 0);
	unlink(path);
	verifier = dkim_verifier_new(dns);
}

static bool
says(struct str text, const char *want)
{
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
			continue;
		if (*want == '\0' || byte != *want++)
			return false;
	}
	return *want == '\0';
}

/* Nobody has the keys: this is what was signed. */
static void
promise_genuine(struct str headers, const struct dkim_signature *signature)
{
	struct str value;

	promise(strcmp(signature->domain, "example.org") == 0);
	promise(signature->from_signed && header_find(headers, STR("From"), &value) == 1 ?
	    says(value, "News<news@example.org>") : true);
	promise(signature->to_signed && header_find(headers, STR("To"), &value) == 1 ?
	    says(value, "user@example.com") : true);
	promise(signature->message_id_signed &&
	    header_find(headers, STR("Message-ID"), &value) == 1 ?
	    says(value, "<1@example.org>") : true);
}

static void
promise_result(struct str message, bool whole, const struct dkim_result *result)
{
	struct str headers, body;

	header_split(message, &headers, &body);
	promise(result->count <= DKIM_SIGNATURES_MOST);
	for (unsigned i = 0; i < result->count; i++) {
		const struct dkim_signature *signature = &result->signatures[i];

		promise_clean(signature->domain);
		promise_clean(signature->selector);
		promise_clean(signature->why);
		promise(signature->passed == (signature->why[0] == '\0'));
		promise(signature->passed || (!signature->from_signed && !signature->to_signed &&
			!signature->message_id_signed));
		if (!signature->passed)
			continue;
		promise_genuine(headers, signature);
		promise(!whole || says(body, "Hello"));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str message = { (const char *)data, size };
	struct arena *arena = arena_new();
	struct dkim_result result;

	if (verifier == NULL)
		start();
	dkim_verify_headers(verifier, message, NULL, NULL, clock_monotonic_msec() + 1000, arena,
	    &result);
	promise_result(message, false, &result);
	dkim_verify_message(verifier, message, NULL, NULL, clock_monotonic_msec() + 1000, arena,
	    &result);
	promise_result(message, true, &result);
	promise(arena_used(arena) < 256 * (size + 4096));
	arena_free(arena);
	return 0;
}
