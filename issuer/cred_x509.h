/* SPDX-License-Identifier: BSD-2-Clause */
/* X.509-SVIDs (SPIFFE X509-SVID; RFC 5280), and the certificate of the CA that signs them. */
#ifndef HOLDFAST_ISSUER_CRED_X509_H
#define HOLDFAST_ISSUER_CRED_X509_H

#include "issuer/ca.h"
#include "issuer/grant.h"

enum { X509_KEY_ID_SIZE = 20 };

/* What is the same in all certificates of one CA: written once, read by any number of threads. */
struct x509_ca;
struct asn1;    /* issuer/asn1.h */

/* The CA's certificate in DER, checked: it is a CA's, of this key and this trust domain. crl_url: where the CRL will be, or NULL.
 * ERR_FORMAT, ERR_INVAL. */
int x509_ca_open(const struct ca_key *k, struct bytes cert, struct bytes trust_domain, const char *crl_url, struct x509_ca **ret);
void x509_ca_free(struct x509_ca *ca);
/* For CLEANUP(). */
void x509_ca_freep(struct x509_ca **ca);

/* Its certificate; the Name in it; its key identifier; when it ends. */
struct bytes x509_ca_cert(const struct x509_ca *ca);
struct bytes x509_ca_subject(const struct x509_ca *ca);
struct bytes x509_ca_key_id(const struct x509_ca *ca);
const struct ca_key *x509_ca_key(const struct x509_ca *ca);
uint64_t x509_ca_not_after(const struct x509_ca *ca);
/* Is its certificate good at that time? ERR_IO: it has ended, or the clock is wrong. */
int x509_ca_check_time(const struct x509_ca *ca, uint64_t now);

/* The certificate in DER. ERR_RANGE if it would outlive the CA's; ERR_DENIED for another trust domain's. */
int cred_x509(const struct x509_ca *ca, const struct granted *g, struct buf *ret);

/* What the CA itself may do. */
struct x509_ca_wish {
        struct bytes common_name;       /* printable UTF-8 */
        struct bytes trust_domain;
        struct names domains;           /* DNS names in and below these may be certified; none: no DNS name may */
        bool any_uri;                   /* URIs unconstrained, for verifiers that know no constraint of them and therefore refuse it: rustls */
        uint64_t not_before, not_after;
};

/* A self-signed one: pathlen 0, constrained to its trust domain (unless any_uri) and domains. */
int x509_ca_certificate(const struct ca_key *k, const struct x509_ca_wish *w, struct buf *ret);

/* The extension subjectKeyIdentifier: RFC 7093 2, method 1. */
void x509_put_subject_key_id(struct asn1 *a, struct bytes spki);
/* SEQUENCE { tbs, algorithm, signature }. */
int x509_sign(const struct ca_key *k, struct bytes tbs, struct buf *ret);

#endif
