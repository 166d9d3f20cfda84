/* SPDX-License-Identifier: BSD-2-Clause */
/* Mechanisms: what a token offers, and their parameters checked. */
#ifndef HOLDFAST_PKCS11_MECH_H
#define HOLDFAST_PKCS11_MECH_H

#include "keys/keyring.h"
#include "lib/alg.h"
#include "lib/cryptoki.h"

/* For C_GetMechanismList: only what works with this backend and configuration. No TPM command. */
size_t mech_count(struct keyring *k);
CK_MECHANISM_TYPE mech_at(struct keyring *k, size_t i);
/* CKR_MECHANISM_INVALID if the token does not offer it. */
CK_RV mech_info(struct keyring *k, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *ret);

/* CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID. PSS: any salt; OAEP: any of our hashes, MGF and label. */
CK_RV mech_params(struct keyring *k, const CK_MECHANISM *m, unsigned op /* ALG_SIGN ... */, const struct alg **ret_alg, struct pk_params *ret);

#endif
