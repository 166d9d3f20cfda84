/* SPDX-License-Identifier: BSD-2-Clause */
/* What JSON Object Signing needs of bytes and public keys (RFC 7515, 7517, 7638). */
#ifndef HOLDFAST_LIB_JOSE_H
#define HOLDFAST_LIB_JOSE_H

#include "lib/pk.h"

/* RFC 7515 2: without padding. Appends. */
int base64url_append(struct buf *out, struct bytes in);

/* The members that are the key, without the braces, in the order and form that RFC 7638 3 hashes. Appends.
 * ERR_NOTSUP for other keys than RFC 7518 6 has. */
int jwk_append(struct buf *out, const struct pubkey *k);
/* RFC 7638 with SHA-256, in base64url. */
int jwk_thumbprint(const struct pubkey *k, struct buf *ret);

#endif
