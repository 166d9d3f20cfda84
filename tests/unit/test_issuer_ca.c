/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's keys: made, found again, refused where they are no secret, and what they sign. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/grantfix.h"
#include "tests/tempdir.h"

static const char *const kinds[] = { "P-256", "P-384", "RSA-2048", "Ed25519" };

static const char *path(const struct grantfix *f, const char *name)
{
        static char text[128];

        snprintf(text, sizeof(text), "%s/%s", f->dir->path, name);
        return text;
}

static bool verifies(EVP_PKEY *k, const char *digest, struct bytes message, struct bytes sig)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        int ok;

        assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, k, NULL), 1);
        ok = EVP_DigestVerify(ctx, sig.ptr, sig.len, message.ptr, message.len);
        EVP_MD_CTX_free(ctx);
        return ok == 1;
}

static void each_kind_is_made_found_and_signs(void **state)
{
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                CLEANUP(ca_key_freep) struct ca_key *made = grantfix_ca_key(f, kinds[i]);
                CLEANUP(ca_key_freep) struct ca_key *k = NULL;
                CLEANUP(buf_clear) struct buf spki = { 0 }, sig = { 0 };
                EVP_PKEY *evp = grantfix_private(f, kinds[i]);
                char name[32];
                struct stat st;

                snprintf(name, sizeof(name), "%s.key", kinds[i]);
                assert_int_equal(stat(path(f, name), &st), 0);
                assert_int_equal(st.st_mode & 0777, 0600);
                assert_int_equal(ca_key_open(path(f, name), &k), 0);
                evp_spki(evp, &spki);
                assert_true(bytes_equal(ca_key_spki(k), BYTES_OF(&spki)));
                assert_true(bytes_equal(ca_key_spki(made), BYTES_OF(&spki)));
                assert_string_equal(ca_key_id(k), ca_key_id(made));
                assert_int_equal(strlen(ca_key_id(k)), i == 3 ? 0 : 43);
                assert_int_equal(ca_key_public(k) == NULL, i == 3);
                assert_int_equal(ca_key_sign(k, BYTES_STR("message"), &sig), 0);
                assert_true(verifies(evp, ca_key_alg(k)->digest, BYTES_STR("message"), BYTES_OF(&sig)));
                assert_false(verifies(evp, ca_key_alg(k)->digest, BYTES_STR("massage"), BYTES_OF(&sig)));
                assert_int_equal(ca_key_sign_raw(k, BYTES_STR("message"), &sig), 0);
                assert_int_equal(sig.len, i == 0 ? 64 : i == 1 ? 96 : i == 2 ? 256 : 64);
                EVP_PKEY_free(evp);
        }
}

struct signer {
        const struct ca_key *k;
        EVP_PKEY *evp;
        unsigned good;
};

static void *sign_often(void *arg)
{
        struct signer *s = arg;

        for (unsigned i = 0; i < 50; i++) {
                CLEANUP(buf_clear) struct buf sig = { 0 };
                char message[16];

                snprintf(message, sizeof(message), "%u", i);
                if (ca_key_sign(s->k, BYTES_STR(message), &sig) == 0 && verifies(s->evp, "SHA256", BYTES_STR(message), BYTES_OF(&sig)))
                        s->good++;
        }
        return NULL;
}

static void many_threads_sign_with_one(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(*state, "P-256");
        EVP_PKEY *evp = grantfix_private(*state, "P-256");
        struct signer s[8];
        pthread_t thread[8];

        for (size_t i = 0; i < ARRAY_LEN(s); i++) {
                s[i] = (struct signer){ .k = k, .evp = evp };
                assert_int_equal(pthread_create(&thread[i], NULL, sign_often, &s[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(s); i++) {
                assert_int_equal(pthread_join(thread[i], NULL), 0);
                assert_int_equal(s[i].good, 50);
        }
        EVP_PKEY_free(evp);
}

static void none_is_written_over(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *other = NULL;

        ca_key_free(grantfix_ca_key(*state, "P-256"));
        assert_int_equal(ca_key_make("P-256", path(*state, "P-256.key"), &other), ERR_EXIST);
        assert_null(other);
        assert_int_equal(ca_key_make("secp256k1", path(*state, "new"), &other), ERR_NOTSUP);
        assert_int_equal(ca_key_make("RSA-1024", path(*state, "new"), &other), ERR_NOTSUP);
        assert_int_equal(access(path(*state, "new"), F_OK), -1);
}

static void a_file_that_others_may_open_is_refused(void **state)
{
        static const mode_t modes[] = { 0640, 0604, 0660, 0610, 0644, 0601 };
        CLEANUP(ca_key_freep) struct ca_key *k = NULL;

        ca_key_free(grantfix_ca_key(*state, "P-256"));
        for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
                assert_int_equal(chmod(path(*state, "P-256.key"), modes[i]), 0);
                assert_int_equal(ca_key_open(path(*state, "P-256.key"), &k), ERR_PERM);
        }
        assert_int_equal(chmod(path(*state, "P-256.key"), 0400), 0);
        assert_int_equal(ca_key_open(path(*state, "P-256.key"), &k), 0);
}

static void what_is_no_key_file(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *other = NULL;
        struct grantfix *f = *state;
        char target[128];

        ca_key_free(grantfix_ca_key(*state, "P-256"));
        assert_int_equal(ca_key_open(path(f, "none"), &other), ERR_NOENT);
        assert_int_equal(file_write(f->dir->fd, "text", BYTES_STR("no key\n"), 0600, false), 0);
        assert_int_equal(ca_key_open(path(f, "text"), &other), ERR_FORMAT);
        assert_int_equal(file_write(f->dir->fd, "empty", BYTES(NULL, 0), 0600, false), 0);
        assert_int_equal(ca_key_open(path(f, "empty"), &other), ERR_FORMAT);
        strcpy(target, path(f, "P-256.key"));
        assert_int_equal(symlink(target, path(f, "link")), 0);
        assert_int_not_equal(ca_key_open(path(f, "link"), &other), 0);
        assert_int_equal(mkfifo(path(f, "fifo"), 0600), 0);
        assert_int_not_equal(ca_key_open(path(f, "fifo"), &other), 0);
        assert_null(other);
}

/* Nobody is asked for a passphrase: a service has nobody to ask. */
static void keys_that_are_not_for_us(void **state)
{
        static const struct {
                const char *type, *param;
                int bits, r;
        } rows[] = { { "EC", "P-521", 0, ERR_NOTSUP }, { "RSA", NULL, 1024, ERR_NOTSUP }, { "X25519", NULL, 0, ERR_NOTSUP }, { "EC", "P-256", 0, 0 } };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(ca_key_freep) struct ca_key *k = NULL;
                EVP_PKEY *evp = rows[i].bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rows[i].bits) : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, rows[i].param);
                FILE *out = fopen(path(f, "key"), "w");

                assert_int_equal(PEM_write_PrivateKey(out, evp, NULL, NULL, 0, NULL, NULL), 1);
                fclose(out);
                assert_int_equal(chmod(path(f, "key"), 0600), 0);
                assert_int_equal(ca_key_open(path(f, "key"), &k), rows[i].r);
                out = fopen(path(f, "key"), "w");
                assert_int_equal(PEM_write_PrivateKey(out, evp, EVP_aes_128_cbc(), (unsigned char *)(uintptr_t)"secret", 6, NULL, NULL), 1);
                fclose(out);
                assert_int_equal(ca_key_open(path(f, "key"), &k), ERR_FORMAT);
                EVP_PKEY_free(evp);
        }
}

static void a_uri_that_leads_nowhere(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = NULL;

        (void)state;
        setenv("OPENSSL_MODULES", "/nowhere", 1);
        assert_int_equal(ca_key_open("pkcs11:token=issuer;object=ca", &k), ERR_NOENT);
        assert_null(k);
}

static void ssh_lines(void **state)
{
        static const char *const bad[] = { "", "a b", "a\nb", "*.example.org\n@cert-authority", "#a", "@revoked", "|1|a", "\xc3\xa9" };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                static const char *const types[] = { "ecdsa-sha2-nistp256 AAAA", "ecdsa-sha2-nistp384 AAAA", "ssh-rsa AAAA", "ssh-ed25519 AAAA" };
                CLEANUP(ca_key_freep) struct ca_key *k = grantfix_ca_key(f, kinds[i]);
                CLEANUP(buf_clear) struct buf line = { 0 }, known = { 0 };

                assert_int_equal(ca_key_ssh_line(k, "holdfast", &line), 0);
                assert_int_equal(strncmp(buf_str(&line), types[i], strlen(types[i])), 0);
                assert_int_equal(ca_key_known_hosts(k, "*.example.org,example.org", "holdfast", &known), 0);
                assert_int_equal(strncmp(buf_str(&known), "@cert-authority *.example.org,example.org ", 42), 0);
                assert_string_equal(buf_str(&known) + 42, buf_str(&line));
                for (size_t n = 0; n < ARRAY_LEN(bad); n++)
                        assert_int_equal(ca_key_known_hosts(k, bad[n], "holdfast", &known), ERR_INVAL);
                assert_int_equal(ca_key_ssh_line(k, "two words", &line), ERR_INVAL);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(each_kind_is_made_found_and_signs), TEST(many_threads_sign_with_one), TEST(none_is_written_over), TEST(a_file_that_others_may_open_is_refused),
                TEST(what_is_no_key_file), TEST(keys_that_are_not_for_us), TEST(a_uri_that_leads_nowhere), TEST(ssh_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
