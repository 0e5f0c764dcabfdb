/* Keys that are made when a test runs, a zone with them, and messages that are
   signed with them. */
#ifndef T_UNIT_PROOF_SIGN_H
#define T_UNIT_PROOF_SIGN_H

#include "proof-zone.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <time.h>

#include <opendkim/dkim.h>

#define DAY 86400
#define DOMAIN "example.org"
#define TINY_KEY "MB4wDQYJKoZIhvcNAQEBBQADDQAwCgIDAMNbAgMBAAE=" /* RSA, 16 bits */
#define EMPTY_KEY "MB0wDQYJKoZIhvcNAQEBBQADDAAwCQICAAACAwEAAQ==" /* its modulus is 0 */

enum key_name { KEY_2048, KEY_1024, KEY_768, KEY_512, KEY_4096, KEY_EDWARDS, KEYS };

static const struct {
	const char *selector;
	unsigned bits; /* 0: Ed25519 */
} key_kinds[KEYS] = {
	[KEY_2048] = { "rsa", 2048 }, [KEY_1024] = { "rsa1024", 1024 },
	[KEY_768] = { "rsa768", 768 }, [KEY_512] = { "rsa512", 512 },
	[KEY_4096] = { "rsa4096", 4096 }, [KEY_EDWARDS] = { "edwards", 0 },
};

static DKIM_LIB *signer;
static unsigned char *private_keys[KEYS]; /* PEM */

static const char headers_text[] =
    "Received: from a.example.org by b.example.org; Fri, 20 Nov 2026 15:02:18 +0000\r\n"
    "From: News <news@example.org>\r\nTo: user@example.com\r\n"
    "Subject: All that is new\r\n\tthis week,  and next\r\nMessage-ID: <1@example.org>\r\n"
    "Date: Fri, 20 Nov 2026 15:02:18 +0000\r\n";
static const char body_text[] = "Good  morning \r\n\r\nand good bye\r\n\r\n\r\n";

/* --- keys and the zone ------------------------------------------------------ */

static unsigned char *
print_private(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *text;
	char *data;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &data);
	text = calloc(1, (size_t)len + 1);
	memcpy(text, data, (size_t)len);
	BIO_free(bio);
	return text;
}

/* What stands in p=. Ed25519 is without the wrapping (RFC 8463). */
static void
print_public(EVP_PKEY *key, bool raw, char text[2000])
{
	unsigned char bytes[1400], *to = bytes;
	size_t len = sizeof(bytes);

	if (raw)
		assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &len), 1);
	else
		len = (size_t)i2d_PUBKEY(key, &to);
	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
}

static void
write_key(const struct zone *zone, const char *selector, const char *format, const char *public)
{
	char name[100], record[3000];

	snprintf(name, sizeof(name), "%s._domainkey." DOMAIN, selector);
	snprintf(record, sizeof(record), format, public);
	zone_txt(zone, name, record);
}

static void
write_keys(const struct zone *zone)
{
	char public[2000];

	for (unsigned i = 0; i < KEYS; i++) {
		bool edwards = key_kinds[i].bits == 0;
		EVP_PKEY *key = edwards ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
		    : EVP_RSA_gen(key_kinds[i].bits);

		assert_non_null(key);
		private_keys[i] = print_private(key);
		print_public(key, edwards, public);
		write_key(zone, key_kinds[i].selector, edwards ? "v=DKIM1; k=ed25519; p=%s"
		    : "v=DKIM1; k=rsa; p=%s", public);
		if (i == KEY_2048) {
			write_key(zone, "bare", "p=%s", public);
			write_key(zone, "strict", "v=DKIM1; t=s; p=%s", public);
			write_key(zone, "sha1only", "v=DKIM1; h=sha1; p=%s", public);
			write_key(zone, "newer", "v=DKIM2; p=%s", public);
			write_key(zone, "twice", "v=DKIM1; p=%s", public);
			write_key(zone, "twice", "v=DKIM1; p=%s", public);
		}
		EVP_PKEY_free(key);
	}
}

static void
write_bad_keys(const struct zone *zone)
{
	char long_text[6000];

	write_key(zone, "revoked", "v=DKIM1; p=%s", "");
	write_key(zone, "garbage", "v=DKIM1; p=%s", "AAAA");
	write_key(zone, "tiny", "v=DKIM1; p=%s", TINY_KEY);
	write_key(zone, "empty", "v=DKIM1; p=%s", EMPTY_KEY);
	write_key(zone, "nonsense", "%s", "no tags at all");
	write_key(zone, "lettered", "v=DKIM1; p=%s", "\xc3\xbc");
	memset(long_text, 'A', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	long_text[1100] = '\0';
	write_key(zone, "long", "v=DKIM1; p=%s", long_text);
	long_text[1100] = 'A';
	fprintf(zone->file, "longer._domainkey." DOMAIN ". TXT \"v=DKIM1; p=\"");
	for (unsigned i = 0; i < 250; i++)
		fprintf(zone->file, " \"%.250s\"", long_text);
	fprintf(zone->file, "\nempty-name._domainkey." DOMAIN ". A 192.0.2.1\n"
	    "down._domainkey." DOMAIN ". FAIL\nmute._domainkey." DOMAIN ". SILENT\n");
}

/* libopendkim never frees an Ed25519 key that it has signed with: what the signer
   allocates stays here, so that a checker finds it. */
struct block {
	struct block *next;
	max_align_t bytes[];
};
static struct block *blocks;

static void *
keep(void *closure, size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	(void)closure;
	block->next = blocks;
	blocks = block;
	return block->bytes;
}

static void
keep_on(void *closure, void *bytes)
{
	(void)closure;
	(void)bytes;
}

static void
signer_open(void)
{
	signer = dkim_init(keep, keep_on);
	assert_non_null(signer);
}

static void
signer_close(void)
{
	for (unsigned i = 0; i < KEYS; i++)
		free(private_keys[i]);
	dkim_close(signer);
}

/* --- signed messages -------------------------------------------------------- */

struct letter {
	const char *headers;  /* NULL: headers_text */
	const char *body;     /* NULL: body_text */
	const char *selector; /* NULL: that of the key */
	const char *domain;   /* NULL: DOMAIN */
	enum key_name key;
	bool simple;
	bool weak;            /* rsa-sha1 */
	int64_t length;       /* of the body, for l=; 0: all */
	int64_t expired;      /* seconds since x=; 0: no x= */
};

static void
set_options(const struct letter *letter)
{
	uint64_t signed_at = letter->expired == 0 ? 0
	    : (uint64_t)(time(NULL) - letter->expired - DAY);
	uint64_t lifetime = letter->expired == 0 ? 0 : DAY;
	unsigned flags = letter->length == 0 ? 0 : DKIM_LIBFLAGS_SIGNLEN, least = 512;

	dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &least, sizeof(least));
	dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &signed_at, sizeof(signed_at));
	dkim_options(signer, DKIM_OP_SETOPT, DKIM_OPTS_SIGNATURETTL, &lifetime,
	    sizeof(lifetime));
}

static void
hand_over(DKIM *dkim, const char *headers, const char *body)
{
	const char *end;

	for (const char *p = headers; *p != '\0'; p = end + 2) {
		for (end = strstr(p, "\r\n"); end[2] == ' ' || end[2] == '\t';)
			end = strstr(end + 2, "\r\n");
		assert_int_equal(dkim_header(dkim, (u_char *)p, (size_t)(end - p)), DKIM_STAT_OK);
	}
	assert_int_equal(dkim_eoh(dkim), DKIM_STAT_OK);
	if (*body != '\0')
		dkim_body(dkim, (u_char *)body, strlen(body));
	assert_int_equal(dkim_eom(dkim, NULL), DKIM_STAT_OK);
}

/* The signature as a field, in the arena. */
static const char *
sign(const struct letter *letter, struct arena *arena)
{
	const char *selector = letter->selector == NULL ? key_kinds[letter->key].selector
	    : letter->selector;
	dkim_canon_t canon = letter->simple ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
	const char *field;
	DKIM_STAT status;
	u_char *value;
	size_t len;
	DKIM *dkim;

	set_options(letter);
	dkim = dkim_sign(signer, (u_char *)"test", NULL, private_keys[letter->key],
	    (u_char *)selector, (u_char *)(letter->domain == NULL ? DOMAIN : letter->domain),
	    canon, canon, letter->key == KEY_EDWARDS ? DKIM_SIGN_ED25519SHA256
	    : letter->weak ? DKIM_SIGN_RSASHA1 : DKIM_SIGN_RSASHA256,
	    letter->length == 0 ? -1 : (ssize_t)letter->length, &status);
	assert_non_null(dkim);
	dkim_set_margin(dkim, 0);
	hand_over(dkim, letter->headers == NULL ? headers_text : letter->headers,
	    letter->body == NULL ? body_text : letter->body);
	assert_int_equal(dkim_getsighdr_d(dkim, 0, &value, &len), DKIM_STAT_OK);
	field = arena_printf(arena, "DKIM-Signature: %s\r\n", (char *)value);
	dkim_free(dkim);
	return field;
}

static const char *
make(const struct letter *letter, struct arena *arena)
{
	return arena_printf(arena, "%s%s\r\n%s", sign(letter, arena),
	    letter->headers == NULL ? headers_text : letter->headers,
	    letter->body == NULL ? body_text : letter->body);
}

/* The first `from` becomes `to`. */
static const char *
alter(const char *message, const char *from, const char *to, struct arena *arena)
{
	const char *at = strstr(message, from);

	check(at != NULL, "%s", from);
	return arena_printf(arena, "%.*s%s%s", (int)(at - message), message, to,
	    at + strlen(from));
}

static const char *
without_cr(const char *message, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(message) + 1), *to = out;

	for (const char *p = message; *p != '\0'; p++) {
		if (*p != '\r')
			*to++ = *p;
	}
	return out;
}

#endif
