/* SPDX-License-Identifier: BSD-2-Clause */
/* The "usage" line both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/usage.h"
#include "lib/alg.h"
#include "lib/err.h"

static void round_trip(void **state)
{
        static const unsigned all[] = { 0, ALG_SIGN, ALG_DECRYPT, ALG_DERIVE, ALG_SIGN | ALG_DECRYPT, ALG_SIGN | ALG_DECRYPT | ALG_DERIVE };
        unsigned got;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                CLEANUP(attrs_clear) struct attrs a = { 0 };

                assert_int_equal(usage_from_attrs(&a, &got), ERR_NOENT);
                assert_int_equal(usage_to_attrs(all[i], &a), 0);
                assert_int_equal(usage_from_attrs(&a, &got), 0);
                assert_int_equal(got, all[i]);
        }
}

static void strange_words_allow_nothing(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        unsigned got;

        (void)state;
        assert_int_equal(attrs_set_str(&a, "usage", "signs,,sig,DECRYPT,derive,"), 0);
        assert_int_equal(usage_from_attrs(&a, &got), 0);
        assert_int_equal(got, ALG_DERIVE);
        assert_int_equal(attrs_set(&a, "usage", BYTES("sign\0", 5)), 0);
        assert_int_equal(usage_from_attrs(&a, &got), 0);
        assert_int_equal(got, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(strange_words_allow_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
