/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the OpenSSL provider at work: made, compared, signing, agreeing, decrypting; and what they refuse. The provider and the module are the
 * ones that this build made, in a library context of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/token.h"

static struct token token;
static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *ours, *theirs;
static EVP_PKEY *ec, *rsa;

/* NULL if the provider refuses. uri NULL: the program's own, in software. */
static EVP_PKEY *generate(const char *type, const char *uri)
{
        OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("pkcs11_uri", (char *)(uintptr_t)uri, uri != NULL ? strlen(uri) : 0), OSSL_PARAM_END };
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(lib, type, uri != NULL ? "provider=holdfast" : NULL);
        EVP_PKEY *key = NULL;

        assert_non_null(c);
        assert_int_equal(EVP_PKEY_keygen_init(c), 1);
        if (strcmp(type, "EC") == 0)
                assert_int_equal(EVP_PKEY_CTX_set_group_name(c, "P-256"), 1);
        if (uri != NULL)
                assert_int_equal(EVP_PKEY_CTX_set_params(c, params), 1);
        EVP_PKEY_generate(c, &key);
        EVP_PKEY_CTX_free(c);
        return key;
}

static int start(void **state)
{
        (void)state;
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        setenv("HOLDFAST_MODULE", "pkcs11/.libs/libholdfast-pkcs11.so", 1);
        lib = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_set_default_search_path(lib, "provider/.libs");
        theirs = OSSL_PROVIDER_load(lib, "default");
        ours = OSSL_PROVIDER_load(lib, "holdfast");
        if (ours == NULL)
                return -1;
        ec = generate("EC", "pkcs11:token=" TOKEN_LABEL ";object=ec");
        rsa = generate("RSA", "pkcs11:token=" TOKEN_LABEL ";object=rsa");
        return ec != NULL && rsa != NULL ? 0 : -1;
}

static int stop(void **state)
{
        (void)state;
        EVP_PKEY_free(ec);
        EVP_PKEY_free(rsa);
        OSSL_PROVIDER_unload(ours);
        OSSL_PROVIDER_unload(theirs);
        OSSL_LIB_CTX_free(lib);
        return token_stop(&token);
}

/* The public half in software, as a certificate would give it. */
static EVP_PKEY *public_of(EVP_PKEY *key)
{
        OSSL_PARAM *params;
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(lib, EVP_PKEY_is_a(key, "RSA") ? "RSA" : "EC", "provider=default");
        EVP_PKEY *pub = NULL;

        assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
        assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
        assert_int_equal(EVP_PKEY_fromdata(c, &pub, EVP_PKEY_PUBLIC_KEY, params), 1);
        EVP_PKEY_CTX_free(c);
        OSSL_PARAM_free(params);
        return pub;
}

static int sign(EVP_PKEY *key, const char *md, int pad, int salt, unsigned char *sig, size_t *len)
{
        EVP_MD_CTX *m = EVP_MD_CTX_new();
        EVP_PKEY_CTX *c;
        int ok;

        ok = EVP_DigestSignInit_ex(m, &c, md, lib, NULL, key, NULL) == 1;
        if (ok && pad != 0)
                ok = EVP_PKEY_CTX_set_rsa_padding(c, pad) == 1;
        if (ok && pad == RSA_PKCS1_PSS_PADDING)
                ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(c, salt) == 1;
        ok = ok && EVP_DigestSign(m, sig, len, (const unsigned char *)"data", 4) == 1;
        EVP_MD_CTX_free(m);
        return ok;
}

static int verify(EVP_PKEY *key, const char *md, int pad, int salt, const unsigned char *sig, size_t len)
{
        EVP_MD_CTX *m = EVP_MD_CTX_new();
        EVP_PKEY_CTX *c;
        int ok;

        assert_int_equal(EVP_DigestVerifyInit_ex(m, &c, md, lib, NULL, key, NULL), 1);
        if (pad != 0)
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, pad), 1);
        if (pad == RSA_PKCS1_PSS_PADDING)
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, salt), 1);
        ok = EVP_DigestVerify(m, sig, len, (const unsigned char *)"data", 4) == 1;
        EVP_MD_CTX_free(m);
        return ok;
}

/* By the default provider, and by ours with the key itself. */
static void signature_is_good(EVP_PKEY *key, const char *md, int pad, int salt)
{
        EVP_PKEY *pub = public_of(key);
        unsigned char sig[512];
        size_t len = sizeof(sig);

        assert_true(sign(key, md, pad, salt, sig, &len));
        assert_true(verify(pub, md, pad, salt, sig, len));
        assert_true(verify(key, md, pad, salt, sig, len));
        sig[len - 1] ^= 1;
        assert_false(verify(key, md, pad, salt, sig, len));
        EVP_PKEY_free(pub);
}

static void signs_by_every_digest_and_padding(void **state)
{
        const char *const mds[] = { "SHA1", "SHA2-256", "SHA384", "SHA2-512" };

        (void)state;
        for (size_t i = 0; i < sizeof(mds) / sizeof(mds[0]); i++) {
                signature_is_good(ec, mds[i], 0, 0);
                signature_is_good(rsa, mds[i], RSA_PKCS1_PADDING, 0);
                signature_is_good(rsa, mds[i], RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST);
                signature_is_good(rsa, mds[i], RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX);
        }
}

static void refuses_other_digests_and_short_buffers(void **state)
{
        unsigned char sig[512];
        size_t len = sizeof(sig);

        (void)state;
        assert_false(sign(ec, "MD5", 0, 0, sig, &len));
        assert_false(sign(rsa, "SHA256", RSA_NO_PADDING, 0, sig, &len));
        assert_false(sign(rsa, "SHA256", RSA_PKCS1_PSS_PADDING, 1000, sig, &len));
        len = 20;
        assert_false(sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0, sig, &len));
        ERR_clear_error();
}

/* The algorithm of a certificate is the same as the default provider writes for the same choice. */
static void names_its_algorithm(void **state)
{
        const struct {
                EVP_PKEY *key;
                int pad;
        } kinds[] = { { ec, 0 }, { rsa, RSA_PKCS1_PADDING }, { rsa, RSA_PKCS1_PSS_PADDING } };
        const char *const mds[] = { "SHA1", "SHA256", "SHA512" };

        (void)state;
        for (size_t i = 0; i < 9; i++) {
                EVP_PKEY *keys[] = { kinds[i / 3].key, public_of(kinds[i / 3].key) };
                unsigned char der[2][256];
                OSSL_PARAM p[2][2];

                for (size_t k = 0; k < 2; k++) {
                        EVP_MD_CTX *m = EVP_MD_CTX_new();
                        EVP_PKEY_CTX *c;

                        p[k][0] = OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der[k], sizeof(der[k]));
                        p[k][1] = OSSL_PARAM_construct_end();
                        assert_int_equal(EVP_DigestVerifyInit_ex(m, &c, mds[i % 3], lib, NULL, keys[k], NULL), 1);
                        if (kinds[i / 3].pad != 0)
                                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, kinds[i / 3].pad), 1);
                        if (kinds[i / 3].pad == RSA_PKCS1_PSS_PADDING)
                                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST), 1);
                        assert_int_equal(EVP_PKEY_CTX_get_params(c, p[k]), 1);
                        EVP_MD_CTX_free(m);
                }
                assert_int_equal(p[0][0].return_size, p[1][0].return_size);
                assert_memory_equal(der[0], der[1], p[0][0].return_size);
                EVP_PKEY_free(keys[1]);
        }
}

static void the_private_half_stays(void **state)
{
        EVP_PKEY *pub = public_of(ec), *soft = generate("EC", NULL), *in = NULL;
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(lib, "EC", "provider=holdfast");
        OSSL_PARAM *params = NULL;

        (void)state;
        assert_int_equal(EVP_PKEY_eq(ec, pub), 1);
        assert_int_not_equal(EVP_PKEY_eq(ec, soft), 1);
        assert_int_not_equal(EVP_PKEY_todata(ec, EVP_PKEY_KEYPAIR, &params), 1);
        assert_int_equal(EVP_PKEY_todata(soft, EVP_PKEY_KEYPAIR, &params), 1);
        assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
        assert_int_not_equal(EVP_PKEY_fromdata(c, &in, EVP_PKEY_KEYPAIR, params), 1);
        assert_string_equal(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(soft)), "default");
        assert_null(generate("EC", "pkcs11:token=nowhere"));
        assert_null(generate("EC", "token=" TOKEN_LABEL));
        ERR_clear_error();
        OSSL_PARAM_free(params);
        EVP_PKEY_CTX_free(c);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(pub);
}

static size_t agree(EVP_PKEY *mine, EVP_PKEY *peer, unsigned char *z, size_t len)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, mine, NULL);

        assert_int_equal(EVP_PKEY_derive_init(c), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(c, peer), 1);
        assert_int_equal(EVP_PKEY_derive(c, z, &len), 1);
        EVP_PKEY_CTX_free(c);
        return len;
}

static void both_sides_agree(void **state)
{
        EVP_PKEY *soft = generate("EC", NULL), *soft_pub = public_of(soft), *pub = public_of(ec);
        unsigned char a[66], b[66];

        (void)state;
        assert_int_equal(agree(ec, soft_pub, a, sizeof(a)), 32);
        assert_int_equal(agree(soft, pub, b, sizeof(b)), 32);
        assert_memory_equal(a, b, 32);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(soft_pub);
        EVP_PKEY_free(pub);
}

static int decrypts(int pad, const char *md)
{
        EVP_PKEY *pub = public_of(rsa);
        EVP_PKEY_CTX *e = EVP_PKEY_CTX_new_from_pkey(lib, pub, NULL), *d = EVP_PKEY_CTX_new_from_pkey(lib, rsa, NULL);
        unsigned char c[512], out[512];
        size_t c_len = sizeof(c), len = sizeof(out);
        int ok;

        assert_int_equal(EVP_PKEY_encrypt_init(e), 1);
        assert_int_equal(EVP_PKEY_decrypt_init(d), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(e, pad), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(d, pad), 1);
        if (md != NULL) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(e, md, NULL), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(d, md, NULL), 1);
        }
        assert_int_equal(EVP_PKEY_encrypt(e, c, &c_len, (const unsigned char *)"secret", 6), 1);
        ok = EVP_PKEY_decrypt(d, out, &len, c, c_len) == 1 && len == 6 && memcmp(out, "secret", 6) == 0;
        EVP_PKEY_CTX_free(e);
        EVP_PKEY_CTX_free(d);
        EVP_PKEY_free(pub);
        return ok;
}

static void decrypts_oaep_and_not_pkcs1(void **state)
{
        (void)state;
        assert_true(decrypts(RSA_PKCS1_OAEP_PADDING, NULL));
        assert_true(decrypts(RSA_PKCS1_OAEP_PADDING, "SHA256"));
        assert_false(decrypts(RSA_PKCS1_PADDING, NULL));
        ERR_clear_error();
}

/* The bare operation: what comes out of a PKCS#1 signature by it is the padded digest, and the other way round. */
static void signs_what_the_caller_padded(void **state)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, rsa, NULL);
        unsigned char sig[256], padded[256], again[256];
        size_t len = sizeof(sig);

        (void)state;
        assert_true(sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0, sig, &len));
        assert_int_equal(EVP_PKEY_verify_recover_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING), 1);
        len = sizeof(padded);
        assert_int_equal(EVP_PKEY_verify_recover(c, padded, &len, sig, sizeof(sig)), 1);
        assert_int_equal(len, sizeof(padded));

        assert_int_equal(EVP_PKEY_sign_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_sign(c, again, &len, padded, sizeof(padded)), 1);
        assert_memory_equal(again, sig, sizeof(sig));
        assert_int_not_equal(EVP_PKEY_sign(c, again, &len, padded, sizeof(padded) - 1), 1);
        ERR_clear_error();
        EVP_PKEY_CTX_free(c);
}

/* With the digest named, what was signed is the digest. */
static void recovers_what_was_signed(void **state)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, rsa, NULL);
        unsigned char sig[256], out[256], digest[32];
        size_t len = sizeof(sig);

        (void)state;
        assert_true(sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0, sig, &len));
        assert_int_equal(EVP_Digest("data", 4, digest, NULL, EVP_sha256(), NULL), 1);
        assert_int_equal(EVP_PKEY_verify_recover_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()), 1);
        len = sizeof(out);
        assert_int_equal(EVP_PKEY_verify_recover(c, out, &len, sig, sizeof(sig)), 1);
        assert_int_equal(len, sizeof(digest));
        assert_memory_equal(out, digest, sizeof(digest));
        sig[0] ^= 1;
        assert_int_not_equal(EVP_PKEY_verify_recover(c, out, &len, sig, sizeof(sig)), 1);
        ERR_clear_error();
        EVP_PKEY_CTX_free(c);
}

/* A program of OpenSSL 3.1 may ask for it; that of 3.0 has no number for it. */
static void a_salt_may_be_at_most_the_digest(void **state)
{
        OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, (char *)(uintptr_t)"auto-digestmax", 14), OSSL_PARAM_END };
        EVP_MD_CTX *m = EVP_MD_CTX_new();
        unsigned char sig[512];
        size_t len = sizeof(sig);
        EVP_PKEY_CTX *c;

        (void)state;
        assert_int_equal(EVP_DigestSignInit_ex(m, &c, "SHA256", lib, NULL, rsa, NULL), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_params(c, params), 1);
        assert_int_equal(EVP_DigestSign(m, sig, &len, (const unsigned char *)"data", 4), 1);
        EVP_MD_CTX_free(m);
        assert_true(verify(rsa, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, sig, len));
        assert_false(verify(rsa, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, sig, len));
        ERR_clear_error();
}

static size_t agree_x963(EVP_PKEY *mine, EVP_PKEY *peer, unsigned char *out, size_t len)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, mine, NULL);
        unsigned char *ukm = OPENSSL_memdup("info", 4);

        assert_int_equal(EVP_PKEY_derive_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(c, EVP_PKEY_ECDH_KDF_X9_63), 1);
        assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(c, EVP_sha256()), 1);
        assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(c, (int)len), 1);
        assert_int_equal(EVP_PKEY_CTX_set0_ecdh_kdf_ukm(c, ukm, 4), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(c, peer), 1);
        assert_int_equal(EVP_PKEY_derive(c, out, &len), 1);
        EVP_PKEY_CTX_free(c);
        return len;
}

static void both_sides_derive_the_same(void **state)
{
        EVP_PKEY *soft = generate("EC", NULL), *soft_pub = public_of(soft), *pub = public_of(ec);
        unsigned char a[100], b[100];

        (void)state;
        assert_int_equal(agree_x963(ec, soft_pub, a, sizeof(a)), sizeof(a));
        assert_int_equal(agree_x963(soft, pub, b, sizeof(b)), sizeof(b));
        assert_memory_equal(a, b, sizeof(a));
        EVP_PKEY_free(soft);
        EVP_PKEY_free(soft_pub);
        EVP_PKEY_free(pub);
}

/* A copy of the curve is no key. */
static void parameters_alone_are_no_key(void **state)
{
        EVP_PKEY *curve = EVP_PKEY_new(), *soft = generate("EC", NULL);
        unsigned char *point = NULL;
        EVP_PKEY_CTX *c;

        (void)state;
        assert_int_equal(EVP_PKEY_copy_parameters(curve, ec), 1);
        assert_int_equal(EVP_PKEY_parameters_eq(curve, ec), 1);
        assert_int_not_equal(EVP_PKEY_eq(curve, ec), 1);
        c = EVP_PKEY_CTX_new_from_pkey(lib, curve, NULL);
        assert_int_equal(EVP_PKEY_param_check(c), 1);
        assert_int_not_equal(EVP_PKEY_public_check(c), 1);
        EVP_PKEY_CTX_free(c);
        /* It becomes one by a point, and a key keeps the one it has. */
        assert_int_equal(EVP_PKEY_get1_encoded_public_key(soft, &point), 65);
        assert_int_not_equal(EVP_PKEY_set1_encoded_public_key(ec, point, 65), 1);
        assert_int_not_equal(EVP_PKEY_set1_encoded_public_key(curve, point, 64), 1);
        assert_int_equal(EVP_PKEY_set1_encoded_public_key(curve, point, 65), 1);
        assert_int_equal(EVP_PKEY_eq(curve, soft), 1);
        OPENSSL_free(point);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(curve);
        ERR_clear_error();
}

static void *sign_often(void *failures)
{
        unsigned char sig[512];

        for (int i = 0; i < 10; i++) {
                size_t len = sizeof(sig);

                if (!sign(i % 2 == 0 ? ec : rsa, "SHA256", 0, 0, sig, &len))
                        ++*(int *)failures;
        }
        return NULL;
}

static void threads_share_a_key(void **state)
{
        pthread_t t[4];
        int failures[4] = { 0 };

        (void)state;
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&t[i], NULL, sign_often, &failures[i]), 0);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(pthread_join(t[i], NULL), 0);
                assert_int_equal(failures[i], 0);
        }
}

static void a_child_has_the_key_too(void **state)
{
        int failures = 0, status;
        pid_t pid = fork();

        (void)state;
        if (pid == 0) {
                sign_often(&failures);
                _exit(failures != 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        sign_often(&failures);
        assert_int_equal(failures, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signs_by_every_digest_and_padding), cmocka_unit_test(refuses_other_digests_and_short_buffers),
                cmocka_unit_test(names_its_algorithm), cmocka_unit_test(the_private_half_stays), cmocka_unit_test(both_sides_agree),
                cmocka_unit_test(decrypts_oaep_and_not_pkcs1), cmocka_unit_test(signs_what_the_caller_padded),
                cmocka_unit_test(recovers_what_was_signed), cmocka_unit_test(a_salt_may_be_at_most_the_digest),
                cmocka_unit_test(both_sides_derive_the_same), cmocka_unit_test(parameters_alone_are_no_key),
                cmocka_unit_test(threads_share_a_key), cmocka_unit_test(a_child_has_the_key_too),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
