/* SPDX-License-Identifier: BSD-2-Clause */
/* What a manufacturer writes into the TPM is read as it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/ek.h"

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

static void any_length(void **state)
{
        static const size_t lengths[] = { 1, 511, 512, 513, 1024, 2000 };
        struct tpmfix *f = *state;
        uint8_t content[2000];

        for (size_t i = 0; i < sizeof(content); i++)
                content[i] = (uint8_t)(i * 7 + i / 256);
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                CLEANUP(buf_clear) struct buf back = { 0 };
                uint32_t index = TPM_NV_EK_P256 + (uint32_t)i;

                assert_int_equal(tpm_nv_manufacture(f->t, index, BYTES(content, lengths[i])), 0);
                assert_int_equal(tpm_nv_read(f->t, index, &back), 0);
                assert_true(bytes_equal(BYTES_OF(&back), BYTES(content, lengths[i])));
        }
}

static void there_is_nothing_where_nothing_was_written(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf back = { 0 };

        assert_int_equal(tpm_nv_read(f->t, TPM_NV_EK_RSA2048, &back), ERR_NOENT);
        assert_int_equal(tpm_nv_manufacture(f->t, TPM_NV_EK_RSA2048, BYTES(NULL, 0)), ERR_RANGE);
}

static void is_not_written_over(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf back = { 0 };

        assert_int_equal(tpm_nv_manufacture(f->t, 0x01c00100, BYTES_STR("first")), 0);
        assert_int_equal(tpm_nv_manufacture(f->t, 0x01c00100, BYTES_STR("second")), ERR_EXIST);
        assert_int_equal(tpm_nv_read(f->t, 0x01c00100, &back), 0);
        assert_true(bytes_equal(BYTES_OF(&back), BYTES_STR("first")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_length),
                cmocka_unit_test(there_is_nothing_where_nothing_was_written),
                cmocka_unit_test(is_not_written_over),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
