/* SPDX-License-Identifier: BSD-2-Clause */
/* What operations have in common: the context-specific login, logout, threads, and functions that never apply. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_BBOOL yes = CK_TRUE;
static CK_BYTE digest[32] = { 1, 2, 3 };

static void login(CK_USER_TYPE who)
{
        assert_int_equal(token.f->C_Login(token.s, who, (CK_UTF8CHAR *)TOKEN_PIN, strlen(TOKEN_PIN)), CKR_OK);
}

static void make_pair(int always, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes oid = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE t_pub[] = { { CKA_EC_PARAMS, (void *)oid.ptr, oid.len }, { CKA_TOKEN, &yes, sizeof(yes) } };
        CK_ATTRIBUTE t_priv[] = { { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) }, { CKA_PRIVATE, &yes, sizeof(yes) },
                                  { CKA_ALWAYS_AUTHENTICATE, &yes, sizeof(yes) } };

        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, t_pub, 2, t_priv, always ? 4 : 3, pub, priv), CKR_OK);
}

static void each_use_of_an_always_authenticate_key_wants_a_login(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE sig[64];
        CK_ULONG n = 0;

        (void)state;
        login(CKU_USER);
        make_pair(1, &pub, &priv);
        assert_int_equal(token.f->C_Login(token.s, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)TOKEN_PIN, 6), CKR_OPERATION_NOT_INITIALIZED);

        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, NULL, &n), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, sig, &n), CKR_USER_NOT_LOGGED_IN);

        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Login(token.s, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)"wrong!", 6), CKR_PIN_INCORRECT);
        login(CKU_CONTEXT_SPECIFIC);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, sig, &n), CKR_OK);

        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, sig, &n), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(token.f->C_Logout(token.s), CKR_OK);
}

static void logout_ends_what_a_private_key_does_and_no_digest(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 }, sha = { CKM_SHA256, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);

        (void)state;
        login(CKU_USER);
        make_pair(0, &pub, &priv);
        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_DigestInit(token.s, &sha), CKR_OK);
        assert_int_equal(token.f->C_Logout(token.s), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_Digest(token.s, digest, 32, sig, &n), CKR_OK);
        assert_int_not_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
}

static void a_key_of_a_pin_token_signs_after_login(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);
        EVP_PKEY *key;

        (void)state;
        login(CKU_USER);
        make_pair(0, &pub, &priv);
        key = token_public(&token, pub);
        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, digest, 32, sig, &n), CKR_OK);
        assert_int_equal(token_verifies(key, &(struct token_check){ 0 }, digest, 32, sig, 64), 1);
        EVP_PKEY_free(key);
        assert_int_equal(token.f->C_Logout(token.s), CKR_OK);
}

struct worker {
        CK_OBJECT_HANDLE pub, priv;
        int good;
};

static void *work(void *p)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        struct worker *w = p;
        CK_SESSION_HANDLE s;
        CK_BYTE sig[64];
        CK_ULONG n;
        int i;

        if (token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
                return NULL;
        for (i = 0; i < 25; i++) {
                n = sizeof(sig);
                if (token.f->C_SignInit(s, &m, w->priv) == CKR_OK && token.f->C_Sign(s, digest, 32, sig, &n) == CKR_OK &&
                    token.f->C_VerifyInit(s, &m, w->pub) == CKR_OK && token.f->C_Verify(s, digest, 32, sig, n) == CKR_OK)
                        w->good++;
        }
        token.f->C_CloseSession(s);
        return NULL;
}

static void eight_threads_lose_no_signature(void **state)
{
        struct worker w[8] = { 0 };
        pthread_t t[8];
        int i;

        (void)state;
        login(CKU_USER);
        make_pair(0, &w[0].pub, &w[0].priv);
        for (i = 0; i < 8; i++) {
                w[i] = (struct worker){ w[0].pub, w[0].priv, 0 };
                assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
        }
        for (i = 0; i < 8; i++) {
                pthread_join(t[i], NULL);
                assert_int_equal(w[i].good, 25);
        }
        assert_int_equal(token.f->C_Logout(token.s), CKR_OK);
}

static void a_destroyed_key_stays_usable_in_its_running_operation(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE sig[64];
        CK_ULONG n = sizeof(sig);
        CK_RV rv;

        (void)state;
        login(CKU_USER);
        make_pair(0, &pub, &priv);
        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_DestroyObject(token.s, priv), CKR_OK);
        rv = token.f->C_Sign(token.s, digest, 32, sig, &n);
        assert_true(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID);
        assert_int_not_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Logout(token.s), CKR_OK);
}

static void functions_that_never_apply_say_so(void **state)
{
        CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
        CK_FUNCTION_LIST_3_0 *f = token.f;
        CK_OBJECT_HANDLE h;
        CK_BYTE b[8];
        CK_ULONG n = sizeof(b);

        (void)state;
        assert_int_equal(f->C_WrapKey(token.s, &m, 1, 1, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_UnwrapKey(token.s, &m, 1, b, n, NULL, 0, &h), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_SignRecoverInit(token.s, &m, 1), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_SignRecover(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_VerifyRecoverInit(token.s, &m, 1), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_VerifyRecover(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_DigestEncryptUpdate(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_DecryptDigestUpdate(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_SignEncryptUpdate(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_DecryptVerifyUpdate(token.s, b, n, b, &n), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_MessageSignInit(token.s, &m, 1), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_MessageSignInit(0, &m, 1), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(f->C_GetFunctionStatus(token.s), CKR_FUNCTION_NOT_PARALLEL);
        assert_int_equal(f->C_CancelFunction(token.s), CKR_FUNCTION_NOT_PARALLEL);
}

static int group_setup(void **state)
{
        *state = &token;
        return token_start(&token, NULL, 1);
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
                TEST(each_use_of_an_always_authenticate_key_wants_a_login),
                TEST(logout_ends_what_a_private_key_does_and_no_digest),
                TEST(a_key_of_a_pin_token_signs_after_login),
                TEST(eight_threads_lose_no_signature),
                TEST(a_destroyed_key_stays_usable_in_its_running_operation),
                TEST(functions_that_never_apply_say_so),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
