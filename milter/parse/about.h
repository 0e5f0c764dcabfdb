/*
 * about: of whom the words of a failure speak. A server may refuse the sender, or
 * the address that it forwards to, in the words that it has for recipients.
 */
#ifndef PARSE_ABOUT_H
#define PARSE_ABOUT_H

#include "base/arena.h"
#include "bounce.h"

/*
 * Whom do the words name? The recipient, as often as he is among those who are
 * named: by his address, by an alias in his organisation that the report gives him, or
 * by the same local part elsewhere. Else the sender, by address or domain; else
 * somebody, who must stand in brackets or in front. Where they name nobody, the
 * report tells by Final-Recipient whether another organisation failed him.
 */
enum about about_whom(const struct bounce *bounce, struct arena *arena);

#endif
