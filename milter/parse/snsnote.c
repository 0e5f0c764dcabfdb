#include "parse/snsnote.h"

#include <string.h>

/* Without the line breaks that mail has put into a long line, and without the
   backslashes of an object that is quoted inside another. */
static struct str
flattened(struct str text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1), *to = out;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (byte == '\n') {
			/* The blank behind it belongs to the break. */
			if (i + 1 < text.len && text.data[i + 1] == ' ')
				i++;
			continue;
		}
		if (byte == '\r' || byte == '\0' ||
		    (byte == '\\' && i + 1 < text.len && text.data[i + 1] == '"'))
			continue;
		*to++ = byte;
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* Pass over blanks and this byte. Returns false if it is not there. */
static bool
skip(struct str json, size_t *at, char byte)
{
	while (*at < json.len && strchr(" \t", json.data[*at]) != NULL)
		(*at)++;
	if (*at == json.len || json.data[*at] != byte)
		return false;
	(*at)++;
	return true;
}

/* The string that is the value of this name, at or behind *at, which moves
   behind it. Returns 1, or 0 if there is none. */
static int
find_value(struct str json, struct str name, size_t *at, struct str *value_r)
{
	size_t from = *at, end;

	while (str_find(json, name, from, &from) == 1) {
		from += name.len;
		if (!skip(json, &from, ':') || !skip(json, &from, '"') ||
		    !str_find_byte(json, '"', from, &end))
			continue;
		*value_r = str_sub(json, from, end);
		*at = end + 1;
		return 1;
	}
	return 0;
}

static struct str
value_of(struct str json, struct str name)
{
	struct str value;
	size_t at = 0;

	return find_value(json, name, &at, &value) == 1 ? value : STR_EMPTY;
}

int
snsnote_read_complaint(struct str text, struct arena *arena, struct arf *arf_r)
{
	struct str json, list, value;
	size_t at, end;

	*arf_r = (struct arf){ .limits = 0 };
	text = str_trim(text);
	if (text.len == 0 || text.data[0] != '{')
		return 0;
	json = flattened(text, arena);
	if (!str_equal(value_of(json, STR("\"notificationType\"")), STR("Complaint")) &&
	    !str_equal(value_of(json, STR("\"eventType\"")), STR("Complaint")))
		return 0;
	arf_r->feedback_type = value_of(json, STR("\"complaintFeedbackType\""));
	arf_r->mail_from = value_of(json, STR("\"source\""));
	if (str_find(json, STR("\"complainedRecipients\""), 0, &at) == 0 ||
	    str_find_byte(json, ']', at, &end) == 0)
		return 1;
	list = str_sub(json, at, end);
	at = 0;
	while (find_value(list, STR("\"emailAddress\""), &at, &value) == 1)
		arf_add(arf_r, &arf_r->recipients, value, arena);
	return 1;
}
