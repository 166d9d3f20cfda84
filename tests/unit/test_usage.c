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

static void operators_write_what_the_kind_can(void **state)
{
        const struct key_kind *ec = key_kind_by_name("P-256"), *rsa = key_kind_by_name("RSA-2048"), *hmac = key_kind_by_name("HMAC-SHA256");
        static const char *const bad[] = { "", ",", "sign,", "sign,,derive", "Sign", "signs", "decrypt", "sign decrypt" };
        unsigned got = 99;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(usage_parse(bad[i], ec, &got), strcmp(bad[i], "sign,") == 0 ? 0 : ERR_INVAL);
        assert_int_equal(usage_parse("derive,sign", ec, &got), 0);
        assert_int_equal(got, ALG_SIGN | ALG_DERIVE);
        assert_int_equal(usage_parse("decrypt", rsa, &got), 0);
        assert_int_equal(got, ALG_DECRYPT);
        assert_int_equal(usage_parse("derive", rsa, &got), ERR_INVAL);
        assert_int_equal(usage_parse("derive", hmac, &got), ERR_INVAL);
        assert_int_equal(got, ALG_DECRYPT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(strange_words_allow_nothing),
                cmocka_unit_test(operators_write_what_the_kind_can),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
