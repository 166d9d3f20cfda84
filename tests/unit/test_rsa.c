/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA with every padding, whatever the chip can: OpenSSL is the judge and the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/rsa.h>
#include "keys/backend_tpm.h"
#include "keys/rsa.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "tests/fixture.h"

static struct fixture f;
static struct item *item;
static const struct item_body *body;
static struct tpm_key tpm_key;
static struct tpm_caps caps;
static struct rsa_key key;
static EVP_PKEY *evp;

static int start(void **state)
{
        (void)state;
        fixture_start(&f);
        item = fixture_key(&f, "RSA-2048", ALG_SIGN | ALG_DECRYPT, "r");
        body = fixture_body(item);
        tpm_key = (struct tpm_key){ .name = BYTES_OF(&body->name), .pub = BYTES_OF(&body->key.pub), .priv = BYTES_OF(&body->key.priv) };
        caps = *backend_tpm_caps(keyring_backend(f.keyring));
        key = (struct rsa_key){ backend_tpm_device(keyring_backend(f.keyring)), &caps, &tpm_key, &body->pub };
        evp = fixture_evp(&body->pub);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        EVP_PKEY_free(evp);
        item_unref(item);
        fixture_stop(&f);
        return 0;
}

static const struct hash *h(const char *name)
{
        return hash_by_name(name);
}

static bool good(const struct pk_params *p, struct bytes digest, struct bytes sig, const char *md)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(evp, NULL);
        int ok;

        assert_int_equal(EVP_PKEY_verify_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, p->scheme == SCHEME_RSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING), 1);
        if (md)
                assert_int_equal(EVP_PKEY_CTX_set_signature_md(c, EVP_get_digestbyname(md)), 1);
        if (p->scheme == SCHEME_RSA_PSS) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, (int)p->salt_len), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_get_digestbyname(p->mgf_hash->name)), 1);
        }
        ok = EVP_PKEY_verify(c, sig.ptr, sig.len, digest.ptr, digest.len);
        EVP_PKEY_CTX_free(c);
        return ok == 1;
}

static void sign_both_ways(const char *name)
{
        struct pk_params named = { .scheme = SCHEME_RSA_PKCS1, .hash = h(name) }, bytes = { .scheme = SCHEME_RSA_PKCS1 };
        CLEANUP(buf_clear) struct buf info = { 0 };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[HASH_MAX];

        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        assert_int_equal(rsa_sign(&key, &named, BYTES(digest, h(name)->size), &sig), 0);
        assert_true(good(&named, BYTES(digest, h(name)->size), BYTES_OF(&sig), name));

        assert_int_equal(buf_append(&info, h(name)->digest_info.ptr, h(name)->digest_info.len), 0);
        assert_int_equal(buf_append(&info, digest, h(name)->size), 0);
        buf_reset(&sig);
        assert_int_equal(rsa_sign(&key, &bytes, BYTES_OF(&info), &sig), 0);
        assert_true(good(&bytes, BYTES(digest, h(name)->size), BYTES_OF(&sig), name));

        assert_int_equal(rsa_sign(&key, &named, BYTES(digest, h(name)->size - 1), &sig), ERR_RANGE);
}

static void pkcs1_with_each_hash(void **state)
{
        (void)state;
        sign_both_ways("SHA256");
        sign_both_ways("SHA384");
        sign_both_ways("SHA512");
        sign_both_ways("SHA1");
}

static void pkcs1_with_hashes_the_chip_does_not_know(void **state)
{
        struct tpm_caps all = caps;

        (void)state;
        caps.sha1 = false;
        sign_both_ways("SHA1");
        caps.hashes = 0;
        sign_both_ways("SHA512");
        caps.raw_rsa = false;
        assert_int_equal(rsa_sign(&key, &(struct pk_params){ .scheme = SCHEME_RSA_PKCS1 }, BYTES_STR("x"), &(struct buf){ 0 }), ERR_NOTSUP);
        caps = all;
}

/* TLS 1.1 signs MD5 || SHA-1 with no DigestInfo. */
static void pkcs1_of_any_bytes(void **state)
{
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1 };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t in[246] = { 7 };

        (void)state;
        assert_int_equal(rsa_sign(&key, &p, BYTES(in, 36), &sig), 0);
        assert_true(good(&p, BYTES(in, 36), BYTES_OF(&sig), NULL));
        buf_reset(&sig);
        assert_int_equal(rsa_sign(&key, &p, BYTES(in, 245), &sig), 0);
        assert_true(good(&p, BYTES(in, 245), BYTES_OF(&sig), NULL));
        buf_reset(&sig);
        assert_int_equal(rsa_sign(&key, &p, BYTES(in, 246), &sig), ERR_RANGE);
        assert_int_equal(sig.len, 0);
}

static void pss_with_any_salt(void **state)
{
        static const size_t salts[] = { 0, 1, 20, 32, 64, 222 };
        struct pk_params p = { .scheme = SCHEME_RSA_PSS, .hash = h("SHA256"), .mgf_hash = h("SHA256") };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 9 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(salts); i++) {
                p.salt_len = salts[i];
                buf_reset(&sig);
                assert_int_equal(rsa_sign(&key, &p, BYTES(digest, 32), &sig), 0);
                assert_true(good(&p, BYTES(digest, 32), BYTES_OF(&sig), "SHA256"));
        }
        p.mgf_hash = h("SHA1");
        p.salt_len = 20;
        buf_reset(&sig);
        assert_int_equal(rsa_sign(&key, &p, BYTES(digest, 32), &sig), 0);
        assert_true(good(&p, BYTES(digest, 32), BYTES_OF(&sig), "SHA256"));
        p.salt_len = 223;
        assert_int_equal(rsa_sign(&key, &p, BYTES(digest, 32), &sig), ERR_RANGE);
}

/* A number, its private power and its public power again. */
static void raw_both_ways(void **state)
{
        struct pk_params p = { .scheme = SCHEME_RSA_RAW };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        uint8_t in[256] = { 0, 1, 2, 3 }, big[256];

        (void)state;
        assert_int_equal(rsa_sign(&key, &p, BYTES(in, 256), &sig), 0);
        assert_int_equal(pk_encrypt(&body->pub, &p, BYTES_OF(&sig), &again), 0);
        assert_memory_equal(again.ptr, in, 256);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES_OF(&again), &sig), 0);

        buf_reset(&sig);
        assert_int_equal(rsa_sign(&key, &p, BYTES(in + 1, 3), &sig), 0);
        assert_int_equal(sig.len, 256);
        memset(big, 0xff, sizeof(big));
        assert_int_equal(rsa_sign(&key, &p, BYTES(big, 256), &sig), ERR_RANGE);
        assert_int_equal(rsa_sign(&key, &p, BYTES(big, 257), &sig), ERR_RANGE);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(big, 256), &sig), ERR_RANGE);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(in, 255), &sig), ERR_RANGE);
}

static void encrypt(const struct pk_params *p, struct bytes in, uint8_t out[256])
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(evp, NULL);
        size_t len = 256;

        assert_int_equal(EVP_PKEY_encrypt_init(c), 1);
        if (p->scheme == SCHEME_RSA_OAEP) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_get_digestbyname(p->hash->name)), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_get_digestbyname(p->mgf_hash->name)), 1);
                if (p->label.len)
                        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(c, OPENSSL_memdup(p->label.ptr, p->label.len), (int)p->label.len), 1);
        }
        assert_int_equal(EVP_PKEY_encrypt(c, out, &len, in.ptr, in.len), 1);
        EVP_PKEY_CTX_free(c);
}

static void oaep_there_and_back(const char *hash, const char *mgf, struct bytes label)
{
        struct pk_params p = { .scheme = SCHEME_RSA_OAEP, .hash = h(hash), .mgf_hash = h(mgf), .label = label };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t c[256];

        encrypt(&p, BYTES_STR("a message"), c);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(c, 256), &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("a message")));
        buf_reset(&out);
        encrypt(&p, BYTES("", 0), c);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(c, 256), &out), 0);
        assert_int_equal(out.len, 0);
        c[100] ^= 1;
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(c, 256), &out), ERR_FORMAT);
        assert_int_equal(out.len, 0);
}

static void oaep_with_each_hash_and_label(void **state)
{
        (void)state;
        oaep_there_and_back("SHA1", "SHA1", (struct bytes){ 0 });
        oaep_there_and_back("SHA256", "SHA256", (struct bytes){ 0 });
        oaep_there_and_back("SHA256", "SHA1", (struct bytes){ 0 });
        oaep_there_and_back("SHA256", "SHA256", BYTES_STR("label"));
        oaep_there_and_back("SHA512", "SHA256", BYTES("la\0bel", 7));
}

static void pkcs1_decryption_is_off_until_switched_on(void **state)
{
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1 };
        struct key_use use = { .item = item };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t c[256];

        (void)state;
        encrypt(&p, BYTES_STR("a message"), c);
        assert_int_equal(signer_decrypt(f.keyring, &use, &p, BYTES(c, 256), &out), ERR_DENIED);
        assert_int_equal(rsa_decrypt(&key, &p, BYTES(c, 256), &out), 0);
        assert_true(bytes_equal(BYTES_OF(&out), BYTES_STR("a message")));
}

/* A TPM whose result is not the private power of what it was given looks to us just like one with another key. */
static void a_faulty_result_is_not_released(void **state)
{
        struct item *other = fixture_key(&f, "RSA-2048", ALG_SIGN, "other");
        struct rsa_key wrong = key;
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };

        (void)state;
        wrong.pub = &fixture_body(other)->pub;
        assert_int_equal(rsa_sign(&wrong, &(struct pk_params){ .scheme = SCHEME_RSA_PKCS1, .hash = h("SHA256") }, BYTES(digest, 32), &sig), ERR_TPM);
        assert_int_equal(rsa_sign(&wrong, &(struct pk_params){ .scheme = SCHEME_RSA_PKCS1 }, BYTES(digest, 32), &sig), ERR_TPM);
        assert_int_equal(sig.len, 0);
        item_unref(other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pkcs1_with_each_hash),
                cmocka_unit_test(pkcs1_with_hashes_the_chip_does_not_know),
                cmocka_unit_test(pkcs1_of_any_bytes),
                cmocka_unit_test(pss_with_any_salt),
                cmocka_unit_test(raw_both_ways),
                cmocka_unit_test(oaep_with_each_hash_and_label),
                cmocka_unit_test(pkcs1_decryption_is_off_until_switched_on),
                cmocka_unit_test(a_faulty_result_is_not_released),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
