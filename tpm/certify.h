/* SPDX-License-Identifier: BSD-2-Clause */
/* What the attestation key says of another key, and of the host: a command each once all is loaded, that key and the two sessions. */
#ifndef HOLDFAST_TPM_CERTIFY_H
#define HOLDFAST_TPM_CERTIFY_H

#include "tpm/audit.h"

#define TPM_PCRS 24

/* TPM2_Certify and TPM2_Quote. extra: what is to stand in the statement as extraData, 32 octets at most. pcrs: bit n is PCR n of the bank h.
 * The statement is a TPMS_ATTEST, its signature a TPMT_SIGNATURE.
 * ERR_AUTH: an authorisation value is wrong, the key's or the attestation key's. ERR_FOREIGN if the key was made by another TPM. */
int tpm_certify(struct tpm *t, const struct tpm_key *k, const struct tpm_ak *ak, struct bytes ak_auth, struct bytes extra,
                struct buf *ret_attest, struct buf *ret_signature);
int tpm_quote(struct tpm *t, const struct tpm_ak *ak, struct bytes ak_auth, struct bytes extra, const struct hash *h, uint32_t pcrs,
              struct buf *ret_attest, struct buf *ret_signature);
/* TPM2_PCR_Read, for eight of them at a time: values one after the other, the lowest PCR first. What is read by two commands may be
 * of two moments. ERR_NOTSUP: the TPM has no such bank. */
int tpm_pcr_read(struct tpm *t, const struct hash *h, uint32_t pcrs, struct buf *ret_values);

#endif
