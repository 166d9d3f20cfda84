/* SPDX-License-Identifier: BSD-2-Clause */
/* The endorsement key, the certificates in NV, and what only the TPM with that key can answer. */
#ifndef HOLDFAST_TPM_EK_H
#define HOLDFAST_TPM_EK_H

#include "tpm/tpm.h"

/* TCG EK Credential Profile: NV indices of EK certificates, low and high range, and of those that they hang on. */
#define TPM_NV_EK_RSA2048 0x01c00002u
#define TPM_NV_EK_P256 0x01c0000au
#define TPM_NV_EK_RSA2048_HIGH 0x01c00012u
#define TPM_NV_EK_P256_HIGH 0x01c00014u
#define TPM_NV_EK_P384_HIGH 0x01c00016u
#define TPM_NV_EK_RSA3072_HIGH 0x01c0001cu
#define TPM_NV_EK_CHAIN_FIRST 0x01c00100u
#define TPM_NV_EK_CHAIN_LAST 0x01c001ffu

struct tpm_ek {
        uint32_t index;         /* of its certificate in NV; 0: it has none */
        uint32_t handle;        /* where it is kept in the TPM; 0: it is made when it is needed, and flushed */
        struct buf template;    /* TPM2B_PUBLIC that it is made from */
        struct buf pub;         /* TPM2B_PUBLIC */
        struct buf name;
        struct buf certificate; /* as NV has it */
};
void tpm_ek_clear(struct tpm_ek *ek);
/* The endorsement key whose certificate stands at that index, as template and nonce beside it say, else as the profile does. 0: the first whose
 * certificate is for the key that comes out, curves before RSA; if there is none, P-256 or RSA-2048 of the low range without a certificate.
 * ret_chain: what stands at the indices of a vendor's chain, one after the other: certificates, in DER.
 * ERR_NOENT: no such certificate. ERR_FOREIGN: it is for another key. */
int tpm_ek_find(struct tpm *t, uint32_t index, struct tpm_ek *ret, struct buf *ret_chain);

/* TPM2_ActivateCredential: the secret that was made for this endorsement key and the object with that Name, which is at a persistent handle
 * and has that authorisation value; id_object and secret each behind its size (TPM2B). It comes back encrypted.
 * ERR_FOREIGN: it was made for another key, or another object. */
int tpm_activate(struct tpm *t, const struct tpm_ek *ek, uint32_t handle, struct bytes name, struct bytes auth, struct bytes id_object,
                 struct bytes secret, struct buf *ret);

/* The P-256 L-template EK's TPM2B_PUBLIC, made as a primary key and flushed. */
int tpm_ek_public(struct tpm *t, struct buf *ret_pub);
/* Any length. ERR_NOENT if the index is not defined. */
int tpm_nv_read(struct tpm *t, uint32_t index, struct buf *ret);
/* Defines and writes with the platform's empty authorisation: what a manufacturer does, for `holdfast dev`. */
int tpm_nv_manufacture(struct tpm *t, uint32_t index, struct bytes content);

#endif
