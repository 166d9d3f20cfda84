/* SPDX-License-Identifier: BSD-2-Clause */
/* The key for witnesses: which files are taken, whose they may be, and that OpenSSL takes what it signs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include "audit/vkey.h"
#include "daemon/witness.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

#define OTHER_ID 4243   /* nobody's here */

static const char *path_in(const struct tempdir *t, const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", t->path, name);
        return path;
}

static void put(const struct tempdir *t, const char *name, struct bytes content)
{
        assert_int_equal(file_write(t->fd, name, content, 0600, true), 0);
}

/* type: as EVP_PKEY_Q_keygen() knows it. password: NULL for none. */
static EVP_PKEY *put_key(const struct tempdir *t, const char *name, const char *type, const char *password)
{
        EVP_PKEY *k = strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, type);
        BIO *b = BIO_new(BIO_s_mem());
        char *text;
        long n;

        assert_non_null(k);
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(b, k, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                                       password != NULL ? (int)strlen(password) : 0, NULL, NULL), 1);
        n = BIO_get_mem_data(b, &text);
        put(t, name, BYTES(text, (size_t)n));
        BIO_free(b);
        return k;
}

static void signs_what_openssl_verifies(void **state)
{
        static const char text[] = "holdfast/a/1\n1\nroot\n";
        EVP_PKEY *k = put_key(*state, "key", "ED25519", NULL);
        CLEANUP(buf_clear) struct buf line = { 0 }, vkey = { 0 };
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t key[VKEY_SIZE], in_vkey[VKEY_SIZE];
        struct bytes signature, name;
        struct witness *w = NULL;
        size_t n = sizeof(key);

        assert_int_equal(EVP_PKEY_get_raw_public_key(k, key, &n), 1);
        assert_int_equal(witness_open(path_in(*state, "key"), &w), 0);
        assert_int_equal(witness_sign(w, BYTES_STR("holdfast/a/1"), BYTES_STR(text), &line), 0);
        assert_int_equal(vkey_line_signature(BYTES_OF(&line), BYTES_STR("holdfast/a/1"), key, &signature), 0);
        assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k), 1);
        assert_int_equal(EVP_DigestVerify(ctx, signature.ptr, signature.len, (const uint8_t *)text, strlen(text)), 1);
        assert_int_equal(witness_vkey(w, BYTES_STR("holdfast/a/1"), &vkey), 0);
        assert_int_equal(vkey_parse(BYTES_OF(&vkey), &name, in_vkey), 0);
        assert_true(bytes_equal(name, BYTES_STR("holdfast/a/1")));
        assert_memory_equal(in_vkey, key, sizeof(key));
        witness_close(w);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(k);
}

static void refuse(const struct tempdir *t, const char *name, int want, const char *says)
{
        struct witness *w = NULL;

        assert_int_equal(witness_open(path_in(t, name), &w), want);
        assert_null(w);
        assert_non_null(strstr(err_text(), says));
        assert_non_null(strstr(err_text(), path_in(t, name)));
}

static void other_files_are_no_key(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(buf_clear) struct buf good = { 0 };

        refuse(t, "nothing", ERR_NOENT, "witness-key");
        put(t, "text", BYTES_STR("no key\n"));
        refuse(t, "text", ERR_FORMAT, "PKCS#8");
        put(t, "empty", BYTES_STR("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"));
        refuse(t, "empty", ERR_FORMAT, "private key");
        put(t, "junk", BYTES_STR("-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n"));
        refuse(t, "junk", ERR_FORMAT, "no Ed25519 private key");
        EVP_PKEY_free(put_key(t, "encrypted", "ED25519", "secret"));
        refuse(t, "encrypted", ERR_FORMAT, "unencrypted");
        EVP_PKEY_free(put_key(t, "ec", "EC", NULL));
        refuse(t, "ec", ERR_FORMAT, "no Ed25519 private key");
        EVP_PKEY_free(put_key(t, "x25519", "X25519", NULL));
        refuse(t, "x25519", ERR_FORMAT, "no Ed25519 private key");
        EVP_PKEY_free(put_key(t, "key", "ED25519", NULL));
        assert_int_equal(file_read(t->fd, "key", 4096, &good), 0);
        assert_int_equal(symlinkat("key", t->fd, "link"), 0);
        refuse(t, "link", ERR_FORMAT, "");
        assert_int_equal(buf_append_str(&good, "and more\n"), 0);
        put(t, "trailed", BYTES_OF(&good));
        refuse(t, "trailed", ERR_FORMAT, "private key");
}

static void only_for_us_to_read(void **state)
{
        static const struct {
                mode_t mode;
                bool others_group, others_file;
                int want;
        } cases[] = {
                { 0600, false, false, 0 },        { 0400, false, false, 0 },        { 0440, false, false, 0 },        { 0640, false, false, 0 },
                { 0600, true, false, 0 },         { 0604, false, false, ERR_PERM }, { 0602, false, false, ERR_PERM }, { 0660, false, false, ERR_PERM },
                { 0640, true, false, ERR_PERM },  { 0440, true, false, ERR_PERM },  { 0600, false, true, ERR_PERM },  { 0640, false, true, ERR_PERM },
        };
        struct tempdir *t = *state;

        EVP_PKEY_free(put_key(t, "key", "ED25519", NULL));
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct witness *w = NULL;

                if ((cases[i].others_group || cases[i].others_file) && geteuid() != 0)
                        continue;
                assert_int_equal(fchownat(t->fd, "key", cases[i].others_file ? OTHER_ID : geteuid(), cases[i].others_group ? OTHER_ID : getegid(), 0), 0);
                assert_int_equal(fchmodat(t->fd, "key", cases[i].mode, 0), 0);
                if (cases[i].want == 0) {
                        assert_int_equal(witness_open(path_in(t, "key"), &w), 0);
                        witness_close(w);
                } else {
                        refuse(t, "key", ERR_PERM, cases[i].others_file ? "belongs" : "others");
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(signs_what_openssl_verifies, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(other_files_are_no_key, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(only_for_us_to_read, tempdir_setup, tempdir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
