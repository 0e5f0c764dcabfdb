/*
 * line: lines that end in LF or CRLF, as a file and an SMTP session have them.
 * A message whose lines end in bare CR is brought to LF by report_parse().
 */
#ifndef PARSE_LINE_H
#define PARSE_LINE_H

#include "base/arena.h"

/* Take the next line, without its ending, off the front of *rest.
   Returns false if *rest was used up. */
bool line_next(struct str *rest, struct str *line_r);

/* A text whose lines end in bare CR only, with LF instead, in the arena; any other
   is returned as it is. */
struct str line_with_feeds(struct str text, struct arena *arena);

/* Nothing on it but blanks. */
bool line_is_blank(struct str line);

#endif
