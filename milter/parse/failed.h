/*
 * failed: whom a notice is about, by all that the report has: its words, the
 * field X-Failed-Recipients, and at the last the returned message.
 */
#ifndef PARSE_FAILED_H
#define PARSE_FAILED_H

#include "parse/entries.h"
#include "parse/reading.h"

/* Find the failed recipients of a report. What is concluded from the returned
   message alone is marked as guessed. All is in the arena. */
void failed_find(struct reading *reading, struct entries *entries_r);

/* As reason_read(), of what is said of an entry. That RCPT TO was refused is left
   out where the words are shared: it may have been another one's. */
int failed_read_reason(const struct entry *entry, struct arena *arena, struct bounce *bounce);

#endif
