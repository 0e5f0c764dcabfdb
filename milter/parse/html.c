#include "parse/html.h"

#include <string.h>
#include <unistr.h>

#include "parse/decode.h"

/* Elements that begin a line. */
static const char *const breaks[] = {
	"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre",
	"hr", "title", "blockquote", "dt", "dd",
};

/* Elements whose content nobody reads. */
static const char *const hidden[] = { "style", "script", "head" };

static const struct {
	const char *name;
	const char *text;
} entities[] = {
	{ "lt", "<" }, { "gt", ">" }, { "amp", "&" }, { "quot", "\"" }, { "apos", "'" },
	{ "nbsp", " " }, { "shy", "" }, { "bull", "*" },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The name of the element whose tag begins at "<" or "</". */
static struct str
element_name(struct str tag)
{
	size_t from = tag.len > 1 && tag.data[1] == '/' ? 2 : 1, to = from;

	while (to < tag.len && str_is_alnum(tag.data[to]))
		to++;
	return str_sub(tag, from, to);
}

static bool
is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_iequal(name, str_of(names[i])))
			return true;
	}
	return false;
}

/* Where what is not shown ends: behind "-->" or before "</style". */
static size_t
end_of_hidden(struct str html, size_t from, struct str name)
{
	size_t at = from;

	for (; str_find(html, STR("</"), at, &at) == 1; at += 2) {
		if (str_istarts(str_sub(html, at + 2, html.len), name))
			return at;
	}
	return html.len;
}

/* Pass over the tag at `at`. Returns where it goes on, and whether a line begins
   there. */
static size_t
skip_tag(struct str html, size_t at, bool *line_r)
{
	struct str rest = str_sub(html, at, html.len), name;
	size_t end;

	*line_r = false;
	if (str_istarts(rest, STR("<!--")))
		return str_find(html, STR("-->"), at, &end) == 1 ? end + 3 : html.len;
	if (str_find_byte(html, '>', at, &end) == 0)
		return html.len;
	name = element_name(rest);
	*line_r = is_one_of(name, breaks, COUNT_OF(breaks));
	if (rest.len > 1 && rest.data[1] != '/' && is_one_of(name, hidden, COUNT_OF(hidden)))
		return end_of_hidden(html, end + 1, name);
	return end + 1;
}

/* "<user@example.com>" that nobody has escaped is no tag. */
static bool
is_tag(struct str html, size_t at)
{
	struct str name = element_name(str_sub(html, at, html.len));
	size_t behind;

	if (str_istarts(str_sub(html, at, html.len), STR("<!")))
		return true;
	if (name.len == 0)
		return false;
	behind = (size_t)(name.data - html.data) + name.len;
	return behind < html.len && strchr(" \t\r\n/>:", html.data[behind]) != NULL;
}

/* Write the character that "&name;" or "&#123;" stands for. Returns how many
   bytes of the reference were read, 0 if it is none. */
static size_t
put_reference(struct str text, char **to)
{
	struct str name;
	size_t semicolon;
	ucs4_t character = 0;
	int len;

	if (str_find_byte(str_sub(text, 0, 10), ';', 0, &semicolon) == 0)
		return 0;
	name = str_sub(text, 1, semicolon);
	for (size_t i = 0; i < COUNT_OF(entities); i++) {
		if (str_equal(name, str_of(entities[i].name))) {
			*to = stpcpy(*to, entities[i].text);
			return semicolon + 1;
		}
	}
	if (name.len < 2 || name.data[0] != '#')
		return 0;
	for (size_t i = 1; i < name.len; i++) {
		if (!str_is_digit(name.data[i]))
			return 0;
		character = character * 10 + (ucs4_t)(name.data[i] - '0');
	}
	/* "&#8226;" has seven bytes, and no character needs more than four. */
	len = character < ' ' ? -1 : u8_uctomb((uint8_t *)*to, character, (ptrdiff_t)semicolon + 1);
	if (len > 0)
		*to += len;
	return len > 0 ? semicolon + 1 : 0;
}

struct str
html_to_text(struct str html, struct arena *arena)
{
	char *out = arena_alloc(arena, html.len + 1), *to = out;
	size_t at = 0, read;

	while (at < html.len) {
		bool line;

		if (html.data[at] == '<' && is_tag(html, at)) {
			at = skip_tag(html, at, &line);
			if (line)
				*to++ = '\n';
		} else if (html.data[at] == '&' &&
		    (read = put_reference(str_sub(html, at, html.len), &to)) > 0) {
			at += read;
		} else {
			/* Source lines mean nothing but a blank. */
			*to++ = html.data[at] == '\n' || html.data[at] == '\r' ? ' ' : html.data[at];
			at++;
		}
	}
	return (struct str){ out, (size_t)(to - out) };
}
