/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a grant as an X.509 certificate. What all of a CA's certificates have in common is written once. */
#include "issuer/cred_x509.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "issuer/asn1.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/x509.h"

#define URL_MAX 1024
#define CERT_ROOM 1024          /* for most */

struct x509_ca {
        const struct ca_key *key;
        struct buf cert;
        struct bytes subject;           /* in cert */
        struct buf trust_domain;
        uint8_t key_id[X509_KEY_ID_SIZE];
        uint64_t not_before, not_after;
        struct buf head;                /* of a TBSCertificate, behind the serial number: signature, issuer */
        struct buf extensions;          /* the same in all */
};

static int x509_key_id(struct bytes spki, uint8_t ret[X509_KEY_ID_SIZE])
{
        const struct hash *h = hash_by_name("SHA256");
        uint8_t digest[HASH_MAX];
        struct bytes inner, id, bits;
        int r;

        r = der_get(&spki, DER_SEQUENCE, &inner);
        if (r == 0)
                r = der_get(&inner, DER_SEQUENCE, &id);
        if (r == 0)
                r = der_get_bits(&inner, &bits);
        if (r == 0)
                r = crypto_hash(h, &bits, 1, digest);
        if (r == 0)
                memcpy(ret, digest, X509_KEY_ID_SIZE);
        return r;
}

int x509_sign(const struct ca_key *k, struct bytes tbs, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf sig = { 0 }, der = { 0 };
        struct asn1 a = { .b = &der };
        size_t at = asn1_open(&a);

        if (ca_key_alg(k)->x509.len == 0)
                return err(ERR_NOTSUP, "no certificate is signed with a key of the kind %s", ca_key_alg(k)->kind);
        a.r = ca_key_sign(k, tbs, &sig);
        asn1_raw(&a, tbs);
        asn1_raw(&a, ca_key_alg(k)->x509);
        asn1_bits(&a, BYTES_OF(&sig));
        asn1_close(&a, at, DER_SEQUENCE);
        if (a.r == 0)
                buf_take(&der, ret);
        return a.r;
}

/* --- The CA --- */

/* The SPIFFE ID of the CA must be its trust domain's, if it has one. */
static bool is_of(X509 *x, struct bytes trust_domain)
{
        int found;
        GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &found, NULL);
        bool ok = names != NULL || found == -1;         /* neither twice nor malformed */
        size_t ids = 0;

        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
                struct spiffe_id id;

                if (n->type != GEN_URI)
                        continue;
                ids++;
                ok = ok && spiffe_parse(BYTES(ASN1_STRING_get0_data(n->d.ia5), (size_t)ASN1_STRING_length(n->d.ia5)), &id) == 0 &&
                     id.path.len == 0 && bytes_equal(id.trust_domain, trust_domain);
        }
        GENERAL_NAMES_free(names);
        return ok && ids <= 1;
}

static bool read_time(const ASN1_TIME *t, uint64_t *ret)
{
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1 || timegm(&tm) < 0)
                return false;
        *ret = (uint64_t)timegm(&tm);
        return true;
}

static int look_at(struct x509_ca *ca, X509 *x, struct bytes trust_domain)
{
        const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(x);
        struct x509_parts parts;
        int r;

        r = x509_parts(BYTES_OF(&ca->cert), &parts);
        if (r != 0)
                return r;
        if (!bytes_equal(parts.spki, ca_key_spki(ca->key)))
                return err(ERR_INVAL, "the CA's certificate is not for the CA's key");
        if (X509_check_ca(x) != 1 || (X509_get_key_usage(x) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != (KU_KEY_CERT_SIGN | KU_CRL_SIGN))
                return err(ERR_INVAL, "the CA's certificate does not let it sign certificates and revocation lists");
        if (!is_of(x, trust_domain))
                return err(ERR_INVAL, "the CA's certificate is of another trust domain");
        if (id == NULL || ASN1_STRING_length(id) != X509_KEY_ID_SIZE)
                return err(ERR_INVAL, "the CA's certificate has no key identifier of %d octets", X509_KEY_ID_SIZE);
        memcpy(ca->key_id, ASN1_STRING_get0_data(id), X509_KEY_ID_SIZE);
        if (!read_time(X509_get0_notBefore(x), &ca->not_before) || !read_time(X509_get0_notAfter(x), &ca->not_after))
                return err(ERR_FORMAT, "the CA's certificate begins or ends at no time");
        ca->subject = parts.subject;
        return 0;
}

static void put_crl_point(struct asn1 *a, const char *url)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct asn1 v = { .b = &value };
        size_t points = asn1_open(&v), point = asn1_open(&v), name = asn1_open(&v), full = asn1_open(&v);

        if (url == NULL)
                return;
        /* RFC 5280 4.2.1.13 */
        asn1_put(&v, TAG_URI, BYTES_STR(url));
        asn1_close(&v, full, TAG_CONTEXT(0));
        asn1_close(&v, name, TAG_CONTEXT(0));
        asn1_close(&v, point, DER_SEQUENCE);
        asn1_close(&v, points, DER_SEQUENCE);
        a->r = a->r != 0 ? a->r : v.r;
        asn1_extension(a, OID_CE(CE_CRL_POINTS), false, BYTES_OF(&value));
}

static int write_template(struct x509_ca *ca, const char *crl_url)
{
        static const uint8_t no_ca[] = { DER_SEQUENCE, 0 };
        static const uint8_t signs[] = { DER_BIT_STRING, 2, 7, 0x80 };  /* digitalSignature */
        uint8_t authority[4 + X509_KEY_ID_SIZE] = { DER_SEQUENCE, 2 + X509_KEY_ID_SIZE, 0x80, X509_KEY_ID_SIZE };
        struct asn1 h = { .b = &ca->head }, e = { .b = &ca->extensions };

        asn1_raw(&h, ca_key_alg(ca->key)->x509);
        asn1_raw(&h, ca->subject);
        memcpy(authority + 4, ca->key_id, X509_KEY_ID_SIZE);
        asn1_extension(&e, OID_CE(CE_BASIC_CONSTRAINTS), true, BYTES(no_ca, sizeof(no_ca)));
        asn1_extension(&e, OID_CE(CE_KEY_USAGE), true, BYTES(signs, sizeof(signs)));
        asn1_ext_key_usage(&e);
        asn1_extension(&e, OID_CE(CE_AUTHORITY_KEY_ID), false, BYTES(authority, sizeof(authority)));
        put_crl_point(&e, crl_url);
        return h.r != 0 ? h.r : e.r;
}

static bool is_url(const char *url)
{
        if (strlen(url) > URL_MAX || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
                return false;
        for (; *url != '\0'; url++)
                if (*url <= ' ' || *url > '~')
                        return false;
        return true;
}

int x509_ca_open(const struct ca_key *k, struct bytes cert, struct bytes trust_domain, const char *crl_url, struct x509_ca **ret)
{
        CLEANUP(x509_ca_freep) struct x509_ca *ca = calloc(1, sizeof(*ca));
        const uint8_t *der = cert.ptr;
        X509 *x;
        int r;

        if (ca == NULL)
                return err(ERR_NOMEM, "out of memory");
        if (ca_key_alg(k)->x509.len == 0)
                return err(ERR_NOTSUP, "no certificate is signed with a key of the kind %s", ca_key_alg(k)->kind);
        if (crl_url != NULL && !is_url(crl_url))
                return err(ERR_INVAL, "a CRL is at an http or https URL");
        ca->key = k;
        r = buf_set(&ca->cert, cert);
        if (r == 0)
                r = buf_set(&ca->trust_domain, trust_domain);
        if (r == 0)
                r = spiffe_trust_domain_check(trust_domain);
        if (r != 0)
                return r;
        x = cert.len <= DER_MAX ? d2i_X509(NULL, &der, (long)cert.len) : NULL;
        r = x != NULL ? look_at(ca, x, trust_domain) : err(ERR_FORMAT, "the CA's certificate is none");
        X509_free(x);
        ERR_clear_error();
        if (r == 0)
                r = write_template(ca, crl_url);
        if (r != 0)
                return r;
        *ret = ca;
        ca = NULL;
        return 0;
}

void x509_ca_free(struct x509_ca *ca)
{
        if (ca == NULL)
                return;
        buf_clear(&ca->cert);
        buf_clear(&ca->trust_domain);
        buf_clear(&ca->head);
        buf_clear(&ca->extensions);
        free(ca);
}

void x509_ca_freep(struct x509_ca **ca)
{
        x509_ca_free(*ca);
}

struct bytes x509_ca_cert(const struct x509_ca *ca)
{
        return BYTES_OF(&ca->cert);
}

struct bytes x509_ca_subject(const struct x509_ca *ca)
{
        return ca->subject;
}

struct bytes x509_ca_key_id(const struct x509_ca *ca)
{
        return BYTES(ca->key_id, X509_KEY_ID_SIZE);
}

const struct ca_key *x509_ca_key(const struct x509_ca *ca)
{
        return ca->key;
}

uint64_t x509_ca_not_after(const struct x509_ca *ca)
{
        return ca->not_after;
}

int x509_ca_check_time(const struct x509_ca *ca, uint64_t now)
{
        if (now < ca->not_before)
                return err(ERR_IO, "the clock is wrong: it is before the CA's certificate begins");
        return now < ca->not_after ? 0 : err(ERR_IO, "the CA's certificate has ended, or the clock is wrong");
}

/* --- A certificate --- */

static void put_names(struct asn1 *a, const struct grant *g)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct asn1 v = { .b = &value };
        size_t at = asn1_open(&v);

        asn1_put(&v, TAG_URI, g->spiffe_id);
        for (size_t i = 0; i < g->dns.n; i++)
                asn1_put(&v, TAG_DNS, g->dns.v[i]);
        asn1_close(&v, at, DER_SEQUENCE);
        a->r = a->r != 0 ? a->r : v.r;
        /* RFC 5280 4.2.1.6 */
        asn1_extension(a, OID_CE(CE_SUBJECT_ALT_NAME), g->common_name.len == 0, BYTES_OF(&value));
}

void x509_put_subject_key_id(struct asn1 *a, struct bytes spki)
{
        uint8_t id[2 + X509_KEY_ID_SIZE] = { DER_OCTET_STRING, X509_KEY_ID_SIZE };

        if (a->r == 0)
                a->r = x509_key_id(spki, id + 2);
        asn1_extension(a, OID_CE(CE_SUBJECT_KEY_ID), false, BYTES(id, sizeof(id)));
}

int cred_x509(const struct x509_ca *ca, const struct granted *granted, struct buf *ret)
{
        static const uint8_t v3[] = { 0xa0, 3, DER_INTEGER, 1, 2 };
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        const struct grant *g = granted->g;
        struct asn1 a = { .b = &tbs };
        size_t cert, at, list;

        if (!bytes_equal(granted->id.trust_domain, BYTES_OF(&ca->trust_domain)))
                return err(ERR_DENIED, "a CA certifies nobody of another trust domain");
        if (g->not_after > ca->not_after)
                return err(ERR_RANGE, "the CA's certificate ends before this one would");
        a.r = buf_reserve(&tbs, CERT_ROOM);
        cert = asn1_open(&a);
        asn1_raw(&a, BYTES(v3, sizeof(v3)));
        asn1_put(&a, DER_INTEGER, BYTES(g->serial, GRANT_SERIAL_SIZE));
        asn1_raw(&a, BYTES_OF(&ca->head));
        at = asn1_open(&a);
        asn1_time(&a, g->not_before);
        asn1_time(&a, g->not_after);
        asn1_close(&a, at, DER_SEQUENCE);
        asn1_name(&a, g->common_name);
        asn1_raw(&a, g->spki);
        at = list = asn1_open(&a);
        asn1_raw(&a, BYTES_OF(&ca->extensions));
        x509_put_subject_key_id(&a, g->spki);
        put_names(&a, g);
        asn1_close(&a, list, DER_SEQUENCE);
        asn1_close(&a, at, TAG_CONTEXT(3));
        asn1_close(&a, cert, DER_SEQUENCE);
        return a.r == 0 ? x509_sign(ca->key, BYTES_OF(&tbs), ret) : a.r;
}
