#include "judge/datetext.h"

#include <stdbool.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* How the parts of a date stand; longer ones first. W is a day of the week, M a
   month, 9 a number, T a time, Z a zone. */
static const char *const date_forms[] = {
	"W9M9TZ", "W9M9T", "9M9TZ", "9M9T", "WM9T9", "W9M9", "9M9", "M9T",
};

static const char weekdays[] = "MonTueWedThuFriSatSun";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

size_t
datetext_time_length(struct str text)
{
	size_t len = str_count_digits(text), more;
	unsigned colons = 0;

	if (len == 0 || len > 2)
		return 0;
	while (colons < 2 && len < text.len && text.data[len] == ':' &&
	    (more = str_count_digits(str_sub(text, len + 1, text.len))) == 2) {
		len += 1 + more;
		colons++;
	}
	return colons > 0 && (len == text.len || !str_is_alnum(text.data[len])) ? len : 0;
}

/* One of the names of three letters, alone or with more letters behind it:
   "Fri", "Friday". */
static size_t
name_length(struct str text, const char *names)
{
	size_t len = 0;

	while (len < text.len && str_is_alpha(text.data[len]))
		len++;
	if (len < 3 || len > 9)
		return 0;
	for (; *names != '\0'; names += 3) {
		if (memcmp(text.data, names, 3) == 0)
			return len;
	}
	return 0;
}

/* "+0100", "GMT", with or without "(CET)" behind it. */
static size_t
zone_length(struct str text)
{
	size_t len = 0;

	if (text.len > 4 && (text.data[0] == '+' || text.data[0] == '-') &&
	    str_count_digits(str_sub(text, 1, text.len)) == 4) {
		len = 5;
		if (str_istarts(str_sub(text, len, text.len), STR(" (")))
			for (len += 2; len < text.len && len < 16 && text.data[len - 1] != ')';)
				len++;
		return len;
	}
	while (len < text.len && str_is_upper(text.data[len]))
		len++;
	return len >= 3 && len <= 4 ? len : 0;
}

static size_t
part_length(struct str text, char form)
{
	size_t len;

	switch (form) {
	case 'W':
		return name_length(text, weekdays);
	case 'M':
		return name_length(text, months);
	case 'T':
		return datetext_time_length(text);
	case 'Z':
		return zone_length(text);
	default:
		len = str_count_digits(text);
		return len <= 4 ? len : 0;
	}
}

/* The length of a date of that form at the front, or 0. */
static size_t
form_length(struct str text, const char *form)
{
	size_t at = 0, len;

	for (const char *part = form; *part != '\0'; part++) {
		if (part > form && at < text.len && text.data[at] == ',')
			at++;
		while (part > form && at < text.len && text.data[at] == ' ')
			at++;
		len = part_length(str_sub(text, at, text.len), *part);
		if (len == 0)
			return 0;
		at += len;
	}
	return at == text.len || !str_is_alnum(text.data[at]) ? at : 0;
}

/* "2026-11-20", "2026-11-20T10:00:00.000Z", "2026/11/20 10:00" */
static size_t
iso_length(struct str text)
{
	size_t len = 10, more;

	if (text.len < len || str_count_digits(text) != 4 || strchr("-/", text.data[4]) == NULL ||
	    str_count_digits(str_sub(text, 5, 7)) != 2 || text.data[7] != text.data[4] ||
	    str_count_digits(str_sub(text, 8, len)) != 2)
		return 0;
	if (len == text.len || strchr("T ", text.data[len]) == NULL)
		return len;
	more = datetext_time_length(str_sub(text, len + 1, text.len > len + 9 ? len + 9 : text.len));
	if (more == 0)
		return text.data[len] == ' ' ? len : 0;
	for (len += 1 + more; len < text.len && (str_is_digit(text.data[len]) ||
	    strchr(".Z+:", text.data[len]) != NULL);)
		len++;
	return len;
}

size_t
datetext_length(struct str text)
{
	size_t len = iso_length(text);

	for (size_t i = 0; len == 0 && i < COUNT_OF(date_forms); i++)
		len = form_length(text, date_forms[i]);
	return len;
}
