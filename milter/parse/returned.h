/*
 * returned: the message that came back in a report, as far as its headers tell
 * what it was: its identity, whom it was from, and to whom it went.
 */
#ifndef PARSE_RETURNED_H
#define PARSE_RETURNED_H

#include "parse/reading.h"

/* Find the headers of the returned message among the MIME parts, and put them
   into reading->returned; it stays empty if no part has them. */
void returned_find(struct reading *reading);

/* What the headers of report and returned message say of the message: the ids
   and the sender of reading->common, and the fields of the report that are
   about the message as a whole. A sender that is there already stays. */
void returned_describe(struct reading *reading);

/* The first address in a field such as From, in normal form; "" if none. In the
   arena. */
const char *returned_field_address(struct reading *reading, const struct header_list *fields,
    struct str name);

/* The same of the value of a field. */
const char *returned_value_address(struct reading *reading, struct str value);

#endif
