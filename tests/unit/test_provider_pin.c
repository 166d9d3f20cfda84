/* SPDX-License-Identifier: BSD-2-Clause */
/* How the provider comes to a PIN and how it treats one: asked for by the program's callback, given again to keys that want it each time, and a
 * wrong one tried once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/alg.h"
#include "provider/provider.h"
#include "tests/osslkey.h"
#include "tests/token.h"

#define MODULE "pkcs11/.libs/libholdfast-pkcs11.so"
#define URI(label) "pkcs11:token=" TOKEN_LABEL ";object=" label ";type=private"
#define OFTEN 100       /* wrong tries, if each were one, lock the token long before */
#define THREADS 8

static struct token token;
static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *ours, *theirs;
static CK_FUNCTION_LIST *module;        /* the one that the provider uses, as the program would */

/* What the user answers, and how often he was asked. */
struct user {
        const char *pin;
        int asked;
};

static int answer(char *buf, int size, int writing, void *arg)
{
        struct user *u = arg;

        assert_false(writing);
        u->asked++;
        if (u->pin == NULL)
                return -1;
        assert_true((int)strlen(u->pin) < size);
        memcpy(buf, u->pin, strlen(u->pin));
        return (int)strlen(u->pin);
}

static EVP_PKEY *load(const char *uri, struct user *user)
{
        return osslkey_load(lib, uri, user != NULL ? answer : NULL, user);
}

static bool signs(EVP_PKEY *key)
{
        return osslkey_signs(lib, key);
}

static void last_error_is(enum reason r)
{
        assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), r);
        ERR_clear_error();
}

/* A key pair called label; always: it wants the PIN for each operation. */
static void make(const char *label, bool always)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes oid = curve_by_name("P-256")->oid;
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)(uintptr_t)oid.ptr, oid.len }, { CKA_TOKEN, &yes, sizeof(yes) } };
        CK_ATTRIBUTE priv[] = {
                { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_SIGN, &yes, sizeof(yes) },
                { CKA_PRIVATE, &yes, sizeof(yes) },
                { CKA_ALWAYS_AUTHENTICATE, &yes, sizeof(yes) },
        };
        CK_OBJECT_HANDLE a, b;
        CK_SESSION_HANDLE s;

        assert_int_equal(module->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(module->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)TOKEN_PIN, strlen(TOKEN_PIN)), CKR_OK);
        assert_int_equal(module->C_GenerateKeyPair(s, &m, pub, 2, priv, always ? 5 : 4, &a, &b), CKR_OK);
        assert_int_equal(module->C_Logout(s), CKR_OK);
        assert_int_equal(module->C_CloseSession(s), CKR_OK);
}

static int start(void **state)
{
        CK_RV (*get_list)(CK_FUNCTION_LIST **list);
        void *library;
        CK_ULONG n = 1;

        (void)state;
        if (token_start(&token, NULL, 1) != 0)
                return -1;
        setenv("HOLDFAST_MODULE", MODULE, 1);
        library = dlopen(MODULE, RTLD_NOW);
        *(void **)&get_list = library != NULL ? dlsym(library, "C_GetFunctionList") : NULL;
        if (get_list == NULL || get_list(&module) != CKR_OK || module->C_Initialize(NULL) != CKR_OK ||
            module->C_GetSlotList(CK_TRUE, &token.slot, &n) != CKR_OK)
                return -1;
        make("plain", false);
        make("always", true);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        module->C_Finalize(NULL);
        return token_stop(&token);
}

static int open_providers(void **state)
{
        (void)state;
        lib = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_set_default_search_path(lib, "provider/.libs");
        theirs = OSSL_PROVIDER_load(lib, "default");
        ours = OSSL_PROVIDER_load(lib, "holdfast");
        return ours != NULL ? 0 : -1;
}

static int close_providers(void **state)
{
        (void)state;
        OSSL_PROVIDER_unload(ours);
        OSSL_PROVIDER_unload(theirs);
        OSSL_LIB_CTX_free(lib);
        /* A login ends with the last session. */
        return module->C_CloseAllSessions(token.slot) == CKR_OK ? 0 : -1;
}

static void asks_for_it_once(void **state)
{
        struct user user = { TOKEN_PIN, 0 };
        EVP_PKEY *key = load(URI("plain"), &user);

        (void)state;
        assert_non_null(key);
        assert_int_equal(user.asked, 1);
        assert_true(signs(key) && signs(key));
        assert_int_equal(user.asked, 1);
        assert_int_equal(ERR_peek_error(), 0);
        EVP_PKEY_free(key);
}

static void asks_for_a_reference_in_a_file_too(void **state)
{
        struct user user = { TOKEN_PIN, 0 };
        EVP_PKEY *key = load(URI("plain") "?pin-value=" TOKEN_PIN, NULL);
        BIO *file = BIO_new(BIO_s_mem());

        (void)state;
        assert_int_equal(PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
        EVP_PKEY_free(key);
        assert_int_equal(module->C_CloseAllSessions(token.slot), CKR_OK);
        key = PEM_read_bio_PrivateKey_ex(file, NULL, answer, &user, lib, NULL);
        assert_non_null(key);
        assert_int_equal(user.asked, 1);
        assert_true(signs(key));
        EVP_PKEY_free(key);
        BIO_free(file);
}

static void without_an_answer_says_what_it_needs(void **state)
{
        struct user silent = { NULL, 0 }, empty = { "", 0 };

        (void)state;
        assert_null(load(URI("plain"), &silent));
        last_error_is(REASON_PIN);
        assert_null(load(URI("plain"), &empty));
        last_error_is(REASON_PIN);
        assert_int_equal(silent.asked, 1);
}

static void does_not_ask_when_the_program_has_logged_in(void **state)
{
        struct user user = { TOKEN_PIN, 0 };
        CK_SESSION_HANDLE s;
        EVP_PKEY *key;

        (void)state;
        assert_int_equal(module->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(module->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)TOKEN_PIN, strlen(TOKEN_PIN)), CKR_OK);
        key = load(URI("plain"), &user);
        assert_true(key != NULL && signs(key));
        assert_int_equal(user.asked, 0);
        EVP_PKEY_free(key);
        /* But nobody told it the PIN that such a key wants each time. */
        key = load(URI("always"), &user);
        assert_non_null(key);
        assert_false(signs(key));
        last_error_is(REASON_PIN);
        EVP_PKEY_free(key);
}

static void gives_it_again_to_a_key_that_wants_it_each_time(void **state)
{
        struct user user = { TOKEN_PIN, 0 };
        EVP_PKEY *key = load(URI("always"), &user);

        (void)state;
        assert_non_null(key);
        for (int i = 0; i < 3; i++)
                assert_true(signs(key));
        assert_int_equal(user.asked, 1);
        EVP_PKEY_free(key);
}

static void *load_wrong(void *uri)
{
        EVP_PKEY *key = load(uri, NULL);

        EVP_PKEY_free(key);
        ERR_clear_error();
        return key;
}

static void tries_a_wrong_one_once(void **state)
{
        char uri[] = URI("plain") "?pin-value=99999999";
        pthread_t threads[THREADS];
        CK_TOKEN_INFO info;
        EVP_PKEY *key;
        void *r;

        (void)state;
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, load_wrong, uri), 0);
        for (int i = 0; i < THREADS; i++) {
                assert_int_equal(pthread_join(threads[i], &r), 0);
                assert_null(r);
        }
        for (int i = 0; i < OFTEN; i++) {
                assert_null(load(uri, NULL));
                last_error_is(REASON_PIN);
        }
        assert_int_equal(module->C_GetTokenInfo(token.slot, &info), CKR_OK);
        assert_int_equal(info.flags & CKF_USER_PIN_LOCKED, 0);
        key = load(URI("plain") "?pin-value=" TOKEN_PIN, NULL);
        assert_true(key != NULL && signs(key));
        EVP_PKEY_free(key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(asks_for_it_once, open_providers, close_providers),
                cmocka_unit_test_setup_teardown(asks_for_a_reference_in_a_file_too, open_providers, close_providers),
                cmocka_unit_test_setup_teardown(without_an_answer_says_what_it_needs, open_providers, close_providers),
                cmocka_unit_test_setup_teardown(does_not_ask_when_the_program_has_logged_in, open_providers, close_providers),
                cmocka_unit_test_setup_teardown(gives_it_again_to_a_key_that_wants_it_each_time, open_providers, close_providers),
                cmocka_unit_test_setup_teardown(tries_a_wrong_one_once, open_providers, close_providers),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
