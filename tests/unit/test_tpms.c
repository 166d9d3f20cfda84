/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "tests/evp.h"

static void reads_no_further_than_there_is(void **state)
{
        static const uint8_t in[] = { 0x01, 0x02, 0x00, 0x02, 'a', 'b', 0x00, 0x05, 'c' };
        struct tpms r = TPMS(BYTES(in, sizeof(in)));

        (void)state;
        assert_int_equal(tpms_number(&r, 2), 0x0102);
        assert_true(bytes_equal(tpms_2b(&r), BYTES_STR("ab")));
        assert_false(r.bad);
        assert_int_equal(tpms_2b(&r).len, 0);
        assert_true(r.bad);
        assert_int_equal(tpms_number(&r, 1), 0);
        assert_int_equal(tpms_bytes(&r, 0).len, 0);
}

static void writes_what_it_reads(void **state)
{
        const struct tpms_attest a = {
                .magic = 0xff544347, .type = 0x8018, .signer = BYTES_STR("signer"), .extra = BYTES_STR("extra"),
                .clock_ms = 0x0102030405060708, .resets = 3, .restarts = UINT32_MAX, .safe = true, .firmware = 1ull << 63,
        };
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct tpms_attest back;
        struct tpms r;

        (void)state;
        assert_int_equal(tpms_put_attest(&b, &a), 0);
        r = TPMS(BYTES_OF(&b));
        tpms_get_attest(&r, &back);
        assert_true(!r.bad && r.left.len == 0);
        assert_true(back.magic == a.magic && back.type == a.type && bytes_equal(back.signer, a.signer) && bytes_equal(back.extra, a.extra));
        assert_true(back.clock_ms == a.clock_ms && back.resets == a.resets && back.restarts == a.restarts && back.safe && back.firmware == a.firmware);
        for (size_t len = 0; len < b.len; len++) {
                r = TPMS(BYTES(b.ptr, len));
                tpms_get_attest(&r, &back);
                assert_true(r.bad);
        }
}

static void refuses_a_size_that_has_no_room(void **state)
{
        static const uint8_t in[UINT16_MAX + 1];
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(tpms_put_2b(&b, BYTES(in, sizeof(in))), ERR_RANGE);
        assert_int_equal(b.len, 0);
}

static const struct bytes data = { (const uint8_t *)"a statement", 11 };

/* TPMT_SIGNATURE of data. */
static void sign(EVP_PKEY *k, const struct pubkey *pub, uint16_t alg, const struct pk_params *p, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[HASH_MAX];

        assert_int_equal(crypto_hash(p->hash, &data, 1, digest), 0);
        evp_sign(k, p, BYTES(digest, p->hash->size), &sig);
        buf_reset(ret);
        assert_int_equal(tpms_put_number(ret, alg, 2), 0);
        assert_int_equal(tpms_put_number(ret, p->hash->tpm, 2), 0);
        if (!pub->curve) {
                assert_int_equal(tpms_put_2b(ret, BYTES_OF(&sig)), 0);
                return;
        }
        assert_int_equal(tpms_put_2b(ret, BYTES(sig.ptr, sig.len / 2)), 0);
        assert_int_equal(tpms_put_2b(ret, BYTES(sig.ptr + sig.len / 2, sig.len / 2)), 0);
}

static void verifies_by_the_scheme_of_the_key_alone(void **state)
{
        static const struct {
                const char *kind, *hash;
                uint16_t alg;
                enum scheme scheme;
                size_t salt;
        } cases[] = {
                { "P-256", "SHA256", 0x18, SCHEME_ECDSA, 0 }, { "P-384", "SHA384", 0x18, SCHEME_ECDSA, 0 }, { "P-521", "SHA512", 0x18, SCHEME_ECDSA, 0 },
                { "RSA-2048", "SHA256", 0x14, SCHEME_RSA_PKCS1, 0 }, { "RSA-2048", "SHA256", 0x16, SCHEME_RSA_PSS, 32 },
                { "RSA-2048", "SHA256", 0x16, SCHEME_RSA_PSS, 256 - 32 - 2 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct hash *h = hash_by_name(cases[i].hash);
                const struct pk_params p = { .scheme = cases[i].scheme, .hash = h, .mgf_hash = h, .salt_len = cases[i].salt };
                CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
                CLEANUP(buf_clear) struct buf sig = { 0 };
                EVP_PKEY *k = evp_key(cases[i].kind, &pub);

                sign(k, &pub, cases[i].alg, &p, &sig);
                assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, cases[i].scheme, h, data), 0);
                assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, cases[i].scheme, h, BYTES_STR("another")), ERR_AUTH);
                assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, cases[i].scheme, hash_by_name("SHA1"), data), ERR_AUTH);
                for (enum scheme s = SCHEME_NONE; s <= SCHEME_ECDH; s++)
                        if (s != cases[i].scheme)
                                assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, s, h, data), ERR_AUTH);
                for (size_t at = 0; at < sig.len; at++) {
                        sig.ptr[at] ^= 1;
                        assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, cases[i].scheme, h, data), ERR_AUTH);
                        sig.ptr[at] ^= 1;
                        assert_int_equal(tpms_verify(BYTES(sig.ptr, at), &pub, cases[i].scheme, h, data), ERR_AUTH);
                }
                assert_int_equal(buf_append_u8(&sig, 0), 0);
                assert_int_equal(tpms_verify(BYTES_OF(&sig), &pub, cases[i].scheme, h, data), ERR_AUTH);
                EVP_PKEY_free(k);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_no_further_than_there_is),
                cmocka_unit_test(writes_what_it_reads),
                cmocka_unit_test(refuses_a_size_that_has_no_room),
                cmocka_unit_test(verifies_by_the_scheme_of_the_key_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
