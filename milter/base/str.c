#include "base/str.h"

#include <string.h>

static bool
bytes_iequal(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (str_lower(a[i]) != str_lower(b[i]))
			return false;
	}
	return true;
}

bool
str_iequal(struct str a, struct str b)
{
	return a.len == b.len && bytes_iequal(a.data, b.data, a.len);
}

bool
str_istarts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && bytes_iequal(s.data, prefix.data, prefix.len);
}

bool
str_iends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	    bytes_iequal(s.data + s.len - suffix.len, suffix.data, suffix.len);
}

bool
str_name_matches(struct str name, struct str pattern)
{
	if (pattern.len == 0 || pattern.data[0] != '.')
		return str_iequal(name, pattern);
	return str_iends(name, pattern) || str_iequal(name, str_sub(pattern, 1, pattern.len));
}

int
str_find(struct str s, struct str needle, size_t from, size_t *at_r)
{
	const char *hit;

	if (from > s.len)
		return 0;
	if (needle.len == 0) {
		*at_r = from;
		return 1;
	}
	if (s.len - from < needle.len)
		return 0;
	hit = memmem(s.data + from, s.len - from, needle.data, needle.len);
	if (hit == NULL)
		return 0;
	*at_r = (size_t)(hit - s.data);
	return 1;
}

int
str_ifind(struct str s, struct str needle, size_t from, size_t *at_r)
{
	for (size_t i = from; needle.len <= s.len && i <= s.len - needle.len; i++) {
		/* Most places end here: 0x20 is all that the cases of a letter differ in. */
		if (needle.len > 0 && ((s.data[i] ^ needle.data[0]) & 0xdf) != 0)
			continue;
		if (bytes_iequal(s.data + i, needle.data, needle.len)) {
			*at_r = i;
			return 1;
		}
	}
	return 0;
}

int
str_find_byte(struct str s, char byte, size_t from, size_t *at_r)
{
	const char *found = from >= s.len ? NULL : memchr(s.data + from, byte, s.len - from);

	if (found == NULL)
		return 0;
	*at_r = (size_t)(found - s.data);
	return 1;
}

static bool
is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool
str_next_word(struct str *rest, struct str *word_r)
{
	size_t end = 0;

	while (rest->len > 0 && is_space(rest->data[0])) {
		rest->data++;
		rest->len--;
	}
	while (end < rest->len && !is_space(rest->data[end]))
		end++;
	*word_r = str_sub(*rest, 0, end);
	*rest = str_sub(*rest, end, rest->len);
	return word_r->len > 0;
}

bool
str_next_piece(struct str *rest, char separator, struct str *piece_r)
{
	size_t at;

	if (rest->len == 0)
		return false;
	if (str_find_byte(*rest, separator, 0, &at) == 0) {
		*piece_r = *rest;
		*rest = str_sub(*rest, rest->len, rest->len);
		return true;
	}
	*piece_r = str_sub(*rest, 0, at);
	*rest = str_sub(*rest, at + 1, rest->len);
	return true;
}

int
str_number(struct str s, uint64_t *number_r)
{
	uint64_t number = 0;

	if (s.len == 0 || s.len > 18)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (!str_is_digit(s.data[i]))
			return -1;
		number = number * 10 + (uint64_t)(s.data[i] - '0');
	}
	*number_r = number;
	return 0;
}

size_t
str_count_digits(struct str s)
{
	size_t count = 0;

	while (count < s.len && str_is_digit(s.data[count]))
		count++;
	return count;
}

bool
str_is_label(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!str_is_alnum(s.data[i]) && s.data[i] != '-' && s.data[i] != '_')
			return false;
	}
	return s.len > 0;
}

bool
str_name_is_listed(struct str name, const char *const *patterns)
{
	for (; *patterns != NULL; patterns++) {
		if (str_name_matches(name, str_of(*patterns)))
			return true;
	}
	return false;
}

uint64_t
str_hash(struct str s)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.data[i]) * 1099511628211u;
	return hash;
}
