#include "judge/prefilter.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define NONE UINT32_MAX

/* A state of the automaton: the longest suffix of what was read that is the
   beginning of a literal. `next` is complete after prefilter_build(). */
struct state {
	uint32_t next[256];
	uint32_t fail;
	uint32_t outputs; /* first entry of this state's list, or NONE */
	uint32_t more;    /* the nearest state on the way of `fail` that has any */
};

struct output {
	unsigned number;
	uint32_t next;
};

struct prefilter {
	struct state *states;
	uint32_t state_count, state_size;
	struct output *outputs;
	uint32_t output_count, output_size;
};

static void *
grow(void *array, uint32_t count, uint32_t *size, size_t item)
{
	if (count < *size)
		return array;
	*size = *size == 0 ? 64 : *size * 2;
	array = realloc(array, *size * item);
	if (array == NULL)
		msg_out_of_memory();
	return array;
}

static uint32_t
new_state(struct prefilter *prefilter)
{
	struct state *state;

	prefilter->states = grow(prefilter->states, prefilter->state_count,
	    &prefilter->state_size, sizeof(*state));
	state = &prefilter->states[prefilter->state_count];
	memset(state->next, 0xff, sizeof(state->next));
	state->fail = 0;
	state->outputs = state->more = NONE;
	return prefilter->state_count++;
}

struct prefilter *
prefilter_new(void)
{
	struct prefilter *prefilter = calloc(1, sizeof(*prefilter));

	if (prefilter == NULL)
		msg_out_of_memory();
	new_state(prefilter);
	return prefilter;
}

void
prefilter_free(struct prefilter *prefilter)
{
	if (prefilter == NULL)
		return;
	free(prefilter->states);
	free(prefilter->outputs);
	free(prefilter);
}

void
prefilter_add(struct prefilter *prefilter, struct str literal, unsigned number)
{
	struct output *output;
	uint32_t at = 0;

	for (size_t i = 0; i < literal.len; i++) {
		unsigned char byte = (unsigned char)str_lower(literal.data[i]);

		if (prefilter->states[at].next[byte] == NONE) {
			uint32_t fresh = new_state(prefilter);

			prefilter->states[at].next[byte] = fresh;
		}
		at = prefilter->states[at].next[byte];
	}
	prefilter->outputs = grow(prefilter->outputs, prefilter->output_count,
	    &prefilter->output_size, sizeof(*output));
	output = &prefilter->outputs[prefilter->output_count];
	output->number = number;
	output->next = prefilter->states[at].outputs;
	prefilter->states[at].outputs = prefilter->output_count++;
}

/* Breadth first: when a state is reached, the states of all shorter prefixes
   are complete already. */
void
prefilter_build(struct prefilter *prefilter)
{
	uint32_t *queue = malloc(prefilter->state_count * sizeof(*queue));
	uint32_t head = 0, tail = 0;
	struct state *states = prefilter->states;

	if (queue == NULL)
		msg_out_of_memory();
	queue[tail++] = 0;
	while (head < tail) {
		uint32_t at = queue[head++];
		uint32_t fail = states[at].fail;

		if (at != 0)
			states[at].more = states[fail].outputs != NONE ? fail : states[fail].more;
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t child = states[at].next[byte];
			uint32_t other = at == 0 ? 0 : states[fail].next[byte];

			if (child == NONE) {
				states[at].next[byte] = other;
			} else {
				states[child].fail = other;
				queue[tail++] = child;
			}
		}
	}
	free(queue);
}

void
prefilter_search(const struct prefilter *prefilter, struct str text,
    void (*found)(unsigned number, void *context), void *context)
{
	const struct state *states = prefilter->states;
	uint32_t at = 0;

	for (size_t i = 0; i < text.len; i++) {
		at = states[at].next[(unsigned char)str_lower(text.data[i])];
		for (uint32_t s = at; s != NONE; s = states[s].more) {
			for (uint32_t o = states[s].outputs; o != NONE;
			    o = prefilter->outputs[o].next)
				found(prefilter->outputs[o].number, context);
		}
	}
}
