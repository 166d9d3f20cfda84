/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA with a private key in a TPM. TPMs pad as they like: some know no SHA-1, all
 * fix the salt of PSS, none takes a caller's bytes. What the chip cannot pad is
 * padded here and goes through its private operation bare. */
#ifndef HOLDFAST_KEYS_RSA_H
#define HOLDFAST_KEYS_RSA_H

#include "lib/pk.h"
#include "tpm/tpm.h"

struct rsa_key {
        struct tpm *tpm;
        const struct tpm_caps *caps;
        const struct tpm_key *key;
        const struct pubkey *pub;
};

/* Checked with the public key before it is released: a signature with a fault in it gives the key away. */
int rsa_sign(const struct rsa_key *k, const struct pk_params *p, struct bytes digest, struct buf *ret_sig);
/* ERR_FORMAT if the padding is wrong. */
int rsa_decrypt(const struct rsa_key *k, const struct pk_params *p, struct bytes in, struct buf *ret);

#endif
