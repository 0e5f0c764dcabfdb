/*
 * line: lines that end in LF or CRLF, as a file and an SMTP session have them.
 * A message whose lines end in bare CR is brought to LF by report_parse().
 */
#ifndef PARSE_LINE_H
#define PARSE_LINE_H

#include "base/str.h"

/* Take the next line, without its ending, off the front of *rest.
   Returns false if *rest was used up. */
bool line_next(struct str *rest, struct str *line_r);

/* Nothing on it but blanks. */
bool line_is_blank(struct str line);

#endif
