/* SPDX-License-Identifier: BSD-2-Clause */
/* TPM structures as bytes: public areas, names, templates (TPM 2.0 Part 2). No device. */
#ifndef HOLDFAST_LIB_TPMT_H
#define HOLDFAST_LIB_TPMT_H

#include <tss2/tss2_tpm2_types.h>
#include "lib/alg.h"
#include "lib/buf.h"
#include "lib/pk.h"

/* TPM2B_PUBLIC with its size both ways; trailing bytes are ERR_FORMAT. */
int tpmt_public_encode(const TPM2B_PUBLIC *p, struct buf *ret);
int tpmt_public_decode(struct bytes in, TPM2B_PUBLIC *ret);
int tpmt_private_decode(struct bytes in, TPM2B_PRIVATE *ret);

/* nameAlg || H(TPMT_PUBLIC), Part 1, 16. */
int tpmt_name(const TPM2B_PUBLIC *p, struct buf *ret);
/* ERR_NOTSUP if it is neither RSA nor ECC on a curve of ours (a keyedhash key has no public half). */
int tpmt_pubkey(const TPM2B_PUBLIC *p, struct pubkey *ret);
/* A TPM2B_PUBLIC as SubjectPublicKeyInfo. */
int tpmt_spki(struct bytes pub, struct buf *ret);
/* The kind of key, NULL if we have no row for it. */
const struct key_kind *tpmt_kind(const TPM2B_PUBLIC *p);

/* Templates. Every one is fixedTPM, fixedParent, sensitiveDataOrigin (but sealed data), userWithAuth, noDA unless da. */
int tpmt_template_key(const struct key_kind *k, unsigned ops /* ALG_SIGN, ALG_DECRYPT, ALG_DERIVE */, bool da, TPM2B_PUBLIC *ret);
void tpmt_template_sealed(bool da, TPM2B_PUBLIC *ret);
void tpmt_template_srk(TPM2B_PUBLIC *ret); /* ECC P-256 storage key, AES-128-CFB, noDA */

#endif
