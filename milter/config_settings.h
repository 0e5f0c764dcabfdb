/*
 * config_settings: which settings there are, what their values look like, and
 * what holds without them.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stddef.h>

#include "config.h"

enum type { TYPE_TEXT, TYPE_SOCKET, TYPE_WORD, TYPE_SPAN, TYPE_SIZE, TYPE_RATE, TYPE_NUMBER, TYPE_LIST,
	TYPE_NETS, TYPE_WORDS };

/* One setting, and where it goes. NULL as the default of a list: Postfix is
   asked. */
struct setting {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;
	const struct words *words;
	int64_t least_sec; /* of a span */
};

/* May the file give several values, { "a", "b" }? */
bool setting_is_list(const struct setting *setting);

#define SETTING_COUNT 34
#define CATEGORY_SETTING_COUNT 8
#define LOG_SETTING_COUNT 4

/* Of struct config, of struct policy_category for "category" sections, and of
   struct config for the "log" section. */
extern const struct setting settings[SETTING_COUNT];
extern const struct setting category_settings[CATEGORY_SETTING_COUNT];
extern const struct setting log_settings[LOG_SETTING_COUNT];

/* Put a single value into its place below `base`; lists are not for it.
   Returns NULL, or what a value of this type looks like, which may be in the
   arena. */
const char *setting_parse(const struct setting *setting, struct arena *arena, void *base,
    const char *value);

/* Bring an item of own-domains or never-suppress to the normal form in which it
   is compared: an address, a domain, or ".domain", in the arena.
   Returns 1, or 0 if it is none of them. */
int setting_name(struct str item, struct arena *arena, const char **name_r);

/* Append "name = value". */
void setting_print(const struct setting *setting, const void *base, struct buf *out);

#endif
