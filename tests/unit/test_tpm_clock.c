/* SPDX-License-Identifier: BSD-2-Clause */
/* A deadline is kept, and never passed by a nap. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tpm/clock.h"

static void what_is_left(void **state)
{
        uint64_t now = clock_us();

        (void)state;
        assert_int_equal(clock_left_ms(now), 0);
        assert_int_equal(clock_left_ms(0), 0);
        assert_in_range(clock_left_ms(now + 10000000), 9000, 10000);
        /* Rounded up: what is not yet past is never 0. */
        assert_true(clock_left_ms(clock_us() + 900) >= 1 || clock_us() > now + 900);
        assert_int_equal(clock_left_ms(UINT64_MAX), INT_MAX);
}

static void a_nap_ends_at_the_deadline(void **state)
{
        uint64_t start = clock_us();

        (void)state;
        clock_nap(10000000, start + 5000);
        assert_in_range(clock_us() - start, 5000, 1000000);
        start = clock_us();
        clock_nap(10000000, start);
        clock_nap(10000000, 0);
        assert_true(clock_us() - start < 1000000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_left),
                cmocka_unit_test(a_nap_ends_at_the_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
