/* SPDX-License-Identifier: BSD-2-Clause */
/* No error of ours reaches a program as "something went wrong". */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "lib/err.h"
#include "pkcs11/rv.h"

static void every_error_has_a_row(void **state)
{
        int e;

        (void)state;
        assert_int_equal(rv_from_err(0), CKR_OK);
        for (e = ERR_NOMEM; e >= ERR_STALE; e--) {
                assert_int_not_equal(rv_from_err(e), CKR_OK);
                assert_int_not_equal(rv_from_err(e), CKR_GENERAL_ERROR);
        }
        assert_int_equal(rv_from_err(ERR_NOMEM), CKR_HOST_MEMORY);
        assert_int_equal(rv_from_err(ERR_STALE - 1), CKR_GENERAL_ERROR);
}

static void a_length_is_the_callers_kind_of_length(void **state)
{
        (void)state;
        assert_int_equal(rv_from_err_range(ERR_RANGE, CKR_DATA_LEN_RANGE), CKR_DATA_LEN_RANGE);
        assert_int_equal(rv_from_err_range(ERR_NOMEM, CKR_DATA_LEN_RANGE), CKR_HOST_MEMORY);
        assert_int_equal(rv_from_err_range(0, CKR_DATA_LEN_RANGE), CKR_OK);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_has_a_row),
                cmocka_unit_test(a_length_is_the_callers_kind_of_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
