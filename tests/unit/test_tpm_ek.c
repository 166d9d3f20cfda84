/* SPDX-License-Identifier: BSD-2-Clause */
/* The endorsement key is one per TPM, and the profile's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmfix.h"
#include "tpm/ek.h"

static void is_the_same_each_time_and_on_no_other_tpm(void **state)
{
        struct tpmfix f, g;
        CLEANUP(buf_clear) struct buf a = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        TPM2B_PUBLIC p;

        (void)state;
        tpmfix_start(&f);
        tpmfix_start(&g);
        assert_int_equal(tpm_ek_name(f.t, &a), 0);
        assert_int_equal(swtpm_reset(&f.sw), 0);
        assert_int_equal(tpm_ek_name(f.t, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&a), BYTES_OF(&b)));

        /* The name is that of the public area, and the area what the EK Credential Profile says. */
        assert_int_equal(tpm_ek_public(f.t, &pub), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&pub), &p), 0);
        assert_int_equal(tpmt_name(&p, &name), 0);
        assert_true(bytes_equal(BYTES_OF(&a), BYTES_OF(&name)));
        assert_int_equal(p.publicArea.objectAttributes, 0x000300b2);
        assert_int_equal(p.publicArea.authPolicy.size, 32);
        assert_int_equal(p.publicArea.parameters.eccDetail.curveID, TPM2_ECC_NIST_P256);

        assert_int_equal(tpm_ek_name(g.t, &b), 0);
        assert_false(bytes_equal(BYTES_OF(&a), BYTES_OF(&b)));
        assert_int_equal(tpmfix_objects(&f), 0);
        tpmfix_stop(&f);
        tpmfix_stop(&g);
}

static void is_rsa_where_there_are_no_curves(void **state)
{
        struct tpmfix f;
        CLEANUP(buf_clear) struct buf ec = { 0 };
        CLEANUP(buf_clear) struct buf rsa = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };

        (void)state;
        tpmfix_start(&f);
        assert_int_equal(tpm_ek_name(f.t, &ec), 0);
        proxy_arm(&f.proxy, 1, FAULT_CODE, TPM2_RC_CURVE + TPM2_RC_P + TPM2_RC_2);
        assert_int_equal(tpm_ek_name(f.t, &rsa), 0);
        proxy_arm(&f.proxy, 1, FAULT_CODE, TPM2_RC_TYPE + TPM2_RC_P + TPM2_RC_2);
        assert_int_equal(tpm_ek_name(f.t, &again), 0);
        assert_int_equal(rsa.len, 34);
        assert_true(bytes_equal(BYTES_OF(&rsa), BYTES_OF(&again)));
        assert_false(bytes_equal(BYTES_OF(&rsa), BYTES_OF(&ec)));
        tpmfix_stop(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_the_same_each_time_and_on_no_other_tpm),
                cmocka_unit_test(is_rsa_where_there_are_no_curves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
