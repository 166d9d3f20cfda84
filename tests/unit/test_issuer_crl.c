/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocation lists as OpenSSL reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <openssl/x509v3.h>
#include "issuer/crl.h"
#include "lib/err.h"
#include "tests/grantfix.h"

static X509_CRL *parse(struct bytes der)
{
        const uint8_t *p = der.ptr;
        X509_CRL *c = d2i_X509_CRL(NULL, &p, (long)der.len);

        assert_non_null(c);
        assert_ptr_equal(p, der.ptr + der.len);
        return c;
}

static X509_CRL *list(const struct x509_ca *ca, const struct crl *c)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        X509_CRL *crl;
        const uint8_t *p = x509_ca_cert(ca).ptr;
        X509 *root = d2i_X509(NULL, &p, (long)x509_ca_cert(ca).len);

        assert_int_equal(crl_write(ca, c, &der), 0);
        crl = parse(BYTES_OF(&der));
        assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(root)), 1);
        assert_int_equal(X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(root)), 0);
        X509_free(root);
        return crl;
}

static bool at(const ASN1_TIME *t, uint64_t want)
{
        struct tm tm;

        assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
        return (uint64_t)timegm(&tm) == want;
}

static int reason_of(X509_CRL *crl, const uint8_t serial[GRANT_SERIAL_SIZE], uint64_t when)
{
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_ENUMERATED *e;
        X509_REVOKED *found = NULL;
        int r = -1;

        assert_int_equal(ASN1_STRING_set(number, serial, GRANT_SERIAL_SIZE), 1);
        if (X509_CRL_get0_by_serial(crl, &found, number) != 0) {
                assert_true(at(X509_REVOKED_get0_revocationDate(found), when));
                e = X509_REVOKED_get_ext_d2i(found, NID_crl_reason, NULL, NULL);
                r = e != NULL ? (int)ASN1_ENUMERATED_get(e) : 0;
                ASN1_ENUMERATED_free(e);
                assert_int_equal(X509_REVOKED_get_ext_count(found), r != 0);    /* RFC 5280 5.3.1: never "unspecified" */
        }
        ASN1_INTEGER_free(number);
        return r;
}

static void holds_what_was_revoked(void **state)
{
        static const enum crl_reason reasons[] = { CRL_UNSPECIFIED, CRL_KEY_COMPROMISE, CRL_PRIVILEGE_WITHDRAWN };
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        struct crl_entry entries[3] = { 0 };
        struct crl c = { .entries = entries, .n = 3, .number = 0xff00112233445566, .this_update = NOW, .next_update = NOW + HOUR };
        ASN1_INTEGER *number;
        X509_CRL *crl;

        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(grant_serial(entries[i].serial), 0);
                entries[i].when = NOW - i;
                entries[i].reason = reasons[i];
        }
        crl = list(ca, &c);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(reason_of(crl, entries[i].serial, NOW - i), reasons[i]);
        assert_int_equal(reason_of(crl, f->g.serial, NOW), -1);
        assert_int_equal(X509_CRL_get_version(crl), 1);
        assert_true(at(X509_CRL_get0_lastUpdate(crl), NOW));
        assert_true(at(X509_CRL_get0_nextUpdate(crl), NOW + HOUR));
        number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
        assert_int_equal(ASN1_STRING_length(number), 8);
        assert_memory_equal(ASN1_STRING_get0_data(number), "\xff\x00\x11\x22\x33\x44\x55\x66", 8);
        assert_int_equal(ASN1_STRING_type(number), V_ASN1_INTEGER);
        assert_int_equal(X509_CRL_get_ext_count(crl), 2);
        ASN1_INTEGER_free(number);
        X509_CRL_free(crl);
}

static void may_be_empty(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-384");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        X509_CRL *crl = list(ca, &(struct crl){ .number = 0, .this_update = NOW, .next_update = NOW + 1 });
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

        assert_null(X509_CRL_get_REVOKED(crl));
        assert_int_equal(ASN1_INTEGER_get(number), 0);
        ASN1_INTEGER_free(number);
        X509_CRL_free(crl);
}

/* Lengths of three octets. */
static void may_be_long(void **state)
{
        const size_t n = 5000;
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        struct crl_entry *entries = calloc(n, sizeof(*entries));
        X509_CRL *crl;

        assert_non_null(entries);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(grant_serial(entries[i].serial), 0);
                entries[i].when = NOW;
        }
        crl = list(ca, &(struct crl){ .entries = entries, .n = n, .number = 1, .this_update = NOW, .next_update = NOW + HOUR });
        assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), n);
        assert_int_equal(reason_of(crl, entries[n - 1].serial, NOW), 0);
        X509_CRL_free(crl);
        free(entries);
}

static void the_next_one_is_promised(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        CLEANUP(x509_ca_freep) struct x509_ca *ca = grantfix_ca(k);
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_int_equal(crl_write(ca, &(struct crl){ .this_update = NOW, .next_update = NOW }, &der), ERR_RANGE);
        assert_int_equal(crl_write(ca, &(struct crl){ .this_update = NOW, .next_update = NOW - 1 }, &der), ERR_RANGE);
        assert_int_equal(crl_write(ca, &(struct crl){ .this_update = NOW, .next_update = NOW + 8 * 24 * HOUR }, &der), ERR_RANGE);
        assert_int_equal(crl_write(ca, &(struct crl){ .this_update = UINT64_MAX - 1, .next_update = UINT64_MAX }, &der), ERR_RANGE);
        assert_int_equal(der.len, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = { TEST(holds_what_was_revoked), TEST(may_be_empty), TEST(may_be_long), TEST(the_next_one_is_promised) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
