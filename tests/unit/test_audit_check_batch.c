/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches: the records tell all that the TPM did, and nothing that it did not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/checked.h"

static void records_of_a_batch_may_come_late_and_out_of_order(void **state)
{
        struct vouched_room room[3] = { 0 };
        struct audit_record r[3];

        (void)state;
        vouched_begin(&checked_log);
        for (unsigned i = 0; i < 3; i++)
                vouched_command(&checked_log, &room[i], &r[i]);
        assert_int_equal(audit_append(checked_log.log, &r[2]), 0);
        vouched_checkpoint(&checked_log);
        vouched_sign(&checked_log);
        assert_int_equal(audit_append(checked_log.log, &r[0]), 0);
        vouched_checkpoint(&checked_log);
        assert_int_equal(audit_append(checked_log.log, &r[1]), 0);
        vouched_checkpoint(&checked_log);
        for (unsigned i = 0; i < 3; i++)
                buf_clear(&room[i].signature);
        {
                struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub };
                CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

                checked_with(&o, &rep);
                for (size_t i = 0; i < rep.n; i++)
                        assert_true(rep.list[i].warning);
                assert_true(rep.ok);
        }
}

static void last_batch_must_be_complete(void **state)
{
        struct vouched_room room = { 0 };
        struct audit_record r;

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_command(&checked_log, &room, &r);
        buf_clear(&room.signature);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_OFF_LOG, 2);
}

static void signature_behind_the_back(void **state)
{
        struct vouched_room room = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_command(&checked_log, &room, NULL);
        buf_clear(&room.signature);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_OFF_LOG, 3);
}

static void signature_behind_the_back_in_an_empty_batch(void **state)
{
        struct vouched_room room = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_command(&checked_log, &room, NULL);
        buf_clear(&room.signature);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_OFF_LOG, 1);
}

/* Somebody reads the digest himself, which clears it. */
static void batch_closed_behind_the_back(void **state)
{
        struct vouched_room room = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_command(&checked_log, &room, NULL);
        buf_clear(&room.signature);
        checked_log.tpm.has_digest = false;
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_OFF_LOG, 3);
}

static void record_of_a_command_that_was_none(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        checked_log.tpm.has_digest = false;
        checked_log.tpm.counter--;
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_UNDONE, 2);
}

static void command_told_twice(void **state)
{
        struct vouched_room room = { 0 };
        struct audit_record r;

        (void)state;
        vouched_begin(&checked_log);
        vouched_command(&checked_log, &room, &r);
        assert_int_equal(audit_append(checked_log.log, &r), 0);
        assert_int_equal(audit_append(checked_log.log, &r), 0);
        buf_clear(&room.signature);
        vouched_checkpoint(&checked_log);
        {
                struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub };
                CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

                checked_with(&o, &rep);
                assert_false(rep.ok);
                assert_int_equal(rep.list[rep.n - 1].fault, FAULT_UNDONE);
                assert_int_equal(rep.list[rep.n - 1].seq, 3);
        }
}

static void command_taken_off_the_list(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_log.tpm.list = "00000140 00000148 00000154 00000158 00000159";
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_LIST, 2);
}

static void list_without_sign_is_told(void **state)
{
        (void)state;
        checked_log.tpm.list = "00000140 00000148 00000154 00000158 00000159";
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_LIST, 1);
}

static void log_without_a_list(void **state)
{
        (void)state;
        vouched_record(&checked_log, AUDIT_START, "1");
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_LIST, 0);
}

static void batch_lost_to_a_reset(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_sign(&checked_log);
        vouched_sign(&checked_log);
        /* Power cut. */
        checked_log.tpm.has_digest = false;
        checked_log.tpm.resets++;
        checked_log.batch++;
        checked_log.count = 0;
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_LOST_BATCH, 2);
}

static void reset_with_nothing_open_is_none(void **state)
{
        (void)state;
        checked_small();
        checked_log.tpm.resets++;
        checked_log.tpm.restarts = 0;
        checked_log.tpm.clock_ms += 1000;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_good();
}

static void killed_between_command_and_record(void **state)
{
        struct vouched_room room = { 0 };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_command(&checked_log, &room, NULL);
        buf_clear(&room.signature);
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        checked(&r);
        assert_false(r.ok);
        assert_int_equal(r.list[r.n - 1].fault, FAULT_UNCLEAN);
        assert_false(r.list[r.n - 1].warning);
}

/* It is told that the writer was killed, and that something may have been done then; nothing else. */
static void only_unclean(void)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        checked(&r);
        assert_false(r.ok);
        for (size_t i = 0; i < r.n; i++)
                assert_int_equal(r.list[i].fault, FAULT_UNCLEAN);
}

static void killed_in_an_empty_batch(void **state)
{
        struct vouched_room room = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_command(&checked_log, &room, NULL);
        buf_clear(&room.signature);
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        only_unclean();
}

/* The TPM has closed the batch, and the checkpoint that says so was not stored: the next one is for the same batch. */
static void killed_before_the_checkpoint_is_stored(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_sign(&checked_log);
        checked_log.tpm.has_digest = false;
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        only_unclean();
}

static void killed_before_the_checkpoint_is_stored_and_more_signed(void **state)
{
        (void)state;
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        vouched_sign(&checked_log);
        checked_log.tpm.has_digest = false;
        vouched_reopen(&checked_log, 0);
        vouched_begin(&checked_log);
        vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        only_unclean();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(records_of_a_batch_may_come_late_and_out_of_order), CHECKED_TEST(last_batch_must_be_complete),
                CHECKED_TEST(signature_behind_the_back), CHECKED_TEST(signature_behind_the_back_in_an_empty_batch),
                CHECKED_TEST(batch_closed_behind_the_back), CHECKED_TEST(record_of_a_command_that_was_none),
                CHECKED_TEST(command_told_twice), CHECKED_TEST(command_taken_off_the_list), CHECKED_TEST(list_without_sign_is_told),
                CHECKED_TEST(log_without_a_list), CHECKED_TEST(batch_lost_to_a_reset), CHECKED_TEST(reset_with_nothing_open_is_none),
                CHECKED_TEST(killed_between_command_and_record), CHECKED_TEST(killed_in_an_empty_batch),
                CHECKED_TEST(killed_before_the_checkpoint_is_stored), CHECKED_TEST(killed_before_the_checkpoint_is_stored_and_more_signed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
