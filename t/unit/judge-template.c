#include "support.h"

#include "judge/template.h"

static void
test_make(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		/* Words stay. */
		{ "No such user here.", "No such user here." },
		{ "", "" }, { "  ", "" }, { ".", "." }, { "...", "..." },
		{ "Utilisateur inconnu à cette adresse", "Utilisateur inconnu à cette adresse" },
		{ "ユーザーが見つかりません", "ユーザーが見つかりません" },
		{ "RESOLVER.ADR.RecipientNotFound; not found", "RESOLVER.ADR.RecipientNotFound; not found" },
		{ "see e.g. the FAQ, i.e. read", "see e.g. the FAQ, i.e. read" },
		{ "Please wait...Try again", "Please wait...Try again" },
		/* Addresses. */
		{ "<jo@example.com>: gone", "<address>: gone" },
		{ "jo@example.com is gone", "<address> is gone" },
		{ "user 'jo.x+y@sub.example.com'.", "user '<address>'." },
		{ "(jo@example.com)", "(<address>)" }, { "to=<jo@example.com>", "to=<address>" },
		{ "bounce+jo=example.com@list.example", "<address>" },
		{ "<\xc3\xa4@example.com>", "<address>" },
		{ "@ example @", "@ example @" }, { "jo@", "jo@" }, { "@jo", "@jo" },
		{ "<20261120091403.7781A2@mx.example.com> refused", "<id> refused" },
		/* Hosts and IP addresses. */
		{ "mx1.example.com said no", "<host> said no" }, { "no mail for example.com.", "no mail for <host>." },
		{ "host xn--bcher-kva.example", "host <host>" },
		{ "[192.0.2.1] is listed", "[<ip>] is listed" }, { "IP=192.0.2.1", "IP=<ip>" },
		{ "192.0.2.1:25", "<ip>:<n>" }, { "192.0.2.0/24 refused", "<ip> refused" },
		{ "2001:db8::1 refused", "<ip> refused" }, { "[IPv6:2001:db8::1]", "[IPv6:<ip>]" },
		{ "1.2.3.4.in-addr.example.net", "<host>" },
		/* URLs. */
		{ "see https://support.example.com/mail/?p=NoSuchUser a64si123b.12 - gsmtp",
		    "see https://support.example.com/<tail> <id> - gsmtp" },
		{ "http://www.example.com/", "http://www.example.com/" },
		{ "http://www.example.com.", "http://www.example.com." },
		{ "(http://x.example/q?ip=192.0.2.1)", "(http://x.example/<tail>)" },
		{ "://", "://" }, { "http://", "http://" },
		/* Codes stay, of SMTP and of the provider. */
		{ "550 5.1.1 no", "550 5.1.1 no" }, { "S3150 (SC-001) [TSS04] OFR_416 AUP#1260 ES000001 IB607",
		    "S3150 (SC-001) [TSS04] OFR_416 AUP#1260 ES000001 IB607" },
		{ "x.5.1.1 5.1.1.1", "<id> <ip>" },
		/* Ids and numbers. */
		{ "queued as 4XhZ2b0Qm1z3x", "queued as <id>" }, { "id 0F8B21C0A3 done", "id <id> done" },
		{ "1tFoBa-0001Xy-2C", "<id>" }, { "d2e1a72fcca58-7b6c5f2a1b3si99.12", "<id>" },
		{ "QWxhZGRpbjpvcGVuIHNlc2FtZQab", "<id>" },
		{ "a9824ea2-483c-5c29-a61a-1e13d2f2a6c2", "<id>" },
		{ "size 1048576 over 10.5MB", "size <n> over <n>MB" }, { "in 300s", "in <n>s" },
		{ "95% full, 12 of 12", "<n>% full, <n> of <n>" }, { "1,000,000", "<n>,<n>,<n>" },
		{ "error 7 (0x80070005)", "error <n> (<id>)" }, { "3rd try", "<n>rd try" },
		{ "MailboxFullOfThingsThatNobodyReads", "<id>" }, { "internationalization", "internationalization" },
		/* Dates. */
		{ "on Fri, 20 Nov 2026 10:00:00 +0000 (UTC) from", "on <date> from" },
		{ "20 Nov 2026", "<date>" }, { "Fri Nov 20 10:00:00 2026", "<date>" },
		{ "Nov 20 10:00:00 mta", "<date> mta" }, { "2026-11-20T10:00:00.123Z", "<date>" },
		{ "since 2026-11-20.", "since <date>." }, { "2026/11/20 10:00 gone", "<date> gone" },
		{ "at 10:00", "at <time>" }, { "Friday, 20 November 2026", "<date>" },
		{ "May 20 messages", "May <n> messages" }, { "Mon amour", "Mon amour" },
		{ "10:", "<n>:" }, { "10:0", "<n>:<n>" }, { "Fri, 20", "Fri, <n>" },
		{ "a=b=c", "a=b=c" }, { ":::", ":::" }, { "=", "=" }, { "<<>>", "<<>>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct buf out = { 0 };

		buf_add(&out, STR("> "));
		template_make(text, &out);
		check_text(buf_cstr(&out) + 2, cases[i].want, cases[i].text);
		buf_free(&out);
		drop(text);
	}
}

/* What differs in such things only is one text. */
static void
test_same(void **state)
{
	static const char *const pairs[][2] = {
		{ "<a@x.example>: not here (mx1.x.example, id 4XhZ2b0Qm1z3x)",
		    "<longer.name@y.example.org>: not here (mx22.y.example.org, id 5AbC9d8Ef7g6H)" },
		{ "Try again in 299 seconds", "Try again in 7 seconds" },
		{ "192.0.2.1 blocked until Fri, 20 Nov 2026 10:00:00 +0000",
		    "2001:db8::7 blocked until Sat, 1 May 2027 9:05:59 -0700" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct buf one = { 0 }, other = { 0 };

		template_make(str_of(pairs[i][0]), &one);
		template_make(str_of(pairs[i][1]), &other);
		check_text(buf_cstr(&one), buf_cstr(&other), pairs[i][0]);
		buf_free(&one);
		buf_free(&other);
	}
}

static void
test_bounds(void **state)
{
	static const char *const units[] = { "x", "word ", "\xc3\xa4", "\xe3\x83\xa6", "a@b ", "1 ", "<", "<a@b>", ":",
		"10:00 ", "4X2b0Q ", "http://x/y ", "Fri, " };

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		for (unsigned shift = 0; shift < 4; shift++) {
			struct buf text = { 0 }, out = { 0 };

			buf_add(&text, str_sub(STR("abcd"), 0, shift));
			while (text.len < 5000)
				buf_add(&text, str_of(units[i]));
			template_make(buf_str(&text), &out);
			check(out.len <= TEMPLATE_BYTES + 3, "%s: %zu", units[i], out.len);
			check(strcmp(out.data + out.len - 3, "...") == 0, "%s: %s", units[i], out.data);
			/* No half of a character before the dots. */
			check((out.data[out.len - 4] & 0xc0) != 0xc0, "%s: %s", units[i], out.data);
			buf_free(&text);
			buf_free(&out);
		}
	}
}

static void
test_longest_words(void **state)
{
	static const struct {
		const char *template;
		size_t limit;
		const char *want;
	} cases[] = {
		{ "<address>: no mailbox <n> of that name", 60, "of that name" },
		{ "no mailbox (<n>) for it", 60, "no mailbox" }, { "<id>", 60, "" }, { "", 60, "" },
		{ "one two three", 8, "one two" }, { "onetwothree", 8, "" },
		{ "one two three <n>...", 60, "one two three" }, { "<x> a <y", 60, "x> a <y" },
		{ "https://x.example/<tail> go", 60, "go" }, { "see http://x.example", 60, "see" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str template = exact(cases[i].template);

		check(is(template_longest_words(template, cases[i].limit), cases[i].want), "%s: %.*s",
		    cases[i].template, STR_ARGS(template_longest_words(template, cases[i].limit)));
		drop(template);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make), cmocka_unit_test(test_same),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_longest_words),
	};

	return cmocka_run_group_tests_name("judge-template", tests, NULL, NULL);
}
