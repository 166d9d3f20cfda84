/* SPDX-License-Identifier: BSD-2-Clause */
/* C_Digest*, in a public read-only session, against OpenSSL; saved states. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_SESSION_HANDLE ro;
static CK_BYTE message[5000];
static const CK_MECHANISM_TYPE all[] = { CKM_SHA_1, CKM_SHA224, CKM_SHA256, CKM_SHA384, CKM_SHA512 };

static unsigned expected(CK_MECHANISM_TYPE ckm, size_t len, unsigned char *out)
{
        unsigned n;

        assert_int_equal(EVP_Digest(message, len, out, &n, EVP_get_digestbyname(hash_by_ckm(ckm)->name), NULL), 1);
        return n;
}

static void one_shot_and_parts_agree_with_openssl(void **state)
{
        CK_BYTE want[64], got[65];
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
                CK_MECHANISM m = { all[i], NULL, 0 };
                CK_ULONG size = expected(all[i], sizeof(message), want), n = 0;

                memset(got, 0x77, sizeof(got));
                assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
                assert_int_equal(token.f->C_Digest(ro, message, sizeof(message), NULL, &n), CKR_OK);
                assert_int_equal(n, size);
                n = size - 1;
                assert_int_equal(token.f->C_Digest(ro, message, sizeof(message), got, &n), CKR_BUFFER_TOO_SMALL);
                assert_int_equal(got[0], 0x77);
                assert_int_equal(token.f->C_Digest(ro, message, sizeof(message), got, &n), CKR_OK);
                assert_memory_equal(got, want, size);
                assert_int_equal(got[size], 0x77);

                memset(got, 0x77, sizeof(got));
                assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
                assert_int_equal(token.f->C_DigestUpdate(ro, message, 1), CKR_OK);
                assert_int_equal(token.f->C_DigestFinal(ro, NULL, &n), CKR_OK);
                assert_int_equal(token.f->C_DigestUpdate(ro, message + 1, sizeof(message) - 1), CKR_OK);
                n = 1;
                assert_int_equal(token.f->C_DigestFinal(ro, got, &n), CKR_BUFFER_TOO_SMALL);
                n = sizeof(got);
                assert_int_equal(token.f->C_DigestFinal(ro, got, &n), CKR_OK);
                assert_int_equal(n, size);
                assert_memory_equal(got, want, size);
        }
}

static void nothing_has_a_digest_too(void **state)
{
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
        CK_BYTE want[64], got[32];
        CK_ULONG n = sizeof(got);

        (void)state;
        expected(CKM_SHA256, 0, want);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestFinal(ro, got, &n), CKR_OK);
        assert_memory_equal(got, want, 32);
        memset(got, 0, 32);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_Digest(ro, NULL, 0, got, &n), CKR_OK);
        assert_memory_equal(got, want, 32);
}

static void errors(void **state)
{
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 }, bad = { CKM_ECDSA, NULL, 0 };
        CK_BYTE got[32];
        CK_ULONG n = sizeof(got);

        (void)state;
        assert_int_equal(token.f->C_Digest(ro, message, 1, got, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_DigestInit(ro, &bad), CKR_MECHANISM_INVALID);
        assert_int_equal(token.f->C_DigestInit(ro, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OPERATION_ACTIVE);
        assert_int_equal(token.f->C_DigestInit(ro, NULL), CKR_OK);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestUpdate(ro, message, 1), CKR_OK);
        assert_int_equal(token.f->C_Digest(ro, message, 1, got, &n), CKR_OPERATION_ACTIVE);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_Digest(ro, NULL, 1, got, &n), CKR_ARGUMENTS_BAD);
}

static void a_hardware_key_has_no_value_to_digest(void **state)
{
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(token.f->C_DigestInit(token.s, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestKey(token.s, priv), CKR_KEY_INDIGESTIBLE);
        assert_int_equal(token.f->C_DigestInit(token.s, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestKey(token.s, 0xdead), CKR_KEY_HANDLE_INVALID);
}

/* What a Java digest's clone() does. */
static void a_saved_state_goes_on_in_another_session(void **state)
{
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
        CK_BYTE saved[64], want[64], got[32];
        CK_ULONG n = 0, len;

        (void)state;
        expected(CKM_SHA256, 1000, want);
        assert_int_equal(token.f->C_GetOperationState(ro, NULL, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(token.f->C_DigestInit(ro, &m), CKR_OK);
        assert_int_equal(token.f->C_DigestUpdate(ro, message, 400), CKR_OK);
        assert_int_equal(token.f->C_GetOperationState(ro, NULL, &n), CKR_OK);
        assert_in_range(n, 1, sizeof(saved));
        len = n - 1;
        assert_int_equal(token.f->C_GetOperationState(ro, saved, &len), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(len, n);
        assert_int_equal(token.f->C_GetOperationState(ro, saved, &len), CKR_OK);
        /* The original goes elsewhere. */
        assert_int_equal(token.f->C_DigestUpdate(ro, message, 3), CKR_OK);

        for (int twice = 0; twice < 2; twice++) {
                assert_int_equal(token.f->C_SetOperationState(token.s, saved, len, 0, 0), CKR_OK);
                assert_int_equal(token.f->C_DigestUpdate(token.s, message + 400, 600), CKR_OK);
                n = sizeof(got);
                assert_int_equal(token.f->C_DigestFinal(token.s, got, &n), CKR_OK);
                assert_memory_equal(got, want, 32);
        }
        assert_int_equal(token.f->C_SetOperationState(token.s, saved, len, 1, 0), CKR_KEY_NOT_NEEDED);
        saved[0] ^= 1;
        assert_int_equal(token.f->C_SetOperationState(token.s, saved, len, 0, 0), CKR_SAVED_STATE_INVALID);
        assert_int_equal(token.f->C_SetOperationState(token.s, saved, len - 1, 0, 0), CKR_SAVED_STATE_INVALID);
        assert_int_equal(token.f->C_SetOperationState(token.s, NULL, len, 0, 0), CKR_ARGUMENTS_BAD);
}

static void a_state_with_a_key_in_it_is_not_saved(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE saved[64];
        CK_ULONG n = sizeof(saved);

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_GetOperationState(token.s, saved, &n), CKR_STATE_UNSAVEABLE);
}

static int setup(void **state)
{
        if (token_session(state) != 0)
                return -1;
        return token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &ro) == CKR_OK ? 0 : -1;
}

static int teardown(void **state)
{
        token.f->C_CloseSession(ro);
        return token_session_end(state);
}

static int group_setup(void **state)
{
        size_t i;

        *state = &token;
        for (i = 0; i < sizeof(message); i++)
                message[i] = (CK_BYTE)(i * 5 + i / 200);
        return token_start(&token, NULL, 0);
}

static int group_teardown(void **state)
{
        (void)state;
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(one_shot_and_parts_agree_with_openssl),
                TEST(nothing_has_a_digest_too),
                TEST(errors),
                TEST(a_hardware_key_has_no_value_to_digest),
                TEST(a_saved_state_goes_on_in_another_session),
                TEST(a_state_with_a_key_in_it_is_not_saved),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
