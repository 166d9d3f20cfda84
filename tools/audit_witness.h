/* SPDX-License-Identifier: BSD-2-Clause */
/* The Ed25519 key that checkpoints are signed by for witnesses, as a user names it. */
#ifndef HOLDFAST_TOOLS_AUDIT_WITNESS_H
#define HOLDFAST_TOOLS_AUDIT_WITNESS_H

#include "audit/check.h"

struct audit_witness_key {
        struct audit_witness check;     /* borrows from text */
        struct buf text;
};
void audit_witness_key_clear(struct audit_witness_key *k);

/* A file with a PEM public key or a verifier key, or a verifier key itself: NAME+ID+KEY. */
int audit_witness_key(const char *given, struct audit_witness_key *ret);

#endif
