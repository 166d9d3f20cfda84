/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host without a network makes its evidence with, so that it joins. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "attest/joinproof.h"
#include "lib/err.h"

static struct bytes text(const char *s)
{
        return BYTES_STR(s);
}

/* By another program, from the words of docs/formats.md. */
static void is_as_the_format_says(void **state)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        static const char hex[] = "11591f0b8759ff0f2522dd8022348157e1fe4c17f78148bd2ca6c88fbd421394";
        uint8_t proof[JOINPROOF_SIZE];

        (void)state;
        assert_int_equal(hex_decode(hex, strlen(hex), &want), 0);
        assert_int_equal(joinproof(text("abcd"), text("ef"), text("ghi"), proof), 0);
        assert_memory_equal(proof, want.ptr, sizeof(proof));
}

static void no_octet_moves_from_one_part_to_the_next(void **state)
{
        uint8_t a[JOINPROOF_SIZE], b[JOINPROOF_SIZE];

        (void)state;
        assert_int_equal(joinproof(text("abc"), text("d"), text("e"), a), 0);
        assert_int_equal(joinproof(text("ab"), text("cd"), text("e"), b), 0);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_int_equal(joinproof(text("abc"), text(""), text("de"), b), 0);
        assert_memory_not_equal(a, b, sizeof(a));
}

static void parts_are_bounded(void **state)
{
        static const uint8_t much[256];
        uint8_t a[JOINPROOF_SIZE];

        (void)state;
        assert_int_equal(joinproof(BYTES(much, 255), text("b"), text("c"), a), 0);
        assert_int_equal(joinproof(BYTES(much, 256), text("b"), text("c"), a), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_as_the_format_says),
                cmocka_unit_test(no_octet_moves_from_one_part_to_the_next),
                cmocka_unit_test(parts_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
