/*
 * provider: who runs a mail server: the organisational domain of its name, so
 * that forty hosts under google.com are one. A small file names the big ones,
 * and the other domains that they have: of their mail servers and of their
 * users' addresses. The first domain, that of the servers, is the key.
 *
 *   # name      major   organisational domains
 *   Google      major   google.com googlemail.com gmail.com
 *   GMX         -       gmx.net gmx.de
 */
#ifndef WATCH_PROVIDER_H
#define WATCH_PROVIDER_H

#include "bounce.h"

#define PROVIDERS_FILE "providers.list"
#define PROVIDERS_LINES_MOST 4096
#define PROVIDERS_NAME_BYTES 32

struct provider {
	const char *name;   /* what people call it */
	const char *domain; /* the key: its first domain */
	bool major;
};

struct providers;

/* Read the list of a directory, and over it that of a second one, "" for none. A
   file that is not there is an empty one.

   What the second one says of a domain wins; if that is the key of a provider of
   the first one, all domains of it go along, so that a key has one name. Returns
   0, or -1 with "file:line: what is wrong". */
int providers_load(const char *directory, const char *local_directory,
    struct providers **providers_r, const char **error_r);

/* NULL is allowed. */
void providers_free(struct providers *providers);

/* Who has this organisational domain: from the list, else the domain stands for
   itself. Valid as long as both arguments are. NULL is an empty list. */
struct provider providers_find(const struct providers *providers, const char *domain);

/* The server that was asked; where none was, the recipient's domain stands for
   it. */
const char *provider_host(const struct bounce *bounce);

/* Its organisational domain, in the arena. */
const char *provider_of_bounce(const struct bounce *bounce, struct arena *arena);

/* The organisational domain of an envelope sender, behind BATV and SRS, "<>" for
   the null sender, in the arena. */
const char *provider_of_sender(const char *sender, struct arena *arena);

#endif
