/* SPDX-License-Identifier: BSD-2-Clause */
/* What is found is told in order, and not without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/checked.h"

static void many_faults_are_cut_off(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 0; i < AUDIT_FINDINGS_MAX + 20; i++) {
                checked_log.time_ms -= 3600000;
                vouched_record(&checked_log, AUDIT_CHANGE, "");
        }
        vouched_checkpoint(&checked_log);
        checked_log.tpm.resets--;
        vouched_checkpoint(&checked_log);
        checked(&r);
        assert_false(r.ok);
        assert_int_equal(r.n, AUDIT_FINDINGS_MAX + 1);
        assert_int_equal(r.list[AUDIT_FINDINGS_MAX - 1].fault, FAULT_CLOCK);
        assert_false(r.list[AUDIT_FINDINGS_MAX - 1].warning);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(many_faults_are_cut_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
