/* SPDX-License-Identifier: BSD-2-Clause */
/* A counter of the TPM never falls, and is raised once when it is raised once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/audit.h"
#include "tpm/ek.h"

#define AT 0x01800b00u
#define EMPTY BYTES(NULL, 0)
#define OURS BYTES_STR("ours")

static int start(void **state)
{
        *state = malloc(sizeof(struct tpmfix));
        tpmfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        tpmfix_stop(*state);
        free(*state);
        return 0;
}

static uint64_t value(struct tpmfix *f, uint32_t index)
{
        uint64_t v = 0;

        assert_int_equal(tpm_counter_read(f->t, index, OURS, &v), 0);
        return v;
}

static void ours_is_found_behind_others(void **state)
{
        struct tpmfix *f = *state;
        uint32_t others, ours, more, found;
        unsigned strangers;

        assert_int_equal(tpm_counter_find(f->t, AT, 0, OURS, &found, &strangers), ERR_NOENT);
        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, BYTES_STR("theirs"), &others), 0);
        assert_int_equal(tpm_counter_find(f->t, AT, 0, OURS, &found, &strangers), ERR_NOENT);
        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, OURS, &ours), 0);
        assert_int_equal(tpm_counter_find(f->t, AT, 0, OURS, &found, &strangers), 0);
        assert_int_equal(found, ours);
        assert_int_equal(strangers, 1);
        assert_int_equal(tpm_counter_find(f->t, AT, ours, OURS, &found, &strangers), ERR_NOENT);
        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, OURS, &more), 0);
        assert_int_equal(tpm_counter_find(f->t, AT, ours, OURS, &found, &strangers), 0);
        assert_int_equal(found, more);
        assert_int_equal(tpm_counter_remove(f->t, others, EMPTY), 0);
        assert_int_equal(tpm_counter_find(f->t, AT, 0, OURS, &found, &strangers), ERR_NOENT);
        assert_int_equal(tpm_counter_remove(f->t, ours, EMPTY), 0);
        assert_int_equal(tpm_counter_remove(f->t, more, EMPTY), 0);
}

static void rises_and_outlives_a_reset(void **state)
{
        struct tpmfix *f = *state;
        uint32_t index;
        uint64_t first, commands;

        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, OURS, &index), 0);
        assert_int_equal(index, AT);
        first = value(f, index);
        commands = tpm_commands(f->t);
        assert_int_equal(tpm_counter_raise(f->t, index, OURS, first + 1), 0);
        assert_int_equal(tpm_commands(f->t) - commands, 1);
        assert_int_equal(value(f, index), first + 1);
        assert_int_equal(swtpm_reset(&f->sw), 0);
        assert_int_equal(value(f, index), first + 1);
        assert_int_equal(tpm_counter_raise(f->t, index, OURS, first + 2), 0);
        assert_int_equal(value(f, index), first + 2);
        assert_false(proxy_saw(&f->proxy, "ours", 4));
        assert_int_equal(tpm_counter_remove(f->t, index, EMPTY), 0);
}

static void a_taken_index_is_left_alone(void **state)
{
        struct tpmfix *f = *state;
        uint32_t a, b;

        assert_int_equal(tpm_nv_manufacture(f->t, AT, BYTES_STR("somebody's")), 0);
        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, OURS, &a), 0);
        assert_int_equal(a, AT + 1);
        assert_int_equal(tpm_counter_make(f->t, AT, EMPTY, OURS, &b), 0);
        assert_int_equal(b, AT + 2);
        assert_int_equal(tpm_counter_remove(f->t, a, EMPTY), 0);
        assert_int_equal(tpm_counter_remove(f->t, b, EMPTY), 0);
}

static void made_anew_it_does_not_fall(void **state)
{
        struct tpmfix *f = *state;
        uint32_t index;
        uint64_t v;

        assert_int_equal(tpm_counter_make(f->t, AT + 16, EMPTY, OURS, &index), 0);
        for (int i = 0; i < 5; i++)
                assert_int_equal(tpm_counter_raise(f->t, index, OURS, value(f, index) + 1), 0);
        v = value(f, index);
        assert_int_equal(tpm_counter_remove(f->t, index, EMPTY), 0);
        assert_int_equal(tpm_counter_read(f->t, index, OURS, &v), ERR_NOENT);
        assert_int_equal(tpm_counter_raise(f->t, index, OURS, v + 1), ERR_NOENT);
        assert_int_equal(tpm_counter_make(f->t, AT + 16, EMPTY, OURS, &index), 0);
        assert_true(value(f, index) > v);
        /* By somebody else. */
        assert_int_equal(tpm_counter_raise(f->t, index, BYTES_STR("theirs"), v + 2), ERR_AUTH);
        assert_int_equal(tpm_counter_read(f->t, index, BYTES_STR("theirs"), &v), ERR_AUTH);
        assert_int_equal(tpmfix_wrong_tries(f), 0);
        assert_int_equal(tpm_counter_remove(f->t, index, EMPTY), 0);
}

/* Every command of it, lost after it was done. */
static void a_lost_answer_raises_it_once(void **state)
{
        struct tpmfix *f = *state;
        uint32_t index;
        uint64_t v;

        for (unsigned n = 1; n <= 4; n++) {
                tpmfix_reopen(f);
                proxy_arm(&f->proxy, n, FAULT_CLOSE, 0);
                assert_int_equal(tpm_counter_make(f->t, AT + 32, EMPTY, OURS, &index), 0);
                assert_int_equal(index, AT + 32);
                v = value(f, index);
                proxy_arm(&f->proxy, 1, FAULT_CLOSE, 0);
                assert_int_equal(tpm_counter_raise(f->t, index, OURS, v + 1), 0);
                assert_int_equal(value(f, index), v + 1);
                assert_int_equal(tpm_counter_remove(f->t, index, EMPTY), 0);
        }
}

static void wants_the_owner(void **state)
{
        struct tpmfix *f = *state;
        uint32_t index = 0;

        assert_int_equal(tpm_owner_auth_set(f->t, EMPTY, BYTES_STR("owner")), 0);
        assert_int_equal(tpm_counter_make(f->t, AT + 48, EMPTY, OURS, &index), ERR_AUTH);
        assert_int_equal(tpm_counter_make(f->t, AT + 48, BYTES_STR("owner"), OURS, &index), 0);
        assert_int_equal(tpm_counter_remove(f->t, index, EMPTY), ERR_AUTH);
        assert_int_equal(tpm_counter_remove(f->t, index, BYTES_STR("owner")), 0);
        assert_int_equal(tpm_owner_auth_set(f->t, BYTES_STR("owner"), EMPTY), 0);
        assert_int_equal(tpm_counter_make(f->t, 0x81000000, EMPTY, OURS, &index), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ours_is_found_behind_others), cmocka_unit_test(rises_and_outlives_a_reset),
                cmocka_unit_test(a_taken_index_is_left_alone),
                cmocka_unit_test(made_anew_it_does_not_fall),
                cmocka_unit_test(a_lost_answer_raises_it_once),
                cmocka_unit_test(wants_the_owner),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
