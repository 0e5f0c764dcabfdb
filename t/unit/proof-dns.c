#include "proof-nameserver.h"

#include <limits.h>

#include "base/clock.h"
#include "proof/dns_answer.h"
#include "proof/dns_cache.h"
#include "proof/dns_pool.h"

#define FAR_MSEC 60000 /* a deadline that no test comes near */

static int64_t
in_msec(int64_t msec)
{
	return clock_monotonic_msec() + msec;
}

static struct dns *
dns_of(const char *servers)
{
	const char *error = "";
	struct dns *dns;

	check(dns_new("", servers, &dns, &error) == 0, "%s", error);
	return dns;
}

/* An answer in one line: "found 10 first.test, 20 second.test cut". */
static const char *
printed(enum dns_type type, const struct dns_answer *got, struct arena *arena)
{
	static const char *const names[] = { "found", "no name", "no data", "failed" };
	const char *text = names[got->status];

	for (unsigned i = 0; i < got->count; i++) {
		const char *comma = i == 0 ? "" : ",";

		text = type == DNS_MX ?
		    arena_printf(arena, "%s%s %u %s", text, comma, got->records[i].preference,
			got->records[i].text) :
		    arena_printf(arena, "%s%s %s", text, comma, got->records[i].text);
	}
	return got->cut ? arena_printf(arena, "%s cut", text) : text;
}

static const char *
ask(struct dns *dns, enum dns_type type, const char *name, int64_t msec, struct arena *arena)
{
	struct dns_answer got;

	dns_lookup(dns, type, name, in_msec(msec), arena, &got);
	return printed(type, &got, arena);
}

struct test_case {
	enum dns_type type;
	const char *name, *want;
};

static const struct test_case cases[] = {
	{ DNS_A, "ok.test", "found 192.0.2.1, 192.0.2.2" },
	{ DNS_A, "Other.OK.Test.", "found 192.0.2.1, 192.0.2.2" },
	{ DNS_A, "a@b$c(d;e\"f._spf.test", "found 192.0.2.1, 192.0.2.2" },
	{ DNS_AAAA, "ok.test", "found 2001:db8::1" },
	{ DNS_PTR, "1.2.0.192.in-addr.arpa", "found host.ok.test" },
	{ DNS_MX, "ok.test", "found 10 first.test, 20 second.test, 20 third.test" },
	{ DNS_MX, "nullmx.test", "found 0 " },
	{ DNS_TXT, "ok.test", "found one;\"t wo\n, " },
	{ DNS_A, "alias.test", "found 192.0.2.1, 192.0.2.2" },
	{ DNS_A, "dangling.test", "no data" },
	{ DNS_A, "loop.test", "failed" },
	{ DNS_A, "nodata.test", "no data" },
	{ DNS_A, "none.test", "no name" },
	{ DNS_A, "fail.test", "failed" },
	{ DNS_A, "refused.test", "failed" },
	{ DNS_A, "garbage.test", "failed" },
	{ DNS_A, "", "no name" }, { DNS_A, ".", "no name" }, { DNS_A, "a..b", "no name" },
	{ DNS_A, ".a", "no name" }, { DNS_A, "a b.test", "no name" },
	{ DNS_A, "a\\.test", "no name" }, { DNS_A, "\303\244.test", "no name" },
	{ DNS_A, "a\n.test", "no name" },
	{ DNS_A, "0123456789012345678901234567890123456789012345678901234567890123.test",
	    "no name" },
	{ DNS_A, "012345678901234567890123456789012345678901234567890123456789012.test",
	    "found 192.0.2.1, 192.0.2.2" },
};

static void
check_cases(const char *servers, struct arena *arena)
{
	struct dns *dns = dns_of(servers);

	/* The second time from the cache. */
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		const struct test_case *c = &cases[i % COUNT(cases)];

		check_text(ask(dns, c->type, c->name, FAR_MSEC, arena), c->want, c->name);
	}
	dns_free(dns);
}

static void
test_answers(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	unsigned asked;

	check_cases(server->address, *state);
	asked = server->questions;
	/* Nine of the names are none, and glibc asks again after a failure. */
	assert_in_range(asked, COUNT(cases) - 9, COUNT(cases) + 9);
	nameserver_stop(server);
}

static void
test_ipv6(void **state)
{
	struct nameserver *server, *other;
	const char *both;

	if (!has_ipv6())
		skip();
	server = nameserver_start(AF_INET6);
	other = nameserver_start(AF_INET);
	check_cases(server->address, *state);
	/* Of both families, and the first is gone. */
	both = arena_printf(*state, "%s %s", server->address, other->address);
	nameserver_stop(server);
	check_cases(both, *state);
	nameserver_stop(other);
}

/* Over UDP there is only a hint; over TCP there are more records than fit. */
static void
test_truncated(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);
	struct dns_answer got;

	dns_lookup(dns, DNS_A, "large.test", in_msec(FAR_MSEC), *state, &got);
	assert_int_equal(got.status, DNS_FOUND);
	assert_int_equal(got.count, DNS_RECORDS_MOST);
	assert_true(got.cut);
	assert_string_equal(got.records[63].text, "10.0.0.63");
	dns_free(dns);
	nameserver_stop(server);
}

/* The first server is silent for this name, or is not there at all. */
static void
test_second_server(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	int silent = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	struct arena *arena = *state;
	struct dns *dns;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(silent, (struct sockaddr *)&address, size), 0);
	getsockname(silent, (struct sockaddr *)&address, &size);
	dns = dns_of(arena_printf(arena, "127.0.0.1:%u %s", ntohs(address.sin_port),
	    server->address));
	check_text(ask(dns, DNS_AAAA, "ok.test", FAR_MSEC, arena), "found 2001:db8::1", "silent");
	close(silent);
	check_text(ask(dns, DNS_AAAA, "more.test", FAR_MSEC, arena), "found 2001:db8::1", "gone");
	dns_free(dns);
	nameserver_stop(server);
}

/* glibc gives up by itself, and the failure is remembered. */
static void
test_silence(void **state)
{
	static const char *const names[] = { "silent.test", "wrongid.test", "short.test" };
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);

	for (size_t i = 0; i < COUNT(names); i++) {
		unsigned asked;

		check_text(ask(dns, DNS_A, names[i], FAR_MSEC, *state), "failed", names[i]);
		asked = server->questions;
		check_text(ask(dns, DNS_A, names[i], FAR_MSEC, *state), "failed", names[i]);
		assert_int_equal(server->questions, asked);
	}
	dns_free(dns);
	nameserver_stop(server);
}

/* A deadline that has come does not ask, but what is known is told. */
static void
test_past_deadline(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);

	check_text(ask(dns, DNS_AAAA, "ok.test", 0, *state), "failed", "not known");
	assert_int_equal(server->questions, 0);
	check_text(ask(dns, DNS_AAAA, "ok.test", FAR_MSEC, *state), "found 2001:db8::1", "asked");
	check_text(ask(dns, DNS_AAAA, "ok.test", -1000, *state), "found 2001:db8::1", "known");
	dns_free(dns);
	nameserver_stop(server);
}

static void
wait_for(const atomic_uint *number, unsigned least)
{
	while (*number < least)
		usleep(1000);
}

/* A server that takes questions over TCP and never answers costs some threads;
   the others go on. The end does not wait for them. */
static void
test_stuck(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);
	struct arena *arena = *state;

	for (unsigned i = 0; i < DNS_WORKERS_TCP; i++) {
		int64_t deadline = in_msec(i == 0 ? DNS_SILENCE_MSEC + 500 : 50);
		const char *name = arena_printf(arena, "hang%u.test", i);
		struct dns_answer got;

		dns_lookup(dns, DNS_A, name, deadline, arena, &got);
		assert_int_equal(got.status, DNS_FAILED);
		assert_true(clock_monotonic_msec() >= deadline);
		wait_for(&server->hanging, i + 1);
	}
	/* The first was asked for long enough to be remembered. */
	check_text(ask(dns, DNS_A, "hang0.test", LLONG_MAX / 2, arena), "failed", "hang0");
	check_text(ask(dns, DNS_A, "large.test", FAR_MSEC, arena), "failed", "no TCP left");
	check_text(ask(dns, DNS_AAAA, "ok.test", FAR_MSEC, arena), "found 2001:db8::1", "UDP");
	assert_int_equal(server->hanging, DNS_WORKERS_TCP);
	dns_free(dns);
	nameserver_stop(server);
	/* Time for what was left behind to end; a memory checker looks. */
	usleep(200000);
}

struct asker {
	pthread_t thread;
	struct dns *dns;
	pthread_barrier_t *barrier;
	unsigned number;
	int64_t deadline;
	enum dns_status status;
	bool early;
};

static void *
ask_late(void *argument)
{
	struct asker *asker = argument;
	struct arena *arena = arena_new();
	struct dns_answer got;

	pthread_barrier_wait(asker->barrier);
	dns_lookup(asker->dns, DNS_A, "late.test", asker->deadline, arena, &got);
	asker->status = got.status;
	arena_free(arena);
	return NULL;
}

static void *
ask_silent(void *argument)
{
	struct asker *asker = argument;
	struct arena *arena = arena_new();
	struct dns_answer got;

	pthread_barrier_wait(asker->barrier);
	dns_lookup(asker->dns, DNS_A, arena_printf(arena, "silent.%u.test", asker->number),
	    asker->deadline, arena, &got);
	asker->status = got.status;
	asker->early = clock_monotonic_msec() < asker->deadline;
	arena_free(arena);
	return NULL;
}

/* Every case, in an order of its own. */
static void *
ask_all(void *argument)
{
	struct asker *asker = argument;
	struct arena *arena = arena_new();

	pthread_barrier_wait(asker->barrier);
	for (size_t i = 0; i < 20 * COUNT(cases); i++) {
		const struct test_case *c = &cases[(i * 7 + asker->number) % COUNT(cases)];

		if (strcmp(ask(asker->dns, c->type, c->name, FAR_MSEC, arena), c->want) != 0)
			asker->status = DNS_FAILED;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void
ask_together(struct dns *dns, void *(*function)(void *), struct asker *askers, unsigned count,
    int64_t msec, atomic_bool *gate)
{
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, count + 1);
	for (unsigned i = 0; i < count; i++) {
		askers[i] = (struct asker){ .dns = dns, .barrier = &barrier, .number = i,
			.deadline = in_msec(msec) };
		assert_int_equal(pthread_create(&askers[i].thread, NULL, function, &askers[i]), 0);
	}
	pthread_barrier_wait(&barrier);
	if (gate != NULL) {
		usleep(200000);
		*gate = true;
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(askers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
}

static void
test_shared(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);
	struct asker askers[20];

	(void)state;
	ask_together(dns, ask_late, askers, COUNT(askers), FAR_MSEC, &server->open);
	for (size_t i = 0; i < COUNT(askers); i++)
		assert_int_equal(askers[i].status, DNS_FOUND);
	assert_int_equal(server->questions, 1);
	dns_free(dns);
	nameserver_stop(server);
}

static void
test_many_threads(void **state)
{
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);
	struct asker askers[32];

	(void)state;
	ask_together(dns, ask_all, askers, COUNT(askers), FAR_MSEC, NULL);
	for (size_t i = 0; i < COUNT(askers); i++)
		assert_int_equal(askers[i].status, DNS_FOUND);
	dns_free(dns);
	nameserver_stop(server);
}

/* The workers are busy and the queue is full: who comes then need not wait.
   Some of the silent names fail before the deadline, too. */
static void
test_queue_is_bounded(void **state)
{
	enum { ASKERS = DNS_WAITING + 150, FAILED_EARLY = 3 * DNS_WORKERS };
	struct nameserver *server = nameserver_start(AF_INET);
	struct dns *dns = dns_of(server->address);
	struct asker *askers = calloc(ASKERS, sizeof(*askers));
	unsigned early = 0;

	(void)state;
	ask_together(dns, ask_silent, askers, ASKERS, 3500, NULL);
	for (unsigned i = 0; i < ASKERS; i++) {
		assert_int_equal(askers[i].status, DNS_FAILED);
		early += askers[i].early;
	}
	assert_in_range(early, ASKERS - DNS_WAITING - DNS_WORKERS - 40, ASKERS - DNS_WAITING +
	    FAILED_EARLY);
	/* All have gone away: nothing is left in the queue. */
	check_text(ask(dns, DNS_AAAA, "ok.test", FAR_MSEC, *state), "found 2001:db8::1", "after");
	free(askers);
	dns_free(dns);
	nameserver_stop(server);
}

static void
test_servers(void **state)
{
	static const struct {
		const char *list, *want;
	} lists[] = {
		{ "", "" }, { "192.0.2.1", "::ffff:192.0.2.1 53" },
		{ " 192.0.2.1:5353  [2001:db8::1]:54 ", "::ffff:192.0.2.1 5353, 2001:db8::1 54" },
		{ "2001:db8::1 [2001:db8::2] ::ffff:192.0.2.3",
		    "2001:db8::1 53, 2001:db8::2 53, ::ffff:192.0.2.3 53" },
		{ "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", "more than 3 DNS servers" },
		{ "ns.example.com", "\"ns.example.com\" is no address" },
		{ "192.0.2.1:0", "\"192.0.2.1:0\" is" }, { "192.0.2.1:65536", "\"192.0.2.1:65536\"" },
		{ "192.0.2.1:", "\"192.0.2.1:\"" }, { "[2001:db8::1", "\"[2001:db8::1\"" },
		{ "[2001:db8::1]53", "\"[2001:db8::1]53\"" }, { "192.0.2.1/32", "\"192.0.2.1/32\"" },
		{ "[]", "\"[]\"" }, { ":53", "\":53\"" },
	};

	for (size_t i = 0; i < COUNT(lists); i++) {
		struct dns_servers servers;
		const char *got = "";

		if (dns_system_servers(lists[i].list, &servers, &got) == 0) {
			for (unsigned n = 0; n < servers.count; n++) {
				char text[INET6_ADDRSTRLEN];

				inet_ntop(AF_INET6, &servers.addresses[n].sin6_addr, text, sizeof(text));
				got = arena_printf(*state, "%s%s%s %u", got, n > 0 ? ", " : "", text,
				    ntohs(servers.addresses[n].sin6_port));
			}
			check_text(got, lists[i].want, lists[i].list);
		}
		check(strncmp(got, lists[i].want, strlen(lists[i].want)) == 0, "%s: %s",
		    lists[i].list, got);
	}
}

static void
test_reverse(void **state)
{
	static const char *const addresses[][2] = {
		{ "192.0.2.1", "1.2.0.192.in-addr.arpa" },
		{ "::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa" },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
		    ".ip6.arpa" },
		{ "", "" }, { "192.0.2.0/24", "" }, { "192.0.2.1/32", "" }, { "unknown", "" },
	};

	for (size_t i = 0; i < COUNT(addresses); i++)
		check_text(dns_reverse_name(addresses[i][0], *state), addresses[i][1],
		    addresses[i][0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_servers),
		test_with_arena(test_reverse),
		test_with_arena(test_answers),
		test_with_arena(test_ipv6),
		test_with_arena(test_truncated),
		test_with_arena(test_second_server),
		test_with_arena(test_silence),
		test_with_arena(test_past_deadline),
		test_with_arena(test_stuck),
		test_with_arena(test_shared),
		test_with_arena(test_many_threads),
		test_with_arena(test_queue_is_bounded),
	};

	return cmocka_run_group_tests_name("proof-dns", tests, NULL, NULL);
}
