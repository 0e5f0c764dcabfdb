/*
 * More failures than anybody sends: memory stays what it is, and people are told
 * of no more than they can read.
 *
 * 50,000 failures in 10,000 keys; a million with BM_SOAK=1.
 */
#include "watch-support.h"

#include <malloc.h>
#include <time.h>

#define PER_SECOND 200
#define DOMAINS 100
#define PROVIDERS 20 /* with the categories: 10,000 keys */

static const enum category categories[] = {
	CATEGORY_AUTH_FAILURE, CATEGORY_REPUTATION, CATEGORY_THROTTLED, CATEGORY_CONTENT_REJECTED,
	CATEGORY_USER_UNKNOWN,
};

static unsigned
flood_size(void)
{
	return getenv("BM_SOAK") != NULL ? 1000000 : 50000;
}

/* Of this thread alone: others may have the processor meanwhile. */
static int64_t
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int
compare_costs(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

/* What reading the clock costs, which is part of every measurement. */
static int64_t
clock_cost(void)
{
	int64_t least = INT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		int64_t begin = nanoseconds(), cost = nanoseconds() - begin;

		least = cost < least ? cost : least;
	}
	return least;
}

struct costs {
	const char *name;
	uint32_t *each;
	unsigned count;
};

static void
cost_add(struct costs *costs, int64_t begin, int64_t end, int64_t clock)
{
	int64_t cost = end - begin - clock;

	costs->each[costs->count++] = (uint32_t)(cost < 0 ? 0 : cost);
}

static void
costs_print(struct costs *costs)
{
	qsort(costs->each, costs->count, sizeof(costs->each[0]), compare_costs);
	printf("# %s: p50 %u ns, p99 %u ns, most %u ns, of %u\n", costs->name,
	    costs->each[costs->count / 2], costs->each[(uint64_t)costs->count * 99 / 100],
	    costs->each[costs->count - 1], costs->count);
}

/* Resident memory, 0 where it says nothing (a sanitizer keeps what is freed). */
static size_t
resident(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#else
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long all, pages = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu %lu", &all, &pages) != 2)
		pages = 0;
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

static void
check_size(struct world *world, uint64_t *cells_r, uint64_t *forgotten_r)
{
	struct watch_size size;

	watch_size(world->watch, &size);
	check(size.bytes <= WATCH_BYTES, "%zu bytes", size.bytes);
	*cells_r = size.cells;
	*forgotten_r = size.forgotten;
}

/* Never more in any hour than the limit; one digest an hour. */
static void
check_pace(const struct world *world, int64_t began)
{
	unsigned limit = world->rules.alerts_per_hour;

	for (unsigned i = limit; i < world->count; i++)
		check(world->heard[i].time - world->heard[i - limit].time >= HOUR,
		    "notices %u and %u are too near", i - limit, i);
	assert_true(world->count >= limit && world->digests >= 1);
	assert_true(world->digests <= 1 + (world->now - began) / HOUR);
}

/* Failure number i of the flood. */
static void
make_failure(unsigned i, int64_t now, struct watch_event *event, struct event_strings *strings)
{
	unsigned key = (unsigned)((i * UINT64_C(7919)) % (DOMAINS * PROVIDERS * COUNT(categories)));

	event_make(event, strings, &places[key / DOMAINS % PROVIDERS], WATCH_FAILED,
	    categories[key / (DOMAINS * PROVIDERS)], i, now);
	snprintf(strings->domain, sizeof(strings->domain), "d%u.example", key % DOMAINS);
	event->suppressed = event->category == CATEGORY_USER_UNKNOWN;
}

static void
test_flood(void **state)
{
	unsigned all = flood_size();
	struct costs notes = { "watch_note", malloc(all * sizeof(uint32_t)), 0 };
	struct costs ticks = { "watch_tick", malloc(all * sizeof(uint32_t)), 0 };
	struct world *world = world_open(true, T0);
	int64_t clock = clock_cost(), began = nanoseconds(), begin, end;
	uint64_t cells, forgotten;
	size_t before = 0, after;

	(void)state;
	memset(notes.each, 1, all * sizeof(uint32_t));
	for (unsigned i = 0; i < all; i++) {
		struct event_strings strings;
		struct watch_event event;

		make_failure(i, world->now, &event, &strings);
		begin = nanoseconds();
		watch_note(world->watch, &event, world->now);
		end = nanoseconds();
		cost_add(&notes, begin, end, clock);
		if (i % PER_SECOND != PER_SECOND - 1)
			continue;
		begin = nanoseconds();
		world_tick(world);
		end = nanoseconds();
		cost_add(&ticks, begin, end, clock);
		check_size(world, &cells, &forgotten);
		world->now++;
		/* Until the longest window of minutes is full, it grows. */
		if (world->now - T0 <= 65 * MINUTE)
			before = resident();
	}
	after = resident();
	printf("# %u failures in %.2f s; %u cells, %u forgotten, %u notices, %zu kB resident and %zu\n",
	    all, (double)(nanoseconds() - began) / 1e9, (unsigned)cells, (unsigned)forgotten,
	    world->count, before / 1024, after / 1024);
	costs_print(&notes);
	costs_print(&ticks);
	if (getenv("BM_SOAK") != NULL)
		check(after <= before + 16 * 1024 * 1024, "%zu to %zu bytes", before, after);
	world_wait(world, world->now + 3 * HOUR);
	check_pace(world, T0);
	free(notes.each);
	free(ticks.each);
	world_close(world);
}

/* Every failure has names of its own: what was quiet for longest goes, and what
   happens besides is seen all the same. */
static void
test_ever_new_names(void **state)
{
	struct world *world = world_open(false, T0);
	unsigned all = flood_size() * 4 / 5;
	uint64_t cells = 0, forgotten = 0;
	size_t before = 0, after;

	(void)state;
	for (unsigned i = 0; i < all; i++) {
		struct event_strings strings;
		struct watch_event event;
		char provider[32];

		event_make(&event, &strings, &places[i % COUNT(places)], WATCH_FAILED,
		    CATEGORY_NETWORK_ERROR, i, world->now);
		snprintf(strings.domain, sizeof(strings.domain), "d%u.example", i);
		snprintf(provider, sizeof(provider), "p%u.example", i);
		event.provider = event.provider_name = provider;
		event.campaign = strings.recipient;
		watch_note(world->watch, &event, world->now);
		if (i % PER_SECOND == PER_SECOND - 1) {
			check_size(world, &cells, &forgotten);
			world_tick(world);
			world->now++;
		}
		if (i < all / 2)
			before = resident();
	}
	after = resident();
	printf("# %u names: %u cells, %u forgotten; %zu kB resident and %zu\n", all, (unsigned)cells,
	    (unsigned)forgotten, before / 1024, after / 1024);
	assert_true(cells > 0 && cells + forgotten >= all);
	if (getenv("BM_SOAK") != NULL)
		check(forgotten > 0 && after <= before + 16 * 1024 * 1024, "%zu to %zu", before, after);
	hold(world->count == 0);
	play(world, (double)(world->now - T0) / MINUTE + 10,
	    B("example.com", "X", CATEGORY_AUTH_FAILURE, 6, 0, (double)(world->now - T0) / MINUTE, 5));
	hold(said(world, NOTICE_OPENED, WATCH_AUTH, 0) == 1);
	world_close(world);
}

/* What malloc() has handed out, 0 where it does not say. */
static size_t
allocated(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

/* Open incidents that many people are concerned of: what they remember is a part
   of what is bounded, and of what is said of it. */
static void
test_many_recipients(void **state)
{
	size_t before = allocated(), after;
	struct watch *watch = watch_new();
	struct watch_rules rules;
	struct arena *arena = arena_new();
	struct watch_changes changes;
	struct watch_size size;
	unsigned all = getenv("BM_SOAK") != NULL ? 2000000 : 200000, incidents = all / 4000;

	(void)state;
	watch_rules_init(&rules);
	for (unsigned i = 0; i < all; i++) {
		struct event_strings strings;
		struct watch_event event;

		event_make(&event, &strings, place_of('X'), WATCH_FAILED, CATEGORY_AUTH_FAILURE, i,
		    T0 + i / 20000);
		snprintf(strings.domain, sizeof(strings.domain), "d%u.example", i % incidents);
		watch_note(watch, &event, T0 + i / 20000);
		if (i % 20000 > 0)
			continue;
		arena_reset(arena);
		watch_tick(watch, &rules, false, T0 + i / 20000, arena, &changes);
	}
	arena_free(arena);
	watch_size(watch, &size);
	after = allocated();
	printf("# %u recipients in %u incidents: %zu kB said, %zu kB allocated\n", all, incidents,
	    size.bytes / 1024, (after - before) / 1024);
	check(size.bytes <= WATCH_BYTES, "%zu bytes", size.bytes);
	check(after - before <= WATCH_BYTES + WATCH_BYTES / 4, "%zu bytes", after - before);
	check(after - before <= size.bytes + size.bytes / 4 + 1024 * 1024, "%zu bytes, said to be %zu",
	    after - before, size.bytes);
	watch_free(watch);
}

/* Past WATCH_OPEN_MOST none is opened, and that is counted. */
static void
test_too_many_open(void **state)
{
	struct world *world = world_open(false, T0);
	struct watch_size size;

	(void)state;
	play(world, 10, B("own#.example", "X", CATEGORY_AUTH_FAILURE, 600 * 6, 0, 0, 8,
	    .domains = 600));
	watch_size(world->watch, &size);
	check(world->newest_id == WATCH_OPEN_MOST && size.unopened >= 100, "%u open, %u not",
	    (unsigned)world->newest_id, (unsigned)size.unopened);
	world_close(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood), cmocka_unit_test(test_ever_new_names),
		cmocka_unit_test(test_many_recipients), cmocka_unit_test(test_too_many_open),
	};

	return cmocka_run_group_tests_name("watch: floods", tests, NULL, NULL);
}
