/*
 * advice: looks at the Postfix on this machine and says what it lacks to work
 * with this configuration, as commands to be copied.
 */
#ifndef ADVICE_H
#define ADVICE_H

#include "config.h"

/* Append the advice, in lines; nothing if nothing is missing.
   Returns 1, 0 if there is no Postfix, -1 with a sentence. */
int advice_print(const struct config *config, struct buf *out, const char **error_r);

/* Say at the start of the daemon what would surprise its user later. */
void advice_warn(const struct config *config);

#endif
