#include "judge/prefilter.h"

#include <stdlib.h>

#include "base/msg.h"

#define NONE UINT32_MAX
#define SEARCH_MOST 256 /* numbers that are tried for a state, more or less */
#define UNUSED (UINT32_MAX - 1) /* in `literal` of a number that no state has */

/* A way leads to a state; its lowest bit says that something ends there. */
#define ENDS 1u

struct literal {
	struct str text;
	unsigned number;
	uint32_t next; /* that ends in the same state, or NONE */
};

/* The numbers of what ends in a state; of its suffixes too, when all is built. */
struct ending {
	uint32_t literal; /* the first of its own, NONE or UNUSED */
	uint32_t first, count;
};

/* A way out of the state `owner`, or NONE. */
struct slot {
	uint32_t owner, way;
};

/*
 * A state is the longest suffix of what was read that is the beginning of a
 * literal. Bytes that stand in no literal are alike, and so are both cases of
 * a letter: a state has a way for each class of bytes. Most ways are the same
 * for all states that the same byte led to, those of `pairs`. Only the others
 * are kept for a state, at its number and the class, where rows of many states
 * lie in each other's gaps: what is used often fits into the processor's cache.
 */
struct prefilter {
	struct literal *literals;
	uint32_t literal_count, literal_size;
	unsigned char classes[256];
	uint32_t width;        /* how many classes there are */
	uint32_t *pairs;       /* ways, by the class that led here and the next */
	struct slot *slots;
	uint32_t slot_count;
	struct ending *endings; /* by state */
	uint32_t *numbers;
	uint32_t number_count, number_size;
};

/* While it is built, states are numbered in the order of the tree. */
struct tree {
	struct prefilter *prefilter;
	uint32_t *table;        /* ways by state and class, without the bit */
	struct ending *endings;
	uint32_t *suffixes;     /* the longest other suffix of a state */
	uint32_t *queue;        /* states, those near the beginning first */
	uint32_t *places;       /* the final numbers of the states */
	unsigned char *last;    /* the class that leads to a state */
	uint32_t count;
};

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count == 0 ? 1 : count, size);

	if (memory == NULL)
		msg_out_of_memory();
	return memory;
}

struct prefilter *
prefilter_new(void)
{
	return allocate(1, sizeof(struct prefilter));
}

void
prefilter_free(struct prefilter *prefilter)
{
	if (prefilter == NULL)
		return;
	free(prefilter->literals);
	free(prefilter->pairs);
	free(prefilter->slots);
	free(prefilter->endings);
	free(prefilter->numbers);
	free(prefilter);
}

void
prefilter_add(struct prefilter *prefilter, struct str literal, unsigned number)
{
	if (prefilter->literal_count == prefilter->literal_size) {
		prefilter->literal_size = prefilter->literal_size * 2 + 64;
		prefilter->literals = realloc(prefilter->literals,
		    prefilter->literal_size * sizeof(prefilter->literals[0]));
		if (prefilter->literals == NULL)
			msg_out_of_memory();
	}
	prefilter->literals[prefilter->literal_count++] =
	    (struct literal){ .text = literal, .number = number, .next = NONE };
}

/* Returns how many states there can be at most. */
static uint32_t
make_classes(struct prefilter *prefilter)
{
	uint32_t states = 1, width = 1;

	for (uint32_t i = 0; i < prefilter->literal_count; i++) {
		struct str text = prefilter->literals[i].text;

		states += (uint32_t)text.len;
		for (size_t j = 0; j < text.len; j++) {
			unsigned char byte = (unsigned char)str_lower(text.data[j]);

			if (prefilter->classes[byte] == 0)
				prefilter->classes[byte] = (unsigned char)width++;
		}
	}
	for (unsigned byte = 'A'; byte <= 'Z'; byte++)
		prefilter->classes[byte] = prefilter->classes[byte - 'A' + 'a'];
	prefilter->width = width;
	return states;
}

/* Enter a literal; 0 is no way. */
static void
add_to_tree(struct tree *tree, uint32_t number)
{
	struct prefilter *prefilter = tree->prefilter;
	struct literal *literal = &prefilter->literals[number];
	uint32_t at = 0;

	for (size_t i = 0; i < literal->text.len; i++) {
		unsigned char class = prefilter->classes[(unsigned char)literal->text.data[i]];
		uint32_t *way = &tree->table[(size_t)at * prefilter->width + class];

		if (*way == 0) {
			tree->last[tree->count] = class;
			*way = tree->count++;
		}
		at = *way;
	}
	literal->next = tree->endings[at].literal;
	tree->endings[at].literal = number;
}

static void
add_number(struct prefilter *prefilter, uint32_t number)
{
	if (prefilter->number_count == prefilter->number_size) {
		prefilter->number_size = prefilter->number_size * 2 + 64;
		prefilter->numbers = realloc(prefilter->numbers,
		    prefilter->number_size * sizeof(prefilter->numbers[0]));
		if (prefilter->numbers == NULL)
			msg_out_of_memory();
	}
	prefilter->numbers[prefilter->number_count++] = number;
}

/* What ends in a state, and what ends in its longest suffix. */
static void
add_numbers(struct tree *tree, uint32_t at)
{
	struct prefilter *prefilter = tree->prefilter;
	struct ending *ending = &tree->endings[at];
	const struct ending *other = &tree->endings[tree->suffixes[at]];

	ending->first = prefilter->number_count;
	for (uint32_t n = ending->literal; n != NONE; n = prefilter->literals[n].next)
		add_number(prefilter, prefilter->literals[n].number);
	for (uint32_t i = 0; at != 0 && i < other->count; i++)
		add_number(prefilter, prefilter->numbers[other->first + i]);
	ending->count = prefilter->number_count - ending->first;
}

/* Complete the ways out of all states by those of their longest suffixes, which
   lie nearer to the beginning and are complete already. */
static void
complete(struct tree *tree)
{
	uint32_t width = tree->prefilter->width, tail = 1;

	for (uint32_t head = 0; head < tail; head++) {
		uint32_t at = tree->queue[head], suffix = tree->suffixes[at];
		uint32_t *row = &tree->table[(size_t)at * width];
		const uint32_t *other = &tree->table[(size_t)suffix * width];

		add_numbers(tree, at);
		for (uint32_t class = 0; class < width; class++) {
			if (row[class] != 0) {
				tree->suffixes[row[class]] = at == 0 ? 0 : other[class];
				tree->queue[tail++] = row[class];
			} else if (at != 0) {
				row[class] = other[class];
			}
		}
	}
}

/* Room for a row at this number. */
static void
grow_slots(struct prefilter *prefilter, uint32_t at)
{
	uint32_t count = prefilter->slot_count;

	if (at + prefilter->width <= count)
		return;
	prefilter->slot_count = (at + prefilter->width) * 2;
	prefilter->slots = realloc(prefilter->slots,
	    prefilter->slot_count * sizeof(prefilter->slots[0]));
	prefilter->endings = realloc(prefilter->endings,
	    prefilter->slot_count * sizeof(prefilter->endings[0]));
	if (prefilter->slots == NULL || prefilter->endings == NULL)
		msg_out_of_memory();
	for (; count < prefilter->slot_count; count++) {
		prefilter->slots[count].owner = NONE;
		prefilter->endings[count].literal = UNUSED;
	}
}

/* The ways that are usual behind a class: those of the state of this one byte,
   or of the beginning. */
static const uint32_t *
usual_row(const struct tree *tree, uint32_t class)
{
	return &tree->table[(size_t)tree->table[class] * tree->prefilter->width];
}

/* The classes whose ways are a state's own. Returns how many. */
static uint32_t
own_ways(const struct tree *tree, uint32_t state, unsigned char classes[256])
{
	uint32_t width = tree->prefilter->width, count = 0;
	const uint32_t *row = &tree->table[(size_t)state * width];
	const uint32_t *usual = usual_row(tree, tree->last[state]);

	for (uint32_t class = 0; class < width; class++) {
		if (row[class] != usual[class])
			classes[count++] = (unsigned char)class;
	}
	return count;
}

/* Find a number from `from` on that is free, and whose places are. */
static uint32_t
find_place(struct prefilter *prefilter, uint32_t from, const unsigned char *classes, uint32_t count)
{
	for (;; from++) {
		uint32_t fit = 0;

		grow_slots(prefilter, from);
		if (prefilter->endings[from].literal != UNUSED)
			continue;
		while (fit < count && prefilter->slots[from + classes[fit]].owner == NONE)
			fit++;
		if (fit == count)
			return from;
	}
}

/* Give each state a number where the ways of its own fit in. Where that took
   long, what lies before is left as it is. */
static void
place_rows(struct tree *tree)
{
	struct prefilter *prefilter = tree->prefilter;
	unsigned char classes[256];
	uint32_t from = 0;

	for (uint32_t i = 0; i < tree->count; i++) {
		uint32_t state = tree->queue[i], count = own_ways(tree, state, classes);
		uint32_t place = find_place(prefilter, from, classes, count);

		if (place - from > SEARCH_MOST)
			from = place - SEARCH_MOST / 2;
		prefilter->endings[place] = tree->endings[state];
		tree->places[state] = place;
		for (uint32_t j = 0; j < count; j++)
			prefilter->slots[place + classes[j]] = (struct slot){ .owner = place,
				.way = tree->table[(size_t)state * prefilter->width + classes[j]] };
	}
}

/* From numbers of the tree to final ways. */
static uint32_t
final_way(const struct tree *tree, uint32_t state)
{
	return tree->places[state] * 2 + (tree->endings[state].count > 0 ? ENDS : 0);
}

void
prefilter_build(struct prefilter *prefilter)
{
	uint32_t states = make_classes(prefilter);
	struct tree tree = { .prefilter = prefilter, .count = 1 };

	tree.table = allocate((size_t)states * prefilter->width, sizeof(uint32_t));
	tree.endings = allocate(states, sizeof(struct ending));
	tree.suffixes = allocate(states, sizeof(uint32_t));
	tree.queue = allocate(states, sizeof(uint32_t));
	tree.places = allocate(states, sizeof(uint32_t));
	tree.last = allocate(states, 1);
	for (uint32_t i = 0; i < states; i++)
		tree.endings[i].literal = NONE;
	for (uint32_t i = 0; i < prefilter->literal_count; i++)
		add_to_tree(&tree, i);
	complete(&tree);
	place_rows(&tree);
	for (uint32_t i = 0; i < prefilter->slot_count; i++) {
		if (prefilter->slots[i].owner != NONE)
			prefilter->slots[i].way = final_way(&tree, prefilter->slots[i].way);
	}
	prefilter->pairs = allocate((size_t)prefilter->width * prefilter->width, sizeof(uint32_t));
	for (uint32_t class = 0; class < prefilter->width; class++) {
		for (uint32_t next = 0; next < prefilter->width; next++)
			prefilter->pairs[class * prefilter->width + next] =
			    final_way(&tree, usual_row(&tree, class)[next]);
	}
	free(tree.table);
	free(tree.endings);
	free(tree.suffixes);
	free(tree.queue);
	free(tree.places);
	free(tree.last);
}

void
prefilter_search(const struct prefilter *prefilter, struct str text, uint64_t *bits)
{
	const struct slot *slots = prefilter->slots;
	uint32_t at = 0, last = 0; /* the beginning was placed first */

	for (size_t i = 0; i < text.len; i++) {
		uint32_t class = prefilter->classes[(unsigned char)text.data[i]];
		struct slot slot = slots[at + class];
		uint32_t usual = prefilter->pairs[last + class];
		uint32_t way = slot.owner == at ? slot.way : usual;
		const struct ending *ending;

		last = class * prefilter->width;
		at = way / 2;
		if ((way & ENDS) == 0)
			continue;
		ending = &prefilter->endings[at];
		for (uint32_t n = ending->first; n < ending->first + ending->count; n++)
			bits[prefilter->numbers[n] / 64] |=
			    UINT64_C(1) << (prefilter->numbers[n] % 64);
	}
}
