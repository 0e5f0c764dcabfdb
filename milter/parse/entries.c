#include "parse/entries.h"

#include <string.h>

#include "bounce.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/mention.h"
#include "parse/phrase.h"
#include "parse/reply.h"

#define LINES_MOST 2000
#define MARKS_MOST (4 * LIMITS_RECIPIENTS)
#define WORDS_MOST (2 * LIMITS_REPLY_BYTES)

/* How a line names an address; what comes first counts more. */
enum strength { MARK_LINE, MARK_CODE, MARK_SESSION, MARK_SENTENCE, MARK_LABEL, MARK_COUNT };

struct mark {
	const char *address;
	struct str shown;
	unsigned line;
	struct str before, behind; /* of the line */
};

struct scan {
	struct arena *arena;
	const char *const *others;
	struct str *lines;
	unsigned *indents;  /* of the lines, in bytes */
	unsigned line_count;
	struct mark *marks;
	unsigned mark_count, mark_room;
	bool labels;        /* the marks are labels: they explain nothing */
	bool codes;         /* the marks are replies: each one explains itself */
	unsigned limits;
};

/* What may stand before an address at the front of a line. */
static const char *const labels[] = {
	"recipient:", "recipients:", "failed recipient:", "recipient address:", "address:",
	"e-mail address:", "email address:", "failed address:", "user:", "recipient name:",
	"failed to deliver to", "delivery to", "unable to deliver to", "cannot deliver to",
	"destination:", "destinataire :", "destinataire:", "empfänger:", "destinatario:",
	"final-recipient: rfc822;", "original-recipient: rfc822;",
};

/* Labels of headers and of commands: whom the message was for, no more. */
static const char *const weak_labels[] = {
	"rcpt to:", "to:", "for:", "original recipient:", "intended recipient:", "envelope-to:",
	"an:", "à :", "a:", "宛先:", "кому:",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
split_lines(struct scan *scan, struct str notice)
{
	unsigned room = 1;
	struct str line;

	for (size_t at = 0; room < LINES_MOST && str_find_byte(notice, '\n', at, &at); at++)
		room++;
	scan->lines = arena_alloc(scan->arena, room * sizeof(scan->lines[0]));
	scan->indents = arena_alloc(scan->arena, room * sizeof(scan->indents[0]));
	while (line_next(&notice, &line)) {
		struct str trimmed = str_trim(line);

		if (scan->line_count == room) {
			scan->limits |= LIMIT_TEXT;
			return;
		}
		scan->indents[scan->line_count] = trimmed.len == 0 ? 0 :
		    (unsigned)(trimmed.data - line.data);
		scan->lines[scan->line_count++] = trimmed;
	}
}

/* "-----", "====": a rule, with or without a title in it. */
static bool
is_rule(struct str line)
{
	size_t same = 1;

	while (same < line.len && line.data[same] == line.data[0])
		same++;
	return line.len >= 3 && same >= 3 && strchr("-=*_#~", line.data[0]) != NULL;
}

/* The line without a bullet or a label at its front. */
static struct str
without_front(struct str line)
{
	struct str rest = line;

	while (rest.len > 0 && strchr(">*-+|", rest.data[0]) != NULL && !is_rule(rest) &&
	    !str_istarts(rest, STR(">>>")))
		rest = str_trim(str_sub(rest, 1, rest.len));
	if (str_istarts(rest, STR("\xe2\x80\xa2"))) /* a bullet */
		rest = str_trim(str_sub(rest, 3, rest.len));
	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		if (str_istarts(rest, str_of(labels[i])))
			return str_trim(str_sub(rest, strlen(labels[i]), rest.len));
	}
	return rest;
}

/* What stands behind "550 " or "550 5.1.1 " at the front of the line; nothing if
   there is no code, or more lines of the reply follow. */
static struct str
without_code(struct str line, struct arena *arena)
{
	struct str rest;
	const char *status;

	if (line.len < 5 || (line.data[0] != '4' && line.data[0] != '5') ||
	    !str_is_digit(line.data[1]) || !str_is_digit(line.data[2]) || line.data[3] != ' ')
		return STR_EMPTY;
	rest = str_trim(str_sub(line, 4, line.len));
	reply_take_status(&rest, arena, &status);
	return rest;
}

/* Most notices have one mark. */
static void
make_room(struct scan *scan)
{
	struct mark *more;

	if (scan->mark_count < scan->mark_room)
		return;
	scan->mark_room = scan->mark_room == 0 ? 4 : 4 * scan->mark_room;
	more = arena_alloc(scan->arena, scan->mark_room * sizeof(*more));
	if (scan->mark_count > 0)
		memcpy(more, scan->marks, scan->mark_count * sizeof(*more));
	scan->marks = more;
}

static void
add_mark(struct scan *scan, unsigned line, struct str text, const struct mention *mention,
    bool whole_line)
{
	struct mark *mark;

	/* What follows is still about the same address. */
	if (scan->mark_count > 0 &&
	    strcmp(scan->marks[scan->mark_count - 1].address, mention->address) == 0)
		return;
	if (scan->mark_count == MARKS_MOST) {
		scan->limits |= LIMIT_RECIPIENTS;
		return;
	}
	make_room(scan);
	mark = &scan->marks[scan->mark_count++];
	*mark = (struct mark){ .address = mention->address, .shown = mention->text, .line = line };
	mark->before = str_sub(text, 0, mention->start);
	mark->behind = whole_line ? scan->lines[line] : str_sub(text, mention->end, text.len);
}

/* A line that is indented deeper than the address above it goes on with what is
   said of that address; who is named there is named by a stranger. */
static bool
continues(const struct scan *scan, unsigned number)
{
	unsigned above;

	if (scan->mark_count == 0)
		return false;
	above = scan->marks[scan->mark_count - 1].line;
	if (scan->indents[number] <= scan->indents[above])
		return false;
	for (unsigned i = above + 1; i < number; i++) {
		if (scan->lines[i].len == 0)
			return false;
	}
	return true;
}

/* An address that begins its line. */
static void
mark_line(struct scan *scan, unsigned number)
{
	struct str text;
	struct mention mention;
	size_t at;

	if (str_find_byte(scan->lines[number], '@', 0, &at) == 0)
		return;
	text = without_front(scan->lines[number]);
	if (mention_find(str_sub(text, 0, LIMITS_ADDRESS_BYTES), 0, scan->arena, &mention) == 0 ||
	    mention.start > 0 || continues(scan, number))
		return;
	if (str_istarts(str_trim(str_sub(text, mention.end, text.len)), STR("wrote:")))
		return;
	add_mark(scan, number, text, &mention, false);
	/* "a@example.com, b@example.com" */
	while (mention.end < text.len && strchr(",; ", text.data[mention.end]) != NULL) {
		size_t end = mention.end;

		if (mention_find(text, end, scan->arena, &mention) == 0 ||
		    str_trim(str_sub(text, end + 1, mention.start)).len > 0)
			return;
		add_mark(scan, number, text, &mention, false);
	}
}

/* "550 5.1.1 <user@example.com>... User unknown": the MTA sums up a session. */
static void
mark_code(struct scan *scan, unsigned number)
{
	struct str text = without_code(scan->lines[number], scan->arena);
	struct mention mention;

	if (mention_find(str_sub(text, 0, LIMITS_ADDRESS_BYTES), 0, scan->arena, &mention) == 1 &&
	    mention.start == 0)
		add_mark(scan, number, text, &mention, true);
}

/* ">>> RCPT TO:<user@example.com>", answered by "<<< 550 ..." */
static void
mark_session(struct scan *scan, unsigned number)
{
	struct str line = scan->lines[number];
	struct mention mention;
	size_t at;

	if (str_istarts(line, STR(">>> RCPT")) && number + 1 < scan->line_count &&
	    str_find(scan->lines[number + 1], STR("<<< 2"), 0, &at) == 0 &&
	    mention_find(line, 0, scan->arena, &mention) == 1)
		add_mark(scan, number, line, &mention, false);
}

static bool
is_other(const struct scan *scan, const char *address)
{
	for (const char *const *other = scan->others; *other != NULL; other++) {
		if (strcmp(*other, address) == 0)
			return true;
	}
	return false;
}

static bool
tells_failure(struct str line)
{
	return phrase_holds(line, PHRASE_FAILURE) || phrase_holds(line, PHRASE_MISHAP);
}

/* "We could not deliver your mail to user@example.com." */
static void
mark_sentence(struct scan *scan, unsigned number)
{
	struct str line = scan->lines[number], above = number > 0 ? scan->lines[number - 1] :
	    STR_EMPTY;
	struct mention mention = { .end = 0 };

	if (mention_find(line, 0, scan->arena, &mention) == 0)
		return;
	if (phrase_holds(line, PHRASE_CONTACT) || (!tells_failure(line) && !tells_failure(above)))
		return;
	mention.end = 0;
	while (mention_find(line, mention.end, scan->arena, &mention) == 1) {
		if (!is_other(scan, mention.address))
			add_mark(scan, number, line, &mention, true);
	}
}

/* "To: user@example.com" among details of the message. */
static void
mark_label(struct scan *scan, unsigned number)
{
	struct str line = scan->lines[number];
	struct mention mention = { .end = 0 };

	for (size_t i = 0; i < COUNT_OF(weak_labels); i++) {
		if (!str_istarts(line, str_of(weak_labels[i])))
			continue;
		while (mention_find(line, mention.end, scan->arena, &mention) == 1) {
			if (!is_other(scan, mention.address))
				add_mark(scan, number, line, &mention, false);
		}
		return;
	}
}

/* Is it the address of somebody who helps, not of a recipient? */
static bool
is_helper(const char *address)
{
	static const char *const names[] = {
		"postmaster@", "abuse@", "support@", "helpdesk@", "mailer-daemon@",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strncmp(address, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* Helpers count only where nobody else is named. */
static void
drop_helpers(struct scan *scan)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < scan->mark_count; i++)
		kept += !is_helper(scan->marks[i].address);
	if (kept == 0)
		return;
	kept = 0;
	for (unsigned i = 0; i < scan->mark_count; i++) {
		if (!is_helper(scan->marks[i].address))
			scan->marks[kept++] = scan->marks[i];
	}
	scan->mark_count = kept;
}

static void
find_marks(struct scan *scan)
{
	static void (*const finders[MARK_COUNT])(struct scan *scan, unsigned number) = {
		mark_line, mark_code, mark_session, mark_sentence, mark_label,
	};

	for (unsigned strength = 0; strength < MARK_COUNT && scan->mark_count == 0; strength++) {
		scan->labels = strength == MARK_LABEL;
		scan->codes = strength == MARK_CODE;
		for (unsigned i = 0; i < scan->line_count; i++)
			finders[strength](scan, i);
		drop_helpers(scan);
	}
}

/* Append a line to the paragraph that `words` ends with; a blank one ends it. */
static void
add_line(struct buf *words, struct str line)
{
	struct str word;

	if (line.len == 0 && words->len > 0)
		buf_add_byte(words, '\n');
	while (words->len < WORDS_MOST && str_next_word(&line, &word)) {
		if (words->len > 0 && buf_str(words).data[words->len - 1] != '\n')
			buf_add_byte(words, ' ');
		buf_add(words, word);
	}
}

/* What is said behind a mark: to the next one, or to the next rule. */
static void
add_words(const struct scan *scan, unsigned number, struct buf *words)
{
	const struct mark *mark = &scan->marks[number];
	unsigned next = number + 1;
	struct str behind;

	/* Marks on one line share what follows the last of them. */
	while (next < scan->mark_count && scan->marks[next].line == mark->line)
		next++;
	behind = scan->marks[next - 1].behind;
	while (behind.len > 0 && strchr(">):.,;\"' \t", behind.data[0]) != NULL)
		behind = str_sub(behind, 1, behind.len);
	add_line(words, behind);
	for (unsigned i = mark->line + 1; i < scan->line_count && words->len < WORDS_MOST; i++) {
		if ((next < scan->mark_count && i >= scan->marks[next].line) ||
		    is_rule(scan->lines[i]) || (scan->codes && scan->indents[i] == 0))
			break;
		add_line(words, scan->lines[i]);
	}
	buf_add_byte(words, '\n');
}

/* What no mark claims: behind the last of them, else before the first. Labels
   stand among other fields, and what is said stands before them. */
static struct str
shared_words(const struct scan *scan)
{
	const struct mark *last = &scan->marks[scan->mark_count - 1];
	struct buf words = { 0 };
	struct str text;

	for (unsigned i = last->line + 1; i < scan->line_count && !scan->labels; i++)
		add_line(&words, is_rule(scan->lines[i]) ? STR_EMPTY : scan->lines[i]);
	if (str_trim(buf_str(&words)).len == 0) {
		add_line(&words, scan->labels ? STR_EMPTY : scan->marks[0].before);
		add_line(&words, STR_EMPTY);
		for (unsigned i = 0; i < scan->marks[0].line; i++)
			add_line(&words, is_rule(scan->lines[i]) ? STR_EMPTY : scan->lines[i]);
	}
	text = str_trim((struct str){ arena_strdup(scan->arena, buf_str(&words)), words.len });
	buf_free(&words);
	return text;
}

static struct str
words_of(const struct scan *scan, const char *address)
{
	struct buf words = { 0 };
	struct str text;

	if (scan->labels)
		return shared_words(scan);
	for (unsigned i = 0; i < scan->mark_count; i++) {
		if (strcmp(scan->marks[i].address, address) == 0)
			add_words(scan, i, &words);
	}
	text = str_trim((struct str){ arena_strdup(scan->arena, buf_str(&words)), words.len });
	buf_free(&words);
	return text;
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

static void
make_entries(const struct scan *scan, struct entries *entries)
{
	struct str shared = shared_words(scan), below = shared;

	entries->list = arena_alloc(scan->arena, (scan->mark_count < LIMITS_RECIPIENTS ?
	    scan->mark_count : LIMITS_RECIPIENTS) * sizeof(entries->list[0]));
	for (unsigned i = 0; i < scan->mark_count; i++) {
		const struct mark *mark = &scan->marks[i];

		if (is_known(entries, mark->address))
			continue;
		if (entries->count == LIMITS_RECIPIENTS) {
			entries->limits |= LIMIT_RECIPIENTS;
			break;
		}
		entries->list[entries->count++] = (struct entry){ .address = mark->address,
			.shown = mark->shown, .words = words_of(scan, mark->address) };
	}
	/* "a@example.com, b@example.com: reason": it is the reason of both. */
	for (unsigned i = entries->count; i > 0; i--) {
		struct entry *entry = &entries->list[i - 1];

		if (entry->words.len == 0)
			entry->words = below;
		below = entry->words;
	}
}

void
entries_find(struct str notice, const char *const *others, struct arena *arena,
    struct entries *entries_r)
{
	struct scan scan = { .arena = arena, .others = others };

	*entries_r = (struct entries){ .count = 0 };
	split_lines(&scan, notice);
	find_marks(&scan);
	if (scan.mark_count > 0)
		make_entries(&scan, entries_r);
	entries_r->limits |= scan.limits;
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
	struct str line, text;

	while (line_next(&notice, &line) && words.len < WORDS_MOST) {
		line = str_trim(line);
		add_line(&words, is_rule(line) ? STR_EMPTY : line);
	}
	text = str_trim((struct str){ arena_strdup(arena, buf_str(&words)), words.len });
	buf_free(&words);
	return text;
}
