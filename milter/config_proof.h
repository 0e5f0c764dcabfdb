/*
 * config_proof: the settings that say what proves a report, as far as they
 * depend on each other and on a key file.
 */
#ifndef CONFIG_PROOF_H
#define CONFIG_PROOF_H

#include "config.h"

enum { SET_ACCEPT = 1, SET_SIGNING_DOMAINS = 2 };

/* Fill what the file does not set, read the key file, and refuse what cannot hold
   together. `set` says what the file sets.
   Returns 0, or -1 with a sentence. */
int config_complete_proofs(struct config *config, unsigned set, const char **error_r);

#endif
