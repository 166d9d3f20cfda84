/* SPDX-License-Identifier: BSD-2-Clause */
/* Stored tiles are those of the records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/checked.h"

static void tile_changed(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 2; i < 300; i++)
                vouched_record(&checked_log, AUDIT_CHANGE, "");
        vouched_checkpoint(&checked_log);
        checked_load(checked_path(1, "tile/0/000"), &b);
        b.ptr[32 * 77 + 5] ^= 1;
        checked_replace(checked_path(1, "tile/0/000"), &b);
        checked_fault(FAULT_TILE, 77);
}

static void tile_missing(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 2; i < 600; i++)
                vouched_record(&checked_log, AUDIT_CHANGE, "");
        vouched_checkpoint(&checked_log);
        checked_replace(checked_path(1, "tile/0/001"), NULL);
        checked_fault(FAULT_TILE, 256);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(tile_changed), CHECKED_TEST(tile_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
