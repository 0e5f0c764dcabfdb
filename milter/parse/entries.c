#include "parse/entries.h"

#include <string.h>

#include "bounce.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/marks.h"
#include "parse/phrase.h"
#include "parse/transcript.h"

#define CONTACT_BYTES 48
#define WORDS_MOST (2 * LIMITS_REPLY_BYTES)

/* Append a line to the paragraph that `words` ends with; a blank one ends it. */
static void
add_line(struct buf *words, struct str line)
{
	struct str word;
	size_t end;

	if (str_istarts(line, STR("(expanded from"))) {
		if (!str_find_byte(line, ')', 0, &end) || end + 2 >= line.len)
			return;
		line = str_trim(str_sub(line, line.data[end + 1] == ':' ? end + 2 : end + 1, line.len));
	}
	if (line.len == 0 && words->len > 0)
		buf_add_byte(words, '\n');
	while (words->len < WORDS_MOST && str_next_word(&line, &word)) {
		if (words->len > 0 && buf_str(words).data[words->len - 1] != '\n')
			buf_add_byte(words, ' ');
		buf_add(words, word);
	}
}

/* A number of three digits that may be a reply code: a server speaks. */
static bool
has_code(struct str text)
{
	for (size_t i = 0; i + 3 <= text.len; i++) {
		if ((text.data[i] == '4' || text.data[i] == '5') && str_is_digit(text.data[i + 1]) &&
		    str_is_digit(text.data[i + 2]) && (i == 0 || !str_is_alnum(text.data[i - 1])))
			return true;
	}
	return false;
}

/* A paragraph that begins with whom to ask, and says nothing of the failure. */
static bool
is_contact(struct str paragraph)
{
	struct str phrase;

	return phrase_find(paragraph, PHRASE_CONTACT, &phrase) == 1 &&
	    phrase.data - paragraph.data < CONTACT_BYTES && !marks_tells_failure(paragraph) &&
	    !has_code(paragraph);
}

/* All that was gathered, without the paragraphs that only say who could help. In
   the arena. */
static struct str
finish(struct buf *words, struct arena *arena)
{
	struct str rest = buf_str(words), paragraph;
	char *text = arena_alloc(arena, words->len + 1), *to = text;

	while (line_next(&rest, &paragraph)) {
		if (paragraph.len == 0 || is_contact(paragraph))
			continue;
		memcpy(to, paragraph.data, paragraph.len);
		to += paragraph.len;
		*to++ = '\n';
	}
	buf_free(words);
	return str_trim((struct str){ text, (size_t)(to - text) });
}

/* What is said behind a mark: to the next one, or to the next rule. */
static void
add_words(const struct marks *marks, unsigned number, struct buf *words)
{
	const struct mark *mark = &marks->list[number];
	unsigned next = number + 1;
	struct str behind;

	/* Marks on one line share what follows the last of them. */
	while (next < marks->count && marks->list[next].line == mark->line)
		next++;
	behind = marks->list[next - 1].behind;
	while (behind.len > 0 && strchr(">):.,;\"' \t", behind.data[0]) != NULL)
		behind = str_sub(behind, 1, behind.len);
	add_line(words, behind);
	for (unsigned i = mark->line + 1; i < marks->line_count && words->len < WORDS_MOST; i++) {
		if ((next < marks->count && i >= marks->list[next].line) ||
		    marks_is_rule(marks->lines[i]) || (marks->kind == MARK_CODE && marks->indents[i] == 0))
			break;
		add_line(words, marks->lines[i]);
	}
	buf_add_byte(words, '\n');
}

/* What no mark claims: behind the last of them, else before the first. Labels
   stand among other fields, and what is said stands before them. */
static struct str
shared_words(const struct marks *marks)
{
	const struct mark *last = &marks->list[marks->count - 1];
	struct buf words = { 0 };

	for (unsigned i = last->line + 1; i < marks->line_count && marks->kind != MARK_LABEL; i++)
		add_line(&words, marks_is_rule(marks->lines[i]) ? STR_EMPTY : marks->lines[i]);
	if (str_trim(buf_str(&words)).len == 0) {
		add_line(&words, marks->kind == MARK_LABEL ? STR_EMPTY : marks->list[0].before);
		add_line(&words, STR_EMPTY);
		for (unsigned i = 0; i < marks->list[0].line; i++)
			add_line(&words, marks_is_rule(marks->lines[i]) ? STR_EMPTY : marks->lines[i]);
	}
	return finish(&words, marks->arena);
}

static struct str
words_of(const struct marks *marks, const char *address)
{
	struct buf words = { 0 };

	if (marks->kind == MARK_LABEL)
		return shared_words(marks);
	for (unsigned i = 0; i < marks->count; i++) {
		if (strcmp(marks->list[i].address, address) == 0)
			add_words(marks, i, &words);
	}
	return finish(&words, marks->arena);
}

/* What is said of an address. A server's own words, in a transcript, count more than
   what the MTA makes of them. */
static struct str
best_words(const struct marks *marks, const struct transcript *transcript, const char *address)
{
	struct str said = transcript_words(transcript, address);

	return said.len > 0 ? said : words_of(marks, address);
}

static bool
is_known(const struct entries *entries, const char *address)
{
	for (unsigned i = 0; i < entries->count; i++) {
		if (strcmp(entries->list[i].address, address) == 0)
			return true;
	}
	return false;
}

/* What nobody claims is said of the last ones, and of all who stand right above
   them: "a@example.com, b@example.com: reason". But where a transcript tells who was
   refused, it says nothing of the others. */
static void
share_words(const struct marks *marks, const struct transcript *transcript,
    struct entries *entries)
{
	struct entry *below = NULL;

	if (transcript->count > 0 && entries->count > 1)
		return;
	for (unsigned i = entries->count; i > 0; i--) {
		struct entry *entry = &entries->list[i - 1];

		if (entry->words.len == 0 && below == NULL) {
			entry->words = shared_words(marks);
			entry->shared = entries->count > 1;
		} else if (entry->words.len == 0 && below != NULL && entry->line + 1 >= below->line) {
			entry->words = below->words;
			entry->shared = below->shared = true;
		}
		below = entry;
	}
}

static void
make_entries(const struct marks *marks, struct entries *entries)
{
	struct transcript transcript;

	transcript_read(marks->lines, marks->line_count, marks->arena, &transcript);
	entries->list = arena_alloc(marks->arena, (marks->count < LIMITS_RECIPIENTS ?
	    marks->count : LIMITS_RECIPIENTS) * sizeof(entries->list[0]));
	for (unsigned i = 0; i < marks->count; i++) {
		const struct mark *mark = &marks->list[i];

		if (is_known(entries, mark->address))
			continue;
		if (entries->count == LIMITS_RECIPIENTS) {
			entries->limits |= LIMIT_RECIPIENTS;
			break;
		}
		entries->list[entries->count++] = (struct entry){ .address = mark->address,
			.shown = mark->shown, .line = mark->line,
			.words = best_words(marks, &transcript, mark->address) };
	}
	share_words(marks, &transcript, entries);
}

void
entries_find(struct str notice, const char *const *others, struct arena *arena,
    struct entries *entries_r)
{
	struct marks marks = { .arena = arena, .others = others };

	*entries_r = (struct entries){ .count = 0 };
	marks_find(notice, &marks);
	if (marks.count > 0)
		make_entries(&marks, entries_r);
	entries_r->limits |= marks.limits;
}

const struct entry *
entries_get(const struct entries *entries, const char *address)
{
	for (unsigned i = 0; i < entries->count; i++) {
		if (str_iequal(str_of(entries->list[i].address), str_of(address)))
			return &entries->list[i];
	}
	return NULL;
}

struct str
entries_paragraphs(struct str notice, struct arena *arena)
{
	struct buf words = { 0 };
	struct str line;

	while (line_next(&notice, &line) && words.len < WORDS_MOST) {
		line = str_trim(line);
		add_line(&words, marks_is_rule(line) ? STR_EMPTY : line);
	}
	return finish(&words, arena);
}
