#include "parse/notice.h"

#include <string.h>

#include "parse/charset.h"
#include "parse/header.h"
#include "parse/html.h"
#include "parse/limits.h"
#include "parse/line.h"
#include "parse/phrase.h"

/* Fields that begin the headers of a message as MTAs return it. */
static const char *const first_fields[] = {
	"Received:", "Return-Path:", "DKIM-Signature:", "X-Received:", "Delivered-To:",
	"ARC-Seal:", "X-Google-DKIM-Signature:", "X-YMail-OSG:", "DomainKey-Signature:",
	"Message-ID:", "MIME-Version:", "X-Originating-IP:",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define COPY_LINE_BYTES 100 /* a longer line is a sentence of the notice */

/* The line without the rules that are drawn around its words. */
static struct str
undecorated(struct str line)
{
	line = str_trim(line);
	while (line.len > 0 && strchr("-=*_|#>+.:~ \t", line.data[0]) != NULL)
		line = str_sub(line, 1, line.len);
	while (line.len > 0 && strchr("-=*_|#<+.:~ \t", line.data[line.len - 1]) != NULL)
		line.len--;
	return line;
}

/* Only lines that say little else are meant: rules around the words, a colon
   behind them, or nothing but them. "Returned message" stands in sentences too. */
static bool
announces_copy(struct str line, struct str phrase)
{
	struct str words = undecorated(line), trimmed = str_trim(line);

	if (line.len > COPY_LINE_BYTES)
		return false;
	return words.len + 4 <= trimmed.len || words.len == phrase.len ||
	    (str_iends(trimmed, STR(":")) && phrase.data - words.data < 16) ||
	    str_iends(words, STR("follows")) || str_iends(words, STR("follow")) ||
	    str_iends(words, STR("following"));
}

static bool
begins_headers(struct str line)
{
	if (line.len == 0 || strchr("rRdDxXaAmM", line.data[0]) == NULL)
		return false;
	for (size_t i = 0; i < COUNT_OF(first_fields); i++) {
		if (str_istarts(line, str_of(first_fields[i])))
			return true;
	}
	return false;
}

/* The message that follows: from the first line on that looks like a field. */
static struct str
message_behind(struct str text)
{
	struct str rest = text, line, name;

	while (rest.len > 0) {
		struct str here = rest;

		line_next(&rest, &line);
		if (line_is_blank(line))
			continue;
		name = line;
		if (!str_next_piece(&name, ':', &line) || name.len == 0 ||
		    str_find_byte(str_trim(line), ' ', 0, &(size_t){ 0 }))
			continue;
		return here;
	}
	return STR_EMPTY;
}

/* Where the line of this byte begins. */
static size_t
line_start(struct str text, size_t at)
{
	while (at > 0 && text.data[at - 1] != '\n')
		at--;
	return at;
}

/* Find the line that announces the copy. Returns 1, where it begins and what
   follows it; 0 if there is none. */
static int
find_announcement(struct str text, size_t *at_r, size_t *behind_r)
{
	struct str rest = text, line, phrase;

	while (phrase_find(rest, PHRASE_COPY, &phrase) == 1) {
		size_t at = line_start(text, (size_t)(phrase.data - text.data));

		rest = str_sub(text, at, text.len);
		line_next(&rest, &line);
		if (announces_copy(line, phrase)) {
			*at_r = at;
			*behind_r = at + (size_t)(rest.data - line.data);
			return 1;
		}
	}
	return 0;
}

/* Find the line that looks like the first field of the copy. */
static size_t
find_first_field(struct str text)
{
	struct str rest = text, line;

	while (rest.len > 0) {
		const char *start = rest.data;

		line_next(&rest, &line);
		if (begins_headers(line))
			return (size_t)(start - text.data);
	}
	return text.len;
}

/* Cut the text where the returned message begins. */
static void
cut_returned(struct reading *reading)
{
	struct str whole = reading->notice, body;
	size_t end = find_first_field(whole), behind = end;

	/* Where the message came back as a part, no copy of it follows. */
	if (reading->returned.len > 0 ||
	    (find_announcement(str_sub(whole, 0, end), &end, &behind) == 0 && end == whole.len))
		return;
	reading->notice = str_sub(whole, 0, end);
	reading->enclosed = message_behind(str_sub(whole, behind, whole.len));
	header_split(reading->enclosed, &reading->returned, &body);
}

static bool
is_text(const struct mime_part *part)
{
	return !part->enclosed && (strcmp(part->type, "text/plain") == 0 ||
	    strcmp(part->type, "text/html") == 0 || strcmp(part->type, "text/unknown") == 0);
}

/* The text of one part, its lines ended by LF. */
static struct str
part_text(struct reading *reading, const struct mime_part *part)
{
	struct str text = mime_text(part, LIMITS_TEXT_PART_BYTES, reading->arena,
	    &reading->report->limits);

	return strcmp(part->type, "text/html") == 0 ? html_to_text(text, reading->arena) : text;
}

/* Is there a part for people besides the HTML one? */
static bool
has_plain(const struct mime *mime)
{
	for (unsigned i = 0; i < mime->count; i++) {
		if (is_text(&mime->parts[i]) && strcmp(mime->parts[i].type, "text/html") != 0 &&
		    str_trim(mime->parts[i].body).len > 0)
			return true;
	}
	return false;
}

static bool
is_returned(const char *type)
{
	return strncmp(type, "message/", 8) == 0 || strcmp(type, "text/rfc822-headers") == 0;
}

/* All texts before the returned message; the same in HTML only if there is
   nothing else. */
static struct str
join_texts(struct reading *reading)
{
	const struct mime *mime = &reading->mime;
	bool plain = has_plain(mime);
	struct buf joined = { 0 };
	struct str text = STR_EMPTY;
	unsigned texts = 0;

	for (unsigned i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];

		if (is_returned(part->type) && texts > 0 && !part->enclosed)
			break;
		if (!is_text(part) || (plain && strcmp(part->type, "text/html") == 0))
			continue;
		text = part_text(reading, part);
		texts++;
		buf_add(&joined, text);
		buf_add_byte(&joined, '\n');
	}
	if (texts != 1) {
		text.data = arena_strdup(reading->arena, buf_str(&joined));
		text.len = joined.len;
	}
	buf_free(&joined);
	return text;
}

/* A report whose parts cannot be told apart is read as it stands there. */
static struct str
raw_text(struct reading *reading)
{
	struct mime_part whole = reading->mime.parts[0];

	for (unsigned i = 0; i < reading->mime.count; i++) {
		const char *type = reading->mime.parts[i].type;

		if (is_text(&reading->mime.parts[i]) || is_returned(type))
			return STR_EMPTY;
	}
	return mime_text(&whole, LIMITS_TEXT_PART_BYTES, reading->arena, &reading->report->limits);
}

void
notice_find(struct reading *reading)
{
	reading->notice = join_texts(reading);
	if (str_trim(reading->notice).len == 0)
		reading->notice = raw_text(reading);
	if (reading->notice.len > LIMITS_TEXT_PART_BYTES) {
		reading->notice.len = LIMITS_TEXT_PART_BYTES;
		reading->report->limits |= LIMIT_TEXT;
	}
	cut_returned(reading);
}
