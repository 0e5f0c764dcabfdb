/*
 * dns_name: domain names as they are asked for, kept and compared: in lower
 * case (ASCII only), without the last dot.
 */
#ifndef PROOF_DNS_NAME_H
#define PROOF_DNS_NAME_H

#include "base/str.h"

#define DNS_NAME_BYTES 254 /* with its NUL (RFC 1035 section 2.3.4) */

/* Returns false if it cannot be a name: too long, an empty label, the root, or
   a byte that is no printable ASCII. Everything else may stand in a label: SPF
   makes names of local parts (RFC 7208 section 7). The backslash may not; it
   begins an escape wherever names are printed. */
bool dns_name_fold(struct str name, char folded_r[DNS_NAME_BYTES]);

#endif
