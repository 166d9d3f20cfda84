/* SPDX-License-Identifier: BSD-2-Clause */
/* No command that was heard is forgotten: a record tells of it, or it is owed one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "keys/tally.h"

static void hear(struct tally *t, enum tpm_audit_event e, uint32_t cc)
{
        const struct tpm_clock clock = { .resets = 7 };
        const struct tpm_audited a = { .event = e, .cc = cc, .clock = &clock };

        tally_hear(t, &a);
}

static int start(void **state)
{
        static struct tally t;

        tally_init(&t, &(struct tally_batch){ .batch = 5, .sure = true });
        *state = &t;
        return 0;
}

static int stop(void **state)
{
        tally_clear(*state);
        return 0;
}

static void a_record_takes_its_thread_s_command(void **state)
{
        struct tally *t = *state;
        struct command_told c;

        assert_false(tally_claim(t, &c));
        hear(t, TPM_AUDIT_EXTENDED, 1);
        assert_true(tally_claim(t, &c));
        assert_int_equal(c.batch, 5);
        assert_int_equal(c.index, 1);
        assert_int_equal(c.cc, 1);
        assert_false(tally_claim(t, &c));
        assert_false(tally_owed(t, &c));
}

static void *another(void *arg)
{
        hear(arg, TPM_AUDIT_EXTENDED, 2);
        return NULL;
}

static void another_thread_s_is_not_taken_and_is_owed_in_the_end(void **state)
{
        struct tally *t = *state;
        struct command_told c;
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, another, t), 0);
        pthread_join(thread, NULL);
        assert_false(tally_claim(t, &c));
        tally_expire(t, 60000);
        assert_false(tally_owed(t, &c));
        tally_expire(t, 0);
        assert_true(tally_owed(t, &c));
        assert_int_equal(c.cc, 2);
        assert_int_equal(c.index, 1);
}

static void one_that_was_passed_over_is_owed(void **state)
{
        struct tally *t = *state;
        struct command_told c;

        hear(t, TPM_AUDIT_EXTENDED, 3);
        hear(t, TPM_AUDIT_EXTENDED, 4);
        assert_true(tally_claim(t, &c));
        assert_int_equal(c.cc, 4);
        assert_true(tally_owed(t, &c));
        assert_int_equal(c.cc, 3);
        assert_false(tally_owed(t, &c));
}

static void batches_end_with_attestations_and_resets(void **state)
{
        struct tally *t = *state;
        struct tally_batch now;

        hear(t, TPM_AUDIT_EXTENDED, 1);
        hear(t, TPM_AUDIT_CLEARED, 0);
        tally_now(t, &now);
        assert_int_equal(now.batch, 6);
        assert_int_equal(now.count, 0);
        assert_int_equal(t->closed.batch, 5);
        assert_int_equal(t->closed.count, 1);
        hear(t, TPM_AUDIT_EXTENDED, 1);
        hear(t, TPM_AUDIT_RESET, 0);
        tally_now(t, &now);
        assert_int_equal(now.batch, 7);
        assert_int_equal(t->lost, 1);
        assert_int_equal(t->reset_clock.resets, 7);
        /* An empty one loses nothing. */
        hear(t, TPM_AUDIT_RESET, 0);
        tally_now(t, &now);
        assert_int_equal(now.batch, 7);
        assert_true(now.sure);
}

static void batches_end_with_their_session(void **state)
{
        struct tally *t = *state;
        struct tally_batch now;

        hear(t, TPM_AUDIT_LOST, 0);
        tally_now(t, &now);
        assert_int_equal(now.batch, 5);
        hear(t, TPM_AUDIT_EXTENDED, 1);
        hear(t, TPM_AUDIT_UNSURE, 1);
        hear(t, TPM_AUDIT_LOST, 0);
        tally_now(t, &now);
        assert_int_equal(now.batch, 6);
        assert_int_equal(now.count, 0);
        assert_true(now.sure);
        assert_int_equal(t->lost, 1);
        assert_int_equal(t->resets_heard, 0);
}

static void what_may_have_been_done_is_owed_too(void **state)
{
        struct tally *t = *state;
        struct command_told c;
        struct tally_batch now;

        hear(t, TPM_AUDIT_UNSURE, 9);
        tally_now(t, &now);
        assert_false(now.sure);
        assert_true(tally_owed(t, &c));
        assert_int_equal(c.cc, 9);
        assert_int_equal(c.index, 0);
        hear(t, TPM_AUDIT_CLEARED, 0);
        tally_now(t, &now);
        assert_true(now.sure);
}

static void there_is_an_end_to_what_is_kept(void **state)
{
        struct tally *t = *state;
        struct command_told c = { .index = 1 };
        size_t kept = 0;

        for (int i = 0; i < 5000; i++)
                tally_owe(t, &c);
        while (tally_owed(t, &c))
                kept++;
        assert_in_range(kept, 1, 4999);
        assert_int_equal(kept + tally_forgotten(t), 5000);
        assert_int_equal(tally_forgotten(t), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_record_takes_its_thread_s_command, start, stop),
                cmocka_unit_test_setup_teardown(another_thread_s_is_not_taken_and_is_owed_in_the_end, start, stop),
                cmocka_unit_test_setup_teardown(one_that_was_passed_over_is_owed, start, stop),
                cmocka_unit_test_setup_teardown(batches_end_with_attestations_and_resets, start, stop),
                cmocka_unit_test_setup_teardown(batches_end_with_their_session, start, stop),
                cmocka_unit_test_setup_teardown(what_may_have_been_done_is_owed_too, start, stop),
                cmocka_unit_test_setup_teardown(there_is_an_end_to_what_is_kept, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
