/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program hears of the provider when something is wrong: one error of ours that says why and what to do, nothing on stderr, no
 * crash, no hang; and that the next try works when it is right again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/osslkey.h"
#include "tests/token.h"

#define KEY "pkcs11:token=" TOKEN_LABEL ";object=key;type=private"
#define RELOADS 1000

static struct token token;
static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *ours, *theirs;
static int real_stderr = -1;
static FILE *noise;

static void open_providers(void)
{
        lib = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_set_default_search_path(lib, "provider/.libs");
        theirs = OSSL_PROVIDER_load(lib, "default");
        ours = OSSL_PROVIDER_load(lib, "holdfast");
        assert_non_null(theirs);
        assert_non_null(ours);
}

static void close_providers(void)
{
        OSSL_PROVIDER_unload(ours);
        OSSL_PROVIDER_unload(theirs);
        OSSL_LIB_CTX_free(lib);
}

static void make_key(const char *label)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_ATTRIBUTE a = { CKA_LABEL, (char *)(uintptr_t)label, strlen(label) };

        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(token.f->C_SetAttributeValue(token.s, priv, &a, 1), CKR_OK);
}

static int start(void **state)
{
        setenv("HOLDFAST_DEADLINE_MS", "1000", 1);
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        *state = &token;
        setenv("HOLDFAST_MODULE", "pkcs11/.libs/libholdfast-pkcs11.so", 1);
        open_providers();
        if (token_session(state) != 0)
                return -1;
        make_key("key");
        return token_session_end(state);
}

static int stop(void **state)
{
        (void)state;
        close_providers();
        return token_stop(&token);
}

/* Each test with stderr in a file, which must stay empty. */
static int begin(void **state)
{
        *state = &token;
        noise = tmpfile();
        real_stderr = dup(2);
        dup2(fileno(noise), 2);
        return token_session(state);
}

static int end(void **state)
{
        char text[2000];
        size_t len;

        dup2(real_stderr, 2);
        close(real_stderr);
        rewind(noise);
        len = fread(text, 1, sizeof(text) - 1, noise);
        text[len] = '\0';
        fclose(noise);
        fputs(text, stderr);
        assert_int_equal(len, 0);
        *state = &token;
        return token_session_end(state);
}

static EVP_PKEY *load(const char *uri)
{
        return osslkey_load(lib, uri, NULL, NULL);
}

static EVP_PKEY *read_pem(const char *text, size_t len)
{
        BIO *b = BIO_new_mem_buf(text, (int)len);
        EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(b, NULL, NULL, NULL, lib, NULL);

        BIO_free(b);
        return key;
}

static bool sign(EVP_PKEY *key)
{
        return osslkey_signs(lib, key);
}

/* Exactly one error of ours, with that reason and a second sentence; empties the queue. */
static void one_error(const char *reason)
{
        const char *file, *data;
        int flags, n = 0;
        unsigned long e;

        while ((e = ERR_get_error_all(&file, NULL, NULL, &data, &flags)) != 0) {
                if (strcmp(file, "holdfast") != 0)
                        continue;
                n++;
                assert_string_equal(ERR_reason_error_string(e), reason);
                assert_true((flags & ERR_TXT_STRING) && (strstr(data, ". ") != NULL || strstr(data, ": ") != NULL));
        }
        assert_int_equal(n, 1);
}

static void wrong_uris(void **state)
{
        const struct {
                const char *uri, *reason;
        } wrong[] = {
                { "pkcs11:token=nowhere;type=private", "no such token" },
                { "pkcs11:token=" TOKEN_LABEL ";object=nothing;type=private", "no such object" },
                { "pkcs11:token=%zz", "invalid PKCS#11 URI" },
                { "pkcs11:token=a;token=b", "invalid PKCS#11 URI" },
                { "pkcs11:type=nonsense", "invalid PKCS#11 URI" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                EVP_PKEY *key = load(wrong[i].uri);

                assert_null(key);
                one_error(wrong[i].reason);
        }
}

static void a_key_that_is_removed_while_held(void **state)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, (char[]){ "gone" }, 4 } };
        CK_OBJECT_HANDLE h;
        CK_ULONG n;
        EVP_PKEY *key;

        (void)state;
        make_key("gone");
        key = load("pkcs11:token=" TOKEN_LABEL ";object=gone;type=private");
        assert_non_null(key);
        assert_true(sign(key));
        assert_int_equal(token.f->C_FindObjectsInit(token.s, t, 2), CKR_OK);
        assert_int_equal(token.f->C_FindObjects(token.s, &h, 1, &n), CKR_OK);
        assert_int_equal(token.f->C_FindObjectsFinal(token.s), CKR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(token.f->C_DestroyObject(token.s, h), CKR_OK);
        assert_false(sign(key));
        one_error("key is gone");
        EVP_PKEY_free(key);
}

static void a_tpm_that_is_away_and_back(void **state)
{
        EVP_PKEY *key = load(KEY), *again;

        (void)state;
        assert_non_null(key);
        assert_int_equal(swtpm_off(&token.tpm), 0);
        assert_false(sign(key));
        one_error("token failed");
        again = load(KEY);      /* asks nothing of the TPM */
        assert_non_null(again);
        assert_int_equal(swtpm_on(&token.tpm), 0);
        assert_true(sign(key));
        assert_true(sign(again));
        EVP_PKEY_free(again);
        EVP_PKEY_free(key);
}

/* The key as its reference, and as the store's TSS2 file; free it. */
static char *reference_of(EVP_PKEY *key, size_t *ret_len)
{
        OSSL_ENCODER_CTX *e = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo", "provider=holdfast");
        unsigned char *text = NULL;

        *ret_len = 0;
        assert_int_equal(OSSL_ENCODER_to_data(e, &text, ret_len), 1);
        OSSL_ENCODER_CTX_free(e);
        return (char *)text;
}

static char *file_of_key(size_t *ret_len)
{
        char command[300], *text = OPENSSL_malloc(8192);
        FILE *f;

        snprintf(command, sizeof(command), "cat %s/store/agents/" TOKEN_LABEL "/key.*.key.pem", token.tpm.dir);
        f = popen(command, "r");
        *ret_len = fread(text, 1, 8192, f);
        pclose(f);
        assert_in_range(*ret_len, 100, 8191);
        return text;
}

/* Cut anywhere, or one bit changed anywhere: refused, or still a key that can be used as any. */
static void every_cut_and_every_bit(const char *text, size_t len)
{
        char *spoilt = OPENSSL_malloc(len);
        unsigned refused = 0;

        for (size_t i = 0; i < 2 * len; i++) {
                EVP_PKEY *key;

                memcpy(spoilt, text, len);
                if (i >= len)
                        spoilt[i - len] ^= (char)(1 << (i % 8));
                key = read_pem(spoilt, i < len ? i : len);
                refused += key == NULL;
                EVP_PKEY_free(key);
                ERR_clear_error();
        }
        assert_true(refused > len);
        OPENSSL_free(spoilt);
}

static void spoilt_files(void **state)
{
        EVP_PKEY *key = load(KEY), *same;
        size_t len;
        char *text;

        (void)state;
        for (int i = 0; i < 2; i++) {
                text = i == 0 ? reference_of(key, &len) : file_of_key(&len);
                same = read_pem(text, len);
                assert_non_null(same);
                assert_int_equal(EVP_PKEY_eq(key, same), 1);
                every_cut_and_every_bit(text, len);
                EVP_PKEY_free(same);
                OPENSSL_free(text);
        }
        EVP_PKEY_free(key);
}

static long resident_kb(void)
{
        long size, resident = 0;
        FILE *f = fopen("/proc/self/statm", "r");

        assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
        fclose(f);
        return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

#ifdef HF_SANITIZED
static const bool memory_is_told = false;       /* freed memory is kept to be watched */
#else
static const bool memory_is_told = true;
#endif

static void loaded_and_unloaded_again_and_again(void **state)
{
        long before = 0;
        unsigned objects, sessions;

        (void)state;
        close_providers();
        for (int i = 0; i < RELOADS; i++) {
                EVP_PKEY *key;

                open_providers();
                key = load(KEY);
                assert_non_null(key);
                if (i % 50 == 0)
                        assert_true(sign(key));
                EVP_PKEY_free(key);
                close_providers();
                if (i == RELOADS / 4)
                        before = resident_kb();
        }
        if (memory_is_told)
                assert_in_range(resident_kb(), 1, before + 256);
        /* A key and a session may stay loaded for the next use, not one for each time. */
        assert_int_equal(swtpm_handles(&token.tpm, 0x80000000, &objects), 0);
        assert_int_equal(swtpm_handles(&token.tpm, 0x02000000, &sessions), 0);
        assert_in_range(objects, 0, 2);
        assert_in_range(sessions, 0, 2);
        open_providers();
}

/* A program that frees in the wrong order: libcrypto holds what is still in use. */
static void a_library_context_freed_before_its_keys(void **state)
{
        EVP_PKEY *key = load(KEY);

        (void)state;
        assert_true(sign(key));
        close_providers();
        EVP_PKEY_free(key);
        open_providers();
}

static void *load_and_sign(void *failures)
{
        for (int i = 0; i < 5; i++) {
                EVP_PKEY *key = load(KEY);

                if (key == NULL || !sign(key))
                        ++*(int *)failures;
                EVP_PKEY_free(key);
        }
        return NULL;
}

static void threads_load_and_sign(void **state)
{
        pthread_t t[8];
        int failures[8] = { 0 };

        (void)state;
        for (size_t i = 0; i < 8; i++)
                assert_int_equal(pthread_create(&t[i], NULL, load_and_sign, &failures[i]), 0);
        for (size_t i = 0; i < 8; i++) {
                assert_int_equal(pthread_join(t[i], NULL), 0);
                assert_int_equal(failures[i], 0);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(wrong_uris), TEST(a_key_that_is_removed_while_held), TEST(a_tpm_that_is_away_and_back), TEST(spoilt_files),
                TEST(threads_load_and_sign), TEST(loaded_and_unloaded_again_and_again), TEST(a_library_context_freed_before_its_keys),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
