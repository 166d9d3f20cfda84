/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Encrypt* and C_Decrypt*: against OpenSSL, both ways; nothing past the caller's room; no padding oracle. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/rsa.h>
#include <string.h>
#include "tests/token.h"

static struct token token;
static CK_OBJECT_HANDLE rsa_pub, rsa_priv;
static EVP_PKEY *rsa_key;
static CK_BYTE secret[32] = "thirty-two octets, not one less";

static void openssl_encrypt(int pad, const char *md, const char *mgf, const char *label, const CK_BYTE *in, size_t len, CK_BYTE out[256])
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa_key, NULL);
        size_t n = 256;

        assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, pad), 1);
        if (md != NULL) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_get_digestbyname(md)), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(mgf)), 1);
        }
        if (label != NULL)
                assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(label), (int)strlen(label)), 1);
        assert_int_equal(EVP_PKEY_encrypt(ctx, out, &n, in, len), 1);
        assert_int_equal(n, 256);
        EVP_PKEY_CTX_free(ctx);
}

static CK_RV decrypt(CK_MECHANISM *m, CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
        assert_int_equal(token.f->C_DecryptInit(token.s, m, rsa_priv), CKR_OK);
        return token.f->C_Decrypt(token.s, in, len, out, out_len);
}

static const struct {
        CK_MECHANISM_TYPE hash;
        CK_RSA_PKCS_MGF_TYPE mgf;
        const char *md, *mgf_md, *label;
} oaep_rows[] = {
        { CKM_SHA_1, CKG_MGF1_SHA1, "SHA1", "SHA1", NULL },
        { CKM_SHA256, CKG_MGF1_SHA256, "SHA256", "SHA256", NULL },
        { CKM_SHA384, CKG_MGF1_SHA384, "SHA384", "SHA384", NULL },
        { CKM_SHA512, CKG_MGF1_SHA512, "SHA512", "SHA512", NULL },
        { CKM_SHA256, CKG_MGF1_SHA1, "SHA256", "SHA1", NULL },
        { CKM_SHA256, CKG_MGF1_SHA256, "SHA256", "SHA256", "a label" },
        { CKM_SHA_1, CKG_MGF1_SHA256, "SHA1", "SHA256", "another" },
};

static void oaep_with_any_hash_mask_and_label(void **state)
{
        CK_BYTE block[256], out[256];
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(oaep_rows) / sizeof(oaep_rows[0]); i++) {
                CK_RSA_PKCS_OAEP_PARAMS oaep = { oaep_rows[i].hash, oaep_rows[i].mgf, CKZ_DATA_SPECIFIED, (void *)oaep_rows[i].label,
                                                 oaep_rows[i].label != NULL ? strlen(oaep_rows[i].label) : 0 };
                CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
                CK_ULONG n = sizeof(out);

                openssl_encrypt(RSA_PKCS1_OAEP_PADDING, oaep_rows[i].md, oaep_rows[i].mgf_md, oaep_rows[i].label, secret, sizeof(secret), block);
                assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_OK);
                assert_int_equal(n, sizeof(secret));
                assert_memory_equal(out, secret, sizeof(secret));

                /* And back through our own encryption. */
                n = sizeof(block);
                assert_int_equal(token.f->C_EncryptInit(token.s, &m, rsa_pub), CKR_OK);
                assert_int_equal(token.f->C_Encrypt(token.s, secret, 20, block, &n), CKR_OK);
                assert_int_equal(n, 256);
                assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_OK);
                assert_int_equal(n, 20);
                assert_memory_equal(out, secret, 20);

                /* Another label, another result: none. */
                oaep.pSourceData = (void *)"other";
                oaep.ulSourceDataLen = 5;
                n = sizeof(out);
                assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_ENCRYPTED_DATA_INVALID);
                assert_int_equal(token.f->C_Decrypt(token.s, block, 256, out, &n), CKR_OPERATION_NOT_INITIALIZED);
        }
}

static void oaep_parameters_are_checked(void **state)
{
        CK_RSA_PKCS_OAEP_PARAMS good = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 }, p;
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };

        (void)state;
        p = good;
        p.source = 0;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_DecryptInit(token.s, NULL, rsa_priv), CKR_OK);
        p.source = 7;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        p = good;
        p.ulSourceDataLen = 1;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        p = good;
        p.hashAlg = CKM_RSA_PKCS;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        p = good;
        p.mgf = 0;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
        m = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, NULL, 0 };
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_PARAM_INVALID);
}

static void the_caller_may_ask_and_come_with_too_little(void **state)
{
        CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
        CK_BYTE block[256], out[64];
        CK_ULONG n = 0;

        (void)state;
        openssl_encrypt(RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, secret, sizeof(secret), block);
        memset(out, 0x77, sizeof(out));
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_Decrypt(token.s, block, 256, NULL, &n), CKR_OK);
        assert_int_equal(n, 256);
        n = 31;
        assert_int_equal(token.f->C_Decrypt(token.s, block, 256, out, &n), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(n, 32);
        assert_int_equal(out[0], 0x77);
        assert_int_equal(token.f->C_Decrypt(token.s, block, 256, out, &n), CKR_OK);
        assert_memory_equal(out, secret, 32);
        assert_int_equal(out[32], 0x77);

        /* Coming back with another block, one does not get the first one's plaintext. */
        n = 1;
        assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_BUFFER_TOO_SMALL);
        openssl_encrypt(RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, (const CK_BYTE *)"other", 5, block);
        n = sizeof(out);
        assert_int_equal(token.f->C_Decrypt(token.s, block, 256, out, &n), CKR_OK);
        assert_int_equal(n, 5);
        assert_memory_equal(out, "other", 5);
}

static void lengths_are_checked_and_failures_end_it(void **state)
{
        CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
        CK_BYTE block[257] = { 0 }, out[256];
        CK_ULONG n = sizeof(out);

        (void)state;
        assert_int_equal(decrypt(&m, block, 255, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
        assert_int_equal(decrypt(&m, block, 257, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
        memset(block, 0xff, sizeof(block));
        assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_ENCRYPTED_DATA_INVALID);
        assert_int_equal(token.f->C_Decrypt(token.s, block, 256, out, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(decrypt(&m, NULL, 256, out, &n), CKR_ARGUMENTS_BAD);

        assert_int_equal(token.f->C_EncryptInit(token.s, &m, rsa_pub), CKR_OK);
        n = 255;
        assert_int_equal(token.f->C_Encrypt(token.s, secret, 32, block, &n), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(n, 256);
        assert_int_equal(token.f->C_Encrypt(token.s, out, 191, block, &n), CKR_DATA_LEN_RANGE);
        assert_int_equal(token.f->C_Encrypt(token.s, out, 1, block, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void parts_are_refused(void **state)
{
        CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
        CK_BYTE out[256];
        CK_ULONG n = sizeof(out);

        (void)state;
        assert_int_equal(token.f->C_DecryptUpdate(token.s, secret, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_DecryptUpdate(token.s, secret, 1, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(token.f->C_DecryptFinal(token.s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_EncryptInit(token.s, &m, rsa_pub), CKR_OK);
        assert_int_equal(token.f->C_EncryptFinal(token.s, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(token.f->C_EncryptUpdate(token.s, secret, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void pkcs1_encryption_is_offered_and_its_decryption_not(void **state)
{
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
        CK_MECHANISM_INFO info;
        CK_BYTE block[256];
        CK_ULONG n = sizeof(block);

        (void)state;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_INVALID);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_RSA_PKCS, &info), CKR_OK);
        assert_int_equal(info.flags & CKF_DECRYPT, 0);
        assert_int_equal(token.f->C_EncryptInit(token.s, &m, rsa_pub), CKR_OK);
        assert_int_equal(token.f->C_Encrypt(token.s, secret, 32, block, &n), CKR_OK);
}

/* With the switch on. */
static void pkcs1_decrypts_and_bad_padding_gives_a_stable_something(void **state)
{
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
        CK_BYTE block[256], bad[256], out[256], again[256];
        CK_ULONG n = sizeof(out), n2 = sizeof(again);
        int i, differ = 0;

        (void)state;
        openssl_encrypt(RSA_PKCS1_PADDING, NULL, NULL, NULL, secret, sizeof(secret), block);
        assert_int_equal(decrypt(&m, block, 256, out, &n), CKR_OK);
        assert_int_equal(n, sizeof(secret));
        assert_memory_equal(out, secret, sizeof(secret));

        for (i = 0; i < 8; i++) {
                memset(bad, 0, sizeof(bad));
                bad[255] = (CK_BYTE)(i + 2);
                n = sizeof(out);
                n2 = sizeof(again);
                assert_int_equal(decrypt(&m, bad, 256, out, &n), CKR_OK);
                assert_int_equal(decrypt(&m, bad, 256, again, &n2), CKR_OK);
                assert_int_equal(n, n2);
                assert_in_range(n, 0, 245);
                assert_memory_equal(out, again, n);
                differ += n != sizeof(secret);
        }
        assert_in_range(differ, 1, 8);
}

static int start(void **state, const char *conf)
{
        *state = &token;
        if (token_start(&token, conf, 0) != 0 || token_session(state) != 0)
                return -1;
        token_rsa_pair(&token, 2048, &rsa_pub, &rsa_priv);
        rsa_key = token_public(&token, rsa_pub);
        return 0;
}

static int as_it_comes(void **state)
{
        return start(state, NULL);
}

static int switched_on(void **state)
{
        return start(state, "[pkcs11]\nrsa-pkcs1-decrypt = yes\n");
}

static int stop(void **state)
{
        (void)state;
        EVP_PKEY_free(rsa_key);
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                TEST(oaep_with_any_hash_mask_and_label),
                TEST(oaep_parameters_are_checked),
                TEST(the_caller_may_ask_and_come_with_too_little),
                TEST(lengths_are_checked_and_failures_end_it),
                TEST(parts_are_refused),
                TEST(pkcs1_encryption_is_offered_and_its_decryption_not),
        };
        const struct CMUnitTest with_pkcs1[] = {
                TEST(pkcs1_decrypts_and_bad_padding_gives_a_stable_something),
        };

        return cmocka_run_group_tests(tests, as_it_comes, stop) + cmocka_run_group_tests(with_pkcs1, switched_on, stop);
}
