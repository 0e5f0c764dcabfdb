/*
 * decode: the encodings of mail. Junk is passed over, as every mail reader
 * does; nothing here fails.
 */
#ifndef PARSE_DECODE_H
#define PARSE_DECODE_H

#include "base/arena.h"

/* RFC 2045 section 6.8 and 6.7. The result is in the arena. */
struct str decode_base64(struct str text, struct arena *arena);
struct str decode_quoted_printable(struct str text, struct arena *arena);

/* Encoded words of a header field to UTF-8 (RFC 2047). In the arena. */
struct str decode_words(struct str text, struct arena *arena);

/* The value of two hexadecimal digits, or -1. */
int decode_hex(char high, char low);

/* xtext of RFC 3461 section 4: "+2B" is "+". Only of bytes that an ASCII text
   must encode, so that the address user+AB@ stays what it is. In the arena. */
struct str decode_xtext(struct str text, struct arena *arena);

/* utf-8-addr-xtext of RFC 6533 section 3: "\x{e4}" is U+00E4. In the arena. */
struct str decode_utf8_address(struct str text, struct arena *arena);

#endif
