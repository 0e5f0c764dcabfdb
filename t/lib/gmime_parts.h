/*
 * gmime_parts: the parts of a message, in one form, as our parser finds them and
 * as GMime finds them. For gmime_oracle alone.
 */
#ifndef T_LIB_GMIME_PARTS_H
#define T_LIB_GMIME_PARTS_H

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounce.h"
#include "parse/charset.h"
#include "parse/header.h"
#include "parse/mime.h"

#define FILE_BYTES ((size_t)64 * 1024 * 1024)
#define PARTS_MOST 4096

/* A part as either parser finds it. */
struct part {
	const char *type;
	unsigned depth;
	bool enclosed;
	bool leaf;
	bool encoded;       /* it has a transfer encoding that changes bytes */
	bool empty;         /* neither a header field nor content */
	bool not_charset;   /* a text that cannot be converted */
	struct str content; /* of a leaf, decoded */
	struct str text;    /* of a text, as UTF-8 */
};

struct parts {
	struct part at[PARTS_MOST];
	unsigned count;
};

struct comparison {
	const char *file;
	struct arena *arena;
	struct parts ours, theirs;
	unsigned limits; /* that ours hit */
};

static struct part *
add_part(struct parts *parts)
{
	if (parts->count == PARTS_MOST) {
		fprintf(stderr, "gmime_oracle: more than %d parts\n", PARTS_MOST);
		exit(2);
	}
	return &parts->at[parts->count++];
}

/* --- what we find --------------------------------------------------------- */

static bool
is_container(const char *type)
{
	return strncmp(type, "multipart/", 10) == 0 || strcmp(type, "message/rfc822") == 0 ||
	    strcmp(type, "message/global") == 0;
}

static bool
is_empty(const struct mime_part *part)
{
	struct str headers = part->headers;
	struct header header;

	return !header_next(&headers, &header) && str_trim(part->body).len == 0;
}

static void
find_ours(struct str message, struct comparison *comparison)
{
	struct mime mime;

	mime_parse(message, comparison->arena, &mime);
	comparison->limits = mime.limits;
	for (unsigned i = 0; i < mime.count; i++) {
		struct part *part = add_part(&comparison->ours);
		unsigned limits = 0;
		struct str encoding;

		part->type = mime.parts[i].type;
		part->depth = mime.parts[i].depth;
		part->enclosed = mime.parts[i].enclosed;
		part->leaf = !is_container(part->type);
		header_find(mime.parts[i].headers, STR("Content-Transfer-Encoding"), &encoding);
		encoding = str_trim(encoding);
		part->encoded = str_iequal(encoding, STR("base64")) ||
		    str_iequal(encoding, STR("quoted-printable"));
		part->empty = is_empty(&mime.parts[i]);
		part->content = mime_content(&mime.parts[i], FILE_BYTES, comparison->arena,
		    &limits);
		part->text = mime_text(&mime.parts[i], FILE_BYTES, comparison->arena, &limits);
	}
}

/* --- what GMime finds ----------------------------------------------------- */

static struct str
copy_bytes(const GByteArray *bytes, struct arena *arena)
{
	struct str content = { (const char *)bytes->data, bytes->len };

	return (struct str){ arena_strdup(arena, content), content.len };
}

/* The content of a part, decoded. */
static struct str
gmime_content(GMimePart *object, struct arena *arena)
{
	GMimeDataWrapper *wrapper = g_mime_part_get_content(object);
	GMimeStream *stream = g_mime_stream_mem_new();
	struct str content = STR_EMPTY;

	if (wrapper != NULL && g_mime_data_wrapper_write_to_stream(wrapper, stream) != -1)
		content = copy_bytes(g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream)),
		    arena);
	g_object_unref(stream);
	return content;
}

/* The text of a text part; GMime converts it. */
static struct str
gmime_text(GMimeObject *object, struct arena *arena)
{
	char *text = GMIME_IS_TEXT_PART(object) ?
	    g_mime_text_part_get_text(GMIME_TEXT_PART(object)) : NULL;
	struct str copy = STR_EMPTY;

	if (text != NULL)
		copy = str_of(arena_strdup(arena, str_of(text)));
	g_free(text);
	return copy;
}

/* Can the text be converted from the charset that is named, or is it UTF-8? */
static bool
is_of_charset(GMimeObject *object, struct str content)
{
	const char *charset = GMIME_IS_TEXT_PART(object) ?
	    g_mime_text_part_get_charset(GMIME_TEXT_PART(object)) : NULL;
	char *text;

	if (charset == NULL)
		return charset_is_utf8(content);
	text = g_convert(content.data, (gssize)content.len, "UTF-8", charset, NULL, NULL, NULL);
	g_free(text);
	return text != NULL;
}

static void
walk_gmime(GMimeObject *object, unsigned depth, bool enclosed, struct comparison *comparison)
{
	struct part *part = add_part(&comparison->theirs);
	char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));

	*part = (struct part){ .depth = depth, .enclosed = enclosed };
	for (char *p = type; *p != '\0'; p++)
		*p = str_lower(*p);
	part->type = arena_strdup(comparison->arena, str_of(type));
	g_free(type);
	if (GMIME_IS_MULTIPART(object)) {
		GMimeMultipart *multipart = GMIME_MULTIPART(object);

		for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
			walk_gmime(g_mime_multipart_get_part(multipart, i), depth + 1, enclosed,
			    comparison);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

		if (inner != NULL && g_mime_message_get_mime_part(inner) != NULL)
			walk_gmime(g_mime_message_get_mime_part(inner), depth + 1, true,
			    comparison);
	} else {
		part->leaf = true;
		part->content = gmime_content(GMIME_PART(object), comparison->arena);
		part->text = gmime_text(object, comparison->arena);
		part->not_charset = !is_of_charset(object, part->content);
	}
}

static GMimeParser *
parser_of(struct str text)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text.data, text.len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);

	g_object_unref(stream);
	return parser;
}

static void
find_gmime(struct str message, struct comparison *comparison)
{
	GMimeParser *parser = parser_of(message);
	GMimeMessage *found = g_mime_parser_construct_message(parser, NULL);

	if (found != NULL && g_mime_message_get_mime_part(found) != NULL)
		walk_gmime(g_mime_message_get_mime_part(found), 0, false, comparison);
	if (found != NULL)
		g_object_unref(found);
	g_object_unref(parser);
}

#endif
