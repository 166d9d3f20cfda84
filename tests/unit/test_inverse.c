/* SPDX-License-Identifier: BSD-2-Clause */
/* Inverses modulo small numbers, all of them, and modulo the orders of our curves, as BN_mod_inverse() has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include "lib/alg.h"
#include "lib/inverse.h"

#define RANDOM 2000

static unsigned common_factor(unsigned a, unsigned b)
{
        return b == 0 ? a : common_factor(b, a % b);
}

static void all_of_one_octet(void **state)
{
        (void)state;
        for (unsigned m = 3; m < 256; m += 2)
                for (unsigned x = 1; x < m; x++) {
                        const uint8_t mod = (uint8_t)m, of = (uint8_t)x;
                        uint8_t inverse = 0;

                        if (common_factor(m, x) != 1)
                                continue;
                        inverse_public(&of, &mod, 1, &inverse);
                        assert_true(inverse < m);
                        assert_int_equal(inverse * x % m, 1);
                }
}

struct order {
        BN_CTX *ctx;
        BIGNUM *n, *x, *want;
        uint8_t octets[INVERSE_MAX];
        size_t len;
};

static void same_as_openssl(struct order *o)
{
        uint8_t x[INVERSE_MAX], got[INVERSE_MAX], want[INVERSE_MAX];

        assert_int_equal(BN_bn2binpad(o->x, x, (int)o->len), (int)o->len);
        assert_non_null(BN_mod_inverse(o->want, o->x, o->n, o->ctx));
        assert_int_equal(BN_bn2binpad(o->want, want, (int)o->len), (int)o->len);
        inverse_public(x, o->octets, o->len, got);
        assert_memory_equal(got, want, o->len);
}

/* Near 0, near the order, one bit alone, a row of ones, and any. */
static void numbers(struct order *o)
{
        for (BN_ULONG i = 1; i < 300; i++) {
                assert_int_equal(BN_set_word(o->x, i), 1);
                same_as_openssl(o);
                assert_int_equal(BN_sub(o->x, o->n, o->x), 1);
                same_as_openssl(o);
        }
        for (int bit = 1; bit < BN_num_bits(o->n); bit++) {
                BN_one(o->x);
                assert_int_equal(BN_lshift(o->x, o->x, bit), 1);
                if (BN_cmp(o->x, o->n) < 0)
                        same_as_openssl(o);
                assert_int_equal(BN_sub_word(o->x, 1), 1);
                same_as_openssl(o);
        }
        for (int i = 0; i < RANDOM; i++) {
                assert_int_equal(BN_rand_range(o->x, o->n), 1);
                if (!BN_is_zero(o->x))
                        same_as_openssl(o);
        }
}

static void modulo_the_orders_of_our_curves(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                EC_GROUP *g = EC_GROUP_new_by_curve_name(curve_at(i)->nid);
                struct order o = { .ctx = BN_CTX_new(), .n = BN_dup(EC_GROUP_get0_order(g)), .x = BN_new(), .want = BN_new(), .len = curve_at(i)->size };

                assert_int_equal(BN_bn2binpad(o.n, o.octets, (int)o.len), (int)o.len);
                numbers(&o);
                BN_free(o.n);
                BN_free(o.x);
                BN_free(o.want);
                BN_CTX_free(o.ctx);
                EC_GROUP_free(g);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_of_one_octet),
                cmocka_unit_test(modulo_the_orders_of_our_curves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
