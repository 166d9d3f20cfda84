/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the list of certificates that are no longer good. */
#include "issuer/crl.h"
#include "issuer/asn1.h"
#include "lib/err.h"

#define LIFE_MAX (7 * 24 * 60 * 60)

static void put_entry(struct asn1 *a, const struct crl_entry *e)
{
        uint8_t reason[] = { TAG_ENUMERATED, 1, (uint8_t)e->reason };
        size_t at = asn1_open(a), list;

        asn1_uint(a, BYTES(e->serial, GRANT_SERIAL_SIZE));
        asn1_time(a, e->when);
        /* RFC 5280 5.3.1: "unspecified" is not to be written */
        if (e->reason != CRL_UNSPECIFIED) {
                list = asn1_open(a);
                asn1_extension(a, OID_CE(CE_REASON), false, BYTES(reason, sizeof(reason)));
                asn1_close(a, list, DER_SEQUENCE);
        }
        asn1_close(a, at, DER_SEQUENCE);
}

static void put_extensions(struct asn1 *a, const struct x509_ca *ca, uint64_t number)
{
        CLEANUP(buf_clear) struct buf value = { 0 }, authority = { 0 };
        struct asn1 v = { .b = &value }, k = { .b = &authority };
        uint8_t octets[8];
        size_t at = asn1_open(a), list = at;

        for (size_t i = 0; i < sizeof(octets); i++)
                octets[i] = (uint8_t)(number >> 8 * (sizeof(octets) - 1 - i));
        asn1_uint(&v, BYTES(octets, sizeof(octets)));
        asn1_put(&k, 0x80, x509_ca_key_id(ca));
        asn1_close(&k, 0, DER_SEQUENCE);
        if (a->r == 0)
                a->r = v.r != 0 ? v.r : k.r;
        asn1_extension(a, OID_CE(CE_AUTHORITY_KEY_ID), false, BYTES_OF(&authority));
        asn1_extension(a, OID_CE(CE_CRL_NUMBER), false, BYTES_OF(&value));
        asn1_close(a, list, DER_SEQUENCE);
        asn1_close(a, at, TAG_CONTEXT(0));
}

int crl_write(const struct x509_ca *ca, const struct crl *c, struct buf *ret)
{
        static const uint8_t v2[] = { DER_INTEGER, 1, 1 };
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        struct asn1 a = { .b = &tbs };
        size_t all = asn1_open(&a), at;

        if (c->next_update <= c->this_update || c->next_update - c->this_update > LIFE_MAX)
                return err(ERR_RANGE, "a CRL is followed by the next one within a week");
        asn1_raw(&a, BYTES(v2, sizeof(v2)));
        asn1_raw(&a, ca_key_alg(x509_ca_key(ca))->x509);
        asn1_raw(&a, x509_ca_subject(ca));
        asn1_time(&a, c->this_update);
        asn1_time(&a, c->next_update);
        at = asn1_open(&a);
        for (size_t i = 0; i < c->n; i++)
                put_entry(&a, &c->entries[i]);
        /* RFC 5280 5.1.2.6: absent where there is none */
        if (c->n > 0)
                asn1_close(&a, at, DER_SEQUENCE);
        put_extensions(&a, ca, c->number);
        asn1_close(&a, all, DER_SEQUENCE);
        return a.r == 0 ? x509_sign(x509_ca_key(ca), BYTES_OF(&tbs), ret) : a.r;
}
