#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "watch/provider.h"

/* Two directories, each with a list; NULL for none. */
struct lists {
	char packaged[64], local[64];
	struct providers *providers;
};

static void
put_list(char directory[64], const char *text)
{
	char path[96];
	FILE *file;

	strcpy(directory, "/tmp/bm-provider-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/%s", directory, PROVIDERS_FILE);
	if (text == NULL)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
remove_list(const char *directory)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", directory, PROVIDERS_FILE);
	unlink(path);
	rmdir(directory);
}

static int
load(struct lists *lists, const char *packaged, const char *local, const char **error_r)
{
	put_list(lists->packaged, packaged);
	put_list(lists->local, local);
	lists->providers = NULL;
	return providers_load(lists->packaged, lists->local, &lists->providers, error_r);
}

static void
drop_lists(struct lists *lists)
{
	providers_free(lists->providers);
	remove_list(lists->packaged);
	remove_list(lists->local);
}

static const char *
find(const struct lists *lists, const char *domain)
{
	static char text[128];
	struct provider provider = providers_find(lists->providers, domain);

	snprintf(text, sizeof(text), "%s %s%s", provider.name, provider.domain,
	    provider.major ? " major" : "");
	return text;
}

#define PACKAGED "# the big ones\n\nGoogle  major  google.com googlemail.com gmail.com\n" \
	"GMX\t-\tgmx.net GMX.de\r\nWeb.de - web.de"
#define EVERY "A - a.example googlemail.com\nB - b.example gmail.com\nC - c.example gmx.de\n" \
	"D - d.example web.de\nE - e.example google.com\nF - f.example gmx.net\n"

static void
test_find(void **state)
{
	static const struct {
		const char *local; /* NULL: there is no file */
		const char *domain, *want;
	} cases[] = {
		{ NULL, "google.com", "Google google.com major" },
		{ NULL, "gmail.com", "Google google.com major" },
		{ NULL, "gmx.de", "GMX gmx.net" },
		{ NULL, "web.de", "Web.de web.de" },
		{ NULL, "example.org", "example.org example.org" },
		{ NULL, "l.google.com", "l.google.com l.google.com" },
		{ NULL, "", " " },
		{ "", "gmx.de", "GMX gmx.net" },
		/* One domain goes elsewhere, the others stay. */
		{ "Mine - example.com gmx.de\n", "gmx.de", "Mine example.com" },
		{ "Mine - example.com gmx.de\n", "gmx.net", "GMX gmx.net" },
		{ "Mine - example.com gmx.de\n", "example.com", "Mine example.com" },
		/* With the key, all go. */
		{ "Alphabet - google.com\n", "google.com", "Alphabet google.com" },
		{ "Alphabet - google.com\n", "gmail.com", "Alphabet google.com" },
		{ "Mine major example.com gmx.net\n", "gmx.de", "Mine example.com major" },
		{ "Mine major example.com gmx.net\n", "web.de", "Web.de web.de" },
		/* All of them, one by one: none is there twice. */
		{ EVERY, "google.com", "E e.example" }, { EVERY, "googlemail.com", "A a.example" },
		{ EVERY, "gmail.com", "B b.example" }, { EVERY, "gmx.net", "F f.example" },
		{ EVERY, "gmx.de", "C c.example" }, { EVERY, "web.de", "D d.example" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lists lists;
		const char *error;

		assert_int_equal(load(&lists, PACKAGED, cases[i].local, &error), 0);
		check_text(find(&lists, cases[i].domain), cases[i].want, cases[i].domain);
		drop_lists(&lists);
	}
}

static void
test_no_list(void **state)
{
	struct lists lists;
	const char *error;

	(void)state;
	assert_int_equal(load(&lists, NULL, NULL, &error), 0);
	assert_string_equal(find(&lists, "google.com"), "google.com google.com");
	drop_lists(&lists);
	assert_string_equal(providers_find(NULL, "example.org").domain, "example.org");
	providers_free(NULL);
	assert_int_equal(providers_load("/nowhere/at/all", "", &lists.providers, &error), 0);
	providers_free(lists.providers);
}

static void
test_bad_lines(void **state)
{
	static const struct {
		const char *text, *want; /* behind the path */
	} cases[] = {
		{ "\nGoogle\n", ":2: behind the name stands major or \"-\", not \"\"" },
		{ "Google google.com\n",
			":1: behind the name stands major or \"-\", not \"google.com\"" },
		{ "Google major\n", ":1: Google has no domain" },
		{ "Google major google\n", ":1: \"google\" is no domain" },
		{ "Google major a..b\n", ":1: \"a..b\" is no domain" },
		{ "Goo\"gle major google.com\n",
			":1: \"Goo\"gle\" is no name: write at most 32 letters, digits and \".-_+&\"" },
		{ "A23456789012345678901234567890123 - google.com\n",
			":1: \"A23456789012345678901234567890123\" is no name: write at most 32 letters, "
			"digits and \".-_+&\"" },
		{ "Google - mx.google.com\n", ":1: mx.google.com can never be found: write its "
			"organisational domain, google.com" },
		{ "A - a.example\nB - b.example a.example\n",
			":2: the domain a.example is already in line 1" },
		{ "A - a.example A.Example\n", ":1: the domain a.example is already in line 1" },
	};

	(void)state;
	for (int local = 0; local < 2; local++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct lists lists;
			const char *error = "";
			char want[256];

			assert_int_equal(load(&lists, local ? PACKAGED : cases[i].text,
			    local ? cases[i].text : NULL, &error), -1);
			snprintf(want, sizeof(want), "%s/%s%s", local ? lists.local : lists.packaged,
			    PROVIDERS_FILE, cases[i].want);
			check_text(error, want, cases[i].text);
			drop_lists(&lists);
		}
	}
}

static void
test_lines_are_bounded(void **state)
{
	char *text = malloc(PROVIDERS_LINES_MOST + 2);

	(void)state;
	for (int over = 0; over < 2; over++) {
		struct lists lists;
		const char *error = "";

		memset(text, '\n', PROVIDERS_LINES_MOST + 1);
		text[PROVIDERS_LINES_MOST + over] = '\0';
		assert_int_equal(load(&lists, text, NULL, &error), -over);
		if (over)
			assert_non_null(strstr(error, "providers.list:4097: more than 4096 lines"));
		drop_lists(&lists);
	}
	free(text);
}

/* What is shipped can be read, and has those whom the rules know by name. */
static void
test_packaged(void **state)
{
	static const char *const cases[][2] = {
		{ "google.com", "Google google.com major" },
		{ "gmail.com", "Google google.com major" },
		{ "outlook.com", "Microsoft outlook.com major" },
		{ "mx.microsoft", "Microsoft outlook.com major" },
		{ "hotmail.co.uk", "Microsoft outlook.com major" },
		{ "yahoodns.net", "Yahoo yahoodns.net major" },
		{ "aol.com", "Yahoo yahoodns.net major" },
		{ "163.com", "NetEase netease.com" },
		{ "iphmx.com", "Cisco iphmx.com" },
		{ "yahoo.co.jp", "Yahoo-Japan yahoo.co.jp" },
	};
	struct lists lists = { 0 };
	const char *error = "";
	int ret = providers_load("rules", "", &lists.providers, &error);

	(void)state;
	check(ret == 0, "%s", error);
	for (size_t i = 0; i < COUNT(cases); i++)
		check_text(find(&lists, cases[i][0]), cases[i][1], cases[i][0]);
	providers_free(lists.providers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_lines_are_bounded),
		cmocka_unit_test(test_packaged),
	};

	return cmocka_run_group_tests_name("watch-provider", tests, NULL, NULL);
}
