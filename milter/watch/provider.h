/*
 * provider: who runs a mail server: the organisational domain of its name, so
 * that forty hosts under google.com are one.
 */
#ifndef WATCH_PROVIDER_H
#define WATCH_PROVIDER_H

#include "base/arena.h"

/* The organisational domain by the public suffix list, in lower case, in the
   arena; the name itself where it has none, such as an address. */
const char *provider_of(const char *host, struct arena *arena);

#endif
