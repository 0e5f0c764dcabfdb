/*
 * charset: any bytes to clean UTF-8. What a stranger names as the charset is
 * only compared with a list of our own, never handed to iconv(3), which would
 * load a module by that name.
 */
#ifndef PARSE_CHARSET_H
#define PARSE_CHARSET_H

#include "base/arena.h"

/* Convert text in the charset of that name; unknown or no name: UTF-8 if it is
   valid, else ISO-8859-1. The result is valid UTF-8, in the arena; what cannot
   be converted is U+FFFD. */
struct str charset_to_utf8(struct str text, struct str charset, struct arena *arena);

/* The first `limit` bytes as one line of valid UTF-8: white space and control
   characters become single blanks, invalid bytes '?', and a character is never
   cut in two. NUL-terminated, in the arena. */
const char *charset_clean_line(struct str text, size_t limit, struct arena *arena);

/* Is it valid UTF-8 (RFC 3629)? */
bool charset_is_utf8(struct str text);

#endif
