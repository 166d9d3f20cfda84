/* SPDX-License-Identifier: BSD-2-Clause */
/* Is what an issuer gave for this host's key, and can its names and times be right? Whoever takes a credential asks this first. */
#ifndef HOLDFAST_ENROLL_CHECK_H
#define HOLDFAST_ENROLL_CHECK_H

#include "enroll/client.h"

#define CHECK_AK_CERTIFICATES 5         /* of an attestation key: its own, and those that it hangs on */

/* now: Unix time. Clocks may be apart by a few minutes. */
/* The certificate is for the attestation key with this TPMT_PUBLIC. */
int check_joined(const struct answer_joined *a, const char *host, struct bytes ak_public, uint64_t now);
/* Everything that was wanted, each part for the wish's key, under one SPIFFE ID, for the time that is said; the X.509 certificate hangs on the bundle. */
int check_credential(const struct answer_credential *a, const struct client_wish *w, unsigned want, uint64_t now);

/* The certificates of a PEM text, as DER, in order; list: zeros, the caller's to clear, also after an error. ERR_FORMAT: none, more than max, or something else. */
int check_certificates(const char *pem, struct buf *list, size_t max, size_t *n);
/* The first of them. */
int check_certificate(const char *pem, struct buf *ret_der);

/* The single parts, for tests. */
int check_x509(const struct answer_credential *a, struct bytes spki, uint64_t now);
int check_ssh(const char *line, bool host, struct bytes spki, uint64_t now);
int check_jwt(const char *jwt, const char *spiffe_id, const char *audience, uint64_t now);

#endif
