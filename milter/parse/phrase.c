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
	unsigned char lower[256];
} phrases;

static pthread_once_t phrases_once = PTHREAD_ONCE_INIT;

/* A byte more; what lies three bytes back has left the number. */
static inline unsigned
roll(unsigned bucket, unsigned char byte)
{
	return (bucket << 4 ^ phrases.lower[byte]) & (BUCKETS - 1);
}

static void
add(const char *text, enum phrase_set set, unsigned row)
{
	const unsigned char *head = (const unsigned char *)text;
	unsigned bucket = roll(roll(roll(0, head[0]), head[1]), head[2]), number = ++phrases.count;

	phrases.list[number] = (struct phrase){ .text = str_of(text), .set = set, .row = row,
		.next = phrases.first[bucket] };
	phrases.first[bucket] = (uint16_t)number;
}

static void
make_index(void)
{
	for (unsigned byte = 0; byte < 256; byte++)
		phrases.lower[byte] = (unsigned char)str_lower((char)byte);
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

/* Does the phrase, which is lower case, stand here? */
static bool
stands_at(const unsigned char *text, size_t len, struct str phrase)
{
	if (phrase.len > len)
		return false;
	for (size_t i = 0; i < phrase.len; i++) {
		if (phrases.lower[text[i]] != (unsigned char)phrase.data[i])
			return false;
	}
	return true;
}

/* The next phrase in the text at or behind *at; *number is the last one that
   was found there, 0 at first. Returns false at the end. */
static bool
next_phrase(struct str text, size_t *at, unsigned *number)
{
	const unsigned char *data = (const unsigned char *)text.data;
	unsigned next = phrases.list[*number].next, bucket = 0;
	size_t i = *at;

	if (i + HEAD > text.len)
		return false;
	bucket = roll(roll(roll(0, data[i]), data[i + 1]), data[i + 2]);
	if (*number == 0)
		next = phrases.first[bucket];
	for (;;) {
		for (; next != 0; next = phrases.list[next].next) {
			if (stands_at(data + i, text.len - i, phrases.list[next].text)) {
				*number = next;
				*at = i;
				return true;
			}
		}
		do {
			if (++i + HEAD > text.len)
				return false;
			bucket = roll(bucket, data[i + HEAD - 1]);
			next = phrases.first[bucket];
		} while (next == 0);
	}
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
