/*
 * diagnose_dkim: what a diagnosis (diagnose.h) has to say about DKIM: the
 * signatures of our own domains, and their keys.
 */
#ifndef PROOF_DIAGNOSE_DKIM_H
#define PROOF_DIAGNOSE_DKIM_H

#include "proof/finding.h"

void diagnose_dkim(struct examination *exam);

#endif
