/*
 * html: the words of an HTML part, for notices that have no other. Not a
 * browser: tags go, what begins a line in a browser begins one here, and the
 * common character references are replaced.
 */
#ifndef PARSE_HTML_H
#define PARSE_HTML_H

#include "base/arena.h"

/* The text of an HTML document in UTF-8; never longer than the document. In the
   arena. It cannot fail: what is no HTML stays as it is. */
struct str html_to_text(struct str html, struct arena *arena);

#endif
