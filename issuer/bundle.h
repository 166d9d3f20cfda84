/* SPDX-License-Identifier: BSD-2-Clause */
/* What others trust the issuer by: JWK sets (RFC 7517) and SPIFFE bundles (SPIFFE Trust Domain and Bundle, 4), as JSON. */
#ifndef HOLDFAST_ISSUER_BUNDLE_H
#define HOLDFAST_ISSUER_BUNDLE_H

#include "issuer/cred_x509.h"

struct bundle {
        const struct x509_ca *const *x509;      /* while one follows another, both */
        size_t n_x509;
        const struct ca_key *const *jwt;
        size_t n_jwt;
        uint64_t sequence;                      /* rises from change to change */
        uint32_t refresh_hint;                  /* seconds */
};

/* The keys that sign JWT-SVIDs, for OpenID Connect's jwks_uri. */
int jwks_write(const struct bundle *b, struct buf *ret);
int spiffe_bundle_write(const struct bundle *b, struct buf *ret);

#endif
