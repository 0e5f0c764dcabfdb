/*
 * notice: the part of a report that people read. Everything that MTAs write in
 * their own words stands there, and where a report has no delivery status it
 * is all there is.
 */
#ifndef PARSE_NOTICE_H
#define PARSE_NOTICE_H

#include "parse/reading.h"

/* Bring together the text that stands before the returned message, and put it
   into reading->notice. Where the returned message follows in the same text,
   it is cut off, and its headers go to reading->returned if that is empty. */
void notice_find(struct reading *reading);

#endif
