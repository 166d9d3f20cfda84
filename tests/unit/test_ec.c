/* SPDX-License-Identifier: BSD-2-Clause */
/* Curves at their edges: coordinates, signatures out of range, the ephemeral key exchange. OpenSSL's EVP is the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include "lib/crypto.h"
#include "lib/ec.h"
#include "lib/err.h"
#include "tests/evp.h"

static struct pubkey keys[3];
static EVP_PKEY *evps[3];

static int start(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++)
                evps[i] = evp_key(curve_at(i)->name, &keys[i]);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                pubkey_clear(&keys[i]);
                EVP_PKEY_free(evps[i]);
        }
        return 0;
}

/* The field's prime or the group's order, as octets. */
static void constant(const struct curve *c, bool order, struct buf *ret)
{
        EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);

        assert_int_equal(buf_reserve(ret, c->size), 0);
        ret->len = c->size;
        assert_int_equal(BN_bn2binpad(order ? EC_GROUP_get0_order(g) : EC_GROUP_get0_field(g), ret->ptr, (int)c->size), (int)c->size);
        EC_GROUP_free(g);
}

static void points_on_and_off_their_curve(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                const struct curve *c = curve_at(i);
                CLEANUP(buf_clear) struct buf p = { 0 };
                uint8_t zero[66] = { 0 };
                struct bytes x = BYTES_OF(&keys[i].x), y = BYTES_OF(&keys[i].y);

                constant(c, false, &p);
                assert_int_equal(ec_check(c, x, y), 0);
                assert_int_equal(ec_check(c, y, x), ERR_FORMAT);
                assert_int_equal(ec_check(c, x, x), ERR_FORMAT);
                assert_int_equal(ec_check(c, BYTES(zero, c->size), BYTES(zero, c->size)), ERR_FORMAT);
                assert_int_equal(ec_check(c, BYTES(x.ptr, x.len - 1), y), ERR_FORMAT);
                assert_int_equal(ec_check(c, BYTES_OF(&p), y), ERR_FORMAT);
                assert_int_equal(ec_check(c, x, BYTES_OF(&p)), ERR_FORMAT);
        }
}

/* A point with x = 0 lies on each of these curves; written as x = p it is not to be taken. */
static void coordinates_are_not_reduced(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                const struct curve *c = curve_at(i);
                EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
                EC_POINT *point = EC_POINT_new(g);
                CLEANUP(buf_clear) struct buf p = { 0 };
                uint8_t octets[1 + 2 * 66], zero[66] = { 0 };
                BIGNUM *x = BN_new();

                BN_zero(x);
                assert_int_equal(EC_POINT_set_compressed_coordinates(g, point, x, 0, NULL), 1);
                assert_int_equal(EC_POINT_point2oct(g, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets), NULL), 1 + 2 * c->size);
                constant(c, false, &p);
                assert_int_equal(ec_check(c, BYTES(zero, c->size), BYTES(octets + 1 + c->size, c->size)), 0);
                assert_int_equal(ec_check(c, BYTES_OF(&p), BYTES(octets + 1 + c->size, c->size)), ERR_FORMAT);
                BN_free(x);
                EC_POINT_free(point);
                EC_GROUP_free(g);
        }
}

static void verifies_digests_of_every_length(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        uint8_t digest[100];

        (void)state;
        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        digest[0] = 0xff;
        for (size_t i = 0; i < 3; i++)
                for (size_t n = 1; n <= sizeof(digest); n += n == 20 ? 8 : 1) {
                        CLEANUP(buf_clear) struct buf sig = { 0 };

                        evp_sign(evps[i], &p, BYTES(digest, n), &sig);
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, n), BYTES_OF(&sig)), 0);
                        digest[0] ^= 0x80;
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, n), BYTES_OF(&sig)), ERR_AUTH);
                        digest[0] ^= 0x80;
                }
}

static void zero_digest(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        static const uint8_t zero[32];

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                CLEANUP(buf_clear) struct buf sig = { 0 };

                evp_sign(evps[i], &p, BYTES(zero, sizeof(zero)), &sig);
                assert_int_equal(ec_verify(&keys[i], BYTES(zero, sizeof(zero)), BYTES_OF(&sig)), 0);
                assert_int_equal(ec_verify(&keys[i], (struct bytes){ 0 }, BYTES_OF(&sig)), 0);
        }
}

/* sum = a + b as numbers of n octets; false if it does not fit. */
static bool add(const uint8_t *a, const uint8_t *b, size_t n, uint8_t *sum)
{
        unsigned carry = 0;

        while (n-- > 0) {
                carry += (unsigned)a[n] + b[n];
                sum[n] = (uint8_t)carry;
                carry >>= 8;
        }
        return carry == 0;
}

static void signatures_out_of_range_are_wrong(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        const uint8_t digest[32] = { 1 };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                const size_t size = curve_at(i)->size;
                CLEANUP(buf_clear) struct buf good = { 0 };
                CLEANUP(buf_clear) struct buf n = { 0 };
                uint8_t sig[132];

                constant(curve_at(i), true, &n);
                evp_sign(evps[i], &p, BYTES(digest, 32), &good);
                for (size_t half = 0; half < 2 * size; half += size) {
                        memcpy(sig, good.ptr, 2 * size);
                        memset(sig + half, 0, size);
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES(sig, 2 * size)), ERR_AUTH);
                        memcpy(sig + half, n.ptr, size);
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES(sig, 2 * size)), ERR_AUTH);
                        memset(sig + half, 0xff, size);
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES(sig, 2 * size)), ERR_AUTH);
                        /* the same number modulo the order */
                        memcpy(sig, good.ptr, 2 * size);
                        if (add(good.ptr + half, n.ptr, size, sig + half))
                                assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES(sig, 2 * size)), ERR_AUTH);
                }
        }
}

static void every_changed_bit_is_wrong(void **state)
{
        static const struct pk_params p = { .scheme = SCHEME_ECDSA };
        const uint8_t digest[32] = { 1 };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                CLEANUP(buf_clear) struct buf sig = { 0 };

                evp_sign(evps[i], &p, BYTES(digest, 32), &sig);
                for (size_t bit = 0; bit < 8 * sig.len; bit += i == 0 ? 1 : 13) {
                        sig.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
                        assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES_OF(&sig)), ERR_AUTH);
                        sig.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
                assert_int_equal(ec_verify(&keys[i], BYTES(digest, 32), BYTES_OF(&sig)), 0);
        }
}

/* The key by which (r, s) is a signature of z with this point as its R: r^-1 (s R - z G). */
static void key_of(const EC_GROUP *g, const EC_POINT *point, const BIGNUM *r, const BIGNUM *s, const BIGNUM *z, const struct curve *c, struct pubkey *ret)
{
        const BIGNUM *n = EC_GROUP_get0_order(g);
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *a = BN_new(), *b = BN_new(), *x = BN_new(), *y = BN_new();
        EC_POINT *q = EC_POINT_new(g);

        assert_non_null(BN_mod_inverse(b, r, n, ctx));
        assert_int_equal(BN_mod_mul(a, b, z, n, ctx), 1);
        assert_int_equal(BN_sub(a, n, a), 1);
        assert_int_equal(BN_mod_mul(b, b, s, n, ctx), 1);
        assert_int_equal(EC_POINT_mul(g, q, a, point, b, ctx), 1);
        assert_int_equal(EC_POINT_get_affine_coordinates(g, q, x, y, ctx), 1);
        ret->curve = c;
        assert_int_equal(buf_reserve(&ret->x, c->size), 0);
        assert_int_equal(buf_reserve(&ret->y, c->size), 0);
        ret->x.len = ret->y.len = c->size;
        assert_int_equal(BN_bn2binpad(x, ret->x.ptr, (int)c->size), (int)c->size);
        assert_int_equal(BN_bn2binpad(y, ret->y.ptr, (int)c->size), (int)c->size);
        EC_POINT_free(q);
        BN_free(a);
        BN_free(b);
        BN_free(x);
        BN_free(y);
        BN_CTX_free(ctx);
}

/* R's x may lie between order and prime: r is then less by the order. */
static void r_of_an_x_beyond_the_order(void **state)
{
        const uint8_t digest[16] = { 0x35, 1, 2, 3 };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                const struct curve *c = curve_at(i);
                EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
                EC_POINT *point = EC_POINT_new(g);
                BIGNUM *r = BN_new(), *s = BN_new(), *x = BN_new(), *z = BN_bin2bn(digest, sizeof(digest), NULL);
                CLEANUP(pubkey_clear) struct pubkey key = { 0 };
                uint8_t sig[132];

                assert_int_equal(BN_set_word(r, 0), 1);
                assert_int_equal(BN_set_word(s, 0x1234567), 1);
                do {
                        assert_int_equal(BN_add_word(r, 1), 1);
                        assert_int_equal(BN_add(x, r, EC_GROUP_get0_order(g)), 1);
                } while (EC_POINT_set_compressed_coordinates(g, point, x, 1, NULL) != 1);
                assert_true(BN_cmp(x, EC_GROUP_get0_field(g)) < 0);
                key_of(g, point, r, s, z, c, &key);
                assert_int_equal(BN_bn2binpad(r, sig, (int)c->size), (int)c->size);
                assert_int_equal(BN_bn2binpad(s, sig + c->size, (int)c->size), (int)c->size);
                assert_int_equal(ec_verify(&key, BYTES(digest, sizeof(digest)), BYTES(sig, 2 * c->size)), 0);
                sig[c->size - 1] ^= 1;
                assert_int_equal(ec_verify(&key, BYTES(digest, sizeof(digest)), BYTES(sig, 2 * c->size)), ERR_AUTH);
                sig[c->size - 1] ^= 1;
                sig[2 * c->size - 1] ^= 1;
                assert_int_equal(ec_verify(&key, BYTES(digest, sizeof(digest)), BYTES(sig, 2 * c->size)), ERR_AUTH);
                BN_free(r);
                BN_free(s);
                BN_free(x);
                BN_free(z);
                EC_POINT_free(point);
                EC_GROUP_free(g);
        }
}

/* The key is 7 G, r is -5 and the digest 35: 35 G + r 7 G is infinity, which has no x. */
static void infinity_is_no_signature(void **state)
{
        const uint8_t digest[16] = { [15] = 35 };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                const struct curve *c = curve_at(i);
                EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
                BIGNUM *one = BN_new(), *seven = BN_new(), *zero = BN_new(), *r = BN_dup(EC_GROUP_get0_order(g));
                CLEANUP(pubkey_clear) struct pubkey key = { 0 };
                uint8_t sig[132] = { 0 };

                BN_one(one);
                BN_zero(zero);
                assert_int_equal(BN_set_word(seven, 7), 1);
                assert_int_equal(BN_sub_word(r, 5), 1);
                key_of(g, EC_GROUP_get0_generator(g), one, seven, zero, c, &key);
                assert_int_equal(BN_bn2binpad(r, sig, (int)c->size), (int)c->size);
                for (uint8_t s = 1; s < 4; s++) {
                        sig[2 * c->size - 1] = s;
                        assert_int_equal(ec_verify(&key, BYTES(digest, sizeof(digest)), BYTES(sig, 2 * c->size)), ERR_AUTH);
                }
                BN_free(one);
                BN_free(seven);
                BN_free(zero);
                BN_free(r);
                EC_GROUP_free(g);
        }
}

static void openssl_agrees_on_the_secret(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++)
                for (int round = 0; round < 20; round++) {
                        CLEANUP(pubkey_clear) struct pubkey ours = { .ckk = keys[i].ckk, .curve = keys[i].curve };
                        CLEANUP(buf_clear) struct buf spki = { 0 };
                        CLEANUP(buf_clear) struct buf z = { 0 };
                        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(evps[i], NULL);
                        EVP_PKEY *peer;
                        const uint8_t *der;
                        uint8_t want[66];
                        size_t n = sizeof(want);

                        assert_int_equal(pk_ecdh_ephemeral(&keys[i], &ours.x, &ours.y, &z), 0);
                        assert_int_equal(pubkey_to_spki(&ours, &spki), 0);
                        der = spki.ptr;
                        peer = d2i_PUBKEY(NULL, &der, (long)spki.len);
                        assert_non_null(peer);
                        assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
                        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
                        assert_int_equal(EVP_PKEY_derive(ctx, want, &n), 1);
                        assert_true(bytes_equal(BYTES_OF(&z), BYTES(want, n)));
                        EVP_PKEY_free(peer);
                        EVP_PKEY_CTX_free(ctx);
                }
}

static void ephemeral_keys_differ(void **state)
{
        struct buf seen[3][8] = { 0 };

        (void)state;
        for (size_t i = 0; i < 8; i++)
                assert_int_equal(pk_ecdh_ephemeral(&keys[0], &seen[0][i], &seen[1][i], &seen[2][i]), 0);
        for (size_t what = 0; what < 3; what++)
                for (size_t i = 0; i < 8; i++)
                        for (size_t j = 0; j < i; j++)
                                assert_false(bytes_equal(BYTES_OF(&seen[what][i]), BYTES_OF(&seen[what][j])));
        for (size_t i = 0; i < 3 * 8; i++)
                buf_clear(&seen[i / 8][i % 8]);
}

static void no_exchange_with_a_point_off_the_curve(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey bad = { .ckk = keys[0].ckk, .curve = keys[0].curve };
        CLEANUP(buf_clear) struct buf x = { 0 };

        (void)state;
        assert_int_equal(buf_set(&bad.x, BYTES_OF(&keys[0].x)), 0);
        assert_int_equal(buf_set(&bad.y, BYTES_OF(&keys[0].x)), 0);
        assert_int_equal(pk_ecdh_ephemeral(&bad, &x, &x, &x), ERR_FORMAT);
        assert_int_equal(pk_ecdh_ephemeral(&(struct pubkey){ 0 }, &x, &x, &x), ERR_NOTSUP);
        assert_null(x.ptr);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(points_on_and_off_their_curve),
                cmocka_unit_test(coordinates_are_not_reduced),
                cmocka_unit_test(verifies_digests_of_every_length),
                cmocka_unit_test(zero_digest),
                cmocka_unit_test(signatures_out_of_range_are_wrong),
                cmocka_unit_test(every_changed_bit_is_wrong),
                cmocka_unit_test(r_of_an_x_beyond_the_order),
                cmocka_unit_test(infinity_is_no_signature),
                cmocka_unit_test(openssl_agrees_on_the_secret),
                cmocka_unit_test(ephemeral_keys_differ),
                cmocka_unit_test(no_exchange_with_a_point_off_the_curve),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
