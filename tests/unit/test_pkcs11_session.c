/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions and login: the state machine of PKCS#11 v3.0 5.6; logins are the application's, not the session's; wrong PINs
 * are counted and shown, impossible ones cost nothing; private objects are hidden without a login and their handles die with
 * it; a token without PINs takes any login and needs none; many sessions, many threads, no handle twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "lib/alg.h"
#include "lib/buf.h"
#include "tests/token.h"

static struct token token;
static CK_FUNCTION_LIST_3_0 *f;
static CK_BBOOL yes = CK_TRUE;

static CK_SESSION_HANDLE open_session(CK_FLAGS more)
{
        CK_SESSION_HANDLE s;

        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | more, NULL, NULL, &s), CKR_OK);
        return s;
}

static CK_STATE state_of(CK_SESSION_HANDLE s)
{
        CK_SESSION_INFO info;

        assert_int_equal(f->C_GetSessionInfo(s, &info), CKR_OK);
        assert_int_equal(info.slotID, token.slot);
        assert_int_equal(info.flags & CKF_SERIAL_SESSION, CKF_SERIAL_SESSION);
        return info.state;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, const char *pin)
{
        return f->C_Login(s, user, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

static CK_FLAGS token_flags(void)
{
        CK_TOKEN_INFO info;

        assert_int_equal(f->C_GetTokenInfo(token.slot, &info), CKR_OK);
        return info.flags;
}

static CK_ULONG count(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *last)
{
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_OBJECT_HANDLE h[16];
        CK_ULONG n;

        assert_int_equal(f->C_FindObjectsInit(s, &t, 1), CKR_OK);
        assert_int_equal(f->C_FindObjects(s, h, 16, &n), CKR_OK);
        assert_int_equal(f->C_FindObjectsFinal(s), CKR_OK);
        if (n > 0 && last != NULL)
                *last = h[n - 1];
        return n;
}

static CK_RV sign_init(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
        return f->C_SignInit(s, &(CK_MECHANISM){ CKM_ECDSA, NULL, 0 }, key);
}

static CK_RV sign(CK_SESSION_HANDLE s)
{
        CK_BYTE digest[32] = { 1 }, sig[64];
        CK_ULONG len = sizeof(sig);

        return f->C_Sign(s, digest, sizeof(digest), sig, &len);
}

static int start_with_pins(void **state)
{
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        if (token_start(&token, "[pkcs11]\npin-tries = 3\n", 1) != 0)
                return -1;
        f = token.f;
        token.s = open_session(CKF_RW_SESSION);
        assert_int_equal(login(token.s, CKU_USER, TOKEN_PIN), CKR_OK);
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
        return 0;
}

static int start_without_pins(void **state)
{
        (void)state;
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        f = token.f;
        return 0;
}

static int stop(void **state)
{
        (void)state;
        return token_stop(&token);
}

static int close_all(void **state)
{
        (void)state;
        return f->C_CloseAllSessions(token.slot) == CKR_OK ? 0 : -1;
}

static void states(void **state)
{
        CK_SESSION_HANDLE ro = open_session(0), rw = open_session(CKF_RW_SESSION);

        (void)state;
        assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
        assert_int_equal(state_of(rw), CKS_RW_PUBLIC_SESSION);
        /* Through one session, for all; and for those that come later. */
        assert_int_equal(login(ro, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(state_of(ro), CKS_RO_USER_FUNCTIONS);
        assert_int_equal(state_of(rw), CKS_RW_USER_FUNCTIONS);
        assert_int_equal(state_of(open_session(0)), CKS_RO_USER_FUNCTIONS);
        assert_int_equal(login(rw, CKU_USER, TOKEN_PIN), CKR_USER_ALREADY_LOGGED_IN);
        assert_int_equal(login(rw, CKU_SO, TOKEN_SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
        assert_int_equal(f->C_Logout(rw), CKR_OK);
        assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
        assert_int_equal(f->C_Logout(ro), CKR_USER_NOT_LOGGED_IN);
}

static void security_officer(void **state)
{
        CK_SESSION_HANDLE ro = open_session(0), rw = open_session(CKF_RW_SESSION), s;

        (void)state;
        assert_int_equal(login(rw, CKU_SO, TOKEN_SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
        assert_int_equal(f->C_CloseSession(ro), CKR_OK);
        assert_int_equal(login(rw, CKU_SO, TOKEN_SO_PIN), CKR_OK);
        assert_int_equal(state_of(rw), CKS_RW_SO_FUNCTIONS);
        assert_int_equal(login(rw, CKU_USER, TOKEN_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_SESSION_READ_WRITE_SO_EXISTS);
        /* He rules the PINs and sees nobody's keys. */
        assert_int_equal(count(rw, CKO_PRIVATE_KEY, NULL), 0);
        assert_int_equal(count(rw, CKO_PUBLIC_KEY, NULL), 1);
}

static void the_last_session_takes_the_login_along(void **state)
{
        CK_SESSION_HANDLE a = open_session(0), b = open_session(0);

        (void)state;
        assert_int_equal(login(a, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(f->C_CloseSession(a), CKR_OK);
        assert_int_equal(state_of(b), CKS_RO_USER_FUNCTIONS);
        assert_int_equal(f->C_CloseSession(b), CKR_OK);
        assert_int_equal(state_of(open_session(0)), CKS_RO_PUBLIC_SESSION);
}

static void private_objects_come_and_go_with_the_login(void **state)
{
        CK_SESSION_HANDLE a = open_session(0), b = open_session(0);
        CK_OBJECT_HANDLE pub, priv, pub_again, priv_again;

        (void)state;
        assert_int_equal(count(a, CKO_PRIVATE_KEY, NULL), 0);
        assert_int_equal(count(a, CKO_PUBLIC_KEY, &pub), 1);
        assert_int_equal(login(a, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(count(b, CKO_PRIVATE_KEY, &priv), 1);
        assert_int_equal(sign_init(b, priv), CKR_OK);
        assert_int_equal(sign(b), CKR_OK);

        /* PKCS#11 v3.0, 5.6.8: handles of private objects are void, also after the next login; operations with them end. */
        assert_int_equal(sign_init(b, priv), CKR_OK);
        assert_int_equal(f->C_Logout(a), CKR_OK);
        assert_int_equal(sign(b), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(sign_init(b, priv), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(login(b, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(sign_init(b, priv), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(count(a, CKO_PRIVATE_KEY, &priv_again), 1);
        assert_int_not_equal(priv, priv_again);
        assert_int_equal(count(a, CKO_PUBLIC_KEY, &pub_again), 1);
        assert_int_equal(pub, pub_again);
        assert_int_equal(sign_init(a, priv_again), CKR_OK);
        assert_int_equal(sign(a), CKR_OK);
}

static void wrong_pins_are_counted_and_shown(void **state)
{
        CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
        CK_FLAGS flags = token_flags();

        (void)state;
        assert_int_equal(flags & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED), CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED);
        assert_int_equal(flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED), 0);
        assert_int_equal(login(s, CKU_USER, "wrong1"), CKR_PIN_INCORRECT);
        assert_int_equal(token_flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY), CKF_USER_PIN_COUNT_LOW);
        while ((token_flags() & CKF_USER_PIN_FINAL_TRY) == 0)
                assert_int_equal(login(s, CKU_USER, "wrong2"), CKR_PIN_INCORRECT);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(token_flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY), 0);
        assert_int_equal(f->C_Logout(s), CKR_OK);

        while ((token_flags() & CKF_USER_PIN_LOCKED) == 0)
                assert_int_equal(login(s, CKU_USER, "wrong3"), CKR_PIN_INCORRECT);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_PIN_LOCKED);
        assert_int_equal(token_flags() & CKF_SO_PIN_COUNT_LOW, 0);

        /* The security officer gives a new one. */
        assert_int_equal(login(s, CKU_SO, TOKEN_SO_PIN), CKR_OK);
        assert_int_equal(f->C_InitPIN(s, (CK_UTF8CHAR *)TOKEN_PIN, strlen(TOKEN_PIN)), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(token_flags() & CKF_USER_PIN_LOCKED, 0);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_OK);
}

static void impossible_pins_cost_no_try(void **state)
{
        CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
        CK_UTF8CHAR pin[300] = { 'x' };

        (void)state;
        assert_int_equal(f->C_Login(s, CKU_USER, NULL, 0), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_Login(s, CKU_USER, pin, 0), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, CKU_USER, pin, 3), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, CKU_USER, pin, sizeof(pin)), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, CKU_USER, pin, (CK_ULONG)-1), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, 77, pin, 4), CKR_USER_TYPE_INVALID);
        assert_int_equal(token_flags() & CKF_USER_PIN_COUNT_LOW, 0);
        /* Inside the bounds any octets may be a PIN: these are tried. */
        assert_int_equal(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"12\0" "456", 6), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"\xff\xfe\xfd\xfc", 4), CKR_PIN_INCORRECT);
        assert_int_equal(token_flags() & CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_COUNT_LOW);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_OK);
}

static void login_with_a_name(void **state)
{
        CK_SESSION_HANDLE s = open_session(0);
        CK_UTF8CHAR pin[] = TOKEN_PIN, name[] = TOKEN_LABEL, other[] = "somebody";

        (void)state;
        assert_int_equal(f->C_LoginUser(s, CKU_USER, pin, 6, other, 8), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_LoginUser(s, CKU_USER, pin, 6, NULL, 8), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_LoginUser(s, CKU_USER, pin, 6, name, strlen(TOKEN_LABEL)), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(f->C_LoginUser(s, CKU_USER, pin, 6, NULL, 0), CKR_OK);
}

static void always_authenticate(void **state)
{
        CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
        CK_MECHANISM gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes oid = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)(uintptr_t)oid.ptr, oid.len } };
        CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
        CK_OBJECT_HANDLE h_pub, h_priv;

        (void)state;
        assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, TOKEN_PIN), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(f->C_GenerateKeyPair(s, &gen, pub, 1, priv, 3, &h_pub, &h_priv), CKR_OK);
        assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, TOKEN_PIN), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(sign_init(s, h_priv), CKR_OK);
        assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, "wrong1"), CKR_PIN_INCORRECT);
        assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, TOKEN_PIN), CKR_OK);
        assert_int_equal(sign(s), CKR_OK);
        /* For one operation, not for the next. */
        assert_int_equal(sign_init(s, h_priv), CKR_OK);
        assert_int_equal(sign(s), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(f->C_DestroyObject(s, h_priv), CKR_OK);
}

static void without_a_login_private_session_objects_are_refused(void **state)
{
        CK_SESSION_HANDLE s = open_session(0);
        CK_OBJECT_CLASS class = CKO_DATA;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_VALUE, &yes, 1 }, { CKA_PRIVATE, &yes, 1 } };
        CK_OBJECT_HANDLE h;

        (void)state;
        assert_int_equal(f->C_CreateObject(s, t, 3, &h), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(f->C_CreateObject(s, t, 2, &h), CKR_OK);
        assert_int_equal(login(s, CKU_USER, TOKEN_PIN), CKR_OK);
        assert_int_equal(f->C_CreateObject(s, t, 3, &h), CKR_OK);
        assert_int_equal(count(s, CKO_DATA, NULL), 2);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(count(s, CKO_DATA, NULL), 1);
        assert_int_equal(f->C_DestroyObject(s, h), CKR_OBJECT_HANDLE_INVALID);
}

/* Without PINs from here on. */

static void any_login_will_do_where_there_are_no_pins(void **state)
{
        CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        assert_int_equal(token_flags() & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED), 0);
        token.s = s;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(login(s, CKU_USER, "whatever"), CKR_OK);
        assert_int_equal(state_of(s), CKS_RW_USER_FUNCTIONS);
        assert_int_equal(login(s, CKU_USER, ""), CKR_USER_ALREADY_LOGGED_IN);
        assert_int_equal(sign_init(s, priv), CKR_OK);
        /* What needs no login is not ended by a logout. */
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(sign(s), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(sign_init(s, priv), CKR_OK);
        assert_int_equal(sign(s), CKR_OK);
        assert_int_equal(login(s, CKU_SO, TOKEN_SO_PIN), CKR_USER_TYPE_INVALID);
        assert_int_equal(f->C_InitPIN(s, (CK_UTF8CHAR *)"1234", 4), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(f->C_SetPIN(s, (CK_UTF8CHAR *)"1234", 4, (CK_UTF8CHAR *)"5678", 4), CKR_USER_PIN_NOT_INITIALIZED);
        assert_int_equal(f->C_DestroyObject(s, priv), CKR_OK);
}

static void handles_and_arguments(void **state)
{
        CK_SESSION_HANDLE s = open_session(0), other;

        (void)state;
        assert_int_equal(f->C_OpenSession(token.slot, CKF_RW_SESSION, NULL, NULL, &other), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_OpenSession(99, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SLOT_ID_INVALID);
        assert_int_equal(f->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetSessionInfo(0, &(CK_SESSION_INFO){ 0 }), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(f->C_GetSessionInfo((CK_SESSION_HANDLE)-1, &(CK_SESSION_INFO){ 0 }), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(f->C_CloseAllSessions(99), CKR_SLOT_ID_INVALID);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);
        assert_int_equal(f->C_CloseSession(s), CKR_SESSION_HANDLE_INVALID);
}

static void cancel_ends_what_it_names(void **state)
{
        CK_SESSION_HANDLE s = open_session(0);
        CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
        CK_OBJECT_HANDLE h;
        CK_ULONG n;

        (void)state;
        assert_int_equal(f->C_DigestInit(s, &sha), CKR_OK);
        assert_int_equal(f->C_FindObjectsInit(s, NULL, 0), CKR_OK);
        assert_int_equal(f->C_SessionCancel(s, CKF_DIGEST | CKF_SIGN), CKR_OK);
        assert_int_equal(f->C_DigestUpdate(s, (CK_BYTE *)"x", 1), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(f->C_FindObjects(s, &h, 1, &n), CKR_OK);
        assert_int_equal(f->C_SessionCancel(s, CKF_FIND_OBJECTS), CKR_OK);
        assert_int_equal(f->C_FindObjects(s, &h, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void counts_are_right(void **state)
{
        CK_TOKEN_INFO info;

        (void)state;
        open_session(0);
        open_session(0);
        open_session(CKF_RW_SESSION);
        assert_int_equal(f->C_GetTokenInfo(token.slot, &info), CKR_OK);
        assert_int_equal(info.ulSessionCount, 3);
        assert_int_equal(info.ulRwSessionCount, 1);
        assert_int_equal(f->C_CloseAllSessions(token.slot), CKR_OK);
        assert_int_equal(f->C_GetTokenInfo(token.slot, &info), CKR_OK);
        assert_int_equal(info.ulSessionCount, 0);
        assert_int_equal(info.ulRwSessionCount, 0);
}

#define MANY 30000

static void thirty_thousand_sessions(void **state)
{
        CK_SESSION_HANDLE first = 0, last = 0;

        (void)state;
        for (int i = 0; i < MANY; i++) {
                last = open_session(0);
                if (first == 0)
                        first = last;
        }
        assert_int_equal(state_of(first), CKS_RO_PUBLIC_SESSION);
        assert_int_equal(login(last, CKU_USER, "x"), CKR_OK);
        assert_int_equal(state_of(first), CKS_RO_USER_FUNCTIONS);
        assert_int_equal(f->C_Logout(first), CKR_OK);
        assert_int_equal(f->C_CloseAllSessions(token.slot), CKR_OK);
        assert_int_equal(f->C_CloseSession(last), CKR_SESSION_HANDLE_INVALID);
}

#define THREADS 8
#define ROUNDS 200

static void *open_many(void *handles)
{
        for (int i = 0; i < ROUNDS; i++)
                if (f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, (CK_SESSION_HANDLE *)handles + i) != CKR_OK)
                        return NULL;
        return handles;
}

static void no_two_threads_get_one_handle(void **state)
{
        static CK_SESSION_HANDLE h[THREADS][ROUNDS];
        pthread_t threads[THREADS];
        void *ok;

        (void)state;
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, open_many, h[i]), 0);
        for (int i = 0; i < THREADS; i++) {
                assert_int_equal(pthread_join(threads[i], &ok), 0);
                assert_non_null(ok);
        }
        /* Each is closed once: had one been given twice, the second close would fail. */
        for (int i = 0; i < THREADS; i++)
                for (int j = 0; j < ROUNDS; j++)
                        assert_int_equal(f->C_CloseSession(h[i][j]), CKR_OK);
}

static void *open_login_close(void *ret)
{
        CK_RV rv = CKR_OK;

        for (int i = 0; i < ROUNDS && rv == CKR_OK; i++) {
                CK_SESSION_HANDLE s;

                rv = f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &s);
                if (rv != CKR_OK)
                        break;
                rv = login(s, CKU_USER, "x");
                if (rv == CKR_USER_ALREADY_LOGGED_IN)
                        rv = CKR_OK;
                if (rv == CKR_OK && i % 3 == 0)
                        rv = f->C_Logout(s) == CKR_SESSION_HANDLE_INVALID ? CKR_GENERAL_ERROR : CKR_OK;
                if (rv == CKR_OK)
                        rv = f->C_CloseSession(s);
        }
        *(CK_RV *)ret = rv;
        return NULL;
}

static void logins_and_closes_race_in_peace(void **state)
{
        pthread_t threads[THREADS];
        CK_RV rv[THREADS];

        (void)state;
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, open_login_close, &rv[i]), 0);
        for (int i = 0; i < THREADS; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_int_equal(rv[i], CKR_OK);
        }
}

int main(void)
{
        const struct CMUnitTest with_pins[] = {
                cmocka_unit_test_teardown(states, close_all),
                cmocka_unit_test_teardown(security_officer, close_all),
                cmocka_unit_test_teardown(the_last_session_takes_the_login_along, close_all),
                cmocka_unit_test_teardown(private_objects_come_and_go_with_the_login, close_all),
                cmocka_unit_test_teardown(wrong_pins_are_counted_and_shown, close_all),
                cmocka_unit_test_teardown(impossible_pins_cost_no_try, close_all),
                cmocka_unit_test_teardown(login_with_a_name, close_all),
                cmocka_unit_test_teardown(always_authenticate, close_all),
                cmocka_unit_test_teardown(without_a_login_private_session_objects_are_refused, close_all),
        };
        const struct CMUnitTest without_pins[] = {
                cmocka_unit_test_teardown(any_login_will_do_where_there_are_no_pins, close_all),
                cmocka_unit_test_teardown(handles_and_arguments, close_all),
                cmocka_unit_test_teardown(cancel_ends_what_it_names, close_all),
                cmocka_unit_test_teardown(counts_are_right, close_all),
                cmocka_unit_test_teardown(thirty_thousand_sessions, close_all),
                cmocka_unit_test_teardown(no_two_threads_get_one_handle, close_all),
                cmocka_unit_test_teardown(logins_and_closes_race_in_peace, close_all),
        };
        int r;

        r = cmocka_run_group_tests(with_pins, start_with_pins, stop);
        return cmocka_run_group_tests(without_pins, start_without_pins, stop) + r;
}
