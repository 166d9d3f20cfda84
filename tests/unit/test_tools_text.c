/* SPDX-License-Identifier: BSD-2-Clause */
/* What strangers write cannot steer a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/utf8.h"
#include "tools/text.h"

static void shows(const char *in, const char *out)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_string_equal(text_str(BYTES_STR(in), &b), out);
}

static void text_passes(void **state)
{
        (void)state;
        shows("dana@example.com", "dana@example.com");
        shows("J\xc3\xbcrgen \xe6\x9d\x8e \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xe6\x9d\x8e \xf0\x9f\x94\x91");
}

static void controls_are_escaped(void **state)
{
        (void)state;
        shows("a\033[2Jb", "a\\x1b[2Jb");
        shows("a\nb\tc\rd\177", "a\\x0ab\\x09c\\x0dd\\x7f");
        shows("\xc2\x9b" "31m", "\\xc2\\x9b31m");
}

static void direction_changes_are_escaped(void **state)
{
        (void)state;
        shows("\xe2\x80\xae" "gnp", "\\xe2\\x80\\xaegnp");
        shows("\xe2\x81\xa6x", "\\xe2\\x81\\xa6x");
        shows("\xef\xbb\xbfx", "\\xef\\xbb\\xbfx");
}

static void what_is_no_utf8_is_escaped(void **state)
{
        (void)state;
        shows("\xff\xfe", "\\xff\\xfe");
        shows("\xc0\xaf", "\\xc0\\xaf");
        shows("\xed\xa0\x80", "\\xed\\xa0\\x80");
        shows("a\xe2\x82", "a\\xe2\\x82");
        shows("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static void a_nul_is_escaped(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_string_equal(text_str(BYTES("a\0b", 3), &b), "a\\x00b");
}

/* Every pair of octets gives printable UTF-8, which is what JSON and terminals take. */
static void all_pairs_are_printable(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (unsigned i = 0; i < 0x10000; ++i) {
                uint8_t pair[] = { (uint8_t)(i >> 8), (uint8_t)i };

                buf_reset(&b);
                assert_int_equal(text_safe(BYTES(pair, 2), &b), 0);
                assert_true(utf8_printable(BYTES_OF(&b)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_passes),
                cmocka_unit_test(controls_are_escaped),
                cmocka_unit_test(direction_changes_are_escaped),
                cmocka_unit_test(what_is_no_utf8_is_escaped),
                cmocka_unit_test(a_nul_is_escaped),
                cmocka_unit_test(all_pairs_are_printable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
