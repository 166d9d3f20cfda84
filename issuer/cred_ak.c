/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the certificate of an attestation key. */
#include "issuer/cred_ak.h"
#include <string.h>
#include "issuer/asn1.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define LIFE_MAX (20 * 366ULL * 24 * 60 * 60)
#define TAG_DIRECTORY_NAME TAG_CONTEXT(4)       /* of a GeneralName */

static const uint8_t v3[] = { 0xa0, 3, DER_INTEGER, 1, 2 };
/* tcg-kp-AIKCertificate, 2.23.133.8.3 */
static const uint8_t ak_use[] = { DER_SEQUENCE, 7, DER_OID, 5, 0x67, 0x81, 0x05, 0x08, 0x03 };

/* One of tcg-at-tpmManufacturer, -Model, -Version: 2.23.133.2.1 to 3. */
static void put_attribute(struct asn1 *a, uint8_t last, const char *value)
{
        const uint8_t oid[] = { DER_OID, 5, 0x67, 0x81, 0x05, 0x02, last };
        size_t set = asn1_open(a), type = asn1_open(a);

        if (value[0] == '\0')
                return;
        asn1_raw(a, BYTES(oid, sizeof(oid)));
        asn1_put(a, TAG_UTF8, BYTES_STR(value));
        asn1_close(a, type, DER_SEQUENCE);
        asn1_close(a, set, TAG_SET);
}

static void put_facts(struct asn1 *a, const struct ek_facts *f)
{
        size_t choice = asn1_open(a), name = asn1_open(a);

        if (f->manufacturer[0] == '\0' && f->model[0] == '\0' && f->version[0] == '\0')
                return;
        put_attribute(a, 1, f->manufacturer);
        put_attribute(a, 2, f->model);
        put_attribute(a, 3, f->version);
        asn1_close(a, name, DER_SEQUENCE);
        asn1_close(a, choice, TAG_DIRECTORY_NAME);
}

static int ek_urn(struct bytes ek_spki, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t digest[HASH_MAX];
        int r;

        r = crypto_hash(hash_by_name("SHA256"), &ek_spki, 1, digest);
        if (r == 0)
                r = base64_encode(BYTES(digest, 32), &text);
        if (r == 0)
                r = buf_append_str(ret, "urn:ek:sha256:");
        return r == 0 ? buf_append(ret, text.ptr, text.len) : r;
}

static void put_names(struct asn1 *a, const struct cred_ak *w)
{
        CLEANUP(buf_clear) struct buf value = { 0 }, urn = { 0 };
        struct asn1 v = { .b = &value };
        size_t at = asn1_open(&v);

        v.r = ek_urn(w->ek_spki, &urn);
        put_facts(&v, w->facts);
        asn1_put(&v, TAG_URI, BYTES_OF(&urn));
        asn1_close(&v, at, DER_SEQUENCE);
        a->r = a->r != 0 ? a->r : v.r;
        asn1_extension(a, OID_CE(CE_SUBJECT_ALT_NAME), true, BYTES_OF(&value));
}

static void put_authority(struct asn1 *a, const struct x509_ca *ca)
{
        uint8_t value[4 + X509_KEY_ID_SIZE] = { DER_SEQUENCE, 2 + X509_KEY_ID_SIZE, 0x80, X509_KEY_ID_SIZE };

        memcpy(value + 4, x509_ca_key_id(ca).ptr, X509_KEY_ID_SIZE);
        asn1_extension(a, OID_CE(CE_AUTHORITY_KEY_ID), false, BYTES(value, sizeof(value)));
}

static void put_validity(struct asn1 *a, uint64_t not_before, uint64_t not_after)
{
        size_t at = asn1_open(a);

        asn1_time(a, not_before);
        asn1_time(a, not_after);
        asn1_close(a, at, DER_SEQUENCE);
}

int cred_ak(const struct x509_ca *ca, const struct cred_ak *w, struct buf *ret)
{
        static const uint8_t no_ca[] = { DER_SEQUENCE, 0 };
        static const uint8_t signs[] = { DER_BIT_STRING, 2, 7, 0x80 };  /* digitalSignature */
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        uint8_t serial[GRANT_SERIAL_SIZE];
        struct asn1 a = { .b = &tbs };
        size_t cert = asn1_open(&a), outer, at;

        if (w->not_after > x509_ca_not_after(ca))
                return err(ERR_RANGE, "the CA's certificate ends before this one would");
        a.r = grant_serial(serial);
        asn1_raw(&a, BYTES(v3, sizeof(v3)));
        asn1_put(&a, DER_INTEGER, BYTES(serial, sizeof(serial)));
        asn1_raw(&a, ca_key_alg(x509_ca_key(ca))->x509);
        asn1_raw(&a, x509_ca_subject(ca));
        put_validity(&a, w->not_before, w->not_after);
        asn1_name(&a, BYTES(NULL, 0));
        asn1_raw(&a, w->spki);
        outer = at = asn1_open(&a);
        asn1_extension(&a, OID_CE(CE_BASIC_CONSTRAINTS), true, BYTES(no_ca, sizeof(no_ca)));
        asn1_extension(&a, OID_CE(CE_KEY_USAGE), true, BYTES(signs, sizeof(signs)));
        asn1_extension(&a, OID_CE(CE_EXTENDED_KEY_USAGE), false, BYTES(ak_use, sizeof(ak_use)));
        put_authority(&a, ca);
        x509_put_subject_key_id(&a, w->spki);
        put_names(&a, w);
        asn1_close(&a, at, DER_SEQUENCE);
        asn1_close(&a, outer, TAG_CONTEXT(3));
        asn1_close(&a, cert, DER_SEQUENCE);
        return a.r == 0 ? x509_sign(x509_ca_key(ca), BYTES_OF(&tbs), ret) : a.r;
}

int ak_ca_certificate(const struct ca_key *k, struct bytes common_name, uint64_t not_before, uint64_t not_after, struct buf *ret)
{
        /* cA TRUE, pathLenConstraint 0; keyCertSign, cRLSign */
        static const uint8_t is_ca[] = { DER_SEQUENCE, 6, TAG_BOOLEAN, 1, 0xff, DER_INTEGER, 1, 0 };
        static const uint8_t signs[] = { DER_BIT_STRING, 2, 1, 0x06 };
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        uint8_t serial[GRANT_SERIAL_SIZE];
        struct asn1 a = { .b = &tbs };
        size_t cert = asn1_open(&a), outer, at;

        if (common_name.len == 0 || common_name.len > GRANT_COMMON_NAME_MAX || !utf8_printable(common_name))
                return err(ERR_INVAL, "a CA's name is 1 to %d octets that can be printed", GRANT_COMMON_NAME_MAX);
        if (not_before >= not_after || not_after - not_before > LIFE_MAX)
                return err(ERR_RANGE, "a CA's certificate ends, after it begins and within 20 years");
        a.r = grant_serial(serial);
        asn1_raw(&a, BYTES(v3, sizeof(v3)));
        asn1_put(&a, DER_INTEGER, BYTES(serial, sizeof(serial)));
        asn1_raw(&a, ca_key_alg(k)->x509);
        asn1_name(&a, common_name);
        put_validity(&a, not_before, not_after);
        asn1_name(&a, common_name);
        asn1_raw(&a, ca_key_spki(k));
        outer = at = asn1_open(&a);
        asn1_extension(&a, OID_CE(CE_BASIC_CONSTRAINTS), true, BYTES(is_ca, sizeof(is_ca)));
        asn1_extension(&a, OID_CE(CE_KEY_USAGE), true, BYTES(signs, sizeof(signs)));
        asn1_extension(&a, OID_CE(CE_EXTENDED_KEY_USAGE), false, BYTES(ak_use, sizeof(ak_use)));
        x509_put_subject_key_id(&a, ca_key_spki(k));
        asn1_close(&a, at, DER_SEQUENCE);
        asn1_close(&a, outer, TAG_CONTEXT(3));
        asn1_close(&a, cert, DER_SEQUENCE);
        return a.r == 0 ? x509_sign(k, BYTES_OF(&tbs), ret) : a.r;
}
