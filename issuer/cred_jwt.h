/* SPDX-License-Identifier: BSD-2-Clause */
/* JWT-SVIDs (SPIFFE JWT-SVID; RFC 7519, RFC 7515 compact serialisation). */
#ifndef HOLDFAST_ISSUER_CRED_JWT_H
#define HOLDFAST_ISSUER_CRED_JWT_H

#include "issuer/ca.h"
#include "issuer/grant.h"

struct jwt_issuer;

/* url: what `iss` says, an https URL as OpenID Connect Discovery 1.0 wants it. ERR_NOTSUP for a key that signs no JWT. */
int jwt_issuer_open(const struct ca_key *k, const char *url, struct jwt_issuer **ret);
void jwt_issuer_free(struct jwt_issuer *i);
/* For CLEANUP(). */
void jwt_issuer_freep(struct jwt_issuer **i);

/* The token, as text. ERR_DENIED if the grant has no audience. */
int cred_jwt(const struct jwt_issuer *i, const struct granted *g, struct buf *ret);

#endif
