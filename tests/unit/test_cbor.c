/* SPDX-License-Identifier: BSD-2-Clause */
/* CBOR: what is written is the shortest, and nothing else is read. Examples are of RFC 8949, appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/cbor.h"
#include "lib/err.h"

static int check_hex(const char *hex, unsigned depth)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct cbor c;
        int r, skipped;

        assert_int_equal(hex_decode(hex, strlen(hex), &b), 0);
        r = cbor_check(BYTES_OF(&b), depth);
        /* What passes is skipped to its end. */
        c.rest = BYTES_OF(&b);
        skipped = cbor_skip(&c);
        if (r == 0) {
                assert_int_equal(skipped, 0);
                assert_int_equal(c.rest.len, 0);
        }
        return r;
}

static void numbers_are_the_shortest(void **state)
{
        static const struct {
                uint64_t v;
                const char *hex;
        } rows[] = {
                { 0, "00" }, { 23, "17" }, { 24, "1818" }, { 255, "18ff" }, { 256, "190100" }, { 1000, "1903e8" }, { 65535, "19ffff" },
                { 65536, "1a00010000" }, { 1000000, "1a000f4240" }, { UINT32_MAX, "1affffffff" }, { 1000000000000, "1b000000e8d4a51000" },
                { UINT64_MAX, "1bffffffffffffffff" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };
                CLEANUP(buf_clear) struct buf hex = { 0 };
                struct cbor c;
                uint64_t v;

                assert_int_equal(cbor_put_uint(&b, rows[i].v), 0);
                assert_int_equal(hex_encode(BYTES_OF(&b), &hex), 0);
                assert_string_equal(buf_str(&hex), rows[i].hex);
                c.rest = BYTES_OF(&b);
                assert_int_equal(cbor_get_uint(&c, &v), 0);
                assert_true(v == rows[i].v);
                assert_int_equal(c.rest.len, 0);
        }
}

/* Of others' formats; our own have none below zero. */
static void integers_below_zero_come_back(void **state)
{
        static const struct {
                int64_t v;
                const char *hex;
        } rows[] = { { 0, "00" }, { 500, "1901f4" }, { INT64_MAX, "1b7fffffffffffffff" }, { -1, "20" }, { -7, "26" }, { -24, "37" }, { -25, "3818" }, { -1000, "3903e7" },
                     { -65535, "39fffe" }, { INT64_MIN, "3b7fffffffffffffff" } };
        static const char *const bad[] = { "1b8000000000000000", "3b8000000000000000", "3817", "40", "f4", "", "38" };
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(buf_clear) struct buf hex = { 0 };
        struct cbor c;
        int64_t v = 5;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                buf_reset(&b);
                buf_reset(&hex);
                assert_int_equal(cbor_put_int(&b, rows[i].v), 0);
                assert_int_equal(hex_encode(BYTES_OF(&b), &hex), 0);
                assert_string_equal(buf_str(&hex), rows[i].hex);
                c.rest = BYTES_OF(&b);
                assert_int_equal(cbor_get_int(&c, &v), 0);
                assert_true(v == rows[i].v && c.rest.len == 0);
        }
        v = 5;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                buf_reset(&b);
                assert_int_equal(hex_decode(bad[i], strlen(bad[i]), &b), 0);
                c.rest = BYTES_OF(&b);
                assert_int_equal(cbor_get_int(&c, &v), ERR_FORMAT);
                assert_int_equal(c.rest.len, b.len);
        }
        assert_int_equal(v, 5);
}

static void every_type_comes_back(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(buf_clear) struct buf hex = { 0 };
        struct bytes s;
        struct cbor c;
        size_t n;
        uint64_t v;
        bool yes;

        (void)state;
        assert_int_equal(cbor_put_map(&b, 2), 0);
        assert_int_equal(cbor_put_uint(&b, 1), 0);
        assert_int_equal(cbor_put_array(&b, 3), 0);
        assert_int_equal(cbor_put_bytes(&b, BYTES("\x01\xff", 2)), 0);
        assert_int_equal(cbor_put_text(&b, BYTES("\xc3\xbc", 2)), 0);
        assert_int_equal(cbor_put_bool(&b, false), 0);
        assert_int_equal(cbor_put_uint(&b, 500), 0);
        assert_int_equal(cbor_put_bool(&b, true), 0);
        assert_int_equal(hex_encode(BYTES_OF(&b), &hex), 0);
        assert_string_equal(buf_str(&hex), "a201834201ff62c3bcf41901f4f5");
        assert_int_equal(cbor_check(BYTES_OF(&b), 2), 0);
        assert_int_equal(cbor_check(BYTES_OF(&b), 1), ERR_FORMAT);

        c.rest = BYTES_OF(&b);
        assert_int_equal(cbor_get_map(&c, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(cbor_get_uint(&c, &v), 0);
        assert_int_equal(cbor_get_array(&c, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(cbor_get_text(&c, &s), ERR_FORMAT); /* and it is still there */
        assert_int_equal(cbor_get_bytes(&c, &s), 0);
        assert_true(bytes_equal(s, BYTES("\x01\xff", 2)));
        assert_int_equal(cbor_get_bytes(&c, &s), ERR_FORMAT);
        assert_int_equal(cbor_get_text(&c, &s), 0);
        assert_int_equal(s.len, 2);
        assert_int_equal(cbor_get_uint(&c, &v), ERR_FORMAT);
        assert_int_equal(cbor_get_bool(&c, &yes), 0);
        assert_false(yes);
        assert_int_equal(cbor_get_uint(&c, &v), 0);
        assert_int_equal(v, 500);
        assert_int_equal(cbor_get_bool(&c, &yes), 0);
        assert_true(yes);
        assert_int_equal(cbor_get_bool(&c, &yes), ERR_FORMAT);
        assert_int_equal(cbor_put_text(&b, BYTES("\xff", 1)), ERR_INVAL);
}

static void nothing_but_the_deterministic_is_taken(void **state)
{
        static const char *const good[] = { "00", "40", "60", "80", "a0", "f4", "f5", "43010203", "6161", "8301820203820405", "a200010102", "818181f5" };
        static const char *const bad[] = {
                "", "1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff", "18", "1901", "1c", "1f", /* numbers */
                "20", "3903e7", "c074323031332d30332d32315432303a30343a30305a", "f6", "f7", "f818", "f814", "f97c00", "fb3ff199999999999a", "ff",
                "41", "4201", "61ff", "62c328", "5f42010243030405ff", "7f61ff", "5801ff", /* strings */
                "81", "8201", "9800", "9fff", "9f01ff", "a1", "a101", "bf61ff", "b80100", /* arrays and maps */
                "a201010001", "a201010101", "a1f500", "a1410000", "a1616101", "0000", "a000", "4000", "8181818100ff", /* keys; what follows */
                "5bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff", "5a40000000", "9a00ffffff", /* lengths */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_int_equal(check_hex(good[i], 4), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(check_hex(bad[i], 4), ERR_FORMAT);
}

static void nesting_is_bounded(void **state)
{
        uint8_t deep[4096];
        struct cbor c = { BYTES(deep, sizeof(deep)) };

        (void)state;
        memset(deep, 0x81, sizeof(deep) - 1);
        deep[sizeof(deep) - 1] = 0;
        assert_int_equal(cbor_check(BYTES(deep, sizeof(deep)), 1000), ERR_FORMAT);
        assert_int_equal(cbor_skip(&c), ERR_FORMAT);
        assert_int_equal(check_hex("818100", 2), 0);
        assert_int_equal(check_hex("818100", 1), ERR_FORMAT);
        assert_int_equal(check_hex("80", 0), ERR_FORMAT);
        assert_int_equal(check_hex("00", 0), 0);
}

static void skips_one_item(void **state)
{
        static const uint8_t two[] = { 0xa1, 0x01, 0x82, 0x02, 0x41, 0xff, 0x07 };
        struct cbor c = { BYTES(two, sizeof(two)) };
        uint64_t v;

        (void)state;
        assert_int_equal(cbor_skip(&c), 0);
        assert_int_equal(cbor_get_uint(&c, &v), 0);
        assert_int_equal(v, 7);
        assert_int_equal(cbor_skip(&c), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_are_the_shortest),
                cmocka_unit_test(integers_below_zero_come_back),
                cmocka_unit_test(every_type_comes_back),
                cmocka_unit_test(nothing_but_the_deterministic_is_taken),
                cmocka_unit_test(nesting_is_bounded),
                cmocka_unit_test(skips_one_item),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
