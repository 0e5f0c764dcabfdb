#include "parse/marks.h"

#include <string.h>

#include "bounce.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/mention.h"
#include "parse/phrase.h"
#include "parse/reply.h"

#define LINES_MOST 2000
#define NAME_BYTES 48 /* of a name before an address */
#define MARKS_MOST (4 * LIMITS_RECIPIENTS)

/* What may stand before an address at the front of a line. */
static const char *const labels[] = {
	"recipient:", "recipients:", "failed recipient:", "recipient address:", "address:",
	"e-mail address:", "email address:", "failed address:", "user:", "recipient name:",
	"failed to deliver to", "delivery to", "unable to deliver to", "cannot deliver to",
	"destination:", "destinataire :", "destinataire:", "empfänger:", "destinatario:",
	"final-recipient: rfc822;", "original-recipient: rfc822;", "intended recipients:",
	"intended recipient:", "your message to:", "rfc822;", "rfc822:", "mailto:", "smtp:",
	"original address:", "宛先:", "宛先：", "送信先:", "送信先：", "收件人:", "收件人：", "получатель:", "수신자:", "受信者:",
};

/* Labels of headers and of commands: whom the message was for, no more. */
static const char *const weak_labels[] = {
	"rcpt to:", "to:", "for:", "original recipient:", "envelope-to:", "an:", "à :", "a:",
	"кому:",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
split_lines(struct marks *marks, struct str notice)
{
	unsigned room = 1;
	struct str line;

	for (size_t at = 0; room < LINES_MOST && str_find_byte(notice, '\n', at, &at); at++)
		room++;
	marks->lines = arena_alloc(marks->arena, room * sizeof(marks->lines[0]));
	marks->indents = arena_alloc(marks->arena, room * sizeof(marks->indents[0]));
	marks->sets = arena_alloc(marks->arena, room * sizeof(marks->sets[0]));
	while (line_next(&notice, &line)) {
		struct str trimmed = str_trim(line);
		struct phrase_hits hits;

		if (marks->line_count == room) {
			marks->limits |= LIMIT_TEXT;
			return;
		}
		marks->indents[marks->line_count] = trimmed.len == 0 ? 0 :
		    (unsigned)(trimmed.data - line.data);
		phrase_search(trimmed, &hits);
		marks->sets[marks->line_count] = hits.sets;
		marks->lines[marks->line_count++] = trimmed;
	}
}

bool
marks_is_rule(struct str line)
{
	size_t same = 1;

	while (same < line.len && line.data[same] == line.data[0])
		same++;
	return line.len >= 3 && same >= 3 && strchr("-=*_#~", line.data[0]) != NULL &&
	    !str_find_byte(line, '@', 0, &same);
}

/* The line without a bullet or a label at its front. */
static struct str
without_front(struct str line)
{
	struct str rest = line;

	while (rest.len > 0 && strchr(">*-+|", rest.data[0]) != NULL && !marks_is_rule(rest) &&
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

/* "550 ", "550-": a server speaks. */
static bool
is_reply(struct str line)
{
	return line.len > 3 && (line.data[0] == '4' || line.data[0] == '5') &&
	    str_is_digit(line.data[1]) && str_is_digit(line.data[2]) &&
	    (line.data[3] == ' ' || line.data[3] == '-');
}

/* What stands behind "550 " or "550 5.1.1 " at the front of the line; nothing if
   there is no code, or more lines of the reply follow. */
static struct str
without_code(struct str line, struct arena *arena)
{
	struct str rest;
	const char *status;

	if (!is_reply(line) || line.data[3] != ' ')
		return STR_EMPTY;
	rest = str_trim(str_sub(line, 4, line.len));
	reply_take_status(&rest, arena, &status);
	return rest;
}

/* Most notices have one mark. */
static void
make_room(struct marks *marks)
{
	struct mark *more;

	if (marks->count < marks->room)
		return;
	marks->room = marks->room == 0 ? 4 : 4 * marks->room;
	more = arena_alloc(marks->arena, marks->room * sizeof(*more));
	if (marks->count > 0)
		memcpy(more, marks->list, marks->count * sizeof(*more));
	marks->list = more;
}

static bool
is_marked(const struct marks *marks, const char *address)
{
	for (unsigned i = 0; i < marks->count; i++) {
		if (strcmp(marks->list[i].address, address) == 0)
			return true;
	}
	return false;
}

static void
add_mark(struct marks *marks, unsigned line, struct str text, const struct mention *mention,
    bool whole_line)
{
	struct mark *mark;

	/* Details repeat whom the notice has named; who else stands there is named by
	   a stranger. */
	if (marks->details && !is_marked(marks, mention->address))
		return;
	/* What follows is still about the same address. */
	if (marks->count > 0 && !marks->details &&
	    strcmp(marks->list[marks->count - 1].address, mention->address) == 0)
		return;
	if (marks->count == MARKS_MOST) {
		marks->limits |= LIMIT_RECIPIENTS;
		return;
	}
	make_room(marks);
	mark = &marks->list[marks->count++];
	*mark = (struct mark){ .address = mention->address, .shown = mention->text, .line = line };
	mark->quoted = text.data[0] == '"';
	mark->before = str_sub(text, 0, mention->start);
	mark->behind = whole_line ? marks->lines[line] : str_sub(text, mention->end, text.len);
}

/* Exchange and GMX write no blank line between recipients, and show them in a form
   of their own: "user@example.com on DATE", "\"user@example.com\":". */
static bool
has_shape(const struct mark *above, struct str text, const struct mention *mention)
{
	static const struct str on = { "on ", 3 };
	struct str behind = str_trim(str_sub(text, mention->end, text.len));

	return (text.data[0] == '"' && above->quoted) ||
	    (str_istarts(behind, on) && str_istarts(str_trim(above->behind), on));
}

/* Does the line go on with what is said of the address above it? It does if it is
   indented deeper, or if lines that are not stand between, and no blank one. Who
   is named in there is named by a stranger. */
static bool
continues(const struct marks *marks, unsigned number)
{
	unsigned above;
	bool words = false;

	if (marks->count == 0)
		return false;
	above = marks->list[marks->count - 1].line;
	for (unsigned i = above + 1; i < number; i++) {
		if (marks->lines[i].len == 0)
			return false;
		words |= marks->indents[i] <= marks->indents[above];
	}
	return words || marks->indents[number] > marks->indents[above];
}

/* "user@example.com OK", "user@example.com: 250 2.1.5 delivered" */
static bool
is_success(struct str behind)
{
	while (behind.len > 0 && strchr(":.- ", behind.data[0]) != NULL)
		behind = str_sub(behind, 1, behind.len);
	return str_iequal(behind, STR("ok")) || str_istarts(behind, STR("250 ")) ||
	    phrase_holds(behind, PHRASE_SUCCESS);
}

static bool
is_other(const struct marks *marks, const char *address)
{
	for (const char *const *other = marks->others; *other != NULL; other++) {
		if (strcmp(*other, address) == 0)
			return true;
	}
	return false;
}

/* "Jo Doe <user@example.com>", alone on its line below a blank one. */
static bool
is_name_before(const struct marks *marks, unsigned number, struct str text,
    const struct mention *mention)
{
	size_t at;

	return number > 0 && marks->lines[number - 1].len == 0 && mention->end == text.len &&
	    mention->start < NAME_BYTES && text.data[mention->start] == '<' &&
	    !str_find_byte(str_sub(text, 0, mention->start), ':', 0, &at) &&
	    text.data[mention->start - 1] == ' ' && !phrase_holds(text, PHRASE_CONTACT) &&
	    !is_other(marks, mention->address);
}

/* An address that begins its line. */
static void
mark_line(struct marks *marks, unsigned number)
{
	struct str text, behind;
	struct mention mention;
	size_t at;

	/* Two labels for one recipient. */
	if (str_istarts(marks->lines[number], STR("original address:")) && marks->count > 0 &&
	    marks->list[marks->count - 1].line + 1 == number)
		return;
	if (marks->delivered || str_find_byte(marks->lines[number], '@', 0, &at) == 0 || is_reply(marks->lines[number]))
		return;
	text = without_front(marks->lines[number]);
	if (mention_find(str_sub(text, 0, LIMITS_ADDRESS_BYTES), 0, marks->arena, &mention) == 0 ||
	    (mention.start > 0 && !is_name_before(marks, number, text, &mention)))
		return;
	if (continues(marks, number) && !has_shape(&marks->list[marks->count - 1], text, &mention))
		return;
	behind = str_trim(str_sub(text, mention.end, text.len));
	if (str_istarts(behind, STR("wrote:")) || is_success(behind))
		return;
	add_mark(marks, number, text, &mention, false);
	/* "a@example.com, b@example.com" */
	while (mention.end < text.len && strchr(",; ", text.data[mention.end]) != NULL) {
		size_t end = mention.end;

		if (mention_find(text, end, marks->arena, &mention) == 0 ||
		    str_trim(str_sub(text, end + 1, mention.start)).len > 0)
			return;
		add_mark(marks, number, text, &mention, false);
	}
}

/* "550 5.1.1 <user@example.com>... User unknown": the MTA sums up a session. */
static void
mark_code(struct marks *marks, unsigned number)
{
	struct str text = without_code(marks->lines[number], marks->arena);
	struct mention mention;

	if (mention_find(str_sub(text, 0, LIMITS_ADDRESS_BYTES), 0, marks->arena, &mention) == 1 &&
	    mention.start == 0)
		add_mark(marks, number, text, &mention, true);
}

/* ">>> RCPT TO:<user@example.com>", answered by "<<< 550 ..." */
static void
mark_session(struct marks *marks, unsigned number)
{
	struct str line = marks->lines[number];
	struct mention mention;
	size_t at;

	if (str_istarts(line, STR(">>> RCPT")) && number + 1 < marks->line_count &&
	    str_find(marks->lines[number + 1], STR("<<< 2"), 0, &at) == 0 &&
	    mention_find(line, 0, marks->arena, &mention) == 1)
		add_mark(marks, number, line, &mention, false);
}

bool
marks_tells_failure(struct str line)
{
	struct phrase_hits hits;

	phrase_search(line, &hits);
	return (hits.sets & (1u << PHRASE_FAILURE | 1u << PHRASE_MISHAP)) != 0;
}

static bool
line_holds(const struct marks *marks, unsigned number, enum phrase_set set)
{
	return (marks->sets[number] >> set & 1) != 0;
}

static bool
line_fails(const struct marks *marks, unsigned number)
{
	return line_holds(marks, number, PHRASE_FAILURE) || line_holds(marks, number, PHRASE_MISHAP);
}

/* "We could not deliver your mail to user@example.com." */
static void
mark_sentence(struct marks *marks, unsigned number)
{
	struct str line = marks->lines[number];
	struct mention mention = { .end = 0 };

	if (is_reply(line) || mention_find(line, 0, marks->arena, &mention) == 0)
		return;
	if (line_holds(marks, number, PHRASE_CONTACT) || line_holds(marks, number, PHRASE_SUCCESS) ||
	    (!line_fails(marks, number) && (number == 0 || !line_fails(marks, number - 1))))
		return;
	mention.end = 0;
	while (mention_find(line, mention.end, marks->arena, &mention) == 1) {
		if (!is_other(marks, mention.address))
			add_mark(marks, number, line, &mention, true);
	}
}

/* "To: user@example.com" among details of the message. */
static void
mark_label(struct marks *marks, unsigned number)
{
	struct str line = marks->lines[number];
	struct mention mention = { .end = 0 };

	for (size_t i = 0; i < COUNT_OF(weak_labels); i++) {
		if (!str_istarts(line, str_of(weak_labels[i])))
			continue;
		while (mention_find(line, mention.end, marks->arena, &mention) == 1) {
			if (!is_other(marks, mention.address))
				add_mark(marks, number, line, &mention, false);
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
drop_helpers(struct marks *marks)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < marks->count; i++)
		kept += !is_helper(marks->list[i].address);
	if (kept == 0)
		return;
	kept = 0;
	for (unsigned i = 0; i < marks->count; i++) {
		if (!is_helper(marks->list[i].address))
			marks->list[kept++] = marks->list[i];
	}
	marks->count = kept;
}

/* A heading says whether the addresses that follow have failed or not. */
static void
note_list(struct marks *marks, unsigned number)
{
	size_t at;

	if (str_find_byte(marks->lines[number], '@', 0, &at))
		return;
	if (line_holds(marks, number, PHRASE_SUCCESS))
		marks->delivered = true;
	else if (line_fails(marks, number))
		marks->delivered = false;
}

void
marks_find(struct str notice, struct marks *marks)
{
	static void (*const finders[MARK_KIND_COUNT])(struct marks *marks, unsigned number) = {
		mark_line, mark_code, mark_session, mark_sentence, mark_label,
	};
	size_t at;

	if (str_find_byte(notice, '@', 0, &at) == 0)
		return;
	split_lines(marks, notice);
	for (unsigned kind = 0; kind < MARK_KIND_COUNT && marks->count == 0; kind++) {
		marks->kind = (enum mark_kind)kind;
		marks->details = marks->delivered = false;
		for (unsigned i = 0; i < marks->line_count; i++) {
			marks->details |= marks->count > 0 && line_holds(marks, i, PHRASE_DETAILS);
			note_list(marks, i);
			finders[kind](marks, i);
		}
		drop_helpers(marks);
	}
}
