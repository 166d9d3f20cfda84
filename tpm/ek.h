/* SPDX-License-Identifier: BSD-2-Clause */
/* The endorsement key and the certificates in NV. */
#ifndef HOLDFAST_TPM_EK_H
#define HOLDFAST_TPM_EK_H

#include "tpm/tpm.h"

/* TCG EK Credential Profile: NV indices of EK certificates. */
#define TPM_NV_EK_RSA2048 0x01c00002u
#define TPM_NV_EK_P256 0x01c0000au

/* The P-256 L-template EK's TPM2B_PUBLIC, made as a primary key and flushed. */
int tpm_ek_public(struct tpm *t, struct buf *ret_pub);
/* Any length. ERR_NOENT if the index is not defined. */
int tpm_nv_read(struct tpm *t, uint32_t index, struct buf *ret);
/* Defines and writes with the platform's empty authorisation: what a manufacturer does, for `holdfast dev`. */
int tpm_nv_manufacture(struct tpm *t, uint32_t index, struct bytes content);

#endif
