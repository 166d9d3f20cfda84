/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a CA's own certificate, such that a certificate for anything but its trust domain and its domains is worth nothing. */
#include "issuer/asn1.h"
#include "issuer/cred_x509.h"
#include "issuer/dnsname.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define LIFE_MAX (20 * 366ULL * 24 * 60 * 60)

/* RFC 5280 4.2.1.10: one GeneralSubtree. */
static void put_subtree(struct asn1 *a, uint8_t tag, struct bytes name)
{
        size_t at = asn1_open(a);

        asn1_put(a, tag, name);
        asn1_close(a, at, DER_SEQUENCE);
}

static void put_constraints(struct asn1 *a, const struct x509_ca_wish *w)
{
        static const uint8_t every_address[32] = { 0 };
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct asn1 v = { .b = &value };
        size_t all = asn1_open(&v), at = asn1_open(&v);

        if (!w->any_uri)
                put_subtree(&v, TAG_URI, w->trust_domain);
        for (size_t i = 0; i < w->domains.n; i++)
                put_subtree(&v, TAG_DNS, w->domains.v[i]);
        /* Never an empty list. */
        if (!w->any_uri || w->domains.n > 0)
                asn1_close(&v, at, TAG_CONTEXT(0));
        at = asn1_open(&v);
        if (w->domains.n == 0)
                put_subtree(&v, TAG_DNS, BYTES(NULL, 0));
        put_subtree(&v, TAG_IP, BYTES(every_address, 8));
        put_subtree(&v, TAG_IP, BYTES(every_address, 32));
        asn1_close(&v, at, TAG_CONTEXT(1));
        asn1_close(&v, all, DER_SEQUENCE);
        a->r = a->r != 0 ? a->r : v.r;
        asn1_extension(a, OID_CE(CE_NAME_CONSTRAINTS), true, BYTES_OF(&value));
}

static void put_spiffe_id(struct asn1 *a, struct bytes trust_domain)
{
        CLEANUP(buf_clear) struct buf id = { 0 }, value = { 0 };
        struct asn1 v = { .b = &value };
        size_t at = asn1_open(&v);

        v.r = buf_append_str(&id, "spiffe://");
        if (v.r == 0)
                v.r = buf_append(&id, trust_domain.ptr, trust_domain.len);
        asn1_put(&v, TAG_URI, BYTES_OF(&id));
        asn1_close(&v, at, DER_SEQUENCE);
        a->r = a->r != 0 ? a->r : v.r;
        asn1_extension(a, OID_CE(CE_SUBJECT_ALT_NAME), false, BYTES_OF(&value));
}

static void put_extensions(struct asn1 *a, const struct ca_key *k, const struct x509_ca_wish *w)
{
        /* cA TRUE, pathLenConstraint 0; keyCertSign, cRLSign */
        static const uint8_t is_ca[] = { DER_SEQUENCE, 6, TAG_BOOLEAN, 1, 0xff, DER_INTEGER, 1, 0 };
        static const uint8_t signs[] = { DER_BIT_STRING, 2, 1, 0x06 };
        size_t outer = asn1_open(a), at = asn1_open(a);

        asn1_extension(a, OID_CE(CE_BASIC_CONSTRAINTS), true, BYTES(is_ca, sizeof(is_ca)));
        asn1_extension(a, OID_CE(CE_KEY_USAGE), true, BYTES(signs, sizeof(signs)));
        asn1_ext_key_usage(a);
        x509_put_subject_key_id(a, ca_key_spki(k));
        put_spiffe_id(a, w->trust_domain);
        put_constraints(a, w);
        asn1_close(a, at, DER_SEQUENCE);
        asn1_close(a, outer, TAG_CONTEXT(3));
}

static int wish_check(const struct x509_ca_wish *w)
{
        int r = spiffe_trust_domain_check(w->trust_domain);

        /* RFC 5280 4.2.1.10: with a dot in front it would be all hosts below. */
        if (r == 0 && w->trust_domain.ptr[0] == '.')
                r = err(ERR_INVAL, "the trust domain of a CA does not begin with a dot");
        if (r == 0 && (w->common_name.len == 0 || w->common_name.len > GRANT_COMMON_NAME_MAX || !utf8_printable(w->common_name)))
                r = err(ERR_INVAL, "a CA's name is 1 to %d octets that can be printed", GRANT_COMMON_NAME_MAX);
        if (r == 0 && w->domains.n > GRANT_NAMES_MAX)
                r = err(ERR_RANGE, "more than %d domains for a CA", GRANT_NAMES_MAX);
        for (size_t i = 0; r == 0 && i < w->domains.n; i++)
                r = dnsname_check(w->domains.v[i], false);
        if (r == 0 && (w->not_before >= w->not_after || w->not_after - w->not_before > LIFE_MAX))
                r = err(ERR_RANGE, "a CA's certificate ends, after it begins and within 20 years");
        return r;
}

int x509_ca_certificate(const struct ca_key *k, const struct x509_ca_wish *w, struct buf *ret)
{
        static const uint8_t v3[] = { 0xa0, 3, DER_INTEGER, 1, 2 };
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        struct asn1 a = { .b = &tbs };
        uint8_t serial[GRANT_SERIAL_SIZE];
        size_t cert = asn1_open(&a), at;
        int r = wish_check(w);

        if (r == 0)
                r = grant_serial(serial);
        if (r != 0)
                return r;
        asn1_raw(&a, BYTES(v3, sizeof(v3)));
        asn1_put(&a, DER_INTEGER, BYTES(serial, sizeof(serial)));
        asn1_raw(&a, ca_key_alg(k)->x509);
        asn1_name(&a, w->common_name);
        at = asn1_open(&a);
        asn1_time(&a, w->not_before);
        asn1_time(&a, w->not_after);
        asn1_close(&a, at, DER_SEQUENCE);
        asn1_name(&a, w->common_name);
        asn1_raw(&a, ca_key_spki(k));
        put_extensions(&a, k, w);
        asn1_close(&a, cert, DER_SEQUENCE);
        return a.r == 0 ? x509_sign(k, BYTES_OF(&tbs), ret) : a.r;
}
