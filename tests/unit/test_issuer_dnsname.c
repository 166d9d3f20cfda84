/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names for certificates, and what is near one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/dnsname.h"
#include "lib/err.h"

#define NAME(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static void good_ones(void **state)
{
        static const char *const rows[] = { "localhost", "example.org", "a.b-c.1d", "1a", "xn--bcher-kva.example", "3.example.org" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(dnsname_check(BYTES_STR(rows[i]), false), 0);
}

static void bad_ones(void **state)
{
        static const struct bytes rows[] = {
                NAME(""), NAME("."), NAME("a."), NAME(".a"), NAME("a..b"), NAME("Example.org"), NAME("a_b.org"), NAME("a b"), NAME("a\nb"), NAME("a\0b"), NAME("a.org\0"),
                NAME("-a"), NAME("a-"), NAME("a.-b"), NAME("a.b-.c"), NAME("ab--c.org"), NAME("XN--a.org"), NAME("b\xc3\xbc" "cher.de"),
                NAME("192.0.2.1"), NAME("1"), NAME("a.1"), NAME("0"), NAME("::1"), NAME("a:443"), NAME("a/b"), NAME("a@b"), NAME("a,b"), NAME("a%b"),
                NAME("*"), NAME("*."), NAME("*.org"), NAME("*.*.org"), NAME("a.*.org"), NAME("*a.example.org"), NAME("a*.example.org"), NAME("**.example.org"), NAME("*.example.1"), NAME("*example.org"),
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (dnsname_check(rows[i], true) != ERR_FORMAT || dnsname_check(rows[i], false) != ERR_FORMAT)
                        fail_msg("taken: %.*s", (int)rows[i].len, (const char *)rows[i].ptr);
}

static void wildcards_where_they_are_allowed(void **state)
{
        (void)state;
        assert_int_equal(dnsname_check(BYTES_STR("*.example.org"), true), 0);
        assert_int_equal(dnsname_check(BYTES_STR("*.example.org"), false), ERR_FORMAT);
}

static void lengths(void **state)
{
        char text[300];

        (void)state;
        memset(text, 'a', sizeof(text));
        assert_int_equal(dnsname_check(BYTES(text, 63), false), 0);
        assert_int_equal(dnsname_check(BYTES(text, 64), false), ERR_FORMAT);
        for (size_t i = 50; i < sizeof(text); i += 51)
                text[i] = '.';
        assert_int_equal(dnsname_check(BYTES(text, 253), false), 0);
        assert_int_equal(dnsname_check(BYTES(text, 254), false), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_ones),
                cmocka_unit_test(bad_ones),
                cmocka_unit_test(wildcards_where_they_are_allowed),
                cmocka_unit_test(lengths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
