/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DeriveKey: the secret is the one that the other side gets by OpenSSL. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <string.h>
#include "tests/token.h"

static struct token token;
static CK_OBJECT_HANDLE ec_pub, ec_priv;
static EVP_PKEY *peer;
static CK_BYTE point[200], z[64];
static CK_ULONG point_len;
static size_t z_len;

static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
static CK_KEY_TYPE type = CKK_GENERIC_SECRET;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_RV derive(CK_ECDH1_DERIVE_PARAMS *p, CK_ULONG value_len, CK_OBJECT_HANDLE *ret)
{
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, p, sizeof(*p) };
        CK_ATTRIBUTE t[] = {
                { CKA_CLASS, &class, sizeof(class) },     { CKA_KEY_TYPE, &type, sizeof(type) },   { CKA_TOKEN, &no, sizeof(no) },
                { CKA_SENSITIVE, &no, sizeof(no) },       { CKA_EXTRACTABLE, &yes, sizeof(yes) },  { CKA_SIGN, &yes, sizeof(yes) },
                { CKA_VALUE_LEN, &value_len, sizeof(value_len) },
        };

        return token.f->C_DeriveKey(token.s, &m, ec_priv, t, value_len != 0 ? 7 : 6, ret);
}

static CK_ULONG value_of(CK_OBJECT_HANDLE key, CK_BYTE *out)
{
        CK_ATTRIBUTE a = { CKA_VALUE, out, 512 };

        assert_int_equal(token.f->C_GetAttributeValue(token.s, key, &a, 1), CKR_OK);
        return a.ulValueLen;
}

static void both_sides_get_the_same_secret(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_BYTE der[202] = { 0x04, 65 }, value[512];
        CK_OBJECT_HANDLE key;

        (void)state;
        assert_int_equal(derive(&p, 0, &key), CKR_OK);
        assert_int_equal(value_of(key, value), z_len);
        assert_memory_equal(value, z, z_len);

        /* The point wrapped in an OCTET STRING, as some programs send it. */
        memcpy(der + 2, point, point_len);
        p.pPublicData = der;
        p.ulPublicDataLen = point_len + 2;
        assert_int_equal(derive(&p, 32, &key), CKR_OK);
        assert_int_equal(value_of(key, value), 32);
        assert_memory_equal(value, z, 32);
}

static void truncation_takes_the_leading_octets(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_BYTE value[512];
        CK_OBJECT_HANDLE key;

        (void)state;
        assert_int_equal(derive(&p, 16, &key), CKR_OK);
        assert_int_equal(value_of(key, value), 16);
        assert_memory_equal(value, z + 16, 16);
        assert_int_equal(derive(&p, 33, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void x963_kdf_is_openssls(void **state)
{
        static const struct {
                unsigned long ckd;
                const char *md;
        } rows[] = { { CKD_SHA1_KDF, "SHA1" }, { CKD_SHA256_KDF, "SHA256" }, { CKD_SHA384_KDF, "SHA384" }, { CKD_SHA512_KDF, "SHA512" } };
        CK_BYTE info[] = "who talks to whom", want[100], value[512];
        CK_OBJECT_HANDLE key;
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                CK_ECDH1_DERIVE_PARAMS p = { rows[i].ckd, sizeof(info), info, point_len, point };
                EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
                EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
                OSSL_PARAM params[] = {
                        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)rows[i].md, 0),
                        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z, z_len),
                        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info)),
                        OSSL_PARAM_construct_end(),
                };

                assert_int_equal(EVP_KDF_derive(ctx, want, sizeof(want), params), 1);
                EVP_KDF_CTX_free(ctx);
                EVP_KDF_free(kdf);
                assert_int_equal(derive(&p, sizeof(want), &key), CKR_OK);
                assert_int_equal(value_of(key, value), sizeof(want));
                assert_memory_equal(value, want, sizeof(want));
        }
}

static void wrong_parameters_and_points(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_BYTE off[65];
        CK_OBJECT_HANDLE key;

        (void)state;
        memcpy(off, point, 65);
        off[64] ^= 1;
        p.pPublicData = off;
        assert_int_equal(derive(&p, 0, &key), CKR_MECHANISM_PARAM_INVALID);
        p.ulPublicDataLen = 64;
        assert_int_equal(derive(&p, 0, &key), CKR_MECHANISM_PARAM_INVALID);
        p.pPublicData = NULL;
        assert_int_equal(derive(&p, 0, &key), CKR_MECHANISM_PARAM_INVALID);
        p = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 3, off, point_len, point };
        assert_int_equal(derive(&p, 0, &key), CKR_MECHANISM_PARAM_INVALID);
        p = (CK_ECDH1_DERIVE_PARAMS){ CKD_CPDIVERSIFY_KDF, 0, NULL, point_len, point };
        assert_int_equal(derive(&p, 0, &key), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(token.f->C_DeriveKey(token.s, NULL, ec_priv, NULL, 0, &key), CKR_ARGUMENTS_BAD);
}

static void templates_that_cannot_be(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof(p) };
        CK_ULONG len = 32, none = 0, long_one = 1025;
        CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof(len) }, { CKA_VALUE_LEN, &len, sizeof(len) } };
        CK_OBJECT_HANDLE key;

        (void)state;
        assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, t, (CK_ULONG)-1, &key), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, t, 2, &key), CKR_TEMPLATE_INCONSISTENT);
        t[0].ulValueLen = 4;
        assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, t, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        t[0] = (CK_ATTRIBUTE){ CKA_VALUE_LEN, &none, sizeof(none) };
        assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, t, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        t[0].pValue = &long_one;
        assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, t, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void a_derived_secret_can_be_digested_and_makes_hmacs(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_MECHANISM sha = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
        CK_BYTE got[32], want[32];
        CK_OBJECT_HANDLE key;
        CK_ULONG n = sizeof(got);
        unsigned len;

        (void)state;
        assert_int_equal(derive(&p, 0, &key), CKR_OK);
        assert_int_equal(token.f->C_DigestInit(token.s, &sha), CKR_OK);
        assert_int_equal(token.f->C_DigestKey(token.s, key), CKR_OK);
        assert_int_equal(token.f->C_DigestFinal(token.s, got, &n), CKR_OK);
        assert_int_equal(EVP_Digest(z, z_len, want, &len, EVP_sha256(), NULL), 1);
        assert_memory_equal(got, want, 32);

        assert_int_equal(token.f->C_SignInit(token.s, &hmac, key), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, point, 65, got, &n), CKR_OK);
        assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, z, z_len, point, 65, want, sizeof(want), NULL));
        assert_memory_equal(got, want, 32);
}

static void a_session_secret_goes_with_its_session(void **state)
{
        CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, point_len, point };
        CK_ATTRIBUTE a = { CKA_VALUE, NULL, 0 };
        CK_OBJECT_HANDLE key;

        (void)state;
        assert_int_equal(derive(&p, 0, &key), CKR_OK);
        assert_int_equal(token.f->C_CloseSession(token.s), CKR_OK);
        assert_int_equal(token_session(state), 0);
        assert_int_equal(token.f->C_GetAttributeValue(token.s, key, &a, 1), CKR_OBJECT_HANDLE_INVALID);
}

static void peers_secret(void)
{
        EVP_PKEY *ours = token_public(&token, ec_pub);
        EVP_PKEY_CTX *ctx;

        peer = EVP_EC_gen("P-256");
        assert_int_equal(EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &point_len), 1);
        ctx = EVP_PKEY_CTX_new(peer, NULL);
        z_len = sizeof(z);
        assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, ours), 1);
        assert_int_equal(EVP_PKEY_derive(ctx, z, &z_len), 1);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(ours);
}

static int group_setup(void **state)
{
        *state = &token;
        if (token_start(&token, NULL, 0) != 0 || token_session(state) != 0)
                return -1;
        token_ec_pair(&token, "P-256", &ec_pub, &ec_priv);
        peers_secret();
        return 0;
}

static int group_teardown(void **state)
{
        (void)state;
        EVP_PKEY_free(peer);
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                TEST(both_sides_get_the_same_secret),
                TEST(truncation_takes_the_leading_octets),
                TEST(x963_kdf_is_openssls),
                TEST(wrong_parameters_and_points),
                TEST(templates_that_cannot_be),
                TEST(a_derived_secret_can_be_digested_and_makes_hmacs),
                TEST(a_session_secret_goes_with_its_session),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
