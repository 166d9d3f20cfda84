/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a certificate of a TPM's key say of that TPM? Its subjectAltName has the names (TCG EK Credential Profile, 3.2.9). */
#include <string.h>
#include "attest/ek.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define VERSION 0xa0
#define EXTENSIONS 0xa3
#define ISSUER_ID 0x81
#define SUBJECT_ID 0x82
#define DIRECTORY_NAME 0xa4
#define SET 0x31
#define BOOLEAN 0x01
#define UTF8_STRING 0x0c
#define PRINTABLE_STRING 0x13
#define IA5_STRING 0x16
#define NAMES_MAX 64            /* attributes that are looked at */

static const uint8_t subject_alt_name[] = { 0x55, 0x1d, 0x11 };
/* 2.23.133.2.n */
static const uint8_t tcg_attribute[] = { 0x67, 0x81, 0x05, 0x02 };

static bool next_is(struct bytes in, uint8_t tag)
{
        return in.len > 0 && in.ptr[0] == tag;
}

/* Any element, whatever its tag. */
static int skip(struct bytes *in)
{
        struct bytes inside;

        return in->len > 0 ? der_get(in, in->ptr[0], &inside) : err(ERR_FORMAT, "a certificate that ends early");
}

/* The content of the list of extensions; empty: none. RFC 5280, 4.1. */
static int find_extensions(struct bytes certificate, struct bytes *ret)
{
        struct bytes outer, tbs, wrapped;
        int r;

        *ret = (struct bytes){ 0 };
        r = der_get(&certificate, DER_SEQUENCE, &outer);
        if (r == 0)
                r = der_get_end(certificate);
        if (r == 0)
                r = der_get(&outer, DER_SEQUENCE, &tbs);
        if (r == 0 && next_is(tbs, VERSION))
                r = skip(&tbs);
        /* serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo */
        for (int i = 0; r == 0 && i < 6; i++)
                r = skip(&tbs);
        if (r == 0 && next_is(tbs, ISSUER_ID))
                r = skip(&tbs);
        if (r == 0 && next_is(tbs, SUBJECT_ID))
                r = skip(&tbs);
        if (r != 0 || tbs.len == 0)
                return r;
        r = der_get(&tbs, EXTENSIONS, &wrapped);
        if (r == 0)
                r = der_get_end(tbs);
        if (r == 0)
                r = der_get(&wrapped, DER_SEQUENCE, ret);
        return r != 0 ? r : der_get_end(wrapped);
}

/* GeneralNames; empty: none. */
static int find_names(struct bytes extensions, struct bytes *ret)
{
        struct bytes one, oid, value;
        int r = 0;

        *ret = (struct bytes){ 0 };
        while (r == 0 && extensions.len > 0) {
                r = der_get(&extensions, DER_SEQUENCE, &one);
                if (r == 0)
                        r = der_get(&one, DER_OID, &oid);
                if (r == 0 && next_is(one, BOOLEAN))
                        r = skip(&one);
                if (r == 0)
                        r = der_get(&one, DER_OCTET_STRING, &value);
                if (r != 0 || !bytes_equal(oid, BYTES(subject_alt_name, sizeof(subject_alt_name))))
                        continue;
                if (ret->ptr)
                        return err(ERR_FORMAT, "a certificate with two subjectAltNames");
                r = der_get(&value, DER_SEQUENCE, ret);
                if (r == 0)
                        r = der_get_end(value);
        }
        return r;
}

/* Once, and fit to be shown. */
static int take_text(struct bytes value, char *ret, size_t room)
{
        if (ret[0] != 0)
                return err(ERR_FORMAT, "a certificate that says twice what its TPM is");
        if (value.len == 0 || value.len >= room || !utf8_printable(value))
                return err(ERR_FORMAT, "a certificate that says in %zu octets what its TPM is", value.len);
        memcpy(ret, value.ptr, value.len);
        ret[value.len] = 0;
        return 0;
}

static int take_attribute(struct bytes attribute, struct ek_facts *f)
{
        struct bytes oid, value;
        uint8_t which;
        int r;

        r = der_get(&attribute, DER_OID, &oid);
        if (r != 0 || oid.len != sizeof(tcg_attribute) + 1 || memcmp(oid.ptr, tcg_attribute, sizeof(tcg_attribute)) != 0)
                return r;
        which = oid.ptr[sizeof(tcg_attribute)];
        if (which < 1 || which > 3)
                return 0;
        if (!next_is(attribute, UTF8_STRING) && !next_is(attribute, PRINTABLE_STRING) && !next_is(attribute, IA5_STRING))
                return err(ERR_FORMAT, "a certificate that does not say in words what its TPM is");
        r = der_get(&attribute, attribute.ptr[0], &value);
        if (r == 0)
                r = der_get_end(attribute);
        if (r != 0)
                return r;
        if (which == 1)
                return take_text(value, f->manufacturer, sizeof(f->manufacturer));
        return which == 2 ? take_text(value, f->model, sizeof(f->model)) : take_text(value, f->version, sizeof(f->version));
}

/* Makers write one set of three as well as three sets of one. */
static int take_name(struct bytes name, struct ek_facts *f, unsigned *left)
{
        struct bytes rdns, set, attribute;
        int r;

        r = der_get(&name, DER_SEQUENCE, &rdns);
        if (r == 0)
                r = der_get_end(name);
        while (r == 0 && rdns.len > 0) {
                r = der_get(&rdns, SET, &set);
                while (r == 0 && set.len > 0) {
                        if ((*left)-- == 0)
                                return err(ERR_FORMAT, "a certificate with more than %d names", NAMES_MAX);
                        r = der_get(&set, DER_SEQUENCE, &attribute);
                        if (r == 0)
                                r = take_attribute(attribute, f);
                }
        }
        return r;
}

/* "id:" and eight hexadecimal digits. */
static uint32_t as_number(const char *text)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        if (strncmp(text, "id:", 3) != 0 || strlen(text) != 3 + 8 || hex_decode(text + 3, 8, &b) != 0)
                return 0;
        return (uint32_t)b.ptr[0] << 24 | (uint32_t)b.ptr[1] << 16 | (uint32_t)b.ptr[2] << 8 | b.ptr[3];
}

int ek_facts(struct bytes certificate, struct ek_facts *ret)
{
        struct ek_facts f = { 0 };
        struct bytes extensions, names, name;
        unsigned left = NAMES_MAX;
        int r;

        r = find_extensions(certificate, &extensions);
        if (r == 0)
                r = find_names(extensions, &names);
        while (r == 0 && names.len > 0) {
                if (!next_is(names, DIRECTORY_NAME)) {
                        r = skip(&names);
                        continue;
                }
                r = der_get(&names, DIRECTORY_NAME, &name);
                if (r == 0)
                        r = take_name(name, &f, &left);
        }
        if (r != 0)
                return r;
        f.manufacturer_id = as_number(f.manufacturer);
        *ret = f;
        return 0;
}
