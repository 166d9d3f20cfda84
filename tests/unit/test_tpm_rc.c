/* SPDX-License-Identifier: BSD-2-Clause */
/* Every response code has a meaning, and those that matter the right one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "tpm/rc.h"

static void every_code_has_a_meaning(void **state)
{
        (void)state;
        for (uint32_t rc = 0; rc <= 0xffff; rc++) {
                struct rc_meaning m = rc_meaning(rc);

                assert_non_null(m.name);
                assert_in_range(m.remedy, REMEDY_NONE, REMEDY_ABSENT);
                assert_true(m.err < 0);
                assert_true(strncmp(err_name(m.err), "ERR_", 4) == 0);
                assert_in_range(m.subject, RC_COMMAND, RC_SESSION);
                assert_true(m.index <= 15);
        }
}

static void layers_change_nothing(void **state)
{
        (void)state;
        for (uint32_t layer = 1; layer <= 0xff; layer++) {
                for (uint32_t rc = 0; rc <= 0xfff; rc++) {
                        struct rc_meaning a = rc_meaning(rc), b = rc_meaning(layer << 16 | rc);

                        assert_memory_equal(&a, &b, sizeof(a));
                }
        }
}

static void warnings_pass(void **state)
{
        static const uint32_t wait[] = { TPM2_RC_RETRY, TPM2_RC_YIELDED, TPM2_RC_TESTING, TPM2_RC_NV_RATE, TPM2_RC_NV_UNAVAILABLE, TPM2_RC_CANCELED };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(wait); i++)
                assert_int_equal(rc_meaning(wait[i]).remedy, REMEDY_WAIT);
        assert_int_equal(rc_meaning(TPM2_RC_OBJECT_MEMORY).remedy, REMEDY_EVICT_OBJECT);
        assert_int_equal(rc_meaning(TPM2_RC_OBJECT_MEMORY).err, ERR_FULL);
        assert_int_equal(rc_meaning(TPM2_RC_SESSION_MEMORY).remedy, REMEDY_EVICT_SESSION);
        assert_int_equal(rc_meaning(TPM2_RC_CONTEXT_GAP).remedy, REMEDY_SESSION);
        assert_int_equal(rc_meaning(TPM2_RC_LOCKOUT).err, ERR_LOCKED);
        assert_int_equal(rc_meaning(TPM2_RC_INITIALIZE).remedy, REMEDY_STARTUP);
        assert_int_equal(rc_meaning(TPM2_RC_FAILURE).remedy, REMEDY_NONE);
}

static void numbered_codes_say_what_they_are_about(void **state)
{
        struct rc_meaning m;

        (void)state;
        m = rc_meaning(TPM2_RC_HANDLE + TPM2_RC_2);
        assert_int_equal(m.subject, RC_HANDLE);
        assert_int_equal(m.index, 2);
        assert_int_equal(m.remedy, REMEDY_RELOAD);

        m = rc_meaning(TPM2_RC_HANDLE + TPM2_RC_P + TPM2_RC_1);
        assert_int_equal(m.subject, RC_PARAMETER);
        assert_int_equal(m.index, 1);
        assert_int_equal(m.remedy, REMEDY_NONE);

        m = rc_meaning(TPM2_RC_VALUE + TPM2_RC_S + TPM2_RC_1);
        assert_int_equal(m.subject, RC_SESSION);
        assert_int_equal(m.index, 1);
        assert_int_equal(m.remedy, REMEDY_SESSION);

        m = rc_meaning(TPM2_RC_BAD_AUTH + TPM2_RC_S + TPM2_RC_1);
        assert_int_equal(m.remedy, REMEDY_AUTH);
        assert_int_equal(m.err, ERR_AUTH);

        m = rc_meaning(TPM2_RC_INTEGRITY + TPM2_RC_P + TPM2_RC_1);
        assert_int_equal(m.remedy, REMEDY_NONE);
        assert_int_equal(m.err, ERR_FOREIGN);

        m = rc_meaning(TPM2_RC_REFERENCE_H0 + 2);
        assert_int_equal(m.remedy, REMEDY_RELOAD);
        assert_int_equal(m.index, 3);
        m = rc_meaning(TPM2_RC_REFERENCE_S0 + 6);
        assert_int_equal(m.remedy, REMEDY_SESSION);
        assert_int_equal(m.index, 7);
        /* 0x917 lies between the two and is neither. */
        assert_int_equal(rc_meaning(TPM2_RC_REFERENCE_H6 + 1).remedy, REMEDY_NONE);
}

static void parameters_never_cause_a_reload(void **state)
{
        (void)state;
        for (uint32_t rc = 0x0c0; rc <= 0xfff; rc++) {
                struct rc_meaning m = rc_meaning(rc);

                if ((rc & 0x0c0) == 0x0c0) {
                        assert_int_equal(m.subject, RC_PARAMETER);
                        assert_int_not_equal(m.remedy, REMEDY_RELOAD);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_code_has_a_meaning),
                cmocka_unit_test(layers_change_nothing),
                cmocka_unit_test(warnings_pass),
                cmocka_unit_test(numbered_codes_say_what_they_are_about),
                cmocka_unit_test(parameters_never_cause_a_reload),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
