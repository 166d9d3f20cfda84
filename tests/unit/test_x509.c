/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a certificate, as OpenSSL sees them; and no part of what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "lib/x509.h"

static uint8_t der[2048];
static size_t der_len;

static int make(void **state)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        uint8_t *p = der;

        (void)state;
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"build-42", -1, -1, 0);
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"Some CA", -1, -1, 0);
        X509_gmtime_adj(X509_getm_notBefore(x), 0);
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        X509_set_pubkey(x, key);
        X509_sign(x, key, EVP_sha256());
        der_len = (size_t)i2d_X509(x, &p);
        X509_free(x);
        EVP_PKEY_free(key);
        return der_len > 100 && der_len < sizeof(der) ? 0 : -1;
}

static void same(struct bytes part, unsigned char *expect, int len)
{
        assert_int_equal(part.len, len);
        assert_memory_equal(part.ptr, expect, part.len);
        OPENSSL_free(expect);
}

static void parts_are_openssls(void **state)
{
        const unsigned char *at = der;
        X509 *x = d2i_X509(NULL, &at, (long)der_len);
        struct x509_parts p;
        unsigned char *out;
        int len;

        (void)state;
        assert_int_equal(x509_parts(BYTES(der, der_len), &p), 0);
        out = NULL;
        len = i2d_X509_NAME(X509_get_subject_name(x), &out);
        same(p.subject, out, len);
        out = NULL;
        len = i2d_X509_NAME(X509_get_issuer_name(x), &out);
        same(p.issuer, out, len);
        out = NULL;
        len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &out);
        same(p.serial, out, len);
        out = NULL;
        len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &out);
        same(p.spki, out, len);
        X509_free(x);
}

static void cut_or_longer_is_no_certificate(void **state)
{
        struct x509_parts p;

        (void)state;
        for (size_t len = 0; len < der_len; len++)
                assert_int_equal(x509_parts(BYTES(der, len), &p), ERR_FORMAT);
        assert_int_equal(x509_parts(BYTES(der, der_len + 1), &p), ERR_FORMAT);
}

/* Each octet of the frame in turn: a slice is inside, or there is none. */
static void spoiled_octets_lead_nowhere_outside(void **state)
{
        (void)state;
        for (size_t i = 0; i < der_len; i++) {
                uint8_t *copy = malloc(der_len);
                struct x509_parts p;

                memcpy(copy, der, der_len);
                copy[i] ^= 0x81;
                if (x509_parts(BYTES(copy, der_len), &p) == 0) {
                        assert_true(p.serial.ptr > copy && p.spki.ptr + p.spki.len < copy + der_len);
                        assert_true(p.issuer.ptr > p.serial.ptr && p.subject.ptr > p.issuer.ptr && p.spki.ptr > p.subject.ptr);
                }
                free(copy);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_are_openssls),
                cmocka_unit_test(cut_or_longer_is_no_certificate),
                cmocka_unit_test(spoiled_octets_lead_nowhere_outside),
        };

        return cmocka_run_group_tests(tests, make, NULL);
}
