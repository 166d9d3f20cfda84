/* SPDX-License-Identifier: BSD-2-Clause */
/* Paddings by themselves: every length, every fault. What other implementations make of them is in test_pk.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pad.h"

static struct pk_params with(enum scheme s, const char *hash, const char *mgf, size_t salt, const char *label)
{
        return (struct pk_params){ s, hash_by_name(hash), hash_by_name(mgf), salt, BYTES_STR(label) };
}

static void fill(uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(i * 11 % 5); /* with zeros and ones in it */
}

static void oaep_returns_every_message(void **state)
{
        const struct pk_params p = with(SCHEME_RSA_OAEP, "SHA256", "SHA1", 0, "label");
        const size_t k = 128, max = k - 2 * 32 - 2;
        uint8_t m[128];

        (void)state;
        fill(m, sizeof(m));
        for (size_t n = 0; n <= max; n++) {
                CLEANUP(buf_clear) struct buf em = { 0 };
                CLEANUP(buf_clear) struct buf got = { 0 };

                assert_int_equal(pad_oaep_encode(&p, BYTES(m, n), k, &em), 0);
                assert_int_equal(em.len, k);
                assert_int_equal(em.ptr[0], 0);
                assert_int_equal(pk_oaep_decode(&p, BYTES_OF(&em), &got), 0);
                assert_true(bytes_equal(BYTES_OF(&got), BYTES(m, n)));
        }
        assert_int_equal(pad_oaep_encode(&p, BYTES(m, max + 1), k, &(struct buf){ 0 }), ERR_RANGE);
        assert_int_equal(pad_oaep_encode(&p, BYTES(m, 0), 65, &(struct buf){ 0 }), ERR_RANGE);
}

static void oaep_refuses_every_changed_octet_in_one_way(void **state)
{
        const struct pk_params p = with(SCHEME_RSA_OAEP, "SHA1", "SHA1", 0, "");
        CLEANUP(buf_clear) struct buf em = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        char first[200];

        (void)state;
        assert_int_equal(pad_oaep_encode(&p, BYTES_STR("message"), 128, &em), 0);
        assert_int_equal(buf_set(&got, BYTES_STR("kept")), 0);
        em.ptr[0] ^= 1;
        assert_int_equal(pk_oaep_decode(&p, BYTES_OF(&em), &got), ERR_FORMAT);
        snprintf(first, sizeof(first), "%s", err_text());
        em.ptr[0] ^= 1;
        for (size_t i = 0; i < em.len; i++) {
                int r;

                em.ptr[i] ^= 0x40;
                r = pk_oaep_decode(&p, BYTES_OF(&em), &got);
                em.ptr[i] ^= 0x40;
                assert_int_equal(r, ERR_FORMAT);
                assert_string_equal(err_text(), first);
        }
        assert_true(bytes_equal(BYTES_OF(&got), BYTES_STR("kept")));
}

static void oaep_wants_the_same_label_and_hashes(void **state)
{
        const struct pk_params p = with(SCHEME_RSA_OAEP, "SHA256", "SHA256", 0, "a");
        const struct pk_params bad[] = {
                with(SCHEME_RSA_OAEP, "SHA256", "SHA256", 0, "b"), with(SCHEME_RSA_OAEP, "SHA256", "SHA256", 0, ""),
                with(SCHEME_RSA_OAEP, "SHA256", "SHA1", 0, "a"), with(SCHEME_RSA_OAEP, "SHA1", "SHA256", 0, "a"),
        };
        CLEANUP(buf_clear) struct buf em = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };

        (void)state;
        assert_int_equal(pad_oaep_encode(&p, BYTES_STR("message"), 128, &em), 0);
        assert_int_equal(pk_oaep_decode(&p, BYTES_OF(&em), &got), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(pk_oaep_decode(&bad[i], BYTES_OF(&em), &got), ERR_FORMAT);
        assert_int_equal(pk_oaep_decode(&p, BYTES(em.ptr, 65), &got), ERR_RANGE);
        assert_int_equal(pk_oaep_decode(&p, BYTES(em.ptr, 66), &got), ERR_FORMAT);
        assert_int_equal(pk_oaep_decode(&(struct pk_params){ .scheme = SCHEME_RSA_OAEP }, BYTES_OF(&em), &got), ERR_INVAL);
}

static void pkcs1_returns_every_message(void **state)
{
        uint8_t m[128];

        (void)state;
        fill(m, sizeof(m));
        for (size_t n = 0; n <= 117; n++) {
                CLEANUP(buf_clear) struct buf em = { 0 };
                CLEANUP(buf_clear) struct buf got = { 0 };

                assert_int_equal(pad_pkcs1_encode(BYTES(m, n), 128, &em), 0);
                assert_int_equal(em.len, 128);
                assert_null(memchr(em.ptr + 2, 0, 128 - 3 - n));
                assert_int_equal(pk_pkcs1_decode(BYTES_OF(&em), &got), 0);
                assert_true(bytes_equal(BYTES_OF(&got), BYTES(m, n)));
        }
        assert_int_equal(pad_pkcs1_encode(BYTES(m, 118), 128, &(struct buf){ 0 }), ERR_RANGE);
}

static void pkcs1_faults(void **state)
{
        uint8_t em[64];
        CLEANUP(buf_clear) struct buf got = { 0 };

        (void)state;
        for (size_t zero = 0; zero <= sizeof(em); zero++) {
                int want = zero >= 10 && zero < sizeof(em) ? 0 : ERR_FORMAT;

                memset(em, 0x55, sizeof(em));
                em[0] = 0;
                em[1] = 2;
                if (zero >= 2 && zero < sizeof(em))
                        em[zero] = 0;
                assert_int_equal(pk_pkcs1_decode(BYTES(em, sizeof(em)), &got), want);
                if (want == 0)
                        assert_int_equal(got.len, sizeof(em) - zero - 1);
                em[0] = 1;
                assert_int_equal(pk_pkcs1_decode(BYTES(em, sizeof(em)), &got), ERR_FORMAT);
                em[0] = 0;
                em[1] = 1;
                assert_int_equal(pk_pkcs1_decode(BYTES(em, sizeof(em)), &got), ERR_FORMAT);
        }
        assert_int_equal(pk_pkcs1_decode(BYTES(em, 10), &got), ERR_RANGE);
}

static void pkcs1_signature_block(void **state)
{
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1, .hash = hash_by_name("SHA256") };
        CLEANUP(buf_clear) struct buf em = { 0 };
        uint8_t digest[32];

        (void)state;
        memset(digest, 0xdd, sizeof(digest));
        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, 32), 128, &em), 0);
        assert_int_equal(em.len, 128);
        assert_memory_equal(em.ptr, "\0\1\xff", 3);
        assert_int_equal(em.ptr[128 - 51 - 2], 0xff);
        assert_int_equal(em.ptr[128 - 51 - 1], 0);
        assert_memory_equal(em.ptr + 128 - 51, p.hash->digest_info.ptr, 19);
        assert_memory_equal(em.ptr + 128 - 32, digest, 32);
        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, 31), 128, &em), ERR_RANGE);
        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, 32), 62, &em), 0);
        assert_int_equal(pk_pkcs1_sign_encode(&p, BYTES(digest, 32), 61, &em), ERR_RANGE);
        p.hash = NULL;
        assert_int_equal(pk_pkcs1_sign_encode(&p, (struct bytes){ 0 }, 11, &em), 0);
        assert_int_equal(pk_pkcs1_sign_encode(&p, (struct bytes){ 0 }, 10, &em), ERR_RANGE);
}

static void pss_of_every_salt_and_modulus(void **state)
{
        static const size_t bits[] = { 1024, 1025, 1026, 1027, 1031, 1032, 1033, 2048 };
        uint8_t digest[32];

        (void)state;
        memset(digest, 0xdd, sizeof(digest));
        for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
                const size_t max = (bits[i] - 1 + 7) / 8 - 32 - 2;
                const size_t salts[] = { 0, 1, 20, 32, 33, max - 1, max };

                for (size_t j = 0; j < ARRAY_LEN(salts); j++) {
                        struct pk_params p = with(SCHEME_RSA_PSS, "SHA256", "SHA384", salts[j], "");
                        CLEANUP(buf_clear) struct buf em = { 0 };

                        assert_int_equal(pk_pss_encode(&p, BYTES(digest, 32), bits[i], &em), 0);
                        assert_int_equal(em.len, (bits[i] + 7) / 8);
                        assert_int_equal(pad_pss_check(&p, BYTES(digest, 32), BYTES_OF(&em), bits[i]), 0);
                        digest[0] ^= 1;
                        assert_int_equal(pad_pss_check(&p, BYTES(digest, 32), BYTES_OF(&em), bits[i]), ERR_AUTH);
                        digest[0] ^= 1;
                        p.salt_len = salts[j] == 0 ? 1 : salts[j] - 1;
                        assert_int_equal(pad_pss_check(&p, BYTES(digest, 32), BYTES_OF(&em), bits[i]), ERR_AUTH);
                        p.salt_len = max + 1;
                        assert_int_equal(pk_pss_encode(&p, BYTES(digest, 32), bits[i], &em), ERR_RANGE);
                }
        }
}

static void pss_refuses_every_changed_bit(void **state)
{
        const struct pk_params p = with(SCHEME_RSA_PSS, "SHA1", "SHA1", 20, "");
        static const size_t bits[] = { 1024, 1025, 1028 };
        uint8_t digest[20] = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
                CLEANUP(buf_clear) struct buf em = { 0 };

                assert_int_equal(pk_pss_encode(&p, BYTES(digest, 20), bits[i], &em), 0);
                for (size_t bit = 0; bit < 8 * em.len; bit++) {
                        em.ptr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
                        assert_int_equal(pad_pss_check(&p, BYTES(digest, 20), BYTES_OF(&em), bits[i]), ERR_AUTH);
                        em.ptr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
                }
                assert_int_equal(pad_pss_check(&p, BYTES(digest, 19), BYTES_OF(&em), bits[i]), ERR_RANGE);
                assert_int_equal(pad_pss_check(&p, BYTES(digest, 20), BYTES(em.ptr, em.len - 1), bits[i]), ERR_RANGE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(oaep_returns_every_message),
                cmocka_unit_test(oaep_refuses_every_changed_octet_in_one_way),
                cmocka_unit_test(oaep_wants_the_same_label_and_hashes),
                cmocka_unit_test(pkcs1_returns_every_message),
                cmocka_unit_test(pkcs1_faults),
                cmocka_unit_test(pkcs1_signature_block),
                cmocka_unit_test(pss_of_every_salt_and_modulus),
                cmocka_unit_test(pss_refuses_every_changed_bit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
