/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509v3.h>
#include "attest/trust.h"
#include "issuer/cred_ak.h"
#include "lib/err.h"
#include "tests/grantfix.h"
#include "tests/tempdir.h"

static const struct ek_facts facts = { .manufacturer = "id:00001014", .model = "swtpm", .version = "id:20191023" };

static struct x509_ca *make_ca(struct grantfix *f, struct ca_key **ret_key)
{
        CLEANUP(buf_clear) struct buf cert = { 0 };
        struct x509_ca *ca = NULL;

        *ret_key = grantfix_ca_key(f, "P-256");
        assert_int_equal(ak_ca_certificate(*ret_key, BYTES_STR("Attestation"), NOW - HOUR, NOW + 1000 * HOUR, &cert), 0);
        assert_int_equal(x509_ca_open(*ret_key, BYTES_OF(&cert), BYTES_STR(TRUST_DOMAIN), NULL, &ca), 0);
        return ca;
}

static X509 *parse(const struct buf *der)
{
        const unsigned char *p = der->ptr;
        X509 *x = d2i_X509(NULL, &p, (long)der->len);

        assert_non_null(x);
        assert_ptr_equal(p, der->ptr + der->len);
        return x;
}

static void check_names(X509 *x)
{
        int critical = 0;
        GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
        const GENERAL_NAME *directory, *uri;
        char text[256];

        assert_int_equal(critical, 1);
        assert_int_equal(sk_GENERAL_NAME_num(names), 2);
        directory = sk_GENERAL_NAME_value(names, 0);
        uri = sk_GENERAL_NAME_value(names, 1);
        assert_int_equal(directory->type, GEN_DIRNAME);
        assert_int_equal(X509_NAME_entry_count(directory->d.directoryName), 3);
        for (int i = 0; i < 3; i++) {
                const char *const want[] = { "2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3" };
                X509_NAME_ENTRY *e = X509_NAME_get_entry(directory->d.directoryName, i);

                OBJ_obj2txt(text, sizeof(text), X509_NAME_ENTRY_get_object(e), 1);
                assert_string_equal(text, want[i]);
        }
        assert_int_equal(uri->type, GEN_URI);
        assert_memory_equal(ASN1_STRING_get0_data(uri->d.ia5), "urn:ek:sha256:", 14);
        assert_int_equal(ASN1_STRING_length(uri->d.ia5), 14 + 44);
        GENERAL_NAMES_free(names);
}

static void is_what_verifiers_of_evidence_want(void **state)
{
        struct grantfix *f = *state;
        struct ca_key *k;
        struct x509_ca *ca = make_ca(f, &k);
        CLEANUP(buf_clear) struct buf der = { 0 };
        const struct cred_ak w = { f->g.spki, f->g.spki, &facts, NOW - 60, NOW + HOUR };
        EXTENDED_KEY_USAGE *uses;
        struct bytes chain[1], roots[1];
        struct trust t = { .roots = roots, .n_roots = 1, .time = (int64_t)NOW, .purpose = TRUST_AK };
        size_t root = 9;
        char text[64];
        X509 *x;

        assert_int_equal(cred_ak(ca, &w, &der), 0);
        x = parse(&der);
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
        check_names(x);
        uses = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
        assert_int_equal(sk_ASN1_OBJECT_num(uses), 1);
        OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(uses, 0), 1);
        assert_string_equal(text, "2.23.133.8.3");
        sk_ASN1_OBJECT_pop_free(uses, ASN1_OBJECT_free);
        assert_int_equal(X509_check_ca(x), 0);
        X509_free(x);

        chain[0] = BYTES_OF(&der);
        roots[0] = x509_ca_cert(ca);
        assert_int_equal(trust_check(&t, chain, 1, f->g.spki, &root), 0);
        assert_int_equal(root, 0);
        t.purpose = TRUST_EK;
        assert_int_equal(trust_check(&t, chain, 1, f->g.spki, &root), ERR_DENIED);
        t.purpose = TRUST_AK;
        t.time = (int64_t)NOW + 2 * HOUR;
        assert_int_equal(trust_check(&t, chain, 1, f->g.spki, &root), ERR_DENIED);
        x509_ca_free(ca);
        ca_key_free(k);
}

static void says_nothing_that_nobody_knows(void **state)
{
        struct grantfix *f = *state;
        struct ca_key *k;
        struct x509_ca *ca = make_ca(f, &k);
        CLEANUP(buf_clear) struct buf der = { 0 };
        const struct ek_facts none = { .manufacturer = "" };
        struct cred_ak w = { f->g.spki, f->g.spki, &none, NOW - 60, NOW + HOUR };
        GENERAL_NAMES *names;
        X509 *x;

        assert_int_equal(cred_ak(ca, &w, &der), 0);
        x = parse(&der);
        names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        GENERAL_NAMES_free(names);
        X509_free(x);
        w.not_after = NOW + 1001 * HOUR;
        assert_int_equal(cred_ak(ca, &w, &der), ERR_RANGE);
        x509_ca_free(ca);
        ca_key_free(k);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(is_what_verifiers_of_evidence_want, grantfix_setup, grantfix_teardown),
                cmocka_unit_test_setup_teardown(says_nothing_that_nobody_knows, grantfix_setup, grantfix_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
