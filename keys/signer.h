/* SPDX-License-Identifier: BSD-2-Clause */
/* The one gate: every use of a private key passes here. Authorise, perform, record, release.
 * What the daemon adds (rules, records) is added here and nowhere else. */
#ifndef HOLDFAST_KEYS_SIGNER_H
#define HOLDFAST_KEYS_SIGNER_H

#include "keys/keyring.h"

/* A key in use: the item and the agent's secret, empty where it has none. Borrowed. */
struct key_use {
        struct item *item;
        struct bytes secret;
};

/* ECDSA and RSA as struct backend_ops says; digest is fitted to the curve here. ERR_RANGE: input too long for the key. */
int signer_sign(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes digest, struct buf *ret_sig);
int signer_decrypt(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes in, struct buf *ret_out);
/* point: 04 || x || y, raw or as a DER OCTET STRING. The x coordinate of the product. */
int signer_derive(struct keyring *k, const struct key_use *u, struct bytes point, struct buf *ret_z);
int signer_hmac(struct keyring *k, const struct key_use *u, struct bytes data, struct buf *ret_mac);

#endif
