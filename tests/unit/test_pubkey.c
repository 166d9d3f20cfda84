/* SPDX-License-Identifier: BSD-2-Clause */
/* Public keys and signatures in DER: what OpenSSL writes we read and write, nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include "lib/cryptoki.h"
#include "lib/der.h"
#include "lib/err.h"
#include "tests/evp.h"

static const char *const kinds[] = { "P-256", "P-384", "P-521", "RSA-1024", "RSA-1031", "RSA-2048" };

static void spki_is_openssls(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                CLEANUP(pubkey_clear) struct pubkey k = { 0 };
                CLEANUP(buf_clear) struct buf want = { 0 };
                CLEANUP(buf_clear) struct buf got = { 0 };
                EVP_PKEY *evp = evp_key(kinds[i], &k);

                evp_spki(evp, &want);
                assert_int_equal(pubkey_to_spki(&k, &got), 0);
                assert_true(bytes_equal(BYTES_OF(&got), BYTES_OF(&want)));
                assert_int_equal(pubkey_sig_size(&k), k.curve ? 2 * k.curve->size : (size_t)EVP_PKEY_get_size(evp));
                assert_int_equal(k.ckk, k.curve ? CKK_EC : CKK_RSA);
                EVP_PKEY_free(evp);
        }
}

static void bits_are_counted_from_the_first_that_is_set(void **state)
{
        (void)state;
        assert_int_equal(pk_bits(BYTES(NULL, 0)), 0);
        assert_int_equal(pk_bits(BYTES("\0\0", 2)), 0);
        assert_int_equal(pk_bits(BYTES("\x01", 1)), 1);
        assert_int_equal(pk_bits(BYTES("\0\x03\xff", 3)), 10);
        assert_int_equal(pk_bits(BYTES("\x80\0", 2)), 16);
}

/* Each octet changed, each prefix, trailing bytes: refused, or another key that is written as it was read. */
static void spoiled_spki_is_refused_or_another_key(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                CLEANUP(pubkey_clear) struct pubkey k = { 0 };
                CLEANUP(buf_clear) struct buf der = { 0 };
                unsigned taken = 0;

                EVP_PKEY_free(evp_key(kinds[i], &k));
                assert_int_equal(pubkey_to_spki(&k, &der), 0);
                for (size_t n = 0; n < der.len; n++)
                        assert_int_equal(pubkey_from_spki(BYTES(der.ptr, n), &k), ERR_FORMAT);
                for (size_t n = 0; n < der.len; n++) {
                        CLEANUP(pubkey_clear) struct pubkey other = { 0 };
                        CLEANUP(buf_clear) struct buf back = { 0 };

                        der.ptr[n] ^= (uint8_t)(1u << n % 8);
                        if (pubkey_from_spki(BYTES_OF(&der), &other) == 0) {
                                assert_int_equal(pubkey_to_spki(&other, &back), 0);
                                assert_true(bytes_equal(BYTES_OF(&back), BYTES_OF(&der)));
                                taken++;
                        } else {
                                assert_null(other.n.ptr);
                                assert_null(other.x.ptr);
                        }
                        der.ptr[n] ^= (uint8_t)(1u << n % 8);
                }
                /* Another point on the curve is not to be had by one bit; another modulus is. */
                assert_int_equal(taken > 0, k.curve == NULL);
                assert_int_equal(buf_append_u8(&der, 0), 0);
                assert_int_equal(pubkey_from_spki(BYTES_OF(&der), &k), ERR_FORMAT);
        }
}

static void refused_spki_leaves_the_key_alone(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf before = { 0 };
        CLEANUP(buf_clear) struct buf after = { 0 };

        (void)state;
        EVP_PKEY_free(evp_key("P-256", &k));
        assert_int_equal(pubkey_to_spki(&k, &before), 0);
        assert_int_equal(pubkey_from_spki(BYTES_STR("nonsense"), &k), ERR_FORMAT);
        assert_int_equal(pubkey_from_point(k.curve, BYTES_STR("nonsense"), &k), ERR_FORMAT);
        assert_int_equal(pubkey_to_spki(&k, &after), 0);
        assert_true(bytes_equal(BYTES_OF(&before), BYTES_OF(&after)));
}

static int reread(EVP_PKEY *evp)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_non_null(evp);
        evp_spki(evp, &der);
        EVP_PKEY_free(evp);
        return pubkey_from_spki(BYTES_OF(&der), &k);
}

static EVP_PKEY *key_with(const char *type, const OSSL_PARAM *params)
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        EVP_PKEY *k = NULL;

        EVP_PKEY_keygen_init(ctx);
        EVP_PKEY_CTX_set_params(ctx, params);
        EVP_PKEY_generate(ctx, &k);
        EVP_PKEY_CTX_free(ctx);
        return k;
}

static EVP_PKEY *explicit_p256(void)
{
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string("group", (char[]){ "P-256" }, 0),
                OSSL_PARAM_construct_utf8_string("encoding", (char[]){ "explicit" }, 0), OSSL_PARAM_construct_end(),
        };

        return key_with("EC", params);
}

static EVP_PKEY *p256_point(const char *form)
{
        EVP_PKEY *k = EVP_EC_gen("P-256");

        assert_int_equal(EVP_PKEY_set_utf8_string_param(k, "point-format", form), 1);
        return k;
}

static EVP_PKEY *rsa_pss(size_t bits)
{
        const OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t("bits", &bits), OSSL_PARAM_construct_end() };

        return key_with("RSA-PSS", params);
}

static void other_peoples_keys_are_refused(void **state)
{
        (void)state;
        assert_int_equal(reread(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), ERR_NOTSUP);
        assert_int_equal(reread(rsa_pss(1024)), ERR_NOTSUP);
        assert_int_equal(reread(EVP_EC_gen("secp256k1")), ERR_NOTSUP);
        assert_int_equal(reread(EVP_RSA_gen(1023)), ERR_NOTSUP);
        assert_int_equal(reread(explicit_p256()), ERR_NOTSUP);
        assert_int_equal(reread(p256_point("compressed")), ERR_FORMAT);
        assert_int_equal(reread(p256_point("hybrid")), ERR_FORMAT);
        assert_int_equal(reread(p256_point("uncompressed")), 0);
}

static int rsa_of(size_t octets, uint8_t first, uint8_t last, struct bytes e)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_RSA };
        CLEANUP(buf_clear) struct buf der = { 0 };

        for (size_t i = 0; i < octets; i++)
                assert_int_equal(buf_append_u8(&k.n, i == 0 ? first : i == octets - 1 ? last : 0xa5), 0);
        assert_int_equal(buf_set(&k.e, e), 0);
        assert_int_equal(pubkey_to_spki(&k, &der), 0);
        return pubkey_from_spki(BYTES_OF(&der), &k);
}

static void rsa_keys_that_cannot_be(void **state)
{
        const struct bytes f4 = BYTES("\1\0\1", 3);

        (void)state;
        assert_int_equal(rsa_of(128, 0x80, 1, f4), 0);
        assert_int_equal(rsa_of(128, 0x7f, 1, f4), ERR_NOTSUP);
        assert_int_equal(rsa_of(512, 0xff, 1, f4), 0);
        assert_int_equal(rsa_of(513, 0x01, 1, f4), ERR_NOTSUP);
        assert_int_equal(rsa_of(256, 0x80, 2, f4), ERR_FORMAT);
        assert_int_equal(rsa_of(256, 0x80, 1, BYTES("\3", 1)), 0);
        assert_int_equal(rsa_of(256, 0x80, 1, BYTES("\1", 1)), ERR_FORMAT);
        assert_int_equal(rsa_of(256, 0x80, 1, BYTES("\2", 1)), ERR_FORMAT);
        assert_int_equal(rsa_of(256, 0x80, 1, (struct bytes){ 0 }), ERR_FORMAT);
        assert_int_equal(rsa_of(256, 0x80, 1, BYTES("\1\0\0\0\0\0\0\1", 8)), 0);
        assert_int_equal(rsa_of(256, 0x80, 1, BYTES("\1\0\0\0\0\0\0\0\1", 9)), ERR_FORMAT);
}

static void points_raw_and_wrapped(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                CLEANUP(pubkey_clear) struct pubkey k = { 0 };
                CLEANUP(pubkey_clear) struct pubkey back = { 0 };
                CLEANUP(buf_clear) struct buf point = { 0 };
                CLEANUP(buf_clear) struct buf wrapped = { 0 };

                EVP_PKEY_free(evp_key(kinds[i], &k));
                assert_int_equal(pubkey_point(&k, &point), 0);
                assert_int_equal(point.len, 1 + 2 * k.curve->size);
                assert_int_equal(pubkey_from_point(k.curve, BYTES_OF(&point), &back), 0);
                assert_true(bytes_equal(BYTES_OF(&back.x), BYTES_OF(&k.x)));
                assert_true(bytes_equal(BYTES_OF(&back.y), BYTES_OF(&k.y)));

                assert_int_equal(der_put(&wrapped, DER_OCTET_STRING, BYTES_OF(&point)), 0);
                assert_int_equal(pubkey_from_point(k.curve, BYTES_OF(&wrapped), &back), 0);
                assert_true(bytes_equal(BYTES_OF(&back.y), BYTES_OF(&k.y)));
                assert_int_equal(buf_append_u8(&wrapped, 0), 0);
                assert_int_equal(pubkey_from_point(k.curve, BYTES_OF(&wrapped), &back), ERR_FORMAT);
                assert_int_equal(pubkey_from_point(curve_at((i + 1) % 3), BYTES_OF(&point), &back), ERR_FORMAT);
        }
}

static void points_that_cannot_be(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf p = { 0 };
        const struct curve *c = curve_by_name("P-256");

        (void)state;
        assert_int_equal(pubkey_from_point(c, (struct bytes){ 0 }, &k), ERR_FORMAT);
        assert_int_equal(pubkey_from_point(c, BYTES("\0", 1), &k), ERR_FORMAT); /* infinity */
        EVP_PKEY_free(evp_key("P-256", &k));
        assert_int_equal(pubkey_point(&k, &p), 0);
        for (size_t n = 0; n < p.len; n++)
                assert_int_equal(pubkey_from_point(c, BYTES(p.ptr, n), &k), ERR_FORMAT);
        for (unsigned form = 0; form < 256; form++) {
                p.ptr[0] = (uint8_t)form;
                assert_int_equal(pubkey_from_point(c, BYTES_OF(&p), &k), form == 4 ? 0 : ERR_FORMAT);
        }
        pubkey_clear(&k);
        EVP_PKEY_free(evp_key("RSA-1024", &k));
        assert_int_equal(pubkey_point(&k, &p), ERR_NOTSUP);
}

static void ecdsa_signatures_as_openssl_writes_them(void **state)
{
        static const size_t sizes[] = { 32, 48, 66 };
        uint8_t rs[132];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                for (size_t zeros = 0; zeros < sizes[i]; zeros++) {
                        CLEANUP(buf_clear) struct buf got = { 0 };
                        CLEANUP(buf_clear) struct buf back = { 0 };
                        ECDSA_SIG *sig = ECDSA_SIG_new();
                        uint8_t *der = NULL;
                        int n;

                        memset(rs, 0x7f + (int)(zeros % 3), sizeof(rs));
                        memset(rs, 0, zeros);
                        memset(rs + sizes[i], 0, sizes[i] - 1 - zeros);
                        ECDSA_SIG_set0(sig, BN_bin2bn(rs, (int)sizes[i], NULL), BN_bin2bn(rs + sizes[i], (int)sizes[i], NULL));
                        n = i2d_ECDSA_SIG(sig, &der);
                        assert_int_equal(ecdsa_sig_to_der(BYTES(rs, 2 * sizes[i]), &got), 0);
                        assert_true(bytes_equal(BYTES_OF(&got), BYTES(der, (size_t)n)));
                        assert_int_equal(ecdsa_sig_from_der(BYTES_OF(&got), sizes[i], &back), 0);
                        assert_true(bytes_equal(BYTES_OF(&back), BYTES(rs, 2 * sizes[i])));
                        OPENSSL_free(der);
                        ECDSA_SIG_free(sig);
                }
}

static void signatures_that_cannot_be(void **state)
{
        static const struct {
                const char *hex;
                int code;
        } rows[] = {
                { "3006020101020101", 0 }, { "3006020100020100", 0 },
                { "", ERR_FORMAT }, { "3000", ERR_FORMAT }, { "3003020101", ERR_FORMAT }, { "3009020101020101020101", ERR_FORMAT },
                { "300602010102010100", ERR_FORMAT }, { "3006020181020101", ERR_FORMAT }, { "300702020001020101", ERR_FORMAT },
                { "3007020301010101", ERR_FORMAT }, { "3106020101020101", ERR_FORMAT }, { "3080020101020101", ERR_FORMAT },
                { "300802030100000201ff", ERR_FORMAT }, { "3008020301000002017f", ERR_FORMAT },
        };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf rs = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(hex_decode(rows[i].hex, strlen(rows[i].hex), &der), 0);
                assert_int_equal(ecdsa_sig_from_der(BYTES_OF(&der), 2, &rs), rows[i].code);
        }
        assert_int_equal(ecdsa_sig_from_der(BYTES_OF(&der), 67, &rs), ERR_RANGE);
        assert_int_equal(ecdsa_sig_from_der(BYTES_OF(&der), 0, &rs), ERR_RANGE);
        assert_int_equal(ecdsa_sig_to_der(BYTES_STR("odd"), &rs), ERR_RANGE);
        assert_int_equal(ecdsa_sig_to_der((struct bytes){ 0 }, &rs), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(spki_is_openssls),
                cmocka_unit_test(bits_are_counted_from_the_first_that_is_set),
                cmocka_unit_test(spoiled_spki_is_refused_or_another_key),
                cmocka_unit_test(refused_spki_leaves_the_key_alone),
                cmocka_unit_test(other_peoples_keys_are_refused),
                cmocka_unit_test(rsa_keys_that_cannot_be),
                cmocka_unit_test(points_raw_and_wrapped),
                cmocka_unit_test(points_that_cannot_be),
                cmocka_unit_test(ecdsa_signatures_as_openssl_writes_them),
                cmocka_unit_test(signatures_that_cannot_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
