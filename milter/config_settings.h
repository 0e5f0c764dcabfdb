/*
 * config_settings: which settings there are, what their values look like, and
 * what holds without them.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stddef.h>

#include "config.h"

enum type {
	TYPE_TEXT,
	TYPE_PATH,    /* a full path, or "" */
	TYPE_SOCKET,
	TYPE_MAIL,    /* a mail address, or "" */
	TYPE_ADDRESS, /* an IP address, or "" */
	TYPE_WORD,
	TYPE_SPAN,
	TYPE_SIZE,
	TYPE_RATE,
	TYPE_RATIO,   /* "2%": in millionths */
	TYPE_NUMBER,
	TYPE_LIST,    /* of addresses and domains */
	TYPE_NETS,
	TYPE_WORDS,
	TYPE_COMMAND, /* texts, the first of them a full path */
};

/* One setting, and where it goes. NULL as the default of a list: Postfix is
   asked. */
struct setting {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;
	const struct words *words;
	int64_t least, most; /* of a span or a number; most = 0: no bound */
};

/* May the file give several values, { "a", "b" }? */
bool setting_is_list(const struct setting *setting);

#define SETTING_COUNT 41
#define CATEGORY_SETTING_COUNT 8
#define LOG_SETTING_COUNT 4

/* Of struct config, of struct policy_category for "category" sections, and of
   struct config for the "log" section. */
extern const struct setting settings[SETTING_COUNT];
extern const struct setting category_settings[CATEGORY_SETTING_COUNT];
extern const struct setting log_settings[LOG_SETTING_COUNT];

extern const struct words yes_words;

/* The words of a list for people, "a, b or c", in the arena. */
const char *setting_list_words(const struct words *words, struct arena *arena);

/* Put a single value into its place below `base`; lists are not for it.
   Returns NULL, or what a value of this type looks like, which may be in the
   arena. */
const char *setting_parse(const struct setting *setting, struct arena *arena, void *base,
    const char *value);

/* Is it good as the item of this number, from 0, in a list? Returns NULL, or what
   it is not: "no address or network". */
const char *setting_check_item(const struct setting *setting, unsigned number, struct str item);

/* Bring an item of own-domains or never-suppress to the normal form in which it
   is compared: an address, a domain, or ".domain", in the arena.
   Returns 1, or 0 if it is none of them. */
int setting_name(struct str item, struct arena *arena, const char **name_r);

/* Append "name = value". */
void setting_print(const struct setting *setting, const void *base, struct buf *out);

#endif
