/* SPDX-License-Identifier: BSD-2-Clause */
/* The key part of evidence as a "tpm" attestation statement (W3C Web Authentication Level 3, 8.3), as ACME's device-attest-01 takes it.
 *
 * Its certInfo is a TPM2_Certify of its own, with the hash of attToBeSigned as qualifyingData: the binding of evidence is not what WebAuthn says. */
#ifndef HOLDFAST_ATTEST_WEBAUTHN_H
#define HOLDFAST_ATTEST_WEBAUTHN_H

#include <stdbool.h>
#include "attest/ek.h"
#include "attest/evidence.h"

#define WEBAUTHN_MAX (64u << 10)        /* octets of an attestation object */

/* Bytes are borrowed. */
struct webauthn_statement {
        int64_t alg;                    /* COSE: what sig is made with */
        struct bytes certificates[EVIDENCE_CERTIFICATES]; /* x5c: the attestation key's, then those that it hangs on */
        size_t n_certificates;
        struct bytes sig;               /* TPMT_SIGNATURE */
        struct bytes cert_info;         /* TPMS_ATTEST */
        struct bytes pub_area;          /* TPMT_PUBLIC of the key */
};

/* The COSE algorithm that this attestation key (TPMT_PUBLIC) signs with. ERR_DENIED if it is no attestation key, ERR_NOTSUP. */
int webauthn_alg(struct bytes ak_public, int64_t *ret);
/* What TPM2_Certify takes as qualifyingData: attToBeSigned, hashed as alg says; at most HASH_MAX octets. ERR_NOTSUP: an algorithm that we do not take. */
int webauthn_extra(int64_t alg, struct bytes to_be_signed, struct buf *ret);

/* {"fmt":"tpm","attStmt":...}, in the canonical form of CTAP2, with authData if there is any. Replaces what ret held. */
int webauthn_encode(const struct webauthn_statement *s, struct bytes auth_data, struct buf *ret);
/* Such an object, with members in any order. ret_auth_data: empty if there is none. ERR_FORMAT. */
int webauthn_decode(struct bytes in, struct webauthn_statement *ret, struct bytes *ret_auth_data);

struct webauthn_policy {
        struct bytes to_be_signed;      /* attToBeSigned: authData and the hash of the client's data, or ACME's key authorisation */
        const struct bytes *roots;      /* DER: who may certify attestation keys */
        size_t n_roots;
        int64_t time;                   /* Unix time at which certificates are judged */
        bool any_key;                   /* whatever WebAuthn takes: also a key that could leave its TPM */
};

/* Everything of 8.3, and unless any_key that it is a key of the TPM's own making which cannot leave it. ret_spki: the key; facts: what the certificate says
 * of the TPM. ERR_DENIED, ERR_AUTH, ERR_FORMAT, ERR_NOTSUP say why not. */
int webauthn_verify(const struct webauthn_statement *s, const struct webauthn_policy *policy, struct buf *ret_spki, struct ek_facts *ret_facts);

#endif
