#include "judge/rule_index.h"

#include <stdlib.h>

#include "base/msg.h"

/* A row for each code, the first for none; and for each subject and detail,
   the last of both for all that are higher. */
#define CODE_FIRST 200
#define CODES 401
#define SUBJECTS 9
#define DETAILS 65
#define STATUSES (SUBJECTS * DETAILS + 1) /* and one for none */

struct rule_index {
	unsigned words;
	uint64_t *assumed, *codes, *statuses;
};

static uint64_t *
rows(unsigned count, unsigned words)
{
	uint64_t *set = calloc((size_t)count * words + 1, sizeof(*set));

	if (set == NULL)
		msg_out_of_memory();
	return set;
}

struct rule_index *
rule_index_new(unsigned rule_count)
{
	struct rule_index *index = calloc(1, sizeof(*index));

	if (index == NULL)
		msg_out_of_memory();
	index->words = (rule_count + 63) / 64;
	index->assumed = rows(1, index->words);
	index->codes = rows(CODES, index->words);
	index->statuses = rows(STATUSES, index->words);
	return index;
}

void
rule_index_free(struct rule_index *index)
{
	if (index == NULL)
		return;
	free(index->assumed);
	free(index->codes);
	free(index->statuses);
	free(index);
}

unsigned
rule_index_words(const struct rule_index *index)
{
	return index->words;
}

static void
set_bit(uint64_t *set, unsigned number)
{
	set[number / 64] |= UINT64_C(1) << (number % 64);
}

/* Could a row of this subject and detail be meant? */
static bool
status_in_row(const struct rule_line *line, int subject, int detail)
{
	for (unsigned i = 0; i < line->status_count; i++) {
		const struct rule_status *want = &line->statuses[i];
		bool subject_holds = want->subject == -1 || want->subject == subject ||
		    (subject == SUBJECTS - 1 && want->subject >= subject);
		bool detail_holds = want->first == -1 ||
		    (want->first <= detail && want->last >= detail) ||
		    (detail == DETAILS - 1 && want->last >= detail);

		if (subject_holds && detail_holds)
			return true;
	}
	return line->status_count == 0;
}

void
rule_index_add(struct rule_index *index, unsigned number, const struct rule_line *line)
{
	for (unsigned i = 0; i < CODES; i++) {
		if (rule_file_code_matches(line, i == 0 ? 0 : CODE_FIRST + i - 1))
			set_bit(index->codes + (size_t)i * index->words, number);
	}
	if (line->status_count == 0)
		set_bit(index->statuses, number);
	for (unsigned i = 0; i + 1 < STATUSES; i++) {
		if (status_in_row(line, (int)(i / DETAILS), (int)(i % DETAILS)))
			set_bit(index->statuses + (size_t)(i + 1) * index->words, number);
	}
}

void
rule_index_assume(struct rule_index *index, unsigned number)
{
	set_bit(index->assumed, number);
}

const uint64_t *
rule_index_assumed(const struct rule_index *index)
{
	return index->assumed;
}

static unsigned
status_row(const struct rule_status *status)
{
	unsigned subject = (unsigned)status->subject, detail = (unsigned)status->first;

	if (subject >= SUBJECTS)
		subject = SUBJECTS - 1;
	if (detail >= DETAILS)
		detail = DETAILS - 1;
	return subject * DETAILS + detail + 1;
}

void
rule_index_narrow(const struct rule_index *index, unsigned code,
    const struct rule_status *status, uint64_t *set)
{
	unsigned row = code < CODE_FIRST || code - CODE_FIRST >= CODES - 1 ? 0 :
	    code - CODE_FIRST + 1;
	const uint64_t *codes = index->codes + (size_t)row * index->words;
	const uint64_t *statuses = index->statuses +
	    (size_t)(status == NULL ? 0 : status_row(status)) * index->words;

	for (unsigned i = 0; i < index->words; i++)
		set[i] &= codes[i] & statuses[i];
}
