/* SPDX-License-Identifier: BSD-2-Clause */
/* How SSH writes things down (RFC 4251 5, RFC 4253 6.6, RFC 5656 3.1). All append. */
#ifndef HOLDFAST_LIB_SSH_H
#define HOLDFAST_LIB_SSH_H

#include "lib/pk.h"

int ssh_put_string(struct buf *out, struct bytes s);
int ssh_put_u64(struct buf *out, uint64_t v);
/* A number that is not negative, big-endian. */
int ssh_put_mpint(struct buf *out, struct bytes n);

/* The key type's name, "ecdsa-sha2-nistp256"; ERR_NOTSUP where OpenSSH has none. */
int ssh_key_type(const struct pubkey *k, struct buf *ret);
/* What stands behind the type in a key blob, and in a certificate behind the nonce. */
int ssh_put_key_members(struct buf *out, const struct pubkey *k);
/* The key blob. */
int ssh_put_key(struct buf *out, const struct pubkey *k);

#endif
