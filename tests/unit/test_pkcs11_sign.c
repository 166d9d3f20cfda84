/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Sign*: every signature is checked by OpenSSL; the two-call protocol is exact. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_OBJECT_HANDLE ec_pub, ec_priv, rsa_pub, rsa_priv;
static EVP_PKEY *ec_key, *rsa_key;

static CK_BYTE message[100000];

static void hash_of(CK_MECHANISM_TYPE ckm, const void *p, size_t n, unsigned char *out, unsigned *len)
{
        assert_int_equal(EVP_Digest(p, n, out, len, EVP_get_digestbyname(hash_by_ckm(ckm)->name), NULL), 1);
}

static CK_ULONG sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, const void *data, size_t len, CK_BYTE *sig)
{
        CK_ULONG n = 512;

        assert_int_equal(token.f->C_SignInit(token.s, m, key), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, (CK_BYTE *)data, len, sig, &n), CKR_OK);
        return n;
}

static void ecdsa_of_every_digest_length(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        static const size_t lengths[] = { 1, 20, 28, 31, 32, 33, 48, 64 };
        CK_BYTE sig[512], digest[64];
        size_t i;

        (void)state;
        memset(digest, 0xa5, sizeof(digest));
        for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                assert_int_equal(sign(&m, ec_priv, digest, lengths[i], sig), 64);
                assert_int_equal(token_verifies(ec_key, &(struct token_check){ 0 }, digest, lengths[i], sig, 64), 1);
        }
}

static void ecdsa_refuses_no_digest_and_one_too_long(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 0, sig, &n), CKR_DATA_LEN_RANGE);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 65, sig, &n), CKR_DATA_LEN_RANGE);
        assert_int_equal(token.f->C_Sign(token.s, message, 32, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
}

/* In parts, in one, with size questions and too little room in between: the message that was given gets signed. */
static void hashing_mechanisms_sign_the_whole_message(void **state)
{
        static const struct {
                CK_MECHANISM_TYPE ckm, hash;
                int rsa, pad;
        } rows[] = {
                { CKM_ECDSA_SHA256, CKM_SHA256, 0, 0 },
                { CKM_ECDSA_SHA384, CKM_SHA384, 0, 0 },
                { CKM_ECDSA_SHA512, CKM_SHA512, 0, 0 },
                { CKM_SHA256_RSA_PKCS, CKM_SHA256, 1, RSA_PKCS1_PADDING },
                { CKM_SHA384_RSA_PKCS, CKM_SHA384, 1, RSA_PKCS1_PADDING },
                { CKM_SHA512_RSA_PKCS, CKM_SHA512, 1, RSA_PKCS1_PADDING },
                { CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, 1, RSA_PKCS1_PSS_PADDING },
                { CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, 1, RSA_PKCS1_PSS_PADDING },
                { CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, 1, RSA_PKCS1_PSS_PADDING },
        };
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const struct hash *h = hash_by_ckm(rows[i].hash);
                CK_RSA_PKCS_PSS_PARAMS pss = { h->ckm, h->ckg_mgf, h->size };
                CK_MECHANISM m = { rows[i].ckm, rows[i].pad == RSA_PKCS1_PSS_PADDING ? &pss : NULL,
                                   rows[i].pad == RSA_PKCS1_PSS_PADDING ? sizeof(pss) : 0 };
                struct token_check how = { rows[i].rsa ? h->name : NULL, rows[i].pad, (int)h->size, NULL };
                CK_OBJECT_HANDLE key = rows[i].rsa ? rsa_priv : ec_priv;
                EVP_PKEY *pub = rows[i].rsa ? rsa_key : ec_key;
                CK_ULONG n, size = rows[i].rsa ? 256 : 64;
                CK_BYTE sig[512], digest[64];
                unsigned len;

                hash_of(rows[i].hash, message, sizeof(message), digest, &len);
                assert_int_equal(sign(&m, key, message, sizeof(message), sig), size);
                assert_int_equal(token_verifies(pub, &how, digest, len, sig, size), 1);

                assert_int_equal(token.f->C_SignInit(token.s, &m, key), CKR_OK);
                assert_int_equal(token.f->C_SignUpdate(token.s, message, 1), CKR_OK);
                n = 0;
                assert_int_equal(token.f->C_SignFinal(token.s, NULL, &n), CKR_OK);
                assert_int_equal(n, size);
                assert_int_equal(token.f->C_SignUpdate(token.s, message + 1, sizeof(message) - 1), CKR_OK);
                n = size - 1;
                assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_BUFFER_TOO_SMALL);
                assert_int_equal(n, size);
                memset(sig, 0x77, sizeof(sig));
                assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_OK);
                assert_int_equal(sig[size], 0x77);
                assert_int_equal(token_verifies(pub, &how, digest, len, sig, size), 1);
                assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
        }
}

static void size_question_and_small_buffer_keep_a_one_shot(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE sig[65];
        CK_ULONG n = 7;

        (void)state;
        memset(sig, 0x77, sizeof(sig));
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 32, NULL, &n), CKR_OK);
        assert_int_equal(n, 64);
        n = 63;
        assert_int_equal(token.f->C_Sign(token.s, message, 32, sig, &n), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(n, 64);
        assert_int_equal(sig[0], 0x77);
        assert_int_equal(token.f->C_Sign(token.s, message, 32, sig, &n), CKR_OK);
        assert_int_equal(sig[64], 0x77);
        assert_int_equal(token_verifies(ec_key, &(struct token_check){ 0 }, message, 32, sig, 64), 1);
}

static void one_shot_and_parts_do_not_mix(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OPERATION_ACTIVE);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 10), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 10, sig, &n), CKR_OPERATION_ACTIVE);
        assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void bad_arguments_end_the_operation(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 1, sig, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_Sign(token.s, message, 1, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, NULL, 1, sig, &n), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void null_mechanism_and_session_cancel_end_it(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, NULL, ec_priv), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignInit(token.s, NULL, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SessionCancel(token.s, CKF_VERIFY | CKF_DECRYPT), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1), CKR_OK);
        assert_int_equal(token.f->C_SessionCancel(token.s, CKF_SIGN), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1), CKR_OPERATION_NOT_INITIALIZED);
}

static void pss_with_any_salt_and_mask(void **state)
{
        static const CK_ULONG salts[] = { 0, 1, 20, 32, 64, 222 };
        CK_BYTE sig[512], digest[32];
        size_t i;

        (void)state;
        SHA256(message, 100, digest);
        for (i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
                CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, i % 2 == 0 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA384, salts[i] };
                CK_MECHANISM m = { CKM_RSA_PKCS_PSS, &pss, sizeof(pss) };
                struct token_check how = { "SHA256", RSA_PKCS1_PSS_PADDING, (int)salts[i], i % 2 == 0 ? "SHA256" : "SHA384" };

                assert_int_equal(sign(&m, rsa_priv, digest, 32, sig), 256);
                assert_int_equal(token_verifies(rsa_key, &how, digest, 32, sig, 256), 1);
        }
}

static void pss_refuses_what_does_not_fit_together(void **state)
{
        CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA384, CKG_MGF1_SHA384, 48 };
        CK_MECHANISM m = { CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof(pss) };
        CK_BYTE sig[256];
        CK_ULONG n = sizeof(sig);

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, 99, 32 };
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, 223 };
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        pss.sLen = (CK_ULONG)-1;
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        m.ulParameterLen = 3;
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        m.pParameter = NULL;
        m.ulParameterLen = 0;
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);

        pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, 32 };
        m = (CK_MECHANISM){ CKM_RSA_PKCS_PSS, &pss, sizeof(pss) };
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 31, sig, &n), CKR_DATA_LEN_RANGE);
}

static void raw_pkcs1_signs_what_it_is_given(void **state)
{
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
        unsigned char prefixed[19 + 32] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                            0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
        CK_BYTE sig[512];
        CK_ULONG n = sizeof(sig);

        (void)state;
        SHA256(message, 100, prefixed + 19);
        assert_int_equal(sign(&m, rsa_priv, prefixed, sizeof(prefixed), sig), 256);
        assert_int_equal(token_verifies(rsa_key, &(struct token_check){ "SHA256", RSA_PKCS1_PADDING, 0, NULL }, prefixed + 19, 32, sig, 256), 1);

        /* What is no DigestInfo at all: TLS 1.1's MD5 and SHA-1 side by side, up to the longest. */
        assert_int_equal(sign(&m, rsa_priv, message, 36, sig), 256);
        assert_int_equal(token_verifies(rsa_key, &(struct token_check){ NULL, RSA_PKCS1_PADDING, 0, NULL }, message, 36, sig, 256), 1);
        assert_int_equal(sign(&m, rsa_priv, message, 245, sig), 256);
        assert_int_equal(token_verifies(rsa_key, &(struct token_check){ NULL, RSA_PKCS1_PADDING, 0, NULL }, message, 245, sig, 256), 1);
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, message, 246, sig, &n), CKR_DATA_LEN_RANGE);
}

static void raw_mechanisms_gather_parts(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 20), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message + 20, 12), CKR_OK);
        assert_int_equal(token.f->C_SignFinal(token.s, sig, &n), CKR_OK);
        assert_int_equal(token_verifies(ec_key, &(struct token_check){ 0 }, message, 32, sig, 64), 1);
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 5000), CKR_DATA_LEN_RANGE);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1), CKR_OPERATION_NOT_INITIALIZED);
}

static void larger_curves(void **state)
{
        static const struct {
                const char *name;
                CK_ULONG size;
                CK_MECHANISM_TYPE hashing, hash;
        } rows[] = {
                { "P-384", 96, CKM_ECDSA_SHA384, CKM_SHA384 },
                { "P-521", 132, CKM_ECDSA_SHA512, CKM_SHA512 },
        };
        size_t i, n;

        (void)state;
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                CK_MECHANISM m = { CKM_ECDSA, NULL, 0 }, hashing = { rows[i].hashing, NULL, 0 };
                CK_OBJECT_HANDLE pub, priv;
                CK_BYTE sig[512], digest[64];
                EVP_PKEY *key;
                unsigned len;

                token_ec_pair(&token, rows[i].name, &pub, &priv);
                key = token_public(&token, pub);
                for (n = 20; n <= 64; n += 4) {
                        assert_int_equal(sign(&m, priv, message, n, sig), rows[i].size);
                        assert_int_equal(token_verifies(key, &(struct token_check){ 0 }, message, n, sig, rows[i].size), 1);
                }
                hash_of(rows[i].hash, message, 77, digest, &len);
                assert_int_equal(sign(&hashing, priv, message, 77, sig), rows[i].size);
                assert_int_equal(token_verifies(key, &(struct token_check){ 0 }, digest, len, sig, rows[i].size), 1);
                EVP_PKEY_free(key);
        }
}

static void wrong_keys_and_mechanisms_are_refused(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE junk = 0;

        (void)state;
        assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_KEY_TYPE_INCONSISTENT);
        assert_int_equal(token.f->C_SignInit(token.s, &m, 0), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(token.f->C_SignInit(token.s, &m, 0xdeadbeef), CKR_KEY_HANDLE_INVALID);
        m.pParameter = &junk;
        m.ulParameterLen = 1;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_MECHANISM_PARAM_INVALID);
        m = (CK_MECHANISM){ CKM_AES_CBC, NULL, 0 };
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_MECHANISM_INVALID);
        m.mechanism = CKM_SHA256;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_MECHANISM_INVALID);
        m.mechanism = CKM_ECDH1_DERIVE;
        assert_int_equal(token.f->C_SignInit(token.s, &m, ec_priv), CKR_MECHANISM_INVALID);
}

static int group_setup(void **state)
{
        size_t i;

        *state = &token;
        for (i = 0; i < sizeof(message); i++)
                message[i] = (CK_BYTE)(i * 7 + i / 251);
        if (token_start(&token, NULL, 0) != 0 || token_session(state) != 0)
                return -1;
        token_ec_pair(&token, "P-256", &ec_pub, &ec_priv);
        token_rsa_pair(&token, 2048, &rsa_pub, &rsa_priv);
        ec_key = token_public(&token, ec_pub);
        rsa_key = token_public(&token, rsa_pub);
        return 0;
}

static int group_teardown(void **state)
{
        (void)state;
        EVP_PKEY_free(ec_key);
        EVP_PKEY_free(rsa_key);
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                TEST(ecdsa_of_every_digest_length),
                TEST(ecdsa_refuses_no_digest_and_one_too_long),
                TEST(hashing_mechanisms_sign_the_whole_message),
                TEST(size_question_and_small_buffer_keep_a_one_shot),
                TEST(one_shot_and_parts_do_not_mix),
                TEST(bad_arguments_end_the_operation),
                TEST(null_mechanism_and_session_cancel_end_it),
                TEST(pss_with_any_salt_and_mask),
                TEST(pss_refuses_what_does_not_fit_together),
                TEST(raw_pkcs1_signs_what_it_is_given),
                TEST(raw_mechanisms_gather_parts),
                TEST(larger_curves),
                TEST(wrong_keys_and_mechanisms_are_refused),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
