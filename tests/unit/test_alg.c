/* SPDX-License-Identifier: BSD-2-Clause */
/* The table against OpenSSL's own, and each way of finding a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/alg.h"
#include "lib/cryptoki.h"

static void hashes_are_openssls(void **state)
{
        const struct hash *h;
        uint8_t digest[HASH_MAX] = { 7 };
        size_t i;

        (void)state;
        for (i = 0; (h = hash_at(i)); i++) {
                const EVP_MD *md = EVP_get_digestbyname(h->name);
                X509_SIG *sig = X509_SIG_new();
                ASN1_OCTET_STRING *octets;
                X509_ALGOR *algor;
                uint8_t *der = NULL;
                struct bytes inner;
                int n;

                assert_non_null(md);
                assert_int_equal(EVP_MD_get_size(md), h->size);
                X509_SIG_getm(sig, &algor, &octets);
                X509_ALGOR_set0(algor, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL, NULL);
                ASN1_OCTET_STRING_set(octets, digest, (int)h->size);
                n = i2d_X509_SIG(sig, &der);
                assert_int_equal(n, h->digest_info.len + h->size);
                assert_memory_equal(der, h->digest_info.ptr, h->digest_info.len);

                assert_ptr_equal(hash_by_digest_info(BYTES(der, (size_t)n), &inner), h);
                assert_true(bytes_equal(inner, BYTES(digest, h->size)));
                assert_null(hash_by_digest_info(BYTES(der, (size_t)n - 1), &inner));
                der[4] ^= 1;
                assert_null(hash_by_digest_info(BYTES(der, (size_t)n), &inner));
                OPENSSL_free(der);
                X509_SIG_free(sig);
        }
        assert_int_equal(i, 5);
        assert_null(hash_by_digest_info((struct bytes){ 0 }, &(struct bytes){ 0 }));
}

static void hashes_are_found(void **state)
{
        const struct hash *h;

        (void)state;
        for (size_t i = 0; (h = hash_at(i)); i++) {
                assert_ptr_equal(hash_by_name(h->name), h);
                assert_ptr_equal(hash_by_ckm(h->ckm), h);
                assert_ptr_equal(hash_by_mgf(h->ckg_mgf), h);
                assert_ptr_equal(hash_by_tpm(h->tpm), h->tpm ? h : NULL);
        }
        assert_int_equal(hash_by_name("SHA1")->tpm, TPM2_ALG_SHA1);
        assert_int_equal(hash_by_name("SHA224")->tpm, 0);
        assert_int_equal(hash_by_name("sha256")->tpm, TPM2_ALG_SHA256);
        assert_int_equal(hash_by_ckm(CKM_SHA384)->tpm, TPM2_ALG_SHA384);
        assert_int_equal(hash_by_mgf(CKG_MGF1_SHA512)->tpm, TPM2_ALG_SHA512);
        assert_null(hash_by_name("MD5"));
        assert_null(hash_by_tpm(TPM2_ALG_NULL));
        assert_null(hash_by_tpm(0));
        assert_null(hash_by_ckm(CKM_MD5));
        assert_null(hash_by_mgf(0));
}

static void curves_are_openssls(void **state)
{
        const struct curve *c;
        size_t i;

        (void)state;
        for (i = 0; (c = curve_at(i)); i++) {
                EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
                uint8_t *der = NULL;
                int n;

                assert_int_equal((EC_GROUP_get_degree(g) + 7) / 8, c->size);
                assert_int_equal(EC_curve_nist2nid(c->name), c->nid);
                assert_int_equal(OBJ_sn2nid(c->openssl), c->nid);
                n = i2d_ASN1_OBJECT(OBJ_nid2obj(c->nid), &der);
                assert_true(bytes_equal(BYTES(der, (size_t)n), c->oid));

                assert_ptr_equal(curve_by_name(c->name), c);
                assert_ptr_equal(curve_by_tpm(c->tpm), c);
                assert_ptr_equal(curve_by_oid(BYTES(der, (size_t)n)), c);
                assert_null(curve_by_oid(BYTES(der, (size_t)n - 1)));
                OPENSSL_free(der);
                EC_GROUP_free(g);
        }
        assert_int_equal(i, 3);
        assert_int_equal(curve_by_name("p-384")->tpm, TPM2_ECC_NIST_P384);
        assert_string_equal(curve_by_name("P-521")->hash->name, "SHA512");
        assert_null(curve_by_name("P-192"));
        assert_null(curve_by_tpm(0));
        assert_null(curve_by_oid((struct bytes){ 0 }));
}

static void mechanisms_are_those_promised(void **state)
{
        static const struct {
                unsigned long ckm, ckk;
                enum scheme scheme;
                const char *hash;
                unsigned ops;
        } want[] = {
                { CKM_ECDSA, CKK_EC, SCHEME_ECDSA, NULL, ALG_SIGN | ALG_VERIFY },
                { CKM_ECDSA_SHA256, CKK_EC, SCHEME_ECDSA, "SHA256", ALG_SIGN | ALG_VERIFY },
                { CKM_ECDSA_SHA384, CKK_EC, SCHEME_ECDSA, "SHA384", ALG_SIGN | ALG_VERIFY },
                { CKM_ECDSA_SHA512, CKK_EC, SCHEME_ECDSA, "SHA512", ALG_SIGN | ALG_VERIFY },
                { CKM_ECDH1_DERIVE, CKK_EC, SCHEME_ECDH, NULL, ALG_DERIVE },
                { CKM_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, NULL, ALG_SIGN | ALG_VERIFY | ALG_DECRYPT | ALG_ENCRYPT },
                { CKM_SHA256_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, "SHA256", ALG_SIGN | ALG_VERIFY },
                { CKM_SHA384_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, "SHA384", ALG_SIGN | ALG_VERIFY },
                { CKM_SHA512_RSA_PKCS, CKK_RSA, SCHEME_RSA_PKCS1, "SHA512", ALG_SIGN | ALG_VERIFY },
                { CKM_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, NULL, ALG_SIGN | ALG_VERIFY },
                { CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, "SHA256", ALG_SIGN | ALG_VERIFY },
                { CKM_SHA384_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, "SHA384", ALG_SIGN | ALG_VERIFY },
                { CKM_SHA512_RSA_PKCS_PSS, CKK_RSA, SCHEME_RSA_PSS, "SHA512", ALG_SIGN | ALG_VERIFY },
                { CKM_RSA_PKCS_OAEP, CKK_RSA, SCHEME_RSA_OAEP, NULL, ALG_DECRYPT | ALG_ENCRYPT },
                { CKM_RSA_X_509, CKK_RSA, SCHEME_RSA_RAW, NULL, ALG_SIGN | ALG_VERIFY | ALG_DECRYPT | ALG_ENCRYPT },
                { CKM_SHA256_HMAC, CKK_GENERIC_SECRET, SCHEME_HMAC, "SHA256", ALG_SIGN | ALG_VERIFY },
        };
        size_t i;

        (void)state;
        for (i = 0; i < ARRAY_LEN(want); i++) {
                const struct alg *a = alg_by_ckm(want[i].ckm);

                assert_non_null(a);
                assert_int_equal(a->ckk, want[i].ckk);
                assert_int_equal(a->scheme, want[i].scheme);
                assert_ptr_equal(a->hash, want[i].hash ? hash_by_name(want[i].hash) : NULL);
                assert_int_equal(a->ops, want[i].ops);
        }
        assert_non_null(alg_at(i - 1));
        assert_null(alg_at(i));
        assert_null(alg_by_ckm(CKM_DSA));
}

/* RFC 8152 table 5 and 7, RFC 8230, RFC 8812; RFC 5656, RFC 8332 */
static void other_worlds_names(void **state)
{
        (void)state;
        assert_string_equal(alg_by_ckm(CKM_ECDSA_SHA256)->name, "ES256");
        assert_int_equal(alg_by_ckm(CKM_ECDSA_SHA256)->cose, -7);
        assert_string_equal(alg_by_ckm(CKM_ECDSA_SHA256)->ssh, "ecdsa-sha2-nistp256");
        assert_int_equal(alg_by_ckm(CKM_ECDSA_SHA384)->cose, -35);
        assert_int_equal(alg_by_ckm(CKM_ECDSA_SHA512)->cose, -36);
        assert_int_equal(alg_by_ckm(CKM_SHA256_RSA_PKCS_PSS)->cose, -37);
        assert_int_equal(alg_by_ckm(CKM_SHA256_RSA_PKCS)->cose, -257);
        assert_string_equal(alg_by_ckm(CKM_SHA512_RSA_PKCS)->ssh, "rsa-sha2-512");
        assert_int_equal(alg_by_ckm(CKM_SHA256_HMAC)->cose, 5);
}

static void kinds_of_key(void **state)
{
        static const char *const names[] = { "P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "RSA-4096", "HMAC-SHA256" };
        const struct key_kind *k;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                k = key_kind_at(i);
                assert_string_equal(k->name, names[i]);
                assert_ptr_equal(key_kind_by_name(names[i]), k);
                assert_int_equal(k->ckk == CKK_EC, k->curve != NULL);
                assert_int_equal(k->ckk == CKK_RSA, k->bits != 0);
                assert_int_equal(k->ckk == CKK_GENERIC_SECRET, k->hash != NULL);
                if (k->curve)
                        assert_string_equal(k->curve->name, k->name);
                if (k->bits)
                        assert_int_equal(k->bits, atoi(k->name + 4));
        }
        assert_null(key_kind_at(ARRAY_LEN(names)));
        assert_ptr_equal(key_kind_by_name("rsa-2048"), key_kind_by_name("RSA-2048"));
        assert_null(key_kind_by_name("RSA-1024"));
        assert_null(key_kind_by_name(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hashes_are_openssls),
                cmocka_unit_test(hashes_are_found),
                cmocka_unit_test(curves_are_openssls),
                cmocka_unit_test(mechanisms_are_those_promised),
                cmocka_unit_test(other_worlds_names),
                cmocka_unit_test(kinds_of_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
