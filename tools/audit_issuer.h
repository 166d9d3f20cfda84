/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys that an issuer signs the checkpoints of its own log by, as a user names them. */
#ifndef HOLDFAST_TOOLS_AUDIT_ISSUER_H
#define HOLDFAST_TOOLS_AUDIT_ISSUER_H

#include "audit/check.h"

#define AUDIT_ISSUER_KEYS_MAX 256

struct audit_issuer_keys {
        struct audit_signer check;      /* borrows from what follows */
        struct buf spki[AUDIT_ISSUER_KEYS_MAX];
        size_t n;
};
void audit_issuer_keys_clear(struct audit_issuer_keys *k);

/* A file of PEM public keys and certificates, one or several: each may have signed. It must not be moved while check is used. */
int audit_issuer_keys(const char *file, struct audit_issuer_keys *ret);

#endif
