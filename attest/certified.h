/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM2_Certify by itself, as others' formats carry it: without our binding, without what evidence has besides. Inside attest/ only. */
#ifndef HOLDFAST_ATTEST_CERTIFIED_H
#define HOLDFAST_ATTEST_CERTIFIED_H

#include "attest/public.h"

/* Who signed. */
struct signer_key {
        struct pubkey key;
        enum scheme scheme;
        const struct hash *hash;
};

/* Is it by that key? A TPMT_SIGNATURE; else, as some programs write it, DER (ECDSA) or the bare number (RSA with PKCS #1 v1.5). 0, ERR_AUTH, ERR_NOMEM. */
int certified_signature(const struct signer_key *by, struct bytes attest, struct bytes signature);

/* Does a TPM say of the key with this TPMT_PUBLIC, with this extraData, that it is in it? The name is computed, nothing is taken from the statement.
 * any_key: whatever key it is; else only one that a credential may be for. ERR_DENIED, ERR_FORMAT, ERR_NOTSUP. */
int certified_statement(struct bytes attest, struct bytes extra, struct bytes public, bool any_key, struct public *ret);

#endif
