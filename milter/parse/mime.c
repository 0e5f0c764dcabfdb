#include "parse/mime.h"

#include <string.h>

#include "bounce.h"
#include "parse/charset.h"
#include "parse/decode.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/line.h"

/* Parts that are found but not yet opened stand behind `opened`: the array is
   its own work list. Children are inserted right behind their container. */
struct parser {
	struct arena *arena;
	struct mime *mime;
	unsigned room;
};

static const char *
lower_type(struct str content_type, struct arena *arena)
{
	struct str type = STR_EMPTY, word;
	char *text;

	str_next_piece(&content_type, ';', &type);
	/* "text/plain (a comment)" and "text/plain charset=x" both occur. */
	if (!str_next_word(&type, &word))
		return "text/plain";
	text = arena_strdup(arena, word);
	for (char *p = text; *p != '\0'; p++)
		*p = str_lower(*p);
	/* The form of RFC 1049 (RFC 2045 section 5.2 asks for the default). */
	return strcmp(text, "text") == 0 ? "text/plain" : text;
}

static void
read_part(struct str message, unsigned depth, struct parser *parser, struct mime_part *part)
{
	struct str value;

	header_split(message, &part->headers, &part->body);
	if (part->headers.len > LIMITS_HEADER_BLOCK_BYTES) {
		part->headers.len = LIMITS_HEADER_BLOCK_BYTES;
		parser->mime->limits |= LIMIT_HEADER;
	}
	header_find(part->headers, STR("Content-Type"), &value);
	part->content_type = header_unfold(value, parser->arena);
	part->type = lower_type(part->content_type, parser->arena);
	part->depth = depth;
}

static void
make_room(struct parser *parser)
{
	struct mime *mime = parser->mime;
	struct mime_part *more;

	if (mime->count < parser->room)
		return;
	parser->room = parser->room == 0 ? 8 : 2 * parser->room;
	more = arena_alloc(parser->arena, parser->room * sizeof(*more));
	if (mime->count > 0)
		memcpy(more, mime->parts, mime->count * sizeof(*more));
	mime->parts = more;
}

/* Insert a part at `at`. Returns false if there are too many. */
static bool
insert_part(struct parser *parser, unsigned at, struct str message, unsigned depth,
    bool enclosed)
{
	struct mime *mime = parser->mime;

	if (mime->count == LIMITS_MIME_PARTS) {
		mime->limits |= LIMIT_PARTS;
		return false;
	}
	make_room(parser);
	memmove(&mime->parts[at + 1], &mime->parts[at],
	    (mime->count - at) * sizeof(mime->parts[0]));
	mime->parts[at] = (struct mime_part){ 0 };
	read_part(message, depth, parser, &mime->parts[at]);
	mime->parts[at].enclosed = enclosed;
	mime->count++;
	return true;
}

enum delimiter { DELIMITER_NONE, DELIMITER_PART, DELIMITER_END };

static enum delimiter
delimiter_of(struct str line, struct str boundary)
{
	struct str behind;

	if (line.len < boundary.len + 2 || line.data[0] != '-' || line.data[1] != '-' ||
	    !str_equal(str_sub(line, 2, 2 + boundary.len), boundary))
		return DELIMITER_NONE;
	behind = str_sub(line, 2 + boundary.len, line.len);
	if (str_istarts(behind, STR("--")))
		return DELIMITER_END;
	return line_is_blank(behind) ? DELIMITER_PART : DELIMITER_NONE;
}

/* The piece that ends where `end` begins; the line break before a delimiter
   belongs to the delimiter. */
static struct str
piece_before(const char *start, const char *end)
{
	struct str piece = { start, (size_t)(end - start) };

	if (piece.len > 0 && piece.data[piece.len - 1] == '\n')
		piece.len--;
	if (piece.len > 0 && piece.data[piece.len - 1] == '\r')
		piece.len--;
	return piece;
}

/* The boundary that the content uses, where the header names none: the first
   line of dashes that is followed by a field of a part. */
static bool
guess_boundary(struct str content, struct str *boundary_r)
{
	struct str line;

	while (line_next(&content, &line)) {
		if (line.len > 2 && line.data[0] == '-' && line.data[1] == '-' &&
		    str_istarts(content, STR("Content-"))) {
			*boundary_r = str_trim(str_sub(line, 2, line.len));
			return true;
		}
	}
	return false;
}

/* Insert a part between two delimiters. In a digest it is a message, if it does not
   say what it is (RFC 2046 section 5.1.5). */
static bool
insert_piece(struct parser *parser, unsigned at, struct str piece,
    const struct mime_part *container)
{
	if (!insert_part(parser, at, piece, container->depth + 1, container->enclosed))
		return false;
	if (strcmp(container->type, "multipart/digest") == 0 &&
	    parser->mime->parts[at].content_type.len == 0)
		parser->mime->parts[at].type = "message/rfc822";
	return true;
}

/* Insert the parts between the delimiters. Returns false if there are none. */
static bool
split_parts(struct parser *parser, const struct mime_part *container, struct str boundary,
    unsigned next)
{
	struct str body = container->body, rest, line;
	const char *end = body.data + body.len;
	const char *start = NULL; /* of the part being read */
	bool found = false;

	for (size_t at = 0; str_find(body, boundary, at, &at) == 1; at++) {
		const char *line_start = body.data + at - 2;
		enum delimiter delimiter;

		if (at < 2 || (at > 2 && body.data[at - 3] != '\n'))
			continue;
		rest = str_sub(body, at - 2, body.len);
		line_next(&rest, &line);
		delimiter = delimiter_of(line, boundary);
		if (delimiter == DELIMITER_NONE)
			continue;
		found = true;
		if (start != NULL && !insert_piece(parser, next++, piece_before(start, line_start),
		    container))
			return true;
		start = delimiter == DELIMITER_PART ? rest.data : NULL;
		if (delimiter == DELIMITER_END)
			return true;
	}
	/* The message was cut, or its last delimiter is missing. */
	if (found && container->depth == 0)
		parser->mime->limits |= LIMIT_CUT;
	if (start != NULL && start < end)
		insert_piece(parser, next, (struct str){ start, (size_t)(end - start) }, container);
	return found;
}

static void
open_multipart(struct parser *parser, unsigned at)
{
	struct mime_part container = parser->mime->parts[at];
	struct str boundary;

	if (header_parameter(container.content_type, STR("boundary"), parser->arena,
		&boundary) == 1 && split_parts(parser, &container, boundary, at + 1))
		return;
	if (guess_boundary(container.body, &boundary))
		split_parts(parser, &container, boundary, at + 1);
}

static bool
is_message(const char *type)
{
	return strcmp(type, "message/rfc822") == 0 || strcmp(type, "message/global") == 0;
}

void
mime_parse(struct str message, struct arena *arena, struct mime *mime_r)
{
	struct parser parser = { .arena = arena, .mime = mime_r };

	*mime_r = (struct mime){ 0 };
	insert_part(&parser, 0, message, 0, false);
	for (unsigned i = 0; i < mime_r->count; i++) {
		bool multipart = strncmp(mime_r->parts[i].type, "multipart/", 10) == 0;

		if (!multipart && !is_message(mime_r->parts[i].type))
			continue;
		if (mime_r->parts[i].depth == LIMITS_MIME_DEPTH)
			mime_r->limits |= LIMIT_DEPTH;
		else if (multipart)
			open_multipart(&parser, i);
		else
			insert_part(&parser, i + 1, mime_content(&mime_r->parts[i],
			    LIMITS_REPORT_BYTES, arena, &mime_r->limits),
			    mime_r->parts[i].depth + 1, true);
	}
}

struct str
mime_content(const struct mime_part *part, size_t limit, struct arena *arena, unsigned *limits)
{
	struct str encoding, content = part->body;

	/* Decoding shortens to a third at most: more need not be looked at. */
	if (content.len > 3 * limit) {
		content.len = 3 * limit;
		*limits |= LIMIT_SIZE;
	}
	header_find(part->headers, STR("Content-Transfer-Encoding"), &encoding);
	encoding = str_trim(encoding);
	if (str_iequal(encoding, STR("base64")))
		content = decode_base64(content, arena);
	else if (str_iequal(encoding, STR("quoted-printable")))
		content = decode_quoted_printable(content, arena);
	if (content.len > limit) {
		content.len = limit;
		*limits |= LIMIT_SIZE;
	}
	return content;
}

struct str
mime_text(const struct mime_part *part, size_t limit, struct arena *arena, unsigned *limits)
{
	struct str content = mime_content(part, limit, arena, limits);
	struct str charset = STR_EMPTY;

	header_parameter(part->content_type, STR("charset"), arena, &charset);
	return charset_to_utf8(content, charset, arena);
}

const struct mime_part *
mime_find(const struct mime *mime, const char *type)
{
	for (unsigned i = 0; i < mime->count; i++) {
		if (!mime->parts[i].enclosed && strcmp(mime->parts[i].type, type) == 0)
			return &mime->parts[i];
	}
	return NULL;
}
