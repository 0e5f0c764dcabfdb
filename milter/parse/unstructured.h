/*
 * unstructured: bounces out of notices that have no delivery status: nearly
 * every second one. One reader for all formats: it finds the lines in which the
 * failed addresses stand, and what is said behind each of them.
 */
#ifndef PARSE_UNSTRUCTURED_H
#define PARSE_UNSTRUCTURED_H

#include "parse/reading.h"

/* Read the notice into bounces of the report, and say what kind of message it
   is. Finds a delivery status, too, that stands in the text without a part of
   its own. */
void unstructured_read(struct reading *reading);

#endif
