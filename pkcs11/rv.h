/* SPDX-License-Identifier: BSD-2-Clause */
/* ERR_* as CK_RV: the only place that translates. */
#ifndef HOLDFAST_PKCS11_RV_H
#define HOLDFAST_PKCS11_RV_H

#include "lib/cryptoki.h"

/* 0 is CKR_OK. */
CK_RV rv_from_err(int err);
/* The same where the input's length is the caller's: ERR_RANGE becomes `range` (CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE ...). */
CK_RV rv_from_err_range(int err, CK_RV range);

#endif
