/* SPDX-License-Identifier: BSD-2-Clause */
/* KDFs against OpenSSL's, which name them after SP 800-108 and SP 800-56C, and against RFC 7914. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include "lib/crypto.h"
#include "lib/err.h"

#define U BYTES_STR("nonce newer")
#define V BYTES_STR("nonce older, longer")

static void derive(const char *kdf, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
        EVP_KDF *k = EVP_KDF_fetch(NULL, kdf, NULL);
        EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(k);

        assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(k);
}

static OSSL_PARAM octets(const char *name, const void *p, size_t n)
{
        return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)p, n);
}

static OSSL_PARAM text(const char *name, const char *s)
{
        return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)s, 0);
}

static void kdfa_is_sp800_108_in_counter_mode(void **state)
{
        static const size_t lengths[] = { 1, 16, 20, 31, 32, 33, 48, 64, 65, 128, 256 };
        const uint8_t key[] = "a key of some length";
        char context[64];
        const struct hash *h;

        (void)state;
        memcpy(context, U.ptr, U.len);
        memcpy(context + U.len, V.ptr, V.len);
        for (size_t i = 0; (h = hash_at(i)); i++)
                for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
                        const OSSL_PARAM params[] = {
                                text(OSSL_KDF_PARAM_MODE, "counter"), text(OSSL_KDF_PARAM_MAC, "HMAC"), text(OSSL_KDF_PARAM_DIGEST, h->name),
                                octets(OSSL_KDF_PARAM_KEY, key, sizeof(key)), octets(OSSL_KDF_PARAM_SALT, "CFB", 3),
                                octets(OSSL_KDF_PARAM_INFO, context, U.len + V.len), OSSL_PARAM_construct_end(),
                        };
                        uint8_t want[256], got[257];

                        derive("KBKDF", params, want, lengths[k]);
                        got[lengths[k]] = 0x5a;
                        assert_int_equal(crypto_kdfa(h, BYTES(key, sizeof(key)), "CFB", U, V, got, lengths[k]), 0);
                        assert_memory_equal(got, want, lengths[k]);
                        assert_int_equal(got[lengths[k]], 0x5a);
                }
}

static void kdfe_is_sp800_56c_one_step(void **state)
{
        static const size_t lengths[] = { 1, 20, 32, 33, 64, 100 };
        const uint8_t z[32] = { 0, 1, 2 };
        char info[64];
        const struct hash *h;

        (void)state;
        memcpy(info, "SECRET", 7);
        memcpy(info + 7, U.ptr, U.len);
        memcpy(info + 7 + U.len, V.ptr, V.len);
        for (size_t i = 0; (h = hash_at(i)); i++)
                for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
                        const OSSL_PARAM params[] = {
                                text(OSSL_KDF_PARAM_DIGEST, h->name), octets(OSSL_KDF_PARAM_KEY, z, sizeof(z)),
                                octets(OSSL_KDF_PARAM_INFO, info, 7 + U.len + V.len), OSSL_PARAM_construct_end(),
                        };
                        uint8_t want[256], got[256];

                        derive("SSKDF", params, want, lengths[k]);
                        assert_int_equal(crypto_kdfe(h, BYTES(z, sizeof(z)), "SECRET", U, V, got, lengths[k]), 0);
                        assert_memory_equal(got, want, lengths[k]);
                }
}

static void kdf_output_is_bounded(void **state)
{
        const struct bytes none = { 0 };
        uint8_t out[1];

        (void)state;
        assert_int_equal(crypto_kdfa(hash_at(0), none, "L", none, none, out, 8193), ERR_RANGE);
        assert_int_equal(crypto_kdfe(hash_at(0), none, "L", none, none, out, SIZE_MAX), ERR_RANGE);
        assert_int_equal(crypto_kdfa(hash_at(0), none, "L", none, none, out, 0), 0);
}

/* RFC 7914 12, the first two */
static void scrypt_vectors(void **state)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        uint8_t out[64];

        (void)state;
        assert_int_equal(crypto_scrypt((struct bytes){ 0 }, (struct bytes){ 0 }, 16, 1, 1, out, sizeof(out)), 0);
        assert_int_equal(hex_encode(BYTES(out, sizeof(out)), &hex), 0);
        assert_string_equal(buf_str(&hex), "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                                           "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
        assert_int_equal(crypto_scrypt(BYTES_STR("password"), BYTES_STR("NaCl"), 1024, 8, 16, out, sizeof(out)), 0);
        assert_int_equal(hex_encode(BYTES(out, sizeof(out)), &hex), 0);
        assert_string_equal(buf_str(&hex), "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                                           "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

static void scrypt_is_openssls(void **state)
{
        static const struct {
                uint64_t n;
                uint32_t r, p;
                size_t len;
        } rows[] = { { 2, 1, 1, 32 }, { 4, 3, 2, 17 }, { 256, 8, 1, 100 }, { 64, 5, 7, 33 }, { 32768, 8, 1, 32 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint8_t want[128], got[128];

                assert_int_equal(EVP_PBE_scrypt("1234", 4, (const uint8_t *)"salt of 16 bytes", 16, rows[i].n, rows[i].r, rows[i].p, 1 << 28,
                                                want, rows[i].len), 1);
                assert_int_equal(crypto_scrypt(BYTES_STR("1234"), BYTES_STR("salt of 16 bytes"), rows[i].n, rows[i].r, rows[i].p,
                                               got, rows[i].len), 0);
                assert_memory_equal(got, want, rows[i].len);
        }
}

static void scrypt_refuses_what_is_no_parameter_or_costs_too_much(void **state)
{
        static const struct {
                uint64_t n;
                uint32_t r, p;
        } bad[] = {
                { 0, 8, 1 }, { 1, 8, 1 }, { 3, 8, 1 }, { 16, 0, 1 }, { 16, 8, 0 }, { 16, 65, 1 }, { 16, 8, 17 },
                { 1 << 20, 8, 1 }, { 1ull << 63, 1, 1 }, { 1 << 16, UINT32_MAX, 1 },
        };
        uint8_t out[32];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(crypto_scrypt(BYTES_STR("x"), BYTES_STR("y"), bad[i].n, bad[i].r, bad[i].p, out, sizeof(out)), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kdfa_is_sp800_108_in_counter_mode),
                cmocka_unit_test(kdfe_is_sp800_56c_one_step),
                cmocka_unit_test(kdf_output_is_bounded),
                cmocka_unit_test(scrypt_vectors),
                cmocka_unit_test(scrypt_is_openssls),
                cmocka_unit_test(scrypt_refuses_what_is_no_parameter_or_costs_too_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
