/* SPDX-License-Identifier: BSD-2-Clause */
/* A key of the provider's through what a process does to it: forks, threads, and others who use the same PKCS#11 module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "keys/admin.h"
#include "keys/keyring.h"
#include "provider/provider.h"
#include "tests/osslkey.h"
#include "tests/swtpm.h"

#define TOKEN_LABEL "tester"
#define TOKEN_SO_PIN "00000000"
#define TOKEN_PIN "123456"
#define KEY "pkcs11:token=" TOKEN_LABEL ";type=private?pin-value=" TOKEN_PIN
#define THREADS 4
#define ROUNDS 20

OSSL_provider_init_fn OSSL_provider_init;

static struct swtpm tpm;
static OSSL_LIB_CTX *libctx;
static OSSL_PROVIDER *software, *hardware;
static CK_FUNCTION_LIST *others;        /* the module as the program itself would use it */

static void open_providers(void)
{
        libctx = OSSL_LIB_CTX_new();
        assert_int_equal(OSSL_PROVIDER_add_builtin(libctx, "holdfast", OSSL_provider_init), 1);
        software = OSSL_PROVIDER_load(libctx, "default");
        hardware = OSSL_PROVIDER_load(libctx, "holdfast");
        assert_non_null(software);
        assert_non_null(hardware);
}

static void close_providers(void)
{
        OSSL_PROVIDER_unload(hardware);
        OSSL_PROVIDER_unload(software);
        OSSL_LIB_CTX_free(libctx);
}

static EVP_PKEY *load(const char *uri)
{
        return osslkey_load(libctx, uri, NULL, NULL);
}

static bool works(EVP_PKEY *key)
{
        return osslkey_signs(libctx, key);
}

static int make_agent(struct keyring *k)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(attrs_clear) struct attrs attrs = { 0 };
        int r = pin_create(k, BYTES_STR(TOKEN_SO_PIN), false, &attrs, &secret);

        if (r == 0)
                r = keyring_agent_create(k, TOKEN_LABEL, "dana@example.com", &attrs);
        return r == 0 ? pin_set(k, TOKEN_LABEL, PIN_USER, BYTES_OF(&secret), BYTES_STR(TOKEN_PIN)) : r;
}

static int make_store(void)
{
        struct conf conf = { 0 };
        struct keyring *k;
        char path[160];
        int r;

        snprintf(path, sizeof(path), "%s/store", tpm.dir);
        setenv("HOLDFAST_STORE", path, 1);
        setenv("HOLDFAST_TCTI", tpm.tcti, 1);
        setenv("XDG_CONFIG_HOME", tpm.dir, 1);
        if (conf_load(&conf) != 0 || admin_init(&conf, &(struct admin_init){ 0 }) != 0 || keyring_open(&conf, &k) != 0)
                return -1;
        r = make_agent(k);
        keyring_close(k);
        conf_clear(&conf);
        return r;
}

static EVP_PKEY *generate(void)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(libctx, "EC", "provider=holdfast");
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)"P-256", 0),
                OSSL_PARAM_construct_utf8_string("pkcs11_uri", (char *)(uintptr_t)"pkcs11:token=" TOKEN_LABEL ";object=made?pin-value=" TOKEN_PIN, 0),
                OSSL_PARAM_construct_end(),
        };
        EVP_PKEY *key = NULL;

        if (EVP_PKEY_keygen_init(c) == 1 && EVP_PKEY_CTX_set_params(c, params) == 1)
                EVP_PKEY_generate(c, &key);
        EVP_PKEY_CTX_free(c);
        return key;
}

static int start(void **state)
{
        CK_RV (*get_list)(CK_FUNCTION_LIST **list);
        const char *path = getenv("HF_MODULE");
        void *library = path ? dlopen(path, RTLD_NOW) : NULL;
        EVP_PKEY *key;

        (void)state;
        if (!library || swtpm_start(&tpm) != 0 || make_store() != 0)
                return -1;
        setenv("HOLDFAST_MODULE", path, 1);
        *(void **)&get_list = dlsym(library, "C_GetFunctionList");
        if (get_list(&others) != CKR_OK)
                return -1;
        open_providers();
        key = generate();
        close_providers();
        EVP_PKEY_free(key);
        return key ? 0 : -1;
}

static int stop(void **state)
{
        (void)state;
        others->C_Finalize(NULL);
        swtpm_stop(&tpm);
        return 0;
}

static void one_key_of_many_processes(void **state)
{
        EVP_PKEY *key;
        int status = -1;
        pid_t child;

        (void)state;
        open_providers();
        key = load(KEY);
        assert_non_null(key);
        assert_true(works(key));
        child = fork();
        if (child == 0)
                _exit(works(key) ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_true(works(key));
        EVP_PKEY_free(key);
        close_providers();
}

static void survives_who_finalises_the_module(void **state)
{
        CK_SLOT_ID slot;
        CK_ULONG n = 1;
        EVP_PKEY *key;

        (void)state;
        open_providers();
        key = load(KEY);
        assert_non_null(key);
        assert_int_equal(others->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert_int_equal(others->C_Finalize(NULL), CKR_OK);
        assert_true(works(key));
        assert_int_equal(others->C_GetSlotList(CK_TRUE, &slot, &n), CKR_OK);
        assert_int_equal(others->C_CloseAllSessions(slot), CKR_OK);
        assert_true(works(key));
        EVP_PKEY_free(key);
        assert_int_equal(others->C_CloseAllSessions(slot), CKR_OK);
        key = load(KEY);
        assert_non_null(key);
        assert_true(works(key));
        EVP_PKEY_free(key);
        close_providers();
}

static void leaves_the_module_to_who_had_it_before(void **state)
{
        CK_SESSION_HANDLE s;
        CK_SESSION_INFO info;
        CK_SLOT_ID slot;
        CK_ULONG n = 1;
        EVP_PKEY *key;

        (void)state;
        assert_int_equal(others->C_GetSlotList(CK_TRUE, &slot, &n), CKR_OK);
        assert_int_equal(others->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
        open_providers();
        key = load(KEY);
        assert_true(key && works(key));
        EVP_PKEY_free(key);
        close_providers();
        assert_int_equal(others->C_GetSessionInfo(s, &info), CKR_OK);
        assert_int_equal(others->C_CloseSession(s), CKR_OK);
}

static void keys_may_outlive_the_context(void **state)
{
        (void)state;
        for (int i = 0; i < 10; i++) {
                EVP_PKEY *key;

                open_providers();
                key = load(KEY);
                assert_non_null(key);
                close_providers();
                EVP_PKEY_free(key);
        }
}

static void *sign_often(void *key)
{
        uintptr_t bad = 0;

        for (int i = 0; i < ROUNDS; i++)
                bad += !works(key);
        return (void *)bad;
}

static void threads_share_a_key(void **state)
{
        pthread_t threads[THREADS];
        EVP_PKEY *key;

        (void)state;
        open_providers();
        key = load(KEY);
        assert_non_null(key);
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, sign_often, key), 0);
        for (int i = 0; i < THREADS; i++) {
                void *bad;

                assert_int_equal(pthread_join(threads[i], &bad), 0);
                assert_null(bad);
        }
        EVP_PKEY_free(key);
        close_providers();
}

static void says_what_is_wrong(void **state)
{
        static const struct {
                const char *uri;
                enum reason reason;
        } wrong[] = {
                { "pkcs11:token=" TOKEN_LABEL ";colour=red", REASON_URI },
                { "pkcs11:token=nobody", REASON_NO_TOKEN },
                { "pkcs11:token=" TOKEN_LABEL "?module-path=/elsewhere.so", REASON_NO_TOKEN },
                { "pkcs11:token=" TOKEN_LABEL ";object=nothing?pin-value=" TOKEN_PIN, REASON_NO_OBJECT },
                { "pkcs11:token=" TOKEN_LABEL ";type=private?pin-source=/nowhere", REASON_PIN },
        };

        (void)state;
        open_providers();
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                ERR_clear_error();
                assert_null(load(wrong[i].uri));
                assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), wrong[i].reason);
        }
        ERR_clear_error();
        close_providers();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_key_of_many_processes),
                cmocka_unit_test(survives_who_finalises_the_module),
                cmocka_unit_test(leaves_the_module_to_who_had_it_before),
                cmocka_unit_test(keys_may_outlive_the_context),
                cmocka_unit_test(threads_share_a_key),
                cmocka_unit_test(says_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
