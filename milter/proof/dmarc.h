/*
 * dmarc: the policy that a domain publishes for mail in its name, and whether a
 * message is aligned with it (RFC 7489), by libopendmarc.
 */
#ifndef PROOF_DMARC_H
#define PROOF_DMARC_H

#include "proof/dns.h"

#endif
