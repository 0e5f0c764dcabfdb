#include "judge/prefilter.h"

#include <stdlib.h>

#include "base/msg.h"

#define NONE UINT32_MAX

/* A way out of a state leads to the next state's row; the lowest bit says that
   something ends there. Rows have an even number of entries, so that the bit
   is free. The last entry of a row is the number of its state. */
#define ENDS 1u

struct literal {
	struct str text;
	unsigned number;
	uint32_t next; /* that ends in the same state, or NONE */
};

/* The numbers of what ends in a state; of its suffixes too, when all is built. */
struct ending {
	uint32_t literal; /* the first of its own, or NONE */
	uint32_t first, count;
};

/*
 * A state is the longest suffix of what was read that is the beginning of a
 * literal. Bytes that stand in no literal are alike, and so are both cases of
 * a letter: a row has one entry for each class of bytes.
 */
struct prefilter {
	struct literal *literals;
	uint32_t literal_count, literal_size;
	unsigned char classes[256];
	uint32_t width; /* of a row */
	uint32_t *table;
	struct ending *endings;
	uint32_t state_count;
	uint32_t *numbers;
	uint32_t number_count, number_size;
};

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

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
	free(prefilter->table);
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
	prefilter->width = (width + 2) & ~1u;
	return states;
}

/* The tree of all literals; 0 is no way. */
static void
add_to_tree(struct prefilter *prefilter, uint32_t number)
{
	struct literal *literal = &prefilter->literals[number];
	uint32_t at = 0;

	for (size_t i = 0; i < literal->text.len; i++) {
		unsigned char byte = (unsigned char)literal->text.data[i];
		uint32_t *way = &prefilter->table[(size_t)at * prefilter->width +
		    prefilter->classes[byte]];

		if (*way == 0)
			*way = prefilter->state_count++;
		at = *way;
	}
	literal->next = prefilter->endings[at].literal;
	prefilter->endings[at].literal = number;
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
add_numbers(struct prefilter *prefilter, uint32_t at, uint32_t suffix)
{
	struct ending *ending = &prefilter->endings[at], *other = &prefilter->endings[suffix];

	ending->first = prefilter->number_count;
	for (uint32_t n = ending->literal; n != NONE; n = prefilter->literals[n].next)
		add_number(prefilter, prefilter->literals[n].number);
	for (uint32_t i = 0; at != 0 && i < other->count; i++)
		add_number(prefilter, prefilter->numbers[other->first + i]);
	ending->count = prefilter->number_count - ending->first;
}

/* Complete the ways out of a state by those of its longest suffix, which lies
   nearer to the root and is complete already. */
static void
complete(struct prefilter *prefilter, uint32_t at, uint32_t *suffixes, uint32_t *queue,
    uint32_t *tail)
{
	uint32_t *row = &prefilter->table[(size_t)at * prefilter->width];
	uint32_t suffix = suffixes[at];
	const uint32_t *other = &prefilter->table[(size_t)suffix * prefilter->width];

	add_numbers(prefilter, at, suffix);
	for (uint32_t class = 0; class < prefilter->width; class++) {
		if (row[class] != 0) {
			suffixes[row[class]] = at == 0 ? 0 : other[class];
			queue[(*tail)++] = row[class];
		} else if (at != 0) {
			row[class] = other[class];
		}
	}
}

/* Lay the rows in the order of the queue, so that those near the root, which
   are used most, are near each other; from numbers of states to where their
   rows begin. */
static void
lay_rows(struct prefilter *prefilter, const uint32_t *queue, uint32_t *places)
{
	uint32_t count = prefilter->state_count, width = prefilter->width;
	uint32_t *table = allocate((size_t)count * width, sizeof(*table));
	struct ending *endings = allocate(count, sizeof(*endings));

	for (uint32_t i = 0; i < count; i++)
		places[queue[i]] = i;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t *row = &prefilter->table[(size_t)queue[i] * width];

		endings[i] = prefilter->endings[queue[i]];
		for (uint32_t class = 0; class + 1 < width; class++)
			table[(size_t)i * width + class] = places[row[class]] * width +
			    (prefilter->endings[row[class]].count > 0 ? ENDS : 0);
		table[(size_t)(i + 1) * width - 1] = i;
	}
	free(prefilter->table);
	free(prefilter->endings);
	prefilter->table = table;
	prefilter->endings = endings;
}

void
prefilter_build(struct prefilter *prefilter)
{
	uint32_t states = make_classes(prefilter), head = 0, tail = 0;
	uint32_t *queue = allocate(states, sizeof(*queue));
	uint32_t *suffixes = allocate(states, sizeof(*suffixes));

	/* An entry of the table must be able to name every row. */
	if ((uint64_t)states * prefilter->width > UINT32_MAX)
		msg_out_of_memory();
	prefilter->table = allocate((size_t)states * prefilter->width, sizeof(uint32_t));
	prefilter->endings = allocate(states, sizeof(struct ending));
	for (uint32_t i = 0; i < states; i++)
		prefilter->endings[i].literal = NONE;
	prefilter->state_count = 1;
	for (uint32_t i = 0; i < prefilter->literal_count; i++)
		add_to_tree(prefilter, i);
	for (queue[tail++] = 0; head < tail; head++)
		complete(prefilter, queue[head], suffixes, queue, &tail);
	lay_rows(prefilter, queue, suffixes);
	free(suffixes);
	free(queue);
}

void
prefilter_search(const struct prefilter *prefilter, struct str text, uint64_t *bits)
{
	const uint32_t *table = prefilter->table;
	uint32_t row = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint32_t way = table[row + prefilter->classes[(unsigned char)text.data[i]]];
		const struct ending *ending;

		row = way & ~ENDS;
		if ((way & ENDS) == 0)
			continue;
		ending = &prefilter->endings[table[row + prefilter->width - 1]];
		for (uint32_t n = ending->first; n < ending->first + ending->count; n++)
			bits[prefilter->numbers[n] / 64] |=
			    UINT64_C(1) << (prefilter->numbers[n] % 64);
	}
}
