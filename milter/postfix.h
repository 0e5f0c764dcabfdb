/*
 * postfix: what the Postfix on this machine is configured to do, asked of
 * postconf(1).
 */
#ifndef POSTFIX_H
#define POSTFIX_H

#include "base/arena.h"

/*
 * Ask for the values of parameters, with every $name expanded or as they stand
 * in main.cf. `directory` is Postfix's configuration directory.
 * Returns 1 and as many strings as names, in the arena; 0 if there is no
 * postconf command or no main.cf; -1 with a sentence if it fails or hangs.
 */
int postfix_parameters(const char *directory, bool expand, const char *const names[],
    unsigned count, struct arena *arena, const char **values_r, const char **error_r);

/*
 * The services of master.cf as `postconf -M` prints them, one a line.
 * Returns as postfix_parameters() does.
 */
int postfix_services(const char *directory, struct arena *arena, struct str *lines_r,
    const char **error_r);

/* Does pickup, in these lines of master.cf, hand its mail to a cleanup service
   that calls itself PICKUP? */
bool postfix_has_separate_pickup(struct str services);

/* Does this Postfix know tables of a type, such as lmdb? Returns 1 or 0, -1
   with a sentence. */
int postfix_has_type(const char *directory, struct str type, const char **error_r);

/* Is this item of a list of Postfix a table ("hash:/etc/x", "/etc/x"), whose
   content postconf does not show? */
bool postfix_is_table(struct str item);

/* Take the next item off a list separated by blanks and commas. */
bool postfix_next_item(struct str *list, struct str *item_r);

#endif
