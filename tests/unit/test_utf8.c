/* SPDX-License-Identifier: BSD-2-Clause */
/* What is text. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/utf8.h"

static void takes_every_plane(void **state)
{
        static const char *const good[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                            "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "Bj\xc3\xb6rk \xe2\x98\x83" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(utf8_valid(BYTES_STR(good[i])));
        assert_true(utf8_valid(BYTES("\0", 1)));
}

static void refuses_what_is_not_shortest_or_not_unicode(void **state)
{
        static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
                                           "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xe2\x98", "\xf0\x90\x80", "\xc3(", "a\xe2(\x83" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(utf8_valid(BYTES_STR(bad[i])));
}

static void control_characters_are_not_shown(void **state)
{
        static const char *const bad[] = { "\n", "a\x1b[2J", "\x7f", "\xc2\x9b", "\xc2\x80" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(utf8_printable(BYTES_STR(bad[i])));
        assert_false(utf8_printable(BYTES("\0", 1)));
        assert_true(utf8_printable(BYTES_STR("Bj\xc3\xb6rk \xc2\xa0")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_every_plane),
                cmocka_unit_test(refuses_what_is_not_shortest_or_not_unicode),
                cmocka_unit_test(control_characters_are_not_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
