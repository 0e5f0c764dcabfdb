/*
 * What is counted for, found by its names: what was quiet for longest makes room,
 * what is needed stays, and all of it is accounted for.
 */
#include "support.h"

#include "watch/nodes.h"
#include "watch/watch.h"

#define NOW INT64_C(28334160) /* minutes since 1970 */
#define PLENTY ((size_t)64 * 1024 * 1024)
#define IDLE (25 * 60 + 1)

static struct flow *
flow(struct nodes *nodes, const char *domain, int64_t minute)
{
	return nodes_flow(nodes, TOPIC_NONE, domain, "gmx.net", minute, true);
}

static bool
has_flow(struct nodes *nodes, const char *domain)
{
	return nodes_flow(nodes, TOPIC_NONE, domain, "gmx.net", 0, false) != NULL;
}

/* A cell with its group, as the watch makes them. */
static struct cell *
cell_of(struct nodes *nodes, const char *domain, const char *part, int64_t minute)
{
	struct group *group = nodes_group(nodes, TOPIC_AUTH, domain, "", minute, true);
	struct cell *cell = nodes_cell(nodes, TOPIC_AUTH, domain, part, minute, true);

	nodes_join(cell, group);
	nodes_touch(nodes, &group->node, minute);
	return cell;
}

/* All that makes two nodes two. */
static void
test_find(void **state)
{
	struct nodes *nodes = nodes_new(PLENTY);
	void *found[] = {
		nodes_flow(nodes, TOPIC_NONE, "a", "b", NOW, true),
		nodes_flow(nodes, TOPIC_SENT, "a", "b", NOW, true),
		nodes_flow(nodes, TOPIC_NONE, "b", "a", NOW, true),
		nodes_flow(nodes, TOPIC_NONE, "ab", "", NOW, true),
		nodes_flow(nodes, TOPIC_NONE, "", "ab", NOW, true),
		nodes_flow(nodes, TOPIC_NONE, "", "", NOW, true),
		nodes_cell(nodes, TOPIC_AUTH, "a", "b", NOW, true),
		nodes_group(nodes, TOPIC_AUTH, "a", "b", NOW, true),
	};

	(void)state;
	assert_int_equal(nodes_count(nodes), COUNT(found));
	for (size_t i = 0; i < COUNT(found); i++)
		for (size_t j = 0; j < i; j++)
			check(found[i] != found[j], "%zu and %zu", i, j);
	assert_ptr_equal(nodes_flow(nodes, TOPIC_NONE, "a", "b", NOW + 1, true), found[0]);
	assert_ptr_equal(nodes_flow(nodes, TOPIC_NONE, "a", "b", 0, false), found[0]);
	assert_null(nodes_flow(nodes, TOPIC_NONE, "A", "b", NOW, false));
	assert_null(nodes_cell(nodes, TOPIC_NONE, "a", "b", NOW, false));
	assert_int_equal(nodes_count(nodes), COUNT(found));
	nodes_free(nodes);
}

/* As the table grows. */
static void
test_many(void **state)
{
	struct nodes *nodes = nodes_new(PLENTY);
	static struct flow *made[5000];
	char name[32];

	(void)state;
	for (unsigned i = 0; i < COUNT(made); i++) {
		snprintf(name, sizeof(name), "%u.example.com", i);
		made[i] = flow(nodes, name, NOW);
	}
	for (unsigned i = 0; i < COUNT(made); i++) {
		snprintf(name, sizeof(name), "%u.example.com", i);
		check(flow(nodes, name, NOW) == made[i], "%s", name);
	}
	assert_int_equal(nodes_count(nodes), COUNT(made));
	nodes_free(nodes);
}

/* Make room for one more: which of these has to go? */
static void
test_order(void **state)
{
	size_t each;
	struct nodes *nodes = nodes_new(1);

	(void)state;
	flow(nodes, "a", NOW);
	each = nodes_bytes(nodes);
	nodes_free(nodes);
	nodes = nodes_new(3 * each);
	flow(nodes, "a", NOW);
	flow(nodes, "b", NOW);
	flow(nodes, "c", NOW);
	nodes_sweep(nodes, NOW);
	assert_int_equal(nodes_forgotten(nodes), 0);
	flow(nodes, "a", NOW);
	/* To look is not to touch. */
	assert_true(has_flow(nodes, "b"));
	flow(nodes, "d", NOW);
	nodes_sweep(nodes, NOW);
	assert_false(has_flow(nodes, "b"));
	assert_true(has_flow(nodes, "a") && has_flow(nodes, "c") && has_flow(nodes, "d"));
	assert_int_equal(nodes_forgotten(nodes), 1);
	assert_true(nodes_bytes(nodes) <= 3 * each);
	nodes_free(nodes);
}

/* The budget holds, whatever comes. */
static void
test_budget(void **state)
{
	size_t most = 200000;
	struct nodes *nodes = nodes_new(most);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct cell *cell;

		snprintf(name, sizeof(name), "%u.example.com", i % 3000);
		cell = cell_of(nodes, name, "gmx.net", NOW);
		distinct_add(&cell->recipients, distinct_hash(name) + i, NOW, 0);
		nodes_account(nodes, &cell->node);
		if (nodes_bytes(nodes) > most)
			nodes_sweep(nodes, NOW);
		check(nodes_bytes(nodes) <= most, "the %uth", i);
	}
	assert_true(nodes_forgotten(nodes) > 1000);
	assert_true(nodes_count(nodes) > 100);
	nodes_free(nodes);
}

/* Groups that are needed stay, however full it is. */
static void
test_needed(void **state)
{
	struct nodes *nodes = nodes_new(1);
	struct group *dirty = nodes_group(nodes, TOPIC_AUTH, "dirty", "", NOW, true);
	struct group *open = nodes_group(nodes, TOPIC_AUTH, "open", "", NOW, true);
	struct cell *cell = cell_of(nodes, "idle", "gmx.net", NOW);

	(void)state;
	(void)cell;
	dirty->dirty = true;
	open->lives = (struct live *)open; /* any */
	flow(nodes, "a", NOW);
	nodes_sweep(nodes, NOW);
	assert_int_equal(nodes_count(nodes), 2);
	assert_ptr_equal(nodes_group(nodes, TOPIC_AUTH, "dirty", "", 0, false), dirty);
	assert_ptr_equal(nodes_group(nodes, TOPIC_AUTH, "open", "", 0, false), open);
	/* Nothing goes on and on. */
	nodes_sweep(nodes, NOW + 10 * IDLE);
	assert_int_equal(nodes_count(nodes), 2);
	dirty->dirty = false;
	open->lives = NULL;
	nodes_sweep(nodes, NOW + 10 * IDLE);
	assert_int_equal(nodes_count(nodes), 0);
	assert_int_equal(nodes_bytes(nodes), 0);
	nodes_free(nodes);
}

/* A group goes after its last cell. */
static void
test_group_after_cells(void **state)
{
	struct nodes *nodes = nodes_new(PLENTY);
	struct group *group;

	(void)state;
	cell_of(nodes, "x", "gmx.net", NOW);
	cell_of(nodes, "x", "web.de", NOW + 1000);
	group = nodes_group(nodes, TOPIC_AUTH, "x", "", 0, false);
	nodes_sweep(nodes, NOW + IDLE);
	assert_int_equal(nodes_count(nodes), 2);
	assert_ptr_equal(nodes_group(nodes, TOPIC_AUTH, "x", "", 0, false), group);
	assert_non_null(group->cells);
	assert_string_equal(group->cells->node.part, "web.de");
	assert_null(group->cells->next);
	nodes_sweep(nodes, NOW + 1000 + IDLE);
	assert_int_equal(nodes_count(nodes), 0);
	nodes_free(nodes);
}

/* Longer than any window, and what was learned for more than a week. */
static void
test_idle(void **state)
{
	static const struct { int64_t age; double usual; bool stays; } cases[] = {
		{ IDLE - 1, 0, true }, { IDLE, 0, false }, { IDLE, 0.5, true },
		{ 8 * 24 * 60, 0.5, true }, { 8 * 24 * 60 + 1, 0.5, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct nodes *nodes = nodes_new(PLENTY);

		cell_of(nodes, "x", "gmx.net", NOW)->usual = cases[i].usual;
		nodes_sweep(nodes, NOW + cases[i].age);
		check(nodes_count(nodes) == (cases[i].stays ? 2 : 0), "case %zu", i);
		/* To be idle is not to make room. */
		assert_int_equal(nodes_forgotten(nodes), 0);
		nodes_free(nodes);
	}
}

/* An older event does not make its node older. */
static void
test_late(void **state)
{
	struct nodes *nodes = nodes_new(PLENTY);

	(void)state;
	flow(nodes, "a", NOW);
	flow(nodes, "a", NOW - 600);
	nodes_sweep(nodes, NOW - 600 + IDLE);
	assert_true(has_flow(nodes, "a"));
	nodes_free(nodes);
}

static void
count_node(struct node *node, void *context)
{
	struct { size_t count, bytes; } *sum = context;

	sum->count++;
	sum->bytes += node->bytes;
}

/* What was added for each is taken away with it. */
static void
test_accounting(void **state)
{
	struct nodes *nodes = nodes_new(PLENTY);
	struct { size_t count, bytes; } sum = { 0, 0 };
	const struct watch_event event = { .sender_domain = "", .subcause = "", .identity = "",
		.address = "", .campaign = "", .recipient = "r@gmx.net", .message = "<1@x>",
		.status = "5.7.1", .text = "550 5.7.1 no", .provider_name = "GMX" };
	struct evidence_item item;
	char name[32];

	(void)state;
	evidence_item(&event, &item);
	for (unsigned i = 0; i < 300; i++) {
		struct cell *cell;
		struct group *group;

		snprintf(name, sizeof(name), "%u.example.com", i % 20);
		cell = cell_of(nodes, name, i % 3 == 0 ? "gmx.net" : "web.de", NOW);
		group = cell->group;
		distinct_add(&cell->recipients, distinct_hash(name) + ((uint64_t)i << 20), NOW, 0);
		distinct_add(&group->messages, (uint64_t)i << 40, NOW, 0);
		if (group->evidence[i % 2] == NULL)
			group->evidence[i % 2] = calloc(1, sizeof(struct evidence));
		evidence_add(group->evidence[i % 2], &item);
		if (group->headers == NULL && i % 20 == 0) {
			group->headers = calloc(1, 5000);
			group->headers_len = 5000;
		}
		nodes_account(nodes, &cell->node);
		nodes_account(nodes, &group->node);
		nodes_account(nodes, &group->node);
		flow(nodes, name, NOW);
	}
	nodes_each(nodes, count_node, &sum);
	assert_int_equal(sum.count, nodes_count(nodes));
	assert_int_equal(sum.bytes, nodes_bytes(nodes));
	assert_int_equal(sum.count, 20 + 40 + 20);
	assert_true(sum.bytes > 20 * 2 * sizeof(struct evidence) + 5000);
	nodes_sweep(nodes, NOW + IDLE);
	nodes_sweep(nodes, NOW + IDLE);
	assert_int_equal(nodes_count(nodes), 0);
	assert_int_equal(nodes_bytes(nodes), 0);
	nodes_free(nodes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find), cmocka_unit_test(test_many), cmocka_unit_test(test_order),
		cmocka_unit_test(test_budget), cmocka_unit_test(test_needed),
		cmocka_unit_test(test_group_after_cells), cmocka_unit_test(test_idle),
		cmocka_unit_test(test_late), cmocka_unit_test(test_accounting),
	};

	return cmocka_run_group_tests_name("watch: nodes", tests, NULL, NULL);
}
