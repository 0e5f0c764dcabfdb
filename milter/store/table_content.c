#include "store/table_content.h"

#include <stdio.h>

#include "judge/classify.h"
#include "parse/address.h"

#define KEY_BYTES 510 /* Postfix cannot look up more in LMDB, with its NUL */

static const struct {
	const char *name;
	enum table_set set;
	const char *prefix; /* what precedes the status in a value */
} tables[TABLE_COUNT] = {
	{ "access", TABLE_MAIN, "550 " },
	{ "transport", TABLE_MAIN, "error:" },
	{ "complaint-access", TABLE_COMPLAINT, "550 " },
	{ "complaint-transport", TABLE_COMPLAINT, "error:" },
};

const char *
table_name(unsigned which)
{
	return tables[which].name;
}

const struct standing_entry *
table_entry(unsigned which, const struct standing *standing)
{
	return &standing->suppressed[tables[which].set];
}

const char *
table_status(enum category category)
{
	/* The application behind the client must not take a policy for a dead
	   address. */
	if (category == CATEGORY_MAILBOX_FULL)
		return "5.2.2";
	return category == CATEGORY_COMPLAINT || category == CATEGORY_MANUAL ? "5.7.1" : "5.1.1";
}

const char *
table_value(unsigned which, enum category category, char text[TABLE_VALUE_BYTES])
{
	snprintf(text, TABLE_VALUE_BYTES, "%s%s " CLASSIFY_MARKER " (%s)", tables[which].prefix,
	    table_status(category), category_name(category));
	return text;
}

const char *
table_access_value(enum category category, char text[TABLE_VALUE_BYTES])
{
	return table_value(0, category, text);
}

unsigned
table_keys(const char *address, struct arena *arena, struct str keys[TABLE_KEYS_MOST])
{
	const char *forms[TABLE_KEYS_MOST] = { address, address_to_unicode(address, arena) };
	unsigned count = 0;

	for (unsigned i = 0; i < TABLE_KEYS_MOST && forms[i] != NULL; i++) {
		keys[count] = str_of(forms[i]);
		if (keys[count].len <= KEY_BYTES)
			count++;
	}
	return count;
}
