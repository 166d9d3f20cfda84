/* SPDX-License-Identifier: BSD-2-Clause */
/* A secret that only the TPM with that EK gives out, and only if the object with that Name is loaded in it: TPM2_MakeCredential without
 * a TPM (TPM 2.0 Part 1, 24, B.10.4 and C.6.3). */
#ifndef HOLDFAST_ATTEST_MAKECRED_H
#define HOLDFAST_ATTEST_MAKECRED_H

#include "lib/buf.h"

/* ek: TPMT_PUBLIC that ek_check() has accepted. secret: at most as long as a digest of the EK's Name algorithm (32 octets always do).
 * What TPM2_ActivateCredential takes, each behind its size: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET.
 * ERR_FORMAT, ERR_NOTSUP: no key that this can be done with. ERR_RANGE: no Name, or a secret too long. */
int makecred(struct bytes ek, struct bytes name, struct bytes secret, struct buf *ret_id_object, struct buf *ret_secret);

#endif
