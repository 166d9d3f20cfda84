/* SPDX-License-Identifier: BSD-2-Clause */
/* Values are read as they stand, and nothing beyond the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tpm/wire.h"

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x00, 0x02, 0xaa, 0xbb };

static void reads_in_order(void **state)
{
        struct reader r = READER(BYTES(sample, sizeof(sample)));
        struct bytes b;

        (void)state;
        assert_int_equal(read_u8(&r), 0x01);
        assert_int_equal(read_u16(&r), 0x0203);
        assert_int_equal(read_u32(&r), 0x04050607);
        assert_false(read_done(&r));
        b = read_2b(&r);
        assert_int_equal(b.len, 2);
        assert_memory_equal(b.ptr, sample + 9, 2);
        assert_true(read_done(&r));
}

static void never_reads_past_the_end(void **state)
{
        (void)state;
        for (size_t len = 0; len < sizeof(sample); len++) {
                struct reader r = READER(BYTES(sample, len));

                read_u8(&r);
                read_u16(&r);
                read_u32(&r);
                read_2b(&r);
                assert_true(r.bad);
                assert_false(read_done(&r));
                /* and stays so */
                assert_int_equal(read_u8(&r), 0);
                assert_int_equal(read_2b(&r).len, 0);
        }
}

static void what_is_left_is_seen(void **state)
{
        struct reader r = READER(BYTES(sample, 3));

        (void)state;
        read_u16(&r);
        assert_false(read_done(&r));
        read_u8(&r);
        assert_true(read_done(&r));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_in_order),
                cmocka_unit_test(never_reads_past_the_end),
                cmocka_unit_test(what_is_left_is_seen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
