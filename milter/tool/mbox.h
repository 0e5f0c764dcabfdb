/*
 * mbox: what separates the messages of an mbox (RFC 4155), and what was done to
 * their lines.
 */
#ifndef TOOL_MBOX_H
#define TOOL_MBOX_H

#include "base/str.h"

/* Does a file that begins so look like an mbox? */
bool mbox_is_first(struct str front);

/* Is it the line that separates messages, if the one before is empty? "From "
   alone is not enough: it ends with the date of ctime(3) or of RFC 5322. */
bool mbox_is_separator(struct str line);

/* The line as it was: mboxo and mboxrd have put a ">" before "From ". */
struct str mbox_unquote(struct str line);

/* Is it an empty line? */
bool mbox_is_empty(struct str line);

#endif
