#include "parse/phrase.h"

#include <pthread.h>
#include <string.h>

#include "parse/phrase_words.h"

#define PHRASES_MOST 1024
#define BUCKETS 4096 /* a power of two */
#define HEAD 3       /* bytes that lead to a bucket; no phrase is shorter */

struct phrase {
	struct str text;
	enum phrase_set set;
	unsigned row;
	unsigned next; /* of the bucket, 0 for none */
};

/* Made once from the tables, and never changed. */
static struct {
	struct phrase list[PHRASES_MOST];
	unsigned count; /* the first is not used */
	uint16_t first[BUCKETS];
} phrases;

static pthread_once_t phrases_once = PTHREAD_ONCE_INIT;

static inline unsigned
bucket_of(const char *text)
{
	unsigned a = (unsigned char)str_lower(text[0]), b = (unsigned char)str_lower(text[1]),
	    c = (unsigned char)str_lower(text[2]);

	return (a * 961 + b * 31 + c) & (BUCKETS - 1);
}

static void
add(const char *text, enum phrase_set set, unsigned row)
{
	unsigned bucket = bucket_of(text), number = ++phrases.count;

	phrases.list[number] = (struct phrase){ .text = str_of(text), .set = set, .row = row,
		.next = phrases.first[bucket] };
	phrases.first[bucket] = (uint16_t)number;
}

static void
make_index(void)
{
	for (unsigned set = 0; set < PHRASE_STAGE; set++) {
		for (unsigned i = 0; phrase_words[set][i] != NULL; i++)
			add(phrase_words[set][i], (enum phrase_set)set, i);
	}
	for (unsigned i = 0; i < phrase_stage_count; i++)
		add(phrase_stages[i].words, PHRASE_STAGE, i);
	for (unsigned i = 0; i < phrase_format_count; i++) {
		if (phrase_formats[i].phrase != NULL)
			add(phrase_formats[i].phrase, PHRASE_FORMAT, i);
	}
}

/* The next phrase in the text at or behind *at; *number is the last one that
   was found there, 0 at first. Returns false at the end. */
static bool
next_phrase(struct str text, size_t *at, unsigned *number)
{
	unsigned next = *number == 0 ? 0 : phrases.list[*number].next;

	for (; *at + HEAD <= text.len; (*at)++, next = 0) {
		if (*number == 0 && next == 0)
			next = phrases.first[bucket_of(text.data + *at)];
		for (; next != 0; next = phrases.list[next].next) {
			if (str_istarts(str_sub(text, *at, text.len), phrases.list[next].text)) {
				*number = next;
				return true;
			}
		}
		*number = 0;
	}
	return false;
}

void
phrase_search(struct str text, struct phrase_hits *hits_r)
{
	unsigned number = 0;
	size_t at = 0;

	pthread_once(&phrases_once, make_index);
	*hits_r = (struct phrase_hits){ .sets = 0 };
	while (next_phrase(text, &at, &number)) {
		const struct phrase *phrase = &phrases.list[number];

		hits_r->sets |= 1u << phrase->set;
		if (phrase->set == PHRASE_FORMAT)
			hits_r->formats[phrase->row / 64] |= UINT64_C(1) << (phrase->row % 64);
		if (phrase->set == PHRASE_STAGE)
			hits_r->stages |= UINT64_C(1) << phrase->row;
	}
}

bool
phrase_holds(struct str text, enum phrase_set set)
{
	struct str phrase;

	return phrase_find(text, set, &phrase) == 1;
}

int
phrase_find(struct str text, enum phrase_set set, struct str *phrase_r)
{
	unsigned number = 0;
	size_t at = 0;

	pthread_once(&phrases_once, make_index);
	while (next_phrase(text, &at, &number)) {
		if (phrases.list[number].set == set) {
			*phrase_r = str_sub(text, at, at + phrases.list[number].text.len);
			return 1;
		}
	}
	return 0;
}

enum stage
phrase_stage(struct str text)
{
	struct phrase_hits hits;

	phrase_search(text, &hits);
	for (unsigned i = 0; i < phrase_stage_count; i++) {
		if (hits.stages >> i & 1)
			return phrase_stages[i].stage;
	}
	return STAGE_UNKNOWN;
}
