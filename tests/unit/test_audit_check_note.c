/* SPDX-License-Identifier: BSD-2-Clause */
/* Checkpoints: by the AK, over these records, in order, none missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/checked.h"
#include "tests/evp.h"

static void store_cloned_to_another_tpm(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey other = { 0 };
        struct audit_check_options o = { .ak = &other };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        EVP_PKEY_free(evp_key("P-256", &other));
        checked_small();
        checked_with(&o, &r);
        checked_first(&r, FAULT_CHECKPOINT, 5);
}

static void tpm_clock_set_back(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_log.tpm.clock_ms -= 10;
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_CLOCK, 1);
}

static void tpm_resets_set_back(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_log.tpm.resets--;
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_CLOCK, 1);
}

static void two_checkpoints_of_one_size(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_head h;

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        audit_log_head(checked_log.log, &h);
        h.root[7] ^= 1;
        vouched_note(&checked_log, &h, &note);
        assert_int_equal(audit_log_put_checkpoint(checked_log.log, &h, checked_log.batch - 1, BYTES_OF(&note)), 0);
        checked_fault(FAULT_SPLIT, 2);
}

static void later_checkpoint_does_not_contain_an_earlier_one(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_head h;

        (void)state;
        vouched_begin(&checked_log);
        audit_log_head(checked_log.log, &h);
        h.root[7] ^= 1;
        vouched_note(&checked_log, &h, &note);
        assert_int_equal(audit_log_put_checkpoint(checked_log.log, &h, checked_log.batch - 1, BYTES_OF(&note)), 0);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_SPLIT, 1);
}

static void root_of_other_records(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_head h;

        (void)state;
        vouched_begin(&checked_log);
        audit_log_head(checked_log.log, &h);
        h.root[7] ^= 1;
        vouched_note(&checked_log, &h, &note);
        assert_int_equal(audit_log_put_checkpoint(checked_log.log, &h, checked_log.batch - 1, BYTES_OF(&note)), 0);
        checked_fault(FAULT_TREE, 1);
}

static void log_without_checkpoints(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        checked_fault(FAULT_CHECKPOINT, ALL);
}

static void newest_checkpoint_removed(void **state)
{
        (void)state;
        checked_small();
        checked_replace(checked_path(1, "checkpoints/00000000000000000010.0000000002"), NULL);
        checked_fault(FAULT_CHECKPOINT, ALL);
}

static void newest_checkpoint_one_behind_is_what_a_crash_leaves(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_record(&checked_log, AUDIT_CHANGE, "");
        vouched_checkpoint(&checked_log);
        vouched_record(&checked_log, AUDIT_CHANGE, "");
        checked_load(checked_path(1, "checkpoints/00000000000000000002.0000000001"), &note);
        checked_replace(checked_path(1, "checkpoint"), &note);
        checked_good();
        vouched_checkpoint(&checked_log);
        checked_replace(checked_path(1, "checkpoint"), &note);
        checked_fault(FAULT_CHECKPOINT, ALL);
}

static void checkpoint_in_the_middle_removed(void **state)
{
        (void)state;
        checked_small();
        checked_replace(checked_path(1, "checkpoints/00000000000000000006.0000000001"), NULL);
        checked_fault(FAULT_LOST_BATCH, 2);
}

static void checkpoint_of_another_log(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };

        (void)state;
        checked_small();
        vouched_rotate(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_load(checked_path(1, "checkpoint"), &note);
        checked_replace(checked_path(2, "checkpoints/00000000000000000001.0000000009"), &note);
        checked_replace(checked_path(2, "checkpoint"), &note);
        {
                CLEANUP(audit_report_clear) struct audit_report r = { 0 };

                checked(&r);
                assert_false(r.ok);
                assert_int_equal(r.list[0].log, 2);
                assert_int_equal(r.list[0].fault, FAULT_TAIL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(store_cloned_to_another_tpm), CHECKED_TEST(tpm_clock_set_back), CHECKED_TEST(tpm_resets_set_back),
                CHECKED_TEST(two_checkpoints_of_one_size), CHECKED_TEST(later_checkpoint_does_not_contain_an_earlier_one),
                CHECKED_TEST(root_of_other_records), CHECKED_TEST(log_without_checkpoints), CHECKED_TEST(newest_checkpoint_removed),
                CHECKED_TEST(newest_checkpoint_one_behind_is_what_a_crash_leaves), CHECKED_TEST(checkpoint_in_the_middle_removed),
                CHECKED_TEST(checkpoint_of_another_log),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
