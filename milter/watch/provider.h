/*
 * provider: who runs a mail server: the organisational domain of its name, so
 * that forty hosts under google.com are one.
 */
#ifndef WATCH_PROVIDER_H
#define WATCH_PROVIDER_H

#include "bounce.h"

/* The server that was asked; where none was, the recipient's domain stands for
   it. */
const char *provider_host(const struct bounce *bounce);

/* Who runs it, in the arena. */
const char *provider_of_bounce(const struct bounce *bounce, struct arena *arena);

/* The organisational domain of an envelope sender, behind BATV and SRS, "<>" for the null sender, in
   the arena. */
const char *provider_of_sender(const char *sender, struct arena *arena);

#endif
