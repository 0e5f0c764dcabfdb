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
announces_copy(struct str line)
{
	struct str words, trimmed, copy;

	if (line.len > COPY_LINE_BYTES || phrase_find(line, PHRASE_COPY, &copy) == 0)
		return false;
	trimmed = str_trim(line);
	words = undecorated(line);
	return words.len + 4 <= trimmed.len || words.len == copy.len ||
	    (str_iends(trimmed, STR(":")) && copy.data - words.data < 16) ||
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

/* Cut the text where the returned message begins. */
static void
cut_returned(struct reading *reading)
{
	struct str rest = reading->notice, line, behind, body;
	struct str whole = reading->notice;

	while (rest.len > 0) {
		const char *start = rest.data;
		bool copy;

		line_next(&rest, &line);
		copy = announces_copy(line);
		if (!copy && !begins_headers(line))
			continue;
		behind = copy ? rest : (struct str){ start,
		    (size_t)(whole.data + whole.len - start) };
		reading->notice = (struct str){ whole.data, (size_t)(start - whole.data) };
		if (reading->returned.len > 0)
			return;
		reading->enclosed = message_behind(behind);
		header_split(reading->enclosed, &reading->returned, &body);
		return;
	}
}

static bool
is_text(const struct mime_part *part)
{
	return !part->enclosed && (strcmp(part->type, "text/plain") == 0 ||
	    strcmp(part->type, "text/html") == 0 || strcmp(part->type, "text") == 0 ||
	    strcmp(part->type, "text/unknown") == 0);
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
