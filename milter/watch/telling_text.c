#include "watch/telling_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "parse/charset.h"

#define LABEL_COLUMNS 12
#define INDENT_MOST 8 /* of a line that is told as it is */

const char *
telling_clean(const char *text, size_t limit, struct arena *arena)
{
	return charset_clean_line(str_of(text), limit, arena);
}

const char *
telling_utf8(const char *text, struct arena *arena)
{
	if (charset_is_utf8(str_of(text)))
		return text;
	return arena_strdup(arena, charset_to_utf8(str_of(text), STR_EMPTY, arena));
}

const char *
telling_counts(const struct incident_count *counts, unsigned most, struct arena *arena)
{
	const char *text = "";

	for (unsigned i = 0; i < most && counts[i].name[0] != '\0'; i++)
		text = arena_printf(arena, "%s%s%s:%" PRIu64, text, i == 0 ? "" : ",",
		    telling_clean(counts[i].name, TELLING_NAME_BYTES, arena), counts[i].count);
	return text;
}

const char *
telling_manual(enum watch_rule_id rule, struct arena *arena)
{
	return arena_printf(arena, "bouncemilter-alerts(7), section %s",
	    words_name(&watch_rule_words, rule));
}

/* How many columns a character may take at most: one that is written with three
   bytes may be as wide as two letters. *len_r is how many bytes it has. */
static size_t
character_columns(struct str text, size_t *len_r)
{
	size_t len = 1;

	while (len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
		len++;
	*len_r = len;
	return len < 3 ? 1 : 2;
}

/* How many bytes of it fit into so many columns, and how many they take. */
static size_t
fit(struct str text, size_t room, size_t *columns_r)
{
	size_t at = 0;

	*columns_r = 0;
	while (at < text.len) {
		size_t len, columns = character_columns(str_sub(text, at, text.len), &len);

		if (*columns_r + columns > room)
			break;
		*columns_r += columns;
		at += len;
	}
	return at;
}

void
telling_wrap(const char *first, const char *next, const char *text, size_t columns,
    struct buf *out)
{
	struct arena *arena = arena_new();
	struct str rest = str_of(telling_clean(text, SIZE_MAX, arena)), word;
	size_t start = strlen(next), column = strlen(first), used;
	bool empty = true; /* the line has no word yet */

	if (rest.len > 0)
		buf_add(out, str_of(first));
	while (str_next_word(&rest, &word)) {
		while (word.len > 0) {
			size_t room = columns - column - (empty ? 0 : 1);
			size_t len = fit(word, room > columns ? 0 : room, &used);

			if (len < word.len && !empty) {
				buf_printf(out, "\n%s", next);
				column = start;
				empty = true;
				continue;
			}
			if (!empty)
				buf_add_byte(out, ' ');
			buf_add(out, str_sub(word, 0, len));
			column += used + (empty ? 0 : 1);
			word = str_sub(word, len, word.len);
			empty = false;
		}
	}
	buf_add_byte(out, '\n');
	arena_free(arena);
}

void
telling_lines(const char *prefix, const char *text, size_t columns, struct buf *out)
{
	struct str rest = str_of(text), line;

	while (str_next_piece(&rest, '\n', &line)) {
		struct arena *arena = arena_new();
		size_t indent = 0;
		const char *first, *next;

		while (indent < line.len && indent < INDENT_MOST && line.data[indent] == ' ')
			indent++;
		first = arena_printf(arena, "%s%*s", prefix, (int)indent, "");
		next = arena_printf(arena, "%s  ", first);
		telling_wrap(first, next, arena_strdup(arena, line), columns, out);
		arena_free(arena);
	}
}

/* A fact behind its label. */
static void
add_fact(const char *label, const char *text, size_t columns, struct buf *out)
{
	char first[2 + LABEL_COLUMNS + 1], next[sizeof(first)];

	if (*text == '\0')
		return;
	snprintf(first, sizeof(first), "  %-*s", LABEL_COLUMNS, label);
	snprintf(next, sizeof(next), "  %-*s", LABEL_COLUMNS, "");
	telling_wrap(first, next, text, columns, out);
}

/* "Google 200, Yahoo 112" */
static const char *
counts_text(const struct incident_count *counts, unsigned most, struct arena *arena)
{
	const char *text = "";

	for (unsigned i = 0; i < most && counts[i].name[0] != '\0'; i++)
		text = arena_printf(arena, "%s%s%s (%" PRIu64 ")", text, i == 0 ? "" : ", ",
		    telling_clean(counts[i].name, TELLING_NAME_BYTES, arena), counts[i].count);
	return text;
}

static const char *
times_text(const struct incident *incident, struct arena *arena)
{
	char since[CLOCK_TEXT_BYTES], newest[CLOCK_TEXT_BYTES], closed[CLOCK_TEXT_BYTES];

	clock_print(incident->since, since);
	clock_print(incident->newest, newest);
	clock_print(incident->closed, closed);
	return arena_printf(arena, "%s%s%s%s%s", since, newest[0] == '\0' ? "" : ", the newest at ",
	    newest, closed[0] == '\0' ? "" : ", closed at ", closed);
}

static const char *
numbers_text(const struct incident *incident, struct arena *arena)
{
	const char *of = incident->attempts == 0 ? "" :
	    arena_printf(arena, " of %" PRIu64 " attempts", incident->attempts);

	if (incident->recipients == 0 && incident->failures == 0)
		return "";
	return arena_printf(arena, "%" PRIu64 " recipients, %" PRIu64 " messages, %" PRIu64
	    " failures%s", incident->recipients, incident->messages, incident->failures, of);
}

static void
add_texts(const struct incident *incident, size_t columns, struct buf *out)
{
	if (incident->texts[0][0] == '\0')
		return;
	buf_add(out, STR("\n  The newest replies, in the words of the servers:\n"));
	for (unsigned i = 0; i < INCIDENT_TEXTS && incident->texts[i][0] != '\0'; i++)
		telling_wrap("  > ", "  >   ", incident->texts[i], columns, out);
}

void
telling_facts(const struct incident *incident, size_t columns, struct buf *out)
{
	struct arena *arena = arena_new();
	const struct {
		const char *label, *text;
	} facts[] = {
		{ "rule", arena_printf(arena, "%s, %s", words_name(&watch_rule_words, incident->rule),
		    words_name(&severity_words, incident->severity)) },
		{ "since", times_text(incident, arena) },
		{ "domain", incident->domain },
		{ "From", incident->from_domain },
		{ "MAIL FROM", incident->sender_domain },
		{ "provider", incident->provider },
		{ "condition", incident->condition },
		{ "because", incident->cause },
		{ "numbers", numbers_text(incident, arena) },
		{ "at", counts_text(incident->providers, INCIDENT_PROVIDERS, arena) },
		{ "meaning", counts_text(incident->causes, INCIDENT_CAUSES, arena) },
		{ "codes", counts_text(incident->codes, INCIDENT_CODES, arena) },
		{ "selector", incident->selector },
		{ "our address", incident->address },
		{ "identity", incident->identity },
		{ "campaigns", counts_text(incident->campaigns, INCIDENT_CAMPAIGNS, arena) },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		add_fact(facts[i].label, facts[i].text, columns, out);
	if (incident->diagnosis[0] != '\0') {
		buf_add(out, STR("\n  Diagnosis, from DNS and a returned message:\n"));
		telling_lines("  ", incident->diagnosis, columns, out);
	}
	add_texts(incident, columns, out);
	arena_free(arena);
}
