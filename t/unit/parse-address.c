#include "support.h"

#include "parse/address.h"

#define L63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define ROUNDS 100000

static const struct {
	const char *text, *want; /* NULL: refused */
} cases[] = {
	{ "user@example.com", "user@example.com" },
	{ "<User@Example.COM>", "user@example.com" },
	{ "  user@example.com\n", "user@example.com" },
	{ "user+tag@example.com", "user+tag@example.com" },
	{ "user@example.com.", "user@example.com" },
	{ "user@sub_domain.example", "user@sub_domain.example" },
	{ "\"user\"@example.com", "user@example.com" },
	{ "\"us\\er\"@example.com", "user@example.com" },
	{ "\"a b\"@example.com", "\"a b\"@example.com" },
	{ "\"a@b\"@example.com", "\"a@b\"@example.com" },
	{ "\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com" },
	{ "\"a..b\"@example.com", "\"a..b\"@example.com" },
	{ ".a@example.com", "\".a\"@example.com" },
	{ "a..b@example.com", "\"a..b\"@example.com" },
	/* The real address of a log line that lies about its own fields. */
	{ "\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net",
	    "\"x>, relay=evil, dsn=2.0.0, status=sent (ok)\"@example.net" },
	/* UTF-8: folded like a table key; the domain as A-label. */
	{ "J\xc3\x96RG@example.com", "j\xc3\xb6rg@example.com" },
	{ "stra\xc3\x9f" "e@example.com", "strasse@example.com" },
	{ "user@M\xc3\x9cNCHEN.example", "user@xn--mnchen-3ya.example" },
	{ "user@XN--MNCHEN-3YA.example", "user@xn--mnchen-3ya.example" },
	/* An address like any other: what a relay made of it is not our matter. */
	{ "user%evil.example@example.com", "user%evil.example@example.com" },
	{ "evil.example!user@example.com", "evil.example!user@example.com" },
	{ "user@" L63 ".example", "user@" L63 ".example" },
	/* Keys that would be more than one address. */
	{ "user@", NULL }, { "@example.org", NULL }, { "example.org", NULL },
	{ ".example.org", NULL }, { "user@localhost", NULL }, { "user@[192.0.2.1]", NULL },
	{ "user@[IPv6:2001:db8::1]", NULL }, { "user@192.0.2.1", NULL }, { "user@2", NULL },
	{ "@a.example,@b.example:u@c.example", NULL }, { "<@a.example:u@c.example>", NULL },
	{ "a@b@c.example", NULL }, { "user@example.com..", NULL }, { "user@.example.com", NULL },
	{ "user@example..com", NULL }, { "user@-example.com", NULL }, { "user@example-.com", NULL },
	{ "user@exam ple.com", NULL }, { "user@example.com x", NULL }, { "a b@example.com", NULL },
	{ "user@example.com\nother@example.com", NULL }, { "us\ner@example.com", NULL },
	{ "\"us\ner\"@example.com", NULL }, { "\"us\ter\"@example.com", NULL },
	{ "us\x7f" "er@example.com", NULL }, { "us\xc2\x85" "er@example.com", NULL },
	{ "\xff@example.com", NULL }, { "user@ex\xff" "ample.com", NULL },
	{ "\"\"@example.com", NULL }, { "\"a@example.com", NULL }, { "a\\b@example.com", NULL },
	{ "\"a\\", NULL }, { "a,b@example.com", NULL }, { "a:b@example.com", NULL },
	{ "a;b@example.com", NULL }, { "(c)a@example.com", NULL }, { "a[b@example.com", NULL },
	{ "user@a" L63 ".example", NULL }, { "", NULL }, { "<>", NULL }, { "@", NULL },
	{ "<<user@example.com>>", NULL }, { "user@example.com>", NULL }, { "user@ex*mple.com", NULL },
	{ "user@ex\xef\xbc\xa0" "a.com", NULL }, /* a full-width @ */
};

static void
test_parse(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		const char *address = "none";
		int ret = address_parse(text, *state, &address);

		check(ret == (cases[i].want != NULL), "%s: %s", cases[i].text, address);
		if (ret == 1)
			check_text(address, cases[i].want, cases[i].text);
		drop(text);
	}
}

static void
test_nul(void **state)
{
	static const struct str texts[] = {
		{ "\"a\0b\"@x.example", 16 }, { "a\0b@x.example", 13 }, { "a@x\0y.example", 13 },
		{ "a@x.example\0", 12 },
	};
	const char *address;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct str text = exact_bytes(texts[i].data, texts[i].len);

		check(address_parse(text, *state, &address) == 0, "case %zu", i);
		drop(text);
	}
}

/* Parts that are as long as they may be, and one byte more. */
static void
test_lengths(void **state)
{
	static const struct {
		size_t local;
		unsigned labels; /* of 50 bytes each */
		int want;
	} sizes[] = {
		{ 255, 1, 1 }, { 256, 1, 0 }, { 1, 4, 1 }, { 1, 5, 0 }, { 255, 4, 1 }, { 2000, 1, 0 },
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		char text[4096] = "", *to = text;
		const char *address;
		struct str copy;

		to += sprintf(to, "%0*d@", (int)sizes[i].local, 0);
		for (unsigned j = 0; j < sizes[i].labels; j++)
			to += sprintf(to, "%.50s.", L63);
		strcpy(to, "example");
		copy = exact(text);
		check(address_parse(copy, *state, &address) == sizes[i].want, "case %zu", i);
		drop(copy);
	}
}

static bool
is_label(struct str label)
{
	for (size_t i = 0; i < label.len; i++) {
		char byte = label.data[i];

		if (!str_is_digit(byte) && (byte < 'a' || byte > 'z') && byte != '-' && byte != '_')
			return false;
	}
	return label.len > 0 && label.data[0] != '-' && label.data[label.len - 1] != '-';
}

/* The one pattern of all keys: a local part, plain or quoted, and a host name
   of two labels or more. */
static bool
is_key(const char *address)
{
	struct str domain = str_of(address_domain(address)), label;
	struct str local = { address, strlen(address) - domain.len - 1 };
	bool quoted = local.len > 2 && local.data[0] == '"' && local.data[local.len - 1] == '"';
	unsigned labels = 0;

	for (; str_next_piece(&domain, '.', &label); labels++) {
		if (!is_label(label))
			return false;
	}
	for (size_t i = 0; i < local.len; i++) {
		unsigned char byte = (unsigned char)local.data[i];

		if (byte < ' ' || byte == 0x7f || (byte >= 'A' && byte <= 'Z'))
			return false;
		if (!quoted && strchr(" ()<>@,;:\\\"[]", byte) != NULL)
			return false;
	}
	return local.len > 0 && labels >= 2;
}

/* Bytes that are likely to get through, among all others. */
static size_t
random_bytes(char *bytes, size_t most)
{
	static const char *const pieces[] = {
		"a", "B", "@", ".", "\"", "\\", "example.com", "@example.org", "x.y", "<", ">", ":",
		",", " ", "\n", "%", "\xc3\x84", "\xc3\xbc", "xn--", "-", "_", "1", "[", "]", "\xef\xbc\x8e",
	};
	size_t len = 0, count = (size_t)rand() % 8 + 1;

	for (size_t i = 0; i < count; i++) {
		const char *piece = pieces[(size_t)rand() % COUNT(pieces)];

		if (rand() % 8 == 0) {
			bytes[len++] = (char)rand();
		} else if (len + strlen(piece) < most) {
			memcpy(bytes + len, piece, strlen(piece));
			len += strlen(piece);
		}
	}
	if (rand() % 2 == 0 && len + 12 < most) {
		memcpy(bytes + len, "@example.com", 12);
		len += 12;
	}
	return len;
}

static void
test_any_bytes(void **state)
{
	unsigned accepted = 0;

	(void)state;
	srand(20261120);
	for (int round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_new();
		const char *address, *again;
		char bytes[128];
		struct str text = exact_bytes(bytes, random_bytes(bytes, sizeof(bytes)));

		if (address_parse(text, arena, &address) == 1) {
			accepted++;
			check(is_key(address), "round %d: %s", round, address);
			check(address_parse(str_of(address), arena, &again) == 1 &&
			    strcmp(address, again) == 0, "round %d: %s", round, address);
		}
		drop(text);
		arena_free(arena);
	}
	assert_true(accepted > ROUNDS / 20);
}

static void
test_domain(void **state)
{
	static const char *const domains[][2] = {
		{ "Example.COM", "example.com" }, { "example.com.", "example.com" },
		{ "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example" }, { "localhost", NULL },
		{ "", NULL }, { ".", NULL }, { "192.0.2.1", NULL }, { "user@example.com", NULL },
	};

	for (size_t i = 0; i < COUNT(domains); i++) {
		struct str text = exact(domains[i][0]);
		const char *domain;
		int ret = address_parse_domain(text, *state, &domain);

		check(ret == (domains[i][1] != NULL), "%s", domains[i][0]);
		if (ret == 1)
			check_text(domain, domains[i][1], domains[i][0]);
		drop(text);
	}
	assert_string_equal(address_domain("\"a@b\"@example.com"), "example.com");
	assert_string_equal(address_domain(""), "");
}

static void
test_to_unicode(void **state)
{
	assert_null(address_to_unicode("user@example.com", *state));
	assert_string_equal(address_to_unicode("user@xn--mnchen-3ya.example", *state),
	    "user@m\xc3\xbcnchen.example");
	assert_null(address_to_unicode("user@xn--\x01.example", *state));
}

static void
test_of_field(void **state)
{
	static const char *const fields[][2] = {
		{ "rfc822; user@example.com", "user@example.com" },
		{ "RFC822;<user@example.com>", "user@example.com" },
		{ " rfc822 ;user@example.com ", "user@example.com" },
		{ "user@example.com", "user@example.com" }, { "<user@example.com>", "user@example.com" },
		{ "utf-8; j\\x{f6}rg@example.com", "j\xc3\xb6rg@example.com" },
		{ "utf-8; j\xc3\xb6rg@example.com", "j\xc3\xb6rg@example.com" },
		{ "rfc822; \"a;b\"@example.com", "\"a;b\"@example.com" },
		{ "user@example.com; more", "user@example.com; more" },
		{ "rfc822;", "" }, { ";", "" }, { "", "" }, { "LOCAL; jo", "jo" },
	};

	for (size_t i = 0; i < COUNT(fields); i++) {
		struct str text = exact(fields[i][0]);

		check(is(address_of_field(text, *state), fields[i][1]), "%s", fields[i][0]);
		drop(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_parse),
		test_with_arena(test_nul),
		test_with_arena(test_lengths),
		cmocka_unit_test(test_any_bytes),
		test_with_arena(test_domain),
		test_with_arena(test_to_unicode),
		test_with_arena(test_of_field),
	};

	return cmocka_run_group_tests_name("parse-address", tests, NULL, NULL);
}
