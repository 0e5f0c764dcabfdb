/*
 * str: slices. A slice points into bytes that somebody else owns and keeps
 * alive; it is never NUL-terminated and may hold any byte, NUL included.
 * The empty slice has length 0 and any pointer.
 *
 * Letters are compared without regard to case in ASCII only, whatever the
 * locale: protocol words are ASCII (RFC 5321 section 2.4).
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *data;
	size_t len;
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })
#define STR_EMPTY ((struct str){ "", 0 })

/* The arguments of a "%.*s" conversion. */
#define STR_ARGS(s) (int)(s).len, (s).data

/* The slice of a C string; the string stays the caller's. */
static inline struct str
str_of(const char *cstring)
{
	return (struct str){ cstring, strlen(cstring) };
}

/* The part from byte `from` up to, not including, byte `to`; both are cut
   down to the length. */
static inline struct str
str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	/* An empty slice may point nowhere, and NULL + 0 is not defined. */
	return (struct str){ from == 0 ? s.data : s.data + from, to - from };
}

static inline bool
str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool str_iequal(struct str a, struct str b);
bool str_istarts(struct str s, struct str prefix);
bool str_iends(struct str s, struct str suffix);

/* Is the dotted name the one of the pattern? A pattern that begins with a dot
   stands for the name behind the dot and for all names below it. */
bool str_name_matches(struct str name, struct str pattern);

/* Find the first occurrence at or after `from`.
   Returns 1 and its offset, 0 if there is none. */
int str_find(struct str s, struct str needle, size_t from, size_t *at_r);
int str_ifind(struct str s, struct str needle, size_t from, size_t *at_r);
int str_find_byte(struct str s, char byte, size_t from, size_t *at_r);

/* Without blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Take the next run of bytes without white space off the front of *rest.
   Returns false, with an empty word, if only white space is left. */
bool str_next_word(struct str *rest, struct str *word_r);

/* Take the next piece up to `separator` off the front of *rest; the
   separator is dropped. Returns false if *rest was used up. */
bool str_next_piece(struct str *rest, char separator, struct str *piece_r);

/* A decimal number of at most 18 digits and nothing else.
   Returns 0, or -1 if it is not one. */
int str_number(struct str s, uint64_t *number_r);

/* The byte in lower case, if it is an ASCII letter. */
static inline char
str_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static inline bool
str_is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool
str_is_alnum(char byte)
{
	char lower = str_lower(byte);

	return str_is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

static inline bool
str_is_alpha(char byte)
{
	return str_is_alnum(byte) && !str_is_digit(byte);
}

static inline bool
str_is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

/* How many digits it begins with. */
size_t str_count_digits(struct str s);

/* Is it a label of a host name: letters, digits, "-" and "_", one at least? */
bool str_is_label(struct str s);

/* Does a name match one of the patterns of a list that ends with NULL? */
bool str_name_is_listed(struct str name, const char *const *patterns);

/* A number that is the same for the same bytes, always (FNV-1a); anybody can make
   two texts that share one. */
uint64_t str_hash(struct str s);

#endif
