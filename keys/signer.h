/* SPDX-License-Identifier: BSD-2-Clause */
/* The one gate: every use of a private key passes here. Authorise, perform, record, release. */
#ifndef HOLDFAST_KEYS_SIGNER_H
#define HOLDFAST_KEYS_SIGNER_H

#include "keys/caller.h"
#include "keys/keyring.h"

/* A key in use. Borrowed. */
struct key_use {
        struct item *item;
        struct bytes secret;            /* the agent's, empty where it has none */
        const char *agent;              /* only read with a caller */
        const struct caller *caller;    /* NULL: whoever may open the store */
};

/* ECDSA and RSA as struct backend_ops says; digest is fitted to the curve here. ERR_RANGE: input too long for the key.
 * ERR_DENIED: the key's file or a rule forbids it. A result that could not be recorded is wiped, not returned. */
int signer_sign(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes digest, struct buf *ret_sig);
int signer_decrypt(struct keyring *k, const struct key_use *u, const struct pk_params *p, struct bytes in, struct buf *ret_out);
/* point: 04 || x || y, raw or as a DER OCTET STRING. The x coordinate of the product. */
int signer_derive(struct keyring *k, const struct key_use *u, struct bytes point, struct buf *ret_z);
int signer_hmac(struct keyring *k, const struct key_use *u, struct bytes data, struct buf *ret_mac);

#endif
