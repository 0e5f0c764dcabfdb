/*
 * secret: the key that a store makes for itself on its first day, so that digests
 * in it cannot be made to collide from outside.
 */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "base/hmac.h"
#include "store/store.h"

/* Read the secret of a store, making it if need be; nothing is written if it is
   there, so the store may be open for reading only. The hmac is the caller's.
   Returns 0, or -1 with a sentence. */
int secret_open(struct store *store, struct hmac **hmac_r, const char **error_r);

#endif
