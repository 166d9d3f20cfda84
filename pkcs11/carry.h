/* SPDX-License-Identifier: BSD-2-Clause */
/* Mechanisms that p11-kit's client does not let through (ECDSA and PSS with a hash, ECDH, and none at all, which cancels) travel to the
 * daemon as the parameters of one that it does: those of RSA OAEP hold numbers and octets. */
#ifndef HOLDFAST_PKCS11_CARRY_H
#define HOLDFAST_PKCS11_CARRY_H

#include <stdbool.h>
#include "holdfast/pkcs11.h"
#include "lib/buf.h"
#include "lib/cryptoki.h"

/* In place of OAEP's mask function: hashAlg is the mechanism that is meant. */
#define CKG_HF_CARRIED (CKX_HOLDFAST + 3)
/* In place of that mechanism: none. */
#define CKM_HF_NONE (CKX_HOLDFAST + 4)

/* Zero-initialise; carried_clear(). */
struct carried {
        CK_MECHANISM m;
        union {
                CK_RSA_PKCS_OAEP_PARAMS oaep;
                CK_RSA_PKCS_PSS_PARAMS pss;
                CK_ECDH1_DERIVE_PARAMS ecdh;
        } params;
        struct buf octets;
};

void carried_clear(struct carried *c);
bool carry_needed(CK_MECHANISM_TYPE m);
/* *ret is what to send for m: m itself where it passes. CKR_MECHANISM_PARAM_INVALID, CKR_HOST_MEMORY. */
CK_RV carry_pack(const CK_MECHANISM *m, struct carried *c, CK_MECHANISM **ret);
/* *ret is what was meant by m: m itself where nothing is carried, or NULL for none. Borrows from m. CKR_MECHANISM_PARAM_INVALID. */
CK_RV carry_unpack(const CK_MECHANISM *m, struct carried *c, const CK_MECHANISM **ret);

#endif
