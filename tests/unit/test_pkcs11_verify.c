/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Verify*: takes what OpenSSL and our own keys signed, and nothing else. HMAC both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_OBJECT_HANDLE ec_pub, ec_priv, rsa_pub, rsa_priv;
static CK_BYTE message[3000];

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG sig_len)
{
        assert_int_equal(token.f->C_VerifyInit(token.s, m, key), CKR_OK);
        return token.f->C_Verify(token.s, data, len, sig, sig_len);
}

static void sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
        *sig_len = 512;
        assert_int_equal(token.f->C_SignInit(token.s, m, key), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, data, len, sig, sig_len), CKR_OK);
}

/* Right signature yes; another message, a changed bit, another length no. */
static void check_all(CK_MECHANISM *m, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv, CK_ULONG len)
{
        CK_BYTE sig[512];
        CK_ULONG n;

        sign(m, priv, message, len, sig, &n);
        assert_int_equal(verify(m, pub, message, len, sig, n), CKR_OK);
        message[0] ^= 1;
        assert_int_equal(verify(m, pub, message, len, sig, n), CKR_SIGNATURE_INVALID);
        message[0] ^= 1;
        sig[n - 1] ^= 1;
        assert_int_equal(verify(m, pub, message, len, sig, n), CKR_SIGNATURE_INVALID);
        sig[n - 1] ^= 1;
        assert_int_equal(verify(m, pub, message, len, sig, n - 1), CKR_SIGNATURE_LEN_RANGE);
        assert_int_equal(verify(m, pub, message, len, sig, n + 1), CKR_SIGNATURE_LEN_RANGE);
        assert_int_equal(token.f->C_Verify(token.s, message, len, sig, n), CKR_OPERATION_NOT_INITIALIZED);
}

static void every_mechanism_tells_right_from_wrong(void **state)
{
        CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
        CK_MECHANISM plain[] = { { CKM_RSA_PKCS, NULL, 0 }, { CKM_SHA256_RSA_PKCS, NULL, 0 }, { CKM_SHA512_RSA_PKCS, NULL, 0 },
                                 { CKM_RSA_PKCS_PSS, &pss, sizeof(pss) }, { CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof(pss) } };
        CK_MECHANISM ec[] = { { CKM_ECDSA, NULL, 0 }, { CKM_ECDSA_SHA256, NULL, 0 }, { CKM_ECDSA_SHA384, NULL, 0 }, { CKM_ECDSA_SHA512, NULL, 0 } };
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
                check_all(&plain[i], rsa_pub, rsa_priv, 32);
        for (i = 0; i < sizeof(ec) / sizeof(ec[0]); i++)
                check_all(&ec[i], ec_pub, ec_priv, 32);
}

static void parts_equal_the_whole(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
        CK_BYTE sig[512];
        CK_ULONG n;

        (void)state;
        sign(&m, ec_priv, message, sizeof(message), sig, &n);
        assert_int_equal(token.f->C_VerifyInit(token.s, &m, ec_pub), CKR_OK);
        assert_int_equal(token.f->C_VerifyUpdate(token.s, message, 1000), CKR_OK);
        assert_int_equal(token.f->C_VerifyUpdate(token.s, message + 1000, sizeof(message) - 1000), CKR_OK);
        assert_int_equal(token.f->C_VerifyFinal(token.s, sig, n), CKR_OK);
        assert_int_equal(token.f->C_VerifyInit(token.s, &m, ec_pub), CKR_OK);
        assert_int_equal(token.f->C_VerifyUpdate(token.s, message, 1000), CKR_OK);
        assert_int_equal(token.f->C_Verify(token.s, message, 1000, sig, n), CKR_OPERATION_ACTIVE);
        assert_int_equal(token.f->C_VerifyFinal(token.s, sig, n), CKR_OPERATION_NOT_INITIALIZED);
}

/* The number every signature scheme must refuse: r and s zero, one, and the order. */
static void ecdsa_refuses_degenerate_signatures(void **state)
{
        static const CK_BYTE order[32] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
                                           0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE sig[64] = { 0 }, digest[32] = { 0 };

        (void)state;
        assert_int_equal(verify(&m, ec_pub, digest, 32, sig, 64), CKR_SIGNATURE_INVALID);
        memcpy(sig, order, 32);
        memcpy(sig + 32, order, 32);
        assert_int_equal(verify(&m, ec_pub, digest, 32, sig, 64), CKR_SIGNATURE_INVALID);
        memset(sig, 0xff, 64);
        assert_int_equal(verify(&m, ec_pub, digest, 32, sig, 64), CKR_SIGNATURE_INVALID);
}

/* The public half that somebody brings along, in a session that can change nothing. */
static void with_a_session_public_key_in_a_read_only_session(void **state)
{
        CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
        CK_KEY_TYPE type = CKK_EC;
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_BYTE oid[32], point[200], sig[512];
        CK_ATTRIBUTE read[] = { { CKA_EC_PARAMS, oid, sizeof(oid) }, { CKA_EC_POINT, point, sizeof(point) } };
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
        CK_OBJECT_HANDLE mine;
        CK_ULONG n;

        (void)state;
        sign(&m, ec_priv, message, 50, sig, &n);
        assert_int_equal(token.f->C_GetAttributeValue(token.s, ec_pub, read, 2), CKR_OK);
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
                             { CKA_KEY_TYPE, &type, sizeof(type) },
                             { CKA_TOKEN, &no, sizeof(no) },
                             { CKA_VERIFY, &yes, sizeof(yes) },
                             { CKA_EC_PARAMS, oid, read[0].ulValueLen },
                             { CKA_EC_POINT, point, read[1].ulValueLen } };
        CK_SESSION_HANDLE ro;

        assert_int_equal(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_OK);
        assert_int_equal(token.f->C_CreateObject(ro, t, sizeof(t) / sizeof(t[0]), &mine), CKR_OK);
        assert_int_equal(token.f->C_VerifyInit(ro, &m, mine), CKR_OK);
        assert_int_equal(token.f->C_Verify(ro, message, 50, sig, n), CKR_OK);
        assert_int_equal(token.f->C_VerifyInit(ro, &m, mine), CKR_OK);
        assert_int_equal(token.f->C_Verify(ro, message, 51, sig, n), CKR_SIGNATURE_INVALID);
        assert_int_equal(token.f->C_CloseSession(ro), CKR_OK);
}

static CK_OBJECT_HANDLE hmac_key(void)
{
        CK_MECHANISM m = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) }, { CKA_VERIFY, &yes, sizeof(yes) } };
        CK_OBJECT_HANDLE key;

        assert_int_equal(token.f->C_GenerateKey(token.s, &m, t, 3, &key), CKR_OK);
        return key;
}

static void hmac_in_the_tpm_made_and_checked(void **state)
{
        CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
        CK_OBJECT_HANDLE key = hmac_key();
        CK_BYTE mac[512], again[32];
        CK_ULONG n, len;

        (void)state;
        for (len = 0; len <= 1024; len += 256) {
                sign(&m, key, message, len, mac, &n);
                assert_int_equal(n, 32);
                assert_int_equal(verify(&m, key, message, len, mac, 32), CKR_OK);
        }
        mac[31] ^= 1;
        assert_int_equal(verify(&m, key, message, 1024, mac, 32), CKR_SIGNATURE_INVALID);
        mac[31] ^= 1;
        assert_int_equal(verify(&m, key, message, 1024, mac, 31), CKR_SIGNATURE_LEN_RANGE);

        assert_int_equal(token.f->C_SignInit(token.s, &m, key), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1000), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message + 1000, 24), CKR_OK);
        n = sizeof(again);
        assert_int_equal(token.f->C_SignFinal(token.s, again, &n), CKR_OK);
        assert_memory_equal(again, mac, 32);

}

/* More than the TPM takes in one command. */
static void hmac_of_long_data(void **state)
{
        static CK_BYTE large[65537];
        CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
        CK_OBJECT_HANDLE key = hmac_key();
        CK_BYTE mac[512], again[32];
        CK_ULONG n;

        (void)state;
        sign(&m, key, message, sizeof(message), mac, &n);
        assert_int_equal(verify(&m, key, message, sizeof(message), mac, 32), CKR_OK);
        assert_int_equal(verify(&m, key, message, sizeof(message) - 1, mac, 32), CKR_SIGNATURE_INVALID);

        assert_int_equal(token.f->C_SignInit(token.s, &m, key), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message, 1024), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message + 1024, 1), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, message + 1025, sizeof(message) - 1025), CKR_OK);
        n = sizeof(again);
        assert_int_equal(token.f->C_SignFinal(token.s, again, &n), CKR_OK);
        assert_memory_equal(again, mac, 32);

        assert_int_equal(token.f->C_SignInit(token.s, &m, key), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, large, sizeof(large), again, &n), CKR_DATA_LEN_RANGE);
        assert_int_equal(token.f->C_SignInit(token.s, &m, key), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, large, sizeof(large) - 1), CKR_OK);
        assert_int_equal(token.f->C_SignUpdate(token.s, large, 1), CKR_DATA_LEN_RANGE);
}

/* Two keys, one message: if the TPM's key were fixed or empty, these would be equal. */
static void hmac_keys_differ(void **state)
{
        CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
        CK_BYTE a[512], b[512], empty[32];
        CK_ULONG n;

        (void)state;
        sign(&m, hmac_key(), message, 10, a, &n);
        sign(&m, hmac_key(), message, 10, b, &n);
        HMAC(EVP_sha256(), "", 0, message, 10, empty, NULL);
        assert_memory_not_equal(a, b, 32);
        assert_memory_not_equal(a, empty, 32);
}

static int group_setup(void **state)
{
        *state = &token;
        memset(message, 0x31, sizeof(message));
        if (token_start(&token, NULL, 0) != 0 || token_session(state) != 0)
                return -1;
        token_ec_pair(&token, "P-256", &ec_pub, &ec_priv);
        token_rsa_pair(&token, 2048, &rsa_pub, &rsa_priv);
        return 0;
}

static int group_teardown(void **state)
{
        (void)state;
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                TEST(every_mechanism_tells_right_from_wrong),
                TEST(parts_equal_the_whole),
                TEST(ecdsa_refuses_degenerate_signatures),
                TEST(with_a_session_public_key_in_a_read_only_session),
                TEST(hmac_in_the_tpm_made_and_checked),
                TEST(hmac_of_long_data),
                TEST(hmac_keys_differ),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
