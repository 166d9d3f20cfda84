/* SPDX-License-Identifier: BSD-2-Clause */
/* A genuine log is found good; what can be done to its records is found, named, and the first record is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/checked.h"

static void genuine_log_is_good(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .signatures = true, .has_nv = true };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        o.nv_value = checked_log.tpm.nv;
        checked_with(&o, &r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 0);
        assert_int_equal(r.logs, 1);
        assert_int_equal(r.records, 10);
        assert_int_equal(r.covered, 10);
        assert_int_equal(r.uses, 7);
        assert_int_equal(r.signatures_checked, 7);
        assert_int_equal(r.checkpoints, 2);
        assert_int_equal(r.mode, AUDIT_MODE_COMMAND);
        assert_int_equal(r.first_ms, 1795608000010);
        assert_true(r.last_ms == checked_log.time_ms);
}

/* Tiles of two levels, checkpoints in the middle of tiles and at their end, and a second run. */
static void long_log_is_good(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 2; i < 1000; i++) {
                vouched_record(&checked_log, AUDIT_CHANGE, "something");
                if (i == 255 || i == 256 || i == 511 || i == 700)
                        vouched_checkpoint(&checked_log);
        }
        vouched_record(&checked_log, AUDIT_STOP, "1");
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked(&r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 0);
        assert_int_equal(r.records, 1004);
}

static void rotated_logs_are_one(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        vouched_rotate(&checked_log);
        vouched_sign(&checked_log);
        vouched_rotate(&checked_log);
        vouched_checkpoint(&checked_log);
        checked(&r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.logs, 3);
        assert_int_equal(r.records, 13);
        assert_int_equal(r.covered, 13);
}

static void log_in_between_missing(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        char to[128];

        (void)state;
        checked_small();
        vouched_rotate(&checked_log);
        vouched_sign(&checked_log);
        vouched_rotate(&checked_log);
        vouched_checkpoint(&checked_log);
        snprintf(to, sizeof(to), "%s/gone", checked_dir);
        assert_int_equal(rename(checked_path(2, ""), to), 0);
        checked(&r);
        checked_first(&r, FAULT_ROTATION, 0);
        assert_int_equal(r.list[0].log, 3);
}

/* What no checkpoint covers in a log that is full is covered by the next log's first record. */
static void tail_cut_before_a_rotation(void **state)
{
        struct audit_record r = { .event = AUDIT_ROTATE };

        (void)state;
        checked_small();
        vouched_record(&checked_log, AUDIT_CHANGE, "refused");
        r.time_ms = checked_log.time_ms;
        assert_int_equal(audit_log_rotate(checked_log.log, &r), 0);
        vouched_checkpoint(&checked_log);
        checked_good();
        checked_reorder((unsigned[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 10);
        {
                CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

                checked(&rep);
                checked_first(&rep, FAULT_ROTATION, 0);
                assert_int_equal(rep.list[0].log, 2);
        }
}

static void record_removed_in_the_middle(void **state)
{
        (void)state;
        checked_small();
        checked_reorder((unsigned[]){ 0, 1, 2, 3, 5, 6, 7, 8, 9 }, 9);
        checked_fault(FAULT_CHAIN, 4);
}

static void records_swapped(void **state)
{
        (void)state;
        checked_small();
        checked_reorder((unsigned[]){ 0, 1, 2, 4, 3, 5, 6, 7, 8, 9 }, 10);
        checked_fault(FAULT_CHAIN, 3);
}

static void record_doubled(void **state)
{
        (void)state;
        checked_small();
        checked_reorder((unsigned[]){ 0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9 }, 11);
        checked_fault(FAULT_CHAIN, 4);
}

static void tail_cut(void **state)
{
        (void)state;
        checked_small();
        checked_reorder((unsigned[]){ 0, 1, 2, 3, 4, 5, 6, 7 }, 8);
        checked_fault(FAULT_TAIL, 8);
}

static void cut_with_its_checkpoint_is_seen_by_the_counter(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .has_nv = true };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        CLEANUP(audit_report_clear) struct audit_report without = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        o.nv_value = checked_log.tpm.nv;
        checked_with(&o, &without);
        assert_true(without.ok);
        /* What the TPM has seen since. */
        o.nv_value++;
        checked_with(&o, &r);
        checked_first(&r, FAULT_NV, ALL);
}

static void counter_of_another_tpm(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .has_nv = true };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        o.nv_value = 1;
        checked_with(&o, &r);
        checked_first(&r, FAULT_NV, ALL);
}

static void counter_not_raised_yet_is_no_fault(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .has_nv = true };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        o.nv_value = checked_log.tpm.nv - 1;
        checked_with(&o, &r);
        assert_true(r.ok);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.list[0].fault, FAULT_NV);
}

static void killed_writer_is_told(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        checked(&r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.list[0].fault, FAULT_UNCLEAN);
        assert_int_equal(r.list[0].seq, 3);
        assert_true(r.list[0].warning);
}

static void wall_clock_set_back_is_told(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        checked_log.time_ms -= 3600000;
        vouched_record(&checked_log, AUDIT_CHANGE, "");
        vouched_checkpoint(&checked_log);
        checked(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.list[0].fault, FAULT_CLOCK);
        assert_int_equal(r.list[0].seq, 2);
        assert_true(r.list[0].warning);
}

/* A record in a full bundle: the tile has its old hash, and it is named itself. */
static void record_changed_in_a_bundle(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint8_t *at;

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 2; i < 300; i++)
                vouched_record(&checked_log, AUDIT_CHANGE, i == 100 ? "needle" : "hay");
        vouched_checkpoint(&checked_log);
        checked_good();
        checked_load(checked_path(1, "tile/entries/000"), &b);
        at = memmem(b.ptr, b.len, "needle", 6);
        assert_non_null(at);
        at[0] = 'N';
        checked_replace(checked_path(1, "tile/entries/000"), &b);
        checked_fault(FAULT_CHAIN, 100);
}

static void record_that_is_none(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 2; i < 300; i++)
                vouched_record(&checked_log, AUDIT_CHANGE, "");
        vouched_checkpoint(&checked_log);
        checked_load(checked_path(1, "tile/entries/000"), &b);
        b.ptr[2] = 0xff;
        checked_replace(checked_path(1, "tile/entries/000"), &b);
        checked_fault(FAULT_RECORD, 0);
}

static bool is_bad(void)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        checked_with(&o, &r);
        return !r.ok;
}

/* ^ 0x55 leaves the highest bit of a frame's length, which only says where a write began. */
static void flip_each_octet(const char *path)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        checked_load(path, &b);
        for (size_t i = 0; i < b.len; i++) {
                uint8_t was = b.ptr[i];

                b.ptr[i] ^= (uint8_t)(i % 2 ? 0x55 : 1);
                checked_replace(path, &b);
                if (!is_bad())
                        fail_msg("%s, octet %zu changed: nothing found", path, i);
                b.ptr[i] = was;
        }
        checked_replace(path, &b);
}

static void each_octet_counts(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_record(&checked_log, AUDIT_STOP, "1");
        vouched_checkpoint(&checked_log);
        checked_good();
        flip_each_octet(checked_path(1, "journal"));
        flip_each_octet(checked_path(1, "checkpoint"));
        flip_each_octet(checked_path(1, "checkpoints/00000000000000000003.0000000001"));
        flip_each_octet(checked_path(1, "checkpoints/00000000000000000004.0000000002"));
        flip_each_octet(checked_path(1, "tile/entries/000.p/3"));
        flip_each_octet(checked_path(1, "tile/entries/000.p/4"));
        flip_each_octet(checked_path(1, "tile/0/000.p/3"));
        flip_each_octet(checked_path(1, "tile/0/000.p/4"));
        checked_good();
}

static void no_directory_is_an_error(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub };
        struct audit_report r = { 0 };

        (void)state;
        assert_int_equal(audit_check("/nonexistent/audit", &o, &r), ERR_NOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(genuine_log_is_good), CHECKED_TEST(long_log_is_good), CHECKED_TEST(rotated_logs_are_one),
                CHECKED_TEST(log_in_between_missing), CHECKED_TEST(tail_cut_before_a_rotation), CHECKED_TEST(record_removed_in_the_middle),
                CHECKED_TEST(records_swapped), CHECKED_TEST(record_doubled), CHECKED_TEST(tail_cut),
                CHECKED_TEST(cut_with_its_checkpoint_is_seen_by_the_counter), CHECKED_TEST(counter_of_another_tpm),
                CHECKED_TEST(counter_not_raised_yet_is_no_fault), CHECKED_TEST(killed_writer_is_told),
                CHECKED_TEST(wall_clock_set_back_is_told), CHECKED_TEST(record_changed_in_a_bundle), CHECKED_TEST(record_that_is_none),
                CHECKED_TEST(each_octet_counts), CHECKED_TEST(no_directory_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
