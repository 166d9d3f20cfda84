/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifying and encrypting against OpenSSL's EVP, which signs and decrypts; and the paddings that a TPM's
 * bare RSA operation will carry, the other way round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tests/evp.h"

static const char *const kinds[] = { "RSA-1024", "RSA-1025", "RSA-2048", "P-256", "P-384", "P-521" };
enum { N_RSA = 3, N = ARRAY_LEN(kinds) };

static struct pubkey keys[N];
static EVP_PKEY *evps[N];
static uint8_t digest[HASH_MAX];

static int start(void **state)
{
        (void)state;
        for (size_t i = 0; i < N; i++)
                evps[i] = evp_key(kinds[i], &keys[i]);
        return crypto_random(digest, sizeof(digest));
}

static int stop(void **state)
{
        (void)state;
        for (size_t i = 0; i < N; i++) {
                pubkey_clear(&keys[i]);
                EVP_PKEY_free(evps[i]);
        }
        return 0;
}

/* A good signature is taken; a changed one, another digest, another length and another key's are not. */
static void assert_verifies(size_t i, const struct pk_params *p, struct bytes d)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };
        CLEANUP(buf_clear) struct buf other = { 0 };

        evp_sign(evps[i], p, d, &sig);
        assert_int_equal(pk_verify(&keys[i], p, d, BYTES_OF(&sig)), 0);
        for (size_t at = 0; at < sig.len; at += 31) {
                sig.ptr[at] ^= 0x10;
                assert_int_equal(pk_verify(&keys[i], p, d, BYTES_OF(&sig)), ERR_AUTH);
                sig.ptr[at] ^= 0x10;
        }
        if (d.len > 0) {
                assert_int_equal(buf_set(&other, d), 0);
                other.ptr[d.len - 1] ^= 1;
                assert_int_equal(pk_verify(&keys[i], p, BYTES_OF(&other), BYTES_OF(&sig)),
                                 p->scheme == SCHEME_ECDSA && d.len > keys[i].curve->size ? 0 : ERR_AUTH);
        }
        assert_int_equal(pk_verify(&keys[i], p, d, BYTES(sig.ptr, sig.len - 1)), ERR_RANGE);
        assert_int_equal(buf_append_u8(&sig, 0), 0);
        assert_int_equal(pk_verify(&keys[i], p, d, BYTES_OF(&sig)), ERR_RANGE);
        assert_int_equal(pk_verify(&keys[i], p, d, (struct bytes){ 0 }), ERR_RANGE);
}

static void ecdsa(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        static const size_t lengths[] = { 20, 28, 32, 48, 64 };

        (void)state;
        for (size_t i = N_RSA; i < N; i++)
                for (size_t n = 0; n < ARRAY_LEN(lengths); n++)
                        assert_verifies(i, &p, BYTES(digest, lengths[n]));
}

static void rsa_pkcs1(void **state)
{
        const struct hash *h;

        (void)state;
        for (size_t i = 0; i < N_RSA; i++) {
                struct pk_params p = { .scheme = SCHEME_RSA_PKCS1 };

                for (size_t n = 0; n <= keys[i].n.len - 11 && n <= sizeof(digest); n += 16)
                        assert_verifies(i, &p, BYTES(digest, n));
                for (size_t k = 0; (h = hash_at(k)); k++) {
                        p.hash = h;
                        assert_verifies(i, &p, BYTES(digest, h->size));
                }
        }
}

static void rsa_pss(void **state)
{
        const struct hash *h, *mgf;

        (void)state;
        for (size_t i = 0; i < N_RSA; i++)
                for (size_t k = 0; (h = hash_at(k)); k++)
                        for (size_t m = 0; (mgf = hash_at(m)); m += 2) {
                                size_t max = (8 * keys[i].n.len - (i == 1 ? 8 : 0)) / 8 - h->size - 2;
                                const size_t salts[] = { 0, max < h->size ? max : h->size, max };

                                for (size_t s = 0; s < ARRAY_LEN(salts); s++)
                                        assert_verifies(i, &(struct pk_params){ SCHEME_RSA_PSS, h, mgf, salts[s], { 0 } }, BYTES(digest, h->size));
                        }
}

static void raw_rsa(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_RSA_RAW };

        (void)state;
        for (size_t i = 0; i < N_RSA; i++) {
                uint8_t block[300] = { 0 };
                CLEANUP(buf_clear) struct buf sig = { 0 };
                size_t k = keys[i].n.len;

                memcpy(block + k - 40, digest, 40);
                evp_rsa_private(evps[i], BYTES(block, k), &sig);
                assert_int_equal(pk_verify(&keys[i], &p, BYTES(block, k), BYTES_OF(&sig)), 0);
                assert_int_equal(pk_verify(&keys[i], &p, BYTES(digest, 40), BYTES_OF(&sig)), 0);
                assert_int_equal(pk_verify(&keys[i], &p, BYTES(digest, 41), BYTES_OF(&sig)), ERR_AUTH);
                assert_int_equal(pk_verify(&keys[i], &p, BYTES(block, k + 1), BYTES_OF(&sig)), ERR_RANGE);
                /* the right length, but not below the modulus */
                assert_int_equal(pk_verify(&keys[i], &p, BYTES(block, k), BYTES_OF(&keys[i].n)), ERR_AUTH);
        }
}

/* PKCS#1 v1.5 blocks that a parser might take: a comparison of the whole does not. */
static void no_forged_pkcs1_block_is_taken(void **state)
{
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1, .hash = hash_by_name("SHA256") };
        CLEANUP(buf_clear) struct buf good = { 0 };
        const size_t k = keys[0].n.len, t = 19 + 32;

        (void)state;
        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, 32), k, &good), 0);
        for (unsigned forgery = 0; forgery < 6; forgery++) {
                CLEANUP(buf_clear) struct buf sig = { 0 };
                uint8_t em[128];

                memcpy(em, good.ptr, k);
                switch (forgery) {
                case 0: /* untouched */
                        break;
                case 1: /* short padding, rubbish behind the digest */
                        memcpy(em + 11, good.ptr + k - t, t);
                        em[10] = 0;
                        break;
                case 2: /* type 2 */
                        em[1] = 2;
                        break;
                case 3: /* padding that is not all ones */
                        em[20] = 0xfe;
                        break;
                case 4: /* parameters other than NULL */
                        em[k - 32 - 4] = 0x04;
                        break;
                case 5: /* a zero earlier */
                        em[k - t - 2] = 0;
                        break;
                }
                evp_rsa_private(evps[0], BYTES(em, k), &sig);
                assert_int_equal(pk_verify(&keys[0], &p, BYTES(digest, 32), BYTES_OF(&sig)), forgery == 0 ? 0 : ERR_AUTH);
        }
}

/* What rsa_sign() does with a TPM in the middle, here with EVP's bare operation. */
static void our_blocks_are_signatures_to_openssl(void **state)
{
        const struct hash *h;

        (void)state;
        for (size_t i = 0; i < N_RSA; i++)
                for (size_t k = 0; (h = hash_at(k)); k++) {
                        size_t bits = (size_t)EVP_PKEY_get_bits(evps[i]);
                        size_t max = (bits + 6) / 8 - h->size - 2;
                        const size_t salts[] = { 0, 11, max };
                        CLEANUP(buf_clear) struct buf em = { 0 };
                        CLEANUP(buf_clear) struct buf sig = { 0 };

                        for (size_t s = 0; s < ARRAY_LEN(salts); s++) {
                                struct pk_params p = { SCHEME_RSA_PSS, h, hash_at((k + s) % 5), salts[s], { 0 } };

                                assert_int_equal(pk_pss_encode(&p, BYTES(digest, h->size), bits, &em), 0);
                                evp_rsa_private(evps[i], BYTES_OF(&em), &sig);
                                assert_true(evp_verify(evps[i], &p, BYTES(digest, h->size), BYTES_OF(&sig)));
                        }
                        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1, .hash = h };

                        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, h->size), keys[i].n.len, &em), 0);
                        evp_rsa_private(evps[i], BYTES_OF(&em), &sig);
                        assert_true(evp_verify(evps[i], &p, BYTES(digest, h->size), BYTES_OF(&sig)));
                }
}

static void openssl_decrypts_what_we_encrypt(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_RSA; i++) {
                const size_t k = keys[i].n.len;
                const struct pk_params rows[] = {
                        { SCHEME_RSA_PKCS1, NULL, NULL, 0, { 0 } },
                        { SCHEME_RSA_OAEP, hash_by_name("SHA1"), hash_by_name("SHA1"), 0, { 0 } },
                        { SCHEME_RSA_OAEP, hash_by_name("SHA256"), hash_by_name("SHA256"), 0, BYTES_STR("a label") },
                        { SCHEME_RSA_OAEP, hash_by_name("SHA384"), hash_by_name("SHA1"), 0, { 0 } },
                };
                const size_t max[] = { k - 11, k - 42, k - 66, k - 98 };

                for (size_t j = 0; j < ARRAY_LEN(rows); j++)
                        for (size_t n = 0; n <= max[j]; n += n + 1 < max[j] ? max[j] - 1 : 1) {
                                CLEANUP(buf_clear) struct buf c = { 0 };
                                CLEANUP(buf_clear) struct buf got = { 0 };
                                uint8_t m[256];

                                memset(m, 0, sizeof(m));
                                assert_int_equal(pk_encrypt(&keys[i], &rows[j], BYTES(m, n), &c), 0);
                                assert_int_equal(c.len, k);
                                evp_decrypt(evps[i], &rows[j], BYTES_OF(&c), &got);
                                assert_true(bytes_equal(BYTES_OF(&got), BYTES(m, n)));
                                assert_int_equal(pk_encrypt(&keys[i], &rows[j], BYTES(m, max[j] + 1), &c), ERR_RANGE);
                        }
        }
}

static void we_unpad_what_openssl_encrypts(void **state)
{
        const struct pk_params pkcs1 = { .scheme = SCHEME_RSA_PKCS1 };
        const struct pk_params oaep = { SCHEME_RSA_OAEP, hash_by_name("SHA256"), hash_by_name("SHA1"), 0, BYTES_STR("a label") };

        (void)state;
        for (size_t i = 0; i < N_RSA; i++)
                for (size_t n = 0; n <= 62; n += 31) {
                        CLEANUP(buf_clear) struct buf c = { 0 };
                        CLEANUP(buf_clear) struct buf em = { 0 };
                        CLEANUP(buf_clear) struct buf got = { 0 };

                        evp_encrypt(evps[i], &pkcs1, BYTES(digest, n), &c);
                        evp_rsa_private(evps[i], BYTES_OF(&c), &em);
                        assert_int_equal(pk_pkcs1_decode(BYTES_OF(&em), &got), 0);
                        assert_true(bytes_equal(BYTES_OF(&got), BYTES(digest, n)));

                        evp_encrypt(evps[i], &oaep, BYTES(digest, n), &c);
                        evp_rsa_private(evps[i], BYTES_OF(&c), &em);
                        assert_int_equal(pk_oaep_decode(&oaep, BYTES_OF(&em), &got), 0);
                        assert_true(bytes_equal(BYTES_OF(&got), BYTES(digest, n)));
                        assert_int_equal(pk_pkcs1_decode(BYTES_OF(&em), &got), ERR_FORMAT);
                }
}

static void raw_encryption_stays_below_the_modulus(void **state)
{
        static const struct pk_params raw = { .scheme = SCHEME_RSA_RAW };
        CLEANUP(buf_clear) struct buf c = { 0 };
        CLEANUP(buf_clear) struct buf m = { 0 };

        (void)state;
        assert_int_equal(pk_encrypt(&keys[0], &raw, BYTES(digest, 64), &c), 0);
        assert_int_equal(c.len, keys[0].n.len);
        evp_rsa_private(evps[0], BYTES_OF(&c), &m);
        assert_memory_equal(m.ptr + m.len - 64, digest, 64);
        assert_int_equal(pk_encrypt(&keys[0], &raw, BYTES_OF(&keys[0].n), &c), ERR_RANGE);
        assert_int_equal(pk_encrypt(&keys[0], &raw, BYTES(keys[2].n.ptr, keys[2].n.len), &c), ERR_RANGE);
}

static void what_a_key_cannot(void **state)
{
        const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA }, pkcs1 = { .scheme = SCHEME_RSA_PKCS1 };
        const struct pk_params oaep = { .scheme = SCHEME_RSA_OAEP }, hmac = { .scheme = SCHEME_HMAC }, pss = { .scheme = SCHEME_RSA_PSS };
        const struct pk_params sha256 = { .scheme = SCHEME_RSA_PKCS1, .hash = hash_by_name("SHA256") };
        uint8_t sig[128] = { 1 };
        CLEANUP(buf_clear) struct buf c = { 0 };

        (void)state;
        assert_int_equal(pk_verify(&keys[0], &ecdsa, BYTES(digest, 32), BYTES(sig, 128)), ERR_NOTSUP);
        assert_int_equal(pk_verify(&keys[0], &hmac, BYTES(digest, 32), BYTES(sig, 128)), ERR_NOTSUP);
        assert_int_equal(pk_verify(&keys[3], &pkcs1, BYTES(digest, 32), BYTES(sig, 64)), ERR_NOTSUP);
        assert_int_equal(pk_verify(&keys[0], &sha256, BYTES(digest, 31), BYTES(sig, 128)), ERR_RANGE);
        assert_int_equal(pk_verify(&keys[0], &pss, BYTES(digest, 32), BYTES(sig, 128)), ERR_INVAL);
        assert_int_equal(pk_encrypt(&keys[3], &pkcs1, BYTES(digest, 1), &c), ERR_NOTSUP);
        assert_int_equal(pk_encrypt(&keys[0], &hmac, BYTES(digest, 1), &c), ERR_NOTSUP);
        assert_int_equal(pk_encrypt(&keys[0], &oaep, BYTES(digest, 1), &c), ERR_INVAL);
        assert_null(c.ptr);
}

/* OpenSSL's allocations fail, one after the other. */
static size_t allocations, failing;

static void *failing_malloc(size_t n, const char *file, int line)
{
        (void)file;
        (void)line;
        return ++allocations == failing ? NULL : malloc(n);
}

static void *failing_realloc(void *p, size_t n, const char *file, int line)
{
        (void)file;
        (void)line;
        if (n == 0) {
                free(p);
                return NULL;
        }
        return ++allocations == failing ? NULL : realloc(p, n);
}

static void failing_free(void *p, const char *file, int line)
{
        (void)file;
        (void)line;
        free(p);
}

static void allocation_failures_are_nomem(void **state)
{
        const struct pk_params pkcs1 = { .scheme = SCHEME_RSA_PKCS1 }, ecdsa = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf x = { 0 };

        (void)state;
        for (size_t i = 0; i < N; i++) {
                const struct pk_params *p = keys[i].curve ? &ecdsa : &pkcs1;
                CLEANUP(buf_clear) struct buf sig = { 0 };
                unsigned nomem = 0;

                evp_sign(evps[i], p, BYTES(digest, 32), &sig);
                for (failing = 1, allocations = failing; failing <= allocations; failing++) {
                        int r;

                        allocations = 0;
                        r = pk_verify(&keys[i], p, BYTES(digest, 32), BYTES_OF(&sig));
                        if (r == 0)
                                r = keys[i].curve ? pk_ecdh_ephemeral(&keys[i], &x, &x, &x) : pk_encrypt(&keys[i], p, BYTES(digest, 32), &x);
                        assert_true(r == 0 || (r == ERR_NOMEM && allocations >= failing));
                        nomem += r == ERR_NOMEM;
                }
                failing = 0;
                assert_in_range(nomem, 10, 10000);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ecdsa),
                cmocka_unit_test(rsa_pkcs1),
                cmocka_unit_test(rsa_pss),
                cmocka_unit_test(raw_rsa),
                cmocka_unit_test(no_forged_pkcs1_block_is_taken),
                cmocka_unit_test(our_blocks_are_signatures_to_openssl),
                cmocka_unit_test(openssl_decrypts_what_we_encrypt),
                cmocka_unit_test(we_unpad_what_openssl_encrypts),
                cmocka_unit_test(raw_encryption_stays_below_the_modulus),
                cmocka_unit_test(what_a_key_cannot),
                cmocka_unit_test(allocation_failures_are_nomem),
        };

        if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, failing_free) != 1)
                return 99;
        return cmocka_run_group_tests(tests, start, stop);
}
