#include "support.h"

#include "parse/domain.h"
#include "parse/returnpath.h"

static void
senders(void **state)
{
	static const char *const cases[][2] = {
		{ "user@example.com", "user@example.com" },
		{ "", "" },
		{ "a=b", "a=b" },
		{ "prvs=0123456789=user@example.com", "user@example.com" },
		{ "PRVS=1abcdef012=us=er@example.com", "us=er@example.com" },
		{ "prvs=user=0123456789@example.com", "user@example.com" },
		{ "prvs=012345678=user@example.com", "prvs=012345678=user@example.com" },
		{ "prvs=x123456789=user@example.com", "prvs=x123456789=user@example.com" },
		{ "btv1==0a1b2c==user@example.com", "user@example.com" },
		{ "btv1=0a1b2c==user@example.com", "btv1=0a1b2c==user@example.com" },
		{ "SRS0=Hash=TT=example.org=user@relay.example", "user@example.org" },
		{ "srs0+hash=tt=example.org=us=er@relay.example", "us=er@example.org" },
		{ "SRS0-hash=tt=example.org=user@relay.example", "user@example.org" },
		{ "SRS1=h2=relay.example==h1=tt=example.org=user@second.example",
		    "user@example.org" },
		{ "SRS1=h2=relay.example=h1=tt=example.org=user@second.example",
		    "SRS1=h2=relay.example=h1=tt=example.org=user@second.example" },
		{ "SRS0=hash=tt=example.org@relay.example", "SRS0=hash=tt=example.org@relay.example" },
		{ "a=b=c=d=e=f=g=h=i=j=k=l=m@example.com", "a=b=c=d=e=f=g=h=i=j=k=l=m@example.com" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(returnpath_sender(cases[i][0], arena), cases[i][1]);
	arena_free(arena);
}

static void
recipients(void **state)
{
	static const char *const cases[][2] = {
		{ "list-owner+user=example.com@ours.example", "user@example.com" },
		{ "bounces-User=Example.COM@ours.example", "user@example.com" },
		{ "bounces-12-user=example.com@ours.example", "user@example.com" },
		{ "bounces+a-b=example.com@ours.example", "a-b@example.com" },
		{ "prvs=0123456789=list+user=example.com@ours.example", "user@example.com" },
		{ "list-owner@ours.example", "" },
		{ "user=example.com@ours.example", "" },
		{ "list-=example.com@ours.example", "" },
		{ "list-user=localhost@ours.example", "" },
		{ "", "" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(returnpath_recipient(cases[i][0], arena), cases[i][1]);
	arena_free(arena);
}

/* Whoever gets one copy of a mailing knows its return path. */
static void
secrets(void **state)
{
	static const struct {
		const char *address, *recipient, *other, *other_recipient;
		size_t bytes;
	} cases[] = {
		/* Made of the recipient alone. */
		{ "l+bob=b.example@x", "bob@b.example", "l+ann=a.example@x", "ann@a.example", 0 },
		{ "l-bob@x", "bob@b.example", "l-ann@x", "ann@a.example", 0 },
		/* One for all. */
		{ "l@x", "bob@b.example", "l@x", "ann@a.example", 0 },
		/* A number that may be counted up. */
		{ "l-1002@x", "bob@b.example", "l-1001@x", "ann@a.example", 1 },
		/* A random one. */
		{ "l-9f3ac2417b@x", "bob@b.example", "l-0b27de918c@x", "ann@a.example", 10 },
		/* The same with the recipient. */
		{ "l-9f3ac2417b-bob=b.example@x", "bob@b.example", "l-0b27de918c-ann=a.example@x",
		    "ann@a.example", 10 },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(returnpath_secret_bytes(cases[i].address, cases[i].recipient,
		    cases[i].other, cases[i].other_recipient, arena), cases[i].bytes);
	arena_free(arena);
}

static void
organisations(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_true(domain_is_same_organisation("mx.Example.co.uk", "example.co.uk", arena));
	assert_false(domain_is_same_organisation("a.co.uk", "b.co.uk", arena));
	assert_false(domain_is_same_organisation("", "", arena));
	assert_false(domain_is_same_organisation("192.0.2.1", "192.0.3.1", arena));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders),
		cmocka_unit_test(recipients),
		cmocka_unit_test(secrets),
		cmocka_unit_test(organisations),
	};

	return cmocka_run_group_tests_name("returnpath", tests, NULL, NULL);
}
