#include "base/words.h"

const char *
words_name(const struct words *words, unsigned value)
{
	return value < words->count ? words->names[value] : "?";
}

int
words_find(const struct words *words, struct str name, unsigned *value_r)
{
	for (unsigned i = 0; i < words->count; i++) {
		if (str_equal(str_of(words->names[i]), name)) {
			*value_r = i;
			return 1;
		}
	}
	return 0;
}
