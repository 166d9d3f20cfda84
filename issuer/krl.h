/* SPDX-License-Identifier: BSD-2-Clause */
/* Key revocation lists of OpenSSH (PROTOCOL.krl): for sshd's RevokedKeys and ssh's RevokedHostKeys. */
#ifndef HOLDFAST_ISSUER_KRL_H
#define HOLDFAST_ISSUER_KRL_H

#include "issuer/ca.h"
#include "issuer/grant.h"

/* What CAs have signed and take back. */
struct krl {
        const uint64_t *serials;        /* grant_ssh_serial(), in any order */
        size_t n_serials;
        struct names key_ids;           /* grant_key_id() */
        uint64_t version;               /* rises from list to list */
        uint64_t now;
};

/* The same of each CA: while one key follows another, what is taken back may be by either. */
int krl_write(const struct ca_key *const *cas, size_t n, const struct krl *k, struct buf *ret);

#endif
