/* SPDX-License-Identifier: BSD-2-Clause */
/* A key's and a host's attestation as Parsec's TPM provider writes them (application/vnd.parallaxsecond.key-attestation.tpm). Read, never written. */
#ifndef HOLDFAST_ATTEST_PARSEC_H
#define HOLDFAST_ATTEST_PARSEC_H

#include <stdbool.h>
#include "lib/buf.h"

#define PARSEC_MAX (16u << 10)          /* octets */
#define PARSEC_KEY_ID_MAX 64

/* Bytes are borrowed. */
struct parsec_evidence {
        struct {
                struct bytes key_id;    /* of the attestation key, as whoever asks knows it */
                struct bytes sig, cert_info, pub_area;
        } key;
        struct {
                struct bytes key_id;
                struct bytes sig, attest_info;
        } platform;
};

/* Members in any order; ERR_FORMAT. */
int parsec_decode(struct bytes in, struct parsec_evidence *ret);

struct parsec_result {
        struct buf spki;                /* the certified key */
        uint16_t pcr_hash;
        uint32_t pcrs;                  /* bit n: PCR n. In one bank, or it is refused */
        struct bytes pcr_digest;        /* of their values; borrowed from the evidence */
};
void parsec_result_clear(struct parsec_result *r);

/* Both are by the attestation key with this SubjectPublicKeyInfo, for this nonce, in one TPM without a reset in between. any_key as in webauthn.h.
 * ERR_DENIED, ERR_AUTH, ERR_FORMAT, ERR_NOTSUP. */
int parsec_verify(const struct parsec_evidence *e, struct bytes ak_spki, struct bytes nonce, bool any_key, struct parsec_result *ret);

#endif
