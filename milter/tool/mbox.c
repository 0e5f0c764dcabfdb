#include "tool/mbox.h"

static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

bool
mbox_is_first(struct str front)
{
	return str_equal(str_sub(front, 0, 5), STR("From "));
}

static bool
is_month(struct str word)
{
	for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
		if (str_iequal(word, str_of(months[i])))
			return true;
	}
	return false;
}

static bool
is_number(struct str word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (!str_is_digit(word.data[i]))
			return false;
	}
	return word.len > 0;
}

/* "9:44" or "09:44:33" */
static bool
is_time(struct str word)
{
	struct str piece;
	unsigned count = 0;

	while (str_next_piece(&word, ':', &piece)) {
		if (!is_number(piece) || piece.len > 2)
			return false;
		count++;
	}
	return count == 2 || count == 3;
}

/* "+0900", "(JST)", "GMT": at most eight bytes without a small letter. */
static bool
is_zone(struct str word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] >= 'a' && word.data[i] <= 'z')
			return false;
	}
	return word.len <= 8;
}

/* Behind the month stand a time and a year, and nothing that is no part of a
   date. */
static bool
is_end_of_date(struct str rest)
{
	bool has_time = false, has_year = false;
	struct str word;

	while (str_next_word(&rest, &word)) {
		if (is_time(word))
			has_time = true;
		else if (is_number(word))
			has_year = has_year || word.len == 4;
		else if (!is_zone(word))
			return false;
	}
	return has_time && has_year;
}

bool
mbox_is_separator(struct str line)
{
	struct str rest = line, word;

	if (!mbox_is_first(line))
		return false;
	while (str_next_word(&rest, &word)) {
		if (is_month(word) && is_end_of_date(rest))
			return true;
	}
	return false;
}

struct str
mbox_unquote(struct str line)
{
	size_t quotes = 0;

	while (quotes < line.len && line.data[quotes] == '>')
		quotes++;
	if (quotes > 0 && mbox_is_first(str_sub(line, quotes, line.len)))
		return str_sub(line, 1, line.len);
	return line;
}

bool
mbox_is_empty(struct str line)
{
	return str_trim(line).len == 0 && (line.len == 1 || str_equal(line, STR("\r\n"))) &&
	    line.data[0] != ' ' && line.data[0] != '\t';
}
