/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of attestation keys (TCG EK Credential Profile, 3.2.9 and 3.2.16; WebAuthn 8.3.1), for verifiers that know this issuer and not the TPM, and the
 * certificate of the CA that signs them. That CA is another than the SVIDs': those may name nobody but the trust domain's. */
#ifndef HOLDFAST_ISSUER_CRED_AK_H
#define HOLDFAST_ISSUER_CRED_AK_H

#include "attest/ek.h"
#include "issuer/cred_x509.h"

struct cred_ak {
        struct bytes spki;              /* the attestation key's SubjectPublicKeyInfo */
        struct bytes ek_spki;           /* and that of the endorsement key in the same TPM */
        const struct ek_facts *facts;   /* what its maker says of the TPM; what is empty is left out */
        uint64_t not_before, not_after;
};

/* In DER: an empty subject; critical subjectAltName with manufacturer, model and version, and "urn:ek:sha256:" with the EK's digest in base64; no other
 * use than tcg-kp-AIKCertificate. ERR_RANGE if it would outlive the CA's. */
int cred_ak(const struct x509_ca *ca, const struct cred_ak *w, struct buf *ret);

/* A self-signed certificate of a CA for them, pathlen 0. common_name: printable UTF-8. ERR_INVAL, ERR_RANGE. */
int ak_ca_certificate(const struct ca_key *k, struct bytes common_name, uint64_t not_before, uint64_t not_after, struct buf *ret);

#endif
