/*
 * table_content: what stands in the tables, in whatever format:
 *
 *   access              check_recipient_access
 *   transport           transport_maps
 *   complaint-access    the same two, for bulk mail only
 *   complaint-transport
 *
 * A table has a key for every address with a suppression of its set.
 */
#ifndef STORE_TABLE_CONTENT_H
#define STORE_TABLE_CONTENT_H

#include "base/arena.h"
#include "store/standing.h"

#define TABLE_COUNT 4
#define TABLE_VALUE_BYTES 128

/* The name of a table, without the suffix of its format. */
const char *table_name(unsigned which);

/* The suppression that a table is about; event 0: there is none. */
const struct standing_entry *table_entry(unsigned which, const struct standing *standing);

/* What a table has for a category. Returns text. */
const char *table_value(unsigned which, enum category category, char text[TABLE_VALUE_BYTES]);

/* The keys of an address: with the domain as A-label, and as U-label where that
   is another form; without those that are too long for Postfix.
   Returns how many; they are in the arena, or the address itself. */
#define TABLE_KEYS_MOST 2
unsigned table_keys(const char *address, struct arena *arena, struct str keys[TABLE_KEYS_MOST]);

/* What is refused, in the words of a table: "550 5.1.1 suppressed by
   bouncemilter (user-unknown)" for a category. Returns text. */
const char *table_access_value(enum category category, char text[TABLE_VALUE_BYTES]);

/* The enhanced status alone, "5.1.1", and the words behind it. */
const char *table_status(enum category category);

#endif
