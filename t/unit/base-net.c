#include "support.h"

#include "base/net.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* as printed; NULL: refused */
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24" }, { "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0/0", "0.0.0.0/0" }, { "2001:db8::/32", "2001:db8::/32" },
		{ "[2001:db8::]/32", "2001:db8::/32" }, { "[::1]", "::1" }, { "::/0", "::/0" },
		{ "[192.0.2.1]", "192.0.2.1" }, { "::ffff:192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1/24", NULL }, { "192.0.2.0/33", NULL }, { "2001:db8::/129", NULL },
		{ "192.0.2.0/", NULL }, { "192.0.2", NULL }, { "", NULL }, { "/8", NULL },
		{ "192.0.2.0/-1", NULL }, { "example.com", NULL }, { "[]", NULL },
		{ "2001:db8::1/32", NULL }, { "unix:/run/x", NULL },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		char printed[NET_TEXT_BYTES];
		struct net net;

		check((net_parse(text, &net) == 0) == (cases[i].want != NULL), "%s", cases[i].text);
		if (cases[i].want != NULL)
			check_text(net_print(&net, printed), cases[i].want, cases[i].text);
		drop(text);
	}
}

static void
test_nul_is_refused(void **state)
{
	struct str text = exact_bytes("192.0.2.1\0x", 11);
	struct net net;

	(void)state;
	assert_int_equal(net_parse(text, &net), -1);
	drop(text);
}

static void
test_contains(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "192.0.2.1", true }, { "192.0.3.1", false }, { "2001:db8:1::5", true },
		{ "2001:db9::", false }, { "::ffff:192.0.2.7", true }, { "10.1.2.3", true },
		{ "10.1.2.4", false }, { "unknown", false }, { "", false }, { "[192.0.2.1]", true },
	};
	struct net nets[3];

	(void)state;
	assert_int_equal(net_parse(STR("192.0.2.0/24"), &nets[0]), 0);
	assert_int_equal(net_parse(STR("2001:db8::/33"), &nets[1]), 0);
	assert_int_equal(net_parse(STR("10.1.2.3"), &nets[2]), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		check(net_contains(nets, 3, cases[i].address) == cases[i].want, "%s",
		    cases[i].address);
	assert_false(net_contains(nets, 0, "192.0.2.1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_contains),
	};

	return cmocka_run_group_tests_name("base-net", tests, NULL, NULL);
}
