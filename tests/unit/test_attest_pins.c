/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/pins.h"
#include "lib/err.h"

/* Of some other key. */
static const char by_hash[] = "94b3f9b40f6e8ce4b8b7ed2e1f5f8e5c7d4e08ad7c30d64f2b13c1f1d0c9b2aa";
static const uint8_t name[34] = { 0x00, 0x0b, 1, 2, 3 };
#define NAME_HEX "000b010203" "0000000000000000000000000000000000000000000000000000000000"
#define NAME_384 "000c" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int parse(const char *text, struct pins *ret)
{
        return pins_parse(BYTES_STR(text), ret);
}

/* The SPKI whose SHA-256 the tests know: that of no octets. */
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int check(const struct pins *p, const char *host)
{
        return pins_check(p, BYTES(name, sizeof(name)), BYTES(NULL, 0), host);
}

static void knows_a_key_by_its_hash_and_by_its_name(void **state)
{
        CLEANUP(pins_clear) struct pins p = { 0 };

        (void)state;
        assert_int_equal(check(&p, "a"), ERR_NOENT);
        assert_int_equal(parse("# ours\n" NOTHING "\n", &p), 0);
        assert_int_equal(check(&p, "a"), 0);
        assert_int_equal(parse(NAME_HEX "  a\r\n" NAME_384, &p), 0);
        assert_int_equal(p.n, 2);
        assert_int_equal(check(&p, "a"), 0);
        assert_int_equal(check(&p, "b"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "host a"));
        assert_int_equal(parse(by_hash, &p), 0);
        assert_int_equal(check(&p, "a"), ERR_NOENT);
        assert_int_equal(parse("", &p), 0);
        assert_int_equal(p.n, 0);
}

/* Both ways, and both must agree. */
static void obeys_both_where_it_is_pinned_twice(void **state)
{
        CLEANUP(pins_clear) struct pins p = { 0 };

        (void)state;
        assert_int_equal(parse(NOTHING " a\n" NAME_HEX "\n", &p), 0);
        assert_int_equal(check(&p, "a"), 0);
        assert_int_equal(check(&p, "b"), ERR_FOREIGN);
        assert_int_equal(parse(NOTHING " a\n" NAME_HEX " b\n", &p), 0);
        assert_int_equal(check(&p, "a"), ERR_FOREIGN);
        assert_int_equal(check(&p, "b"), ERR_FOREIGN);
}

static void finds_each_of_many(void **state)
{
        CLEANUP(pins_clear) struct pins p = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        for (unsigned i = 0; i < 1000; i++)
                assert_int_equal(buf_printf(&text, "000b%064x host-%u\n", i * 7919 % 1000, i), 0);
        assert_int_equal(pins_parse(BYTES_OF(&text), &p), 0);
        for (unsigned i = 0; i < 1000; i++) {
                const unsigned at = i * 7919 % 1000;
                const uint8_t this_name[34] = { [1] = 0x0b, [32] = (uint8_t)(at >> 8), [33] = (uint8_t)at };
                CLEANUP(buf_clear) struct buf host = { 0 };

                assert_int_equal(buf_printf(&host, "host-%u", i), 0);
                assert_int_equal(pins_check(&p, BYTES(this_name, sizeof(this_name)), BYTES("x", 1), buf_str(&host)), 0);
        }
}

static void refuses_what_is_no_pin_and_names_the_line(void **state)
{
        static const char *const bad[] = {
                "\nabc", "\n" NAME_HEX "00", "\n000b", "\n" NOTHING " two hosts", "\n" NOTHING " Capital", "\n" NOTHING " a/b", "\nzz" NOTHING,
                "\n0004" "0000000000000000000000000000000000000000" "00", "\n" NOTHING " \xc3\xa4",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(pins_clear) struct pins p = { 0 };

                assert_int_equal(parse(NAME_384, &p), 0);
                err_reset();
                if (parse(bad[i], &p) != ERR_FORMAT)
                        fail_msg("accepted: %s", bad[i]);
                assert_non_null(strstr(err_text(), "line 2 "));
                assert_int_equal(p.n, 1);
        }
}

static void refuses_the_same_key_twice(void **state)
{
        CLEANUP(pins_clear) struct pins p = { 0 };

        (void)state;
        assert_int_equal(parse(NOTHING " a\n" NAME_HEX "\n" NOTHING " b\n", &p), ERR_FORMAT);
        assert_non_null(strstr(err_text(), NOTHING));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_a_key_by_its_hash_and_by_its_name),
                cmocka_unit_test(obeys_both_where_it_is_pinned_twice),
                cmocka_unit_test(finds_each_of_many),
                cmocka_unit_test(refuses_what_is_no_pin_and_names_the_line),
                cmocka_unit_test(refuses_the_same_key_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
